"""Soft maps of one object (saliency, mattes): shares, their metrics, and limits that see a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.geometry import Frame
from quantgate.core.predictions import IGNORED, LabelMap
from quantgate.core.verdict import Limit, Outcome, judge
from quantgate.datasets.catalog import load_dataset
from quantgate.decoders.class_map import ClassMapDecoder
from quantgate.entries import DatasetEntry, EvaluationPlan
from quantgate.errors import DatasetError, DecoderError
from quantgate.pair import Pair
from quantgate.tasks.segmentation import task
from quantgate.tasks.segmentation.record import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = ("background", "object")
FRAME = Frame(image=(8, 6), model=(8, 6), scale=(1.0, 1.0), offset=(0.0, 0.0))


def soft(shares: NDArray[np.floating]) -> LabelMap:
    """Cut at a half."""
    return LabelMap((shares > 0.5).astype(np.uint8), shares.astype(np.float32))


def drawn(seed: int, noise: float, images: int = 12) -> Comparison[Any]:
    """Compare a parent that is nearly right with a model that is off by so much noise more."""
    random = np.random.default_rng(seed)
    found = []
    for index in range(images):
        truth = np.zeros((24, 32), np.uint8)
        truth[4 : 10 + index, 6:20] = 1
        truth[0, 0] = IGNORED
        parent = np.clip(0.15 + 0.7 * (truth == 1) + random.normal(0, 0.1, truth.shape), 0, 1)
        other = np.clip(parent + random.normal(0, noise, truth.shape), 0, 1)
        known = LabelMap(truth)
        record = task.compact(Pair(soft(parent), soft(other)), known, f"{index}.png")
        found.append(ImageResult(f"{index}.png", (32, 24), known, record))
    return Comparison(LABELS, tuple(found), "digest")


def value(key: str, comparison: Comparison[Any], metric: str | None = None) -> float:
    """Give what a limit judges."""
    return task.judge_quantity(key, comparison, EvaluationPlan("d", metric=metric)).value


def test_metrics_are_those_of_the_papers() -> None:
    """MAE and F of 256 thresholds, computed again pixel by pixel and threshold by threshold."""
    random = np.random.default_rng(3)
    errors, precisions, recalls, found = [], [], [], []
    for index in range(5):
        shares = random.integers(0, 256, (9, 7)) / 255
        truth = (random.random((9, 7)) < 0.3 + shares / 3).astype(np.uint8)
        errors.append(np.mean([abs(s - t) for s, t in zip(shares.flat, truth.flat, strict=True)]))
        cut = [shares >= level / 255 for level in range(256)]
        precisions.append([(one & (truth == 1)).sum() / max(1, one.sum()) for one in cut])
        recalls.append([(one & (truth == 1)).sum() / max(1, truth.sum()) for one in cut])
        known = LabelMap(truth)
        record = task.compact(Pair(soft(shares), soft(shares)), known, "x")
        found.append(ImageResult(f"{index}.png", (7, 9), known, record))
    precision, recall = np.mean(precisions, axis=0), np.mean(recalls, axis=0)

    measured = task.metrics(Comparison(LABELS, tuple(found), "digest")).parent

    assert measured["mae"] == pytest.approx(np.mean(errors), abs=1e-6)
    curve = [
        1.3 * p * r / (0.3 * p + r) for p, r in zip(precision, recall, strict=True) if p + r > 0
    ]
    assert measured["max_f"] == pytest.approx(max(curve), abs=1e-9)


def test_every_limit_sees_a_model_that_became_worse() -> None:
    """Equal maps cost nothing; noise shows in the drop of either metric, in the error, and between the roles."""
    same, worse = drawn(0, 0.0), drawn(0, 0.4)
    for metric in ("mae", "max_f", "foreground_iou"):
        assert value("max_accuracy_drop", same, metric) == 0
        assert value("max_accuracy_drop", worse, metric) > 0.03
        assert value("max_error_increase", worse, metric) > 0.1
    assert value("max_role_mae", same) == 0
    assert value("max_role_mae", worse) > 0.1
    assert value("min_role_iou", worse) < 0.8 < value("min_role_iou", same)
    measured = task.metrics(worse)
    grown = measured.optimized["mae"] - measured.parent["mae"]
    assert value("max_accuracy_drop", worse, "mae") == pytest.approx(grown)


@pytest.mark.parametrize(
    ("key", "metric"),
    [("max_role_mae", "miou"), *(("max_accuracy_drop", name) for name in ("mae", "max_f"))],
)
def test_limits_turn_red_on_noise_and_stay_green_without(key: str, metric: str) -> None:
    """A model that is hardly off passes, one that is noisy fails, and what is kept gives the same numbers again."""
    plan, limit = EvaluationPlan("d", metric=metric), Limit(key, 0.03, "limits")
    for noise, outcome in ((0.01, Outcome.PASSED), (0.4, Outcome.FAILED)):
        comparison = drawn(2, noise)
        estimate = task.judge_quantity(key, comparison, plan)
        assert judge(estimate, limit, model="m", quantity=key).outcome is outcome
        tally = task.TALLY.tally(comparison, plan)
        assert tally is not None
        kept = task.TALLY.unpack(tally.pack())
        whole = kept.scores(np.ones((1, len(comparison)), np.int32))
        again = kept.number(key, whole, whole)
        assert again is not None
        assert float(again[0]) == pytest.approx(estimate.value, abs=1e-12)


def test_softness_is_kept_where_classes_hide_it() -> None:
    """Shares that move on one side of the threshold change no class, and are seen all the same."""
    truth = LabelMap(np.tile(np.array([0, 1], np.uint8), (6, 4)))
    sure, unsure = (np.where(truth.labels == 1, 1 - far, far) for far in (0.02, 0.4))
    record = task.compact(Pair(soft(sure), soft(unsure)), truth, "a.png")
    comparison = Comparison(LABELS, (ImageResult("a.png", (8, 6), truth, record),), "digest")

    assert value("min_agreement", comparison) == 1.0
    assert value("max_role_mae", comparison) == pytest.approx(0.38, abs=1e-6)
    assert value("max_accuracy_drop", comparison, "mae") == pytest.approx(0.38, abs=1e-6)
    basic = task.tables(comparison, EvaluationPlan("d"))[0]
    told = dict(zip([column.key for column in basic.columns], basic.rows[0], strict=True))
    assert told["apart"] == pytest.approx(0.38, abs=1e-6)
    assert (told["parent_mae"], told["optimized_mae"]) == pytest.approx((0.02, 0.4), abs=1e-6)
    assert [change.index for change in task.worst(comparison, EvaluationPlan("d"))] == [0]


def test_records_are_kept_to_the_bit() -> None:
    """What goes into a file comes out the same, soft or not."""
    listed = [image.record.optimized for image in drawn(1, 0.1, 3).images]
    for own, back in zip(listed, unpack(pack(listed)), strict=True):
        assert own.soft is not None
        assert back.soft is not None
        assert (own.soft.apart, own.soft.error) == (back.soft.apart, back.soft.error)
        np.testing.assert_array_equal(own.soft.hits, back.soft.hits)
    hard = LabelMap(np.ones((2, 2), np.uint8))
    (record,) = unpack(pack([task.compact(Pair(hard, hard), None, "x").parent]))
    assert record.soft is None


def test_what_is_not_soft_is_said() -> None:
    """Classes alone have no MAE, and more than one class no F."""
    hard = LabelMap(np.ones((6, 8), np.uint8))
    record = task.compact(Pair(hard, hard), hard, "a.png")
    comparison = Comparison(LABELS, (ImageResult("a.png", (8, 6), hard, record),), "digest")
    with pytest.raises(DecoderError, match=r"a\.png: the decoder gives classes, .*softmax"):
        value("max_role_mae", comparison)
    assert "mae" not in task.metrics(comparison).parent
    several = LabelMap(np.full((6, 8), 2, np.uint8))
    record = task.compact(Pair(soft(np.ones((6, 8))), soft(np.ones((6, 8)))), several, "a.png")
    comparison = Comparison((*LABELS, "sky"), (ImageResult("a.png", (8, 6), several, record),), "d")
    with pytest.raises(DatasetError, match="one object and its background"):
        value("max_accuracy_drop", comparison, "mae")


def test_two_channels_and_one_give_the_same_shares() -> None:
    """Softmax of two channels is the sigmoid of their difference; a threshold cuts either."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 2, (2, 6, 8)).astype(np.float32)
    difference = (logits[1] - logits[0])[None, None]
    shares = 1 / (1 + np.exp(-difference[0, 0]))
    for keys in ({}, {"threshold": 0.8}, {"resize": "linear"}):
        two = ClassMapDecoder(activation="softmax", layout="nchw", **keys).decode(
            {"out": logits[None]}, FRAME
        )
        one = ClassMapDecoder(activation="sigmoid", layout="nchw", **keys).decode(
            {"out": difference}, FRAME
        )
        np.testing.assert_allclose(np.asarray(two.shares), shares, atol=1e-6)
        np.testing.assert_allclose(np.asarray(one.shares), shares, atol=1e-6)
        np.testing.assert_array_equal(two.labels, shares >= keys.get("threshold", 0.5))
        np.testing.assert_array_equal(one.labels, two.labels)
    with pytest.raises(DecoderError, match="has 3 channels: softmax is of two"):
        ClassMapDecoder(activation="softmax", layout="nchw").decode(
            {"out": np.zeros((1, 3, 6, 8), np.float32)}, FRAME
        )


