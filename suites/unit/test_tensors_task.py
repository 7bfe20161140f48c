"""Tensor distance between raw outputs, by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult, TensorDistance
from quantgate.core.tensors import tensor_distance
from quantgate.entries import EvaluationPlan
from quantgate.errors import DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks import generic, tensors

if TYPE_CHECKING:
    from collections.abc import Sequence

ONES = np.ones((1, 4), np.float32)


def _comparison(images: Sequence[Sequence[TensorDistance]]) -> Comparison[None]:
    results = (
        ImageResult(f"{i}.png", (8, 8), None, Pair(None, None), tuple(distances))
        for i, distances in enumerate(images)
    )
    return Comparison((), tuple(results), "digest")


def test_one_output_by_hand() -> None:
    """Every element off by a tenth: MSE 0.01, 20 dB, same direction."""
    found = tensor_distance("out", ONES * 2, ONES * 2.2)

    assert found.mse == pytest.approx(0.04)
    assert found.relative == pytest.approx(0.01)
    assert found.sqnr_db == pytest.approx(20)
    assert found.cosine == pytest.approx(1)
    assert found.largest == pytest.approx(0.2)


def test_equal_outputs() -> None:
    """No error at all: relative distance 0, endless SQNR, cosine 1."""
    found = tensor_distance("out", ONES, ONES)

    assert (found.mse, found.relative, found.sqnr_db, found.largest) == (0.0, 0.0, math.inf, 0.0)
    assert found.cosine == pytest.approx(1)


def test_integers_and_half_floats_do_not_overflow() -> None:
    """Computed in float64 whatever the outputs' type."""
    bytes_ = np.array([[0, 255]], np.uint8)
    large = np.full((1, 100), 60_000, np.float16)

    assert tensor_distance("out", large, -large).relative == pytest.approx(4)
    assert tensor_distance("out", bytes_, 255 - bytes_).largest == 255


@pytest.mark.parametrize(
    ("parent", "optimized", "words"),
    [
        (ONES, ONES[:, :2], "needs equal shapes"),
        (ONES[:, :0], ONES[:, :0], "is empty"),
        (ONES, ONES * np.nan, "optimized model holds NaN"),
        (ONES * np.inf, ONES, "parent holds NaN"),
    ],
)
def test_what_has_no_distance_is_refused(
    parent: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    optimized: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    words: str,
) -> None:
    """The output is named."""
    with pytest.raises(DecoderError, match=f"output out.*{words}"):
        tensor_distance("out", parent, optimized)


def test_zeros_have_no_relative_distance() -> None:
    """A parent that answers zeros only has no scale; equal zeros are equal."""
    off = tensor_distance("out", ONES * 0, ONES)

    assert (off.relative, off.sqnr_db, off.cosine) == (math.inf, -math.inf, 0.0)
    assert tensor_distance("out", ONES * 0, ONES * 0).cosine == 1.0
    with pytest.raises(MeasurementError, match=r"0\.png, output out"):
        tensors.judge_quantity("max_tensor_distance", _comparison([[off]]))


def test_the_mean_over_images_of_the_worst_output() -> None:
    """A good output does not hide a bad one."""
    good, bad = tensor_distance("a", ONES, ONES * 1.01), tensor_distance("b", ONES, ONES * 1.1)
    comparison = _comparison([[good, bad], [good, good]])

    distance = tensors.judge_quantity("max_tensor_distance", comparison)
    decibel = tensors.judge_quantity("min_sqnr_db", comparison)

    assert distance.value == pytest.approx((0.01 + 0.0001) / 2, rel=1e-5)
    assert (distance.n, distance.unit) == (2, "")
    assert decibel.value == pytest.approx((20 + 40) / 2, rel=1e-5)
    assert decibel.unit == "dB"


def test_equal_outputs_have_a_finite_mean() -> None:
    """An endless SQNR counts as the most that float32 can hold."""
    same = tensor_distance("a", ONES, ONES)

    value = tensors.judge_quantity("min_sqnr_db", _comparison([[same]])).value

    assert value == tensors.HIGHEST_SQNR_DB


def test_without_distances_nothing_is_judged() -> None:
    """An image whose outputs were not compared is an error, not a distance of 0."""
    with pytest.raises(MeasurementError, match=r"0\.png: no raw output"):
        tensors.judge_quantity("max_tensor_distance", _comparison([[]]))
    with pytest.raises(MeasurementError, match="no image"):
        tensors.judge_quantity("max_tensor_distance", _comparison([]))


def test_the_table_has_a_row_an_image_and_output() -> None:
    """An endless SQNR is an empty cell; no row is erroneous, and the farthest come first."""
    same, off = tensor_distance("a", ONES, ONES), tensor_distance("b", ONES, ONES * 2)

    table = tensors.tensor_table(_comparison([[same, off]]))

    assert [row[:2] for row in table.rows] == [("0.png", "a"), ("0.png", "b")]
    assert table.rows[0][4] is None
    assert table.rows[1][2:7] == pytest.approx((1.0, 1.0, 0.0, 1.0, 1.0))
    assert table.rows[1][7] is None
    assert not table.erroneous
    assert table.worst == "relative"


def test_a_model_without_a_meaning_is_judged_by_its_tensors() -> None:
    """The generic task: two limits, the worst image first, nothing else."""
    plan = EvaluationPlan(dataset="images")
    same, off = tensor_distance("a", ONES, ONES), tensor_distance("a", ONES, ONES * 1.1)
    comparison = _comparison([[same], [off]])

    assert generic.judge_quantity("max_tensor_distance", comparison, plan).value == pytest.approx(
        0.005, rel=1e-5
    )
    assert [change.index for change in generic.worst(comparison, plan)] == [1]
    counts = generic.detail("max_tensor_distance", comparison, plan)
    assert (counts.kept, counts.moved) == (1, 1)
    assert generic.unpack(generic.pack([None, None])) == [None, None]
    with pytest.raises(MeasurementError, match="expected one of max_tensor_distance"):
        generic.judge_quantity("min_match_rate", comparison, plan)


def test_a_large_mean_is_no_signal() -> None:
    """An output that hardly varies passes by its mean, and not by what it varies by."""
    rng = np.random.default_rng(3)
    first = [100 + rng.normal(0, 1, (1, 50)) for _ in range(4)]
    images = [[tensor_distance("age", one, one + rng.normal(0, 1, one.shape))] for one in first]
    comparison = _comparison(images)

    raw = tensors.judge_quantity("min_sqnr_db", comparison)
    centred = tensors.judge_quantity("min_centred_sqnr_db", comparison)

    assert raw.value == pytest.approx(40, abs=1)
    assert centred.value == pytest.approx(0, abs=1)
    (note,) = tensors.output_notes(comparison)
    assert "output age: " in note
    assert "mostly its mean 100" in note
    row = tensors.outputs_table(comparison).rows[0]
    assert row[1:3] == pytest.approx((100, 1), abs=0.3)


def test_one_output_may_be_judged_alone() -> None:
    """A tiny output that is the worst of every image says nothing of another one."""
    good, bad = tensor_distance("boxes", ONES, ONES * 1.01), tensor_distance("tiny", ONES, ONES * 3)
    comparison = _comparison([[good, bad]])

    assert tensors.judge_quantity("min_sqnr_db", comparison).value == pytest.approx(-6.02, abs=0.01)
    alone = tensors.judge_quantity("min_sqnr_db", comparison, "boxes")
    assert alone.value == pytest.approx(40, abs=0.01)
    assert tensors.worst_output("min_sqnr_db", comparison) == "tiny"
