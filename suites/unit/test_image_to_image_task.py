"""Image to image: PSNR and SSIM by hand, table and limits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.pictures import HIGHEST_PSNR_DB, psnr_db, ssim
from quantgate.core.predictions import Rendering
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.image_to_image import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PLAN = EvaluationPlan(dataset="images")


def _picture(seed: int = 0, side: int = 40) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.uniform(20, 230, (side, side, 3)).astype(np.float32)


def _comparison(
    images: Sequence[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]],
) -> Comparison[Any]:
    results = []
    for i, (parent, optimized, target) in enumerate(images):
        truth = None if target is None else Rendering(target)
        record = task.compact(Pair(Rendering(parent), Rendering(optimized)), truth, f"{i}.png")
        results.append(ImageResult(f"{i}.png", (40, 40), truth, record))
    return Comparison((), tuple(results), "digest")


def test_psnr_by_hand() -> None:
    """Off by 25.5 everywhere is 20 dB; equal pictures are at the ceiling."""
    flat = np.full((8, 8, 3), 100, np.float32)

    assert psnr_db(flat, flat + np.float32(25.5)) == pytest.approx(20)
    assert psnr_db(flat, flat) == HIGHEST_PSNR_DB


def test_ssim_by_hand() -> None:
    """Equal pictures are 1; two flat ones differ by the luminance term alone."""
    flat = np.full((20, 20, 3), 100, np.float32)
    luminance = (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025)

    assert ssim(_picture(), _picture()) == pytest.approx(1)
    assert ssim(flat, flat + np.float32(50)) == pytest.approx(luminance)
    assert ssim(flat[:4, :4], flat[:4, :4] + np.float32(50)) == pytest.approx(luminance)


def test_windows_are_looked_at_once_for_the_same_numbers() -> None:
    """Bit for bit what each pair alone gives, and a parent is exactly like itself."""
    rng = np.random.default_rng(5)
    parent, optimized, truth = (rng.uniform(-9, 280, (31, 24, 3)).astype(np.float32) for _ in "pot")
    found = task.compact(Pair(Rendering(parent), Rendering(optimized)), Rendering(truth))
    shown = Pair(np.clip(parent, 0, 255), np.clip(optimized, 0, 255))

    assert found.map(lambda one: one.truth_ssim) == shown.map(lambda one: ssim(one, truth))
    assert found.optimized.parent_ssim == ssim(shown.optimized, shown.parent)
    assert found.parent.parent_ssim == ssim(shown.parent, shown.parent.copy()) == 1


def test_ssim_sees_structure_that_psnr_does_not() -> None:
    """Noise and a change of brightness of equal error: the noise is less alike."""
    y, x = np.mgrid[:60, :60]
    picture = np.repeat((120 + 40 * np.sin((x + y) / 9))[..., None], 3, axis=2).astype(np.float32)
    noise = np.random.default_rng(0).choice([-8.0, 8.0], picture.shape).astype(np.float32)

    assert psnr_db(picture, picture + noise) == pytest.approx(psnr_db(picture, picture + 8))
    assert ssim(picture, picture + noise) < 0.8 < ssim(picture, picture + np.float32(8))


def test_the_quantities() -> None:
    """Likeness to the parent needs no truth; the drop of SSIM does."""
    right, noisy = _picture(), _picture() + np.float32(2.55)
    comparison = _comparison([(right, noisy, right), (right, noisy, right)])

    likeness = task.judge_quantity("min_psnr_db", comparison, PLAN)
    drop = task.judge_quantity("max_accuracy_drop", comparison, PLAN)
    parent, optimized = task.metrics(comparison)

    assert likeness.value == pytest.approx(40, abs=0.01)
    assert likeness.unit == "dB"
    assert drop.value == pytest.approx(parent["ssim"] - optimized["ssim"])
    assert optimized["psnr"] == pytest.approx(40, abs=0.01)
    assert task.role_scores(comparison, PLAN).optimized.value == pytest.approx(optimized["ssim"])


def test_the_table_and_the_worst_image() -> None:
    """The least alike first; equal pictures have no finite PSNR and are left out."""
    right = _picture()
    comparison = _comparison(
        [
            (right, right, None),
            (right, right + np.float32(2), None),
            (right, right + np.float32(9), None),
        ]
    )

    (table,) = task.tables(comparison, PLAN)
    worst = task.worst(comparison, PLAN)

    assert table.rows[0][:2] == ("0.png", None)
    assert table.rows[0][2] == pytest.approx(1.0)
    assert table.erroneous == {1, 2}
    assert [change.index for change in worst] == [2, 1]
    assert worst[0].sentence.startswith("29.0 dB from the parent, SSIM 0.9")
    counts = task.detail("min_psnr_db", comparison, PLAN)
    assert (counts.kept, counts.moved) == (1, 2)


def test_bad_pictures_are_refused() -> None:
    """Sizes, channels, NaN, and limits that need a truth: each names the image."""
    right = _picture()
    with pytest.raises(DecoderError, match=r"0\.png, optimized model: the picture is"):
        _comparison([(right, right[:20], None)])
    with pytest.raises(DecoderError, match=r"0\.png, parent model: expected a picture"):
        _comparison([(right[..., :1], right, None)])
    with pytest.raises(DecoderError, match=r"0\.png, optimized model.*NaN"):
        _comparison([(right, right * np.float32(np.nan), None)])
    with pytest.raises(DatasetError, match=r"the target picture has .* pixels, the models give"):
        _comparison([(right, right, right[:20])])
    with pytest.raises(DatasetError, match="min_psnr_db"):
        task.metrics(_comparison([(right, right, None)]))
    with pytest.raises(MeasurementError, match="expected one of"):
        task.judge_quantity("min_agreement", _comparison([(right, right, None)]), PLAN)
    with pytest.raises(MeasurementError, match="no image"):
        task.judge_quantity("min_psnr_db", Comparison((), (), "digest"), PLAN)


def test_records_come_back_bit_for_bit() -> None:
    """Stored and read without pickling, pictures of different sizes included."""
    comparison = _comparison(
        [
            (_picture(0), _picture(1), None),
            (_picture(2, 17), _picture(3, 17), _picture(4, 17)),
        ]
    )
    records = [image.record.optimized for image in comparison.images]
    stored = io.BytesIO()
    arrays: dict[str, Any] = {**task.pack(records)}
    np.savez(stored, **arrays)
    stored.seek(0)

    again = task.unpack(np.load(stored, allow_pickle=False))

    assert [repr(record) for record in again] == [repr(record) for record in records]
    assert task.unpack(task.pack([])) == []


def test_a_drop_can_be_judged_in_decibels() -> None:
    """With metric = psnr the drop is the mean difference of both roles' PSNR to the truth."""
    target = np.full((40, 40, 3), 100, np.float32)
    found = _comparison([(target + np.float32(2.55), target + np.float32(25.5), target)] * 3)
    plan = EvaluationPlan(dataset="images", metric="psnr")

    drop = task.judge_quantity("max_accuracy_drop", found, plan)

    assert drop.value == pytest.approx(20)
    assert drop.unit == "dB"
    with pytest.raises(MeasurementError, match="expected one of ssim, psnr"):
        task.judge_quantity(
            "max_accuracy_drop", found, EvaluationPlan(dataset="images", metric="ap")
        )