def test_exchanged_classes_exchange_shares() -> None:
    """Where class_ids swap background and object, the share is the other one's; where they do more, there is none."""
    values = np.random.default_rng(1).random((1, 1, 6, 8)).astype(np.float32)
    plain, swapped, merged = (
        ClassMapDecoder(layout="nchw", class_ids=ids).decode({"out": values}, FRAME)
        for ids in (None, (1, 0), (1, 1))
    )
    assert plain.shares is not None
    assert swapped.shares is not None
    np.testing.assert_allclose(plain.shares + swapped.shares, 1, atol=1e-6)
    assert merged.shares is None


def test_mattes_are_read_softly(tmp_path: Path) -> None:
    """Grey is a share with class_ids = "matte", and cut at 128 either way."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((4, 6, 3), np.uint8))
    grey = np.tile(np.array([0, 51, 127, 128, 204, 255], np.uint8), (4, 1))
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), grey)

    def truth(ids: Literal["matte", "binary"]) -> LabelMap:
        entry = DatasetEntry(
            "masks",
            path=tmp_path / "images",
            annotations=tmp_path / "masks",
            labels=LABELS,
            class_ids=ids,
        )
        found = load_dataset("d", entry, tmp_path).samples[0].truth
        assert isinstance(found, LabelMap)
        return found

    matte, binary = truth("matte"), truth("binary")
    np.testing.assert_array_equal(matte.labels, binary.labels)
    np.testing.assert_array_equal(matte.labels[0], [0, 0, 0, 1, 1, 1])
    assert binary.shares is None
    np.testing.assert_allclose(np.asarray(matte.shares), np.asarray(grey) / 255, atol=1e-6)
