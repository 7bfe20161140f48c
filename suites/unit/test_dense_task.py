"""Dense values: errors by plain loops, alignment, limits with planted defects, tables, what is kept."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.bootstrap import draw
from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.dense import MEASURES, aligned, errors, factor_and_shift
from quantgate.core.predictions import DenseMap
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.dense import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PLAN = EvaluationPlan(dataset="d")
SIDES = (24, 30)


def depths(seed: int = 0, channels: int = 1) -> NDArray[np.float32]:
    """A random map of 1 to 9, flow of either sign."""
    rng = np.random.default_rng(seed)
    low = 1.0 if channels == 1 else -9.0
    return rng.uniform(low, 9, (*SIDES, channels)).astype(np.float32)


def noisy(values: NDArray[np.float32], size: float, seed: int = 7) -> NDArray[np.float32]:
    """The same with noise."""
    noise = np.random.default_rng(seed).normal(0, size, values.shape)
    return (values + noise).astype(np.float32)


def compared(
    images: Sequence[tuple[DenseMap, DenseMap, NDArray[np.float32] | None]],
) -> Comparison[Any]:
    """Compare parent and optimized on images, against truths where there are some."""
    results = []
    for i, (parent, optimized, wanted) in enumerate(images):
        truth = None if wanted is None else DenseMap(wanted, unit="m")
        record = task.compact(Pair(parent, optimized), truth, f"{i}.png")
        results.append(ImageResult(f"{i}.png", SIDES[::-1], truth, record))
    return Comparison((), tuple(results), "digest")


def usual(count: int = 6, worse: float = 1.2) -> Comparison[Any]:
    """A parent with a small error, and an optimized model with a larger one."""
    return compared(
        [
            (
                DenseMap(noisy(depths(k), 0.8, k)),
                DenseMap(noisy(depths(k), worse, 90 + k)),
                depths(k),
            )
            for k in range(count)
        ]
    )


def by_hand(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> dict[str, float]:
    """Every measure in plain loops over pixels."""
    relative, squares, logs, near, lengths = [], [], [], [], []
    least = min(float(w) for w in wanted.ravel() if math.isfinite(w) and w > 0)
    for f_row, w_row in zip(found.tolist(), wanted.tolist(), strict=True):
        for (f,), (w,) in zip(f_row, w_row, strict=True):
            if not math.isfinite(w):
                continue
            squares.append((f - w) ** 2)
            lengths.append(abs(f - w))
            if w > 0:
                relative.append(abs(f - w) / w)
                logs.append(abs(math.log10(max(f, least * 1e-3)) - math.log10(w)))
                near.append(float(f > 0 and max(f / w, w / f) < 1.25))
    mean = {"abs_rel": relative, "log10": logs, "delta1": near, "epe": lengths}
    whole = {name: math.fsum(values) / len(values) for name, values in mean.items()}
    return whole | {"rmse": math.sqrt(math.fsum(squares) / len(squares))}


def test_errors_are_those_of_plain_loops() -> None:
    """Pixels without a reference count nowhere, references of 0 or less only in RMSE and EPE."""
    wanted = depths()
    wanted[:3, :5] = np.nan
    wanted[4, :4] = -0.5
    found = noisy(depths(), 1.5)
    found[9, 9] = -1.0

    expected = by_hand(found, wanted)
    assert dict(zip(MEASURES, errors(found, wanted), strict=True)) == pytest.approx(
        expected, rel=1e-12
    )


def test_flow_is_measured_by_the_length_of_the_difference() -> None:
    """EPE of two channels; relative errors are not defined."""
    wanted, found = depths(1, 2), depths(2, 2)
    loop = [
        math.hypot(*(a - b))
        for a, b in zip(
            found.reshape(-1, 2).astype(float), wanted.reshape(-1, 2).astype(float), strict=True
        )
    ]
    measured = dict(zip(MEASURES, errors(found, wanted), strict=True))

    assert measured["epe"] == pytest.approx(math.fsum(loop) / len(loop), rel=1e-12)
    assert measured["rmse"] == pytest.approx(
        math.sqrt(math.fsum(v * v for v in loop) / len(loop)), rel=1e-12
    )
    assert all(math.isnan(measured[name]) for name in ("abs_rel", "log10", "delta1"))


def test_alignment_is_that_of_least_squares() -> None:
    """As numpy solves it; where the reference is masked nothing counts."""
    wanted = noisy(depths() * 3 - 2, 0.2)
    wanted[::2] = np.nan
    found = depths()
    known = np.isfinite(wanted)
    table = np.stack([found[known], np.ones(int(known.sum()))], axis=1).astype(np.float64)
    solved, *_ = np.linalg.lstsq(table, wanted[known].astype(np.float64), rcond=None)

    own = found[known].astype(np.float64)[:, None], wanted[known].astype(np.float64)[:, None]
    assert factor_and_shift(*own, "scale-shift") == pytest.approx(tuple(solved), rel=1e-9)
    assert factor_and_shift(*own, "none") == (1.0, 0.0)
    assert factor_and_shift(*own, "scale")[0] == pytest.approx(
        np.median(own[1]) / np.median(own[0])
    )
    assert factor_and_shift(np.ones((4, 1)), np.full((4, 1), 3.0), "scale-shift") == (0.0, 3.0)


def test_inverse_depth_is_aligned_before_it_is_inverted() -> None:
    """An affine disparity is exact; what is beyond the farthest annotated pixel ends there."""
    wanted = depths()
    disparity = (1 / wanted * 40 + 7).astype(np.float32)

    found = aligned(disparity, wanted, "scale-shift", inverse=True)
    far = aligned(np.float32(1) / (wanted * 100), wanted, "none", inverse=True)

    assert found == pytest.approx(wanted, rel=1e-4)
    assert far == pytest.approx(np.full_like(wanted, wanted.max()))


def test_metrics_and_limits_against_the_truth() -> None:
    """Means over the images, RMSE over all pixels; errors grow where δ1 falls."""
    comparison = usual()
    parent, optimized = task.metrics(comparison)
    each = [r.record.optimized.against_truth for r in comparison.images]
    column = {name: [float(e[k]) for e in each] for k, name in enumerate(MEASURES)}

    assert optimized["abs_rel"] == pytest.approx(math.fsum(column["abs_rel"]) / 6)
    assert optimized["rmse"] == pytest.approx(
        math.sqrt(math.fsum(v * v for v in column["rmse"]) / 6)
    )
    for metric in ("abs_rel", "rmse", "log10", "delta1", "epe"):
        plan = replace(PLAN, metric=metric)
        sign = -1 if metric == "delta1" else 1
        drop = task.judge_quantity("max_accuracy_drop", comparison, plan)
        growth = task.judge_quantity("max_error_increase", comparison, plan)
        worse = [1 - v[metric] if metric == "delta1" else v[metric] for v in (parent, optimized)]
        assert drop.value == pytest.approx(sign * (optimized[metric] - parent[metric]))
        assert growth.value == pytest.approx(worse[1] / worse[0] - 1)
        assert drop.low <= drop.value <= drop.high
        assert drop.unit == task.METRICS[metric].unit


def test_the_interval_is_a_bootstrap_over_images() -> None:
    """Both roles are drawn together, 2,000 times."""
    comparison = usual()
    columns = [
        np.array([r.record[role].against_truth[0] for r in comparison.images])
        for role in ("parent", "optimized")
    ]
    weights = draw(6)
    samples = (weights @ (columns[1] - columns[0])) / 6
    found = task.judge_quantity("max_accuracy_drop", comparison, PLAN)

    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(samples, [2.5, 97.5])))


def test_the_roles_are_compared_without_a_truth() -> None:
    """The same numbers with the parent as the reference; a better and a worse model are told apart."""
    parent = [DenseMap(depths(k)) for k in range(5)]
    near = compared([(p, DenseMap(p.values * np.float32(1.02)), None) for p in parent])
    far = compared([(p, DenseMap(p.values * np.float32(1.3)), None) for p in parent])

    for comparison, relative, share in ((near, 0.02, 1.0), (far, 0.3, 0.0)):
        abs_rel = task.judge_quantity("max_role_abs_rel", comparison, PLAN)
        delta = task.judge_quantity("min_role_delta1", comparison, PLAN)
        assert abs_rel.value == pytest.approx(relative, rel=1e-4)
        assert delta.value == share
    assert task.judge_quantity("max_role_epe", near, PLAN).value == pytest.approx(
        float(np.mean([0.02 * p.values.mean() for p in parent])), rel=1e-3
    )
    with pytest.raises(DatasetError, match=r"0\.png: accuracy needs an annotated map"):
        task.judge_quantity("max_accuracy_drop", near, PLAN)


def test_a_shift_that_alignment_takes_away_is_no_loss() -> None:
    """A relative model may drift by factor and shift; a metric one may not."""
    parent, drifted = depths(), depths() * np.float32(2) + np.float32(1)
    relative, metric = (
        compared([(DenseMap(parent, align=how), DenseMap(drifted, align=how), parent)])
        for how in ("scale-shift", "none")
    )

    assert task.metrics(relative).optimized["abs_rel"] == pytest.approx(0, abs=1e-5)
    assert task.judge_quantity("max_role_abs_rel", relative, PLAN).value == pytest.approx(
        0, abs=1e-5
    )
    assert task.metrics(metric).optimized["abs_rel"] > 1
    assert task.judge_quantity("max_role_abs_rel", metric, PLAN).value > 1


def test_tables_and_the_worst_image() -> None:
    """By image with both roles; by range of the annotated numbers; the largest growth first."""
    comparison = usual(4)
    equal = compared([(DenseMap(depths()), DenseMap(depths()), depths())])
    basic, advanced = task.tables(comparison, PLAN)
    rows: list[dict[str, Any]] = [
        dict(zip([c.key for c in basic.columns], row, strict=True)) for row in basic.rows
    ]
    worst = task.worst(comparison, PLAN)
    growth = {r["image"]: r["optimized_abs_rel"] - r["parent_abs_rel"] for r in rows}

    assert [f"{change.index}.png" for change in worst] == sorted(growth, key=lambda k: -growth[k])
    assert " m from the parent on average; AbsRel " in worst[0].sentence
    assert [row[:2] for row in advanced.rows] == [(1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0)]
    assert math.fsum(float(str(row[2])) for row in advanced.rows) == pytest.approx(1)
    assert task.worst(equal, PLAN) == []
    assert task.detail("max_role_epe", comparison, PLAN).moved == 4


def test_what_is_kept_comes_back_bit_for_bit() -> None:
    """Records with and without annotation, of one number a pixel and of two."""
    flow = [DenseMap(depths(k, 2)) for k in range(2)]
    for comparison in (usual(2), compared([(flow[0], flow[1], None)])):
        for role in ("parent", "optimized"):
            records = [r.record[role] for r in comparison.images]
            back = task.unpack({k: np.asarray(v) for k, v in task.pack(records).items()})
            for one, other in zip(records, back, strict=True):
                for name in ("preview", "against_truth", "against_parent", "ranges", "wanted"):
                    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_two_runs_share_what_the_numbers_are_made_of() -> None:
    """What is kept gives every judged number again, on all of the images."""
    for metric in ("abs_rel", "rmse", "delta1"):
        comparison, plan = usual(), replace(PLAN, metric=metric)
        kind = task.TALLY
        tally = kind.unpack(kind.tally(comparison, plan).pack())  # type: ignore[union-attr]
        whole = tally.scores(np.ones((1, len(comparison)), np.int32))
        keys = ("max_accuracy_drop", "max_error_increase", "max_role_abs_rel", "max_role_rmse")
        for key in (*keys, "max_role_epe", "min_role_delta1"):
            found = tally.number(key, whole, whole)
            assert found is not None
            expected = task.judge_quantity(key, comparison, plan).value
            assert float(found[0]) == pytest.approx(expected)


def test_a_smaller_annotation_is_met_at_its_own_size() -> None:
    """Half the sides, same ratio: predictions are brought to it; another ratio is refused."""
    ramp = np.repeat(np.linspace(1, 9, 40, dtype=np.float32)[None, :, None], 32, axis=0)
    small = ramp[::2].reshape(16, 20, 2, 1).mean(axis=2)
    record = task.compact(Pair(DenseMap(ramp), DenseMap(ramp)), DenseMap(small)).parent

    assert record.against_truth[0] < 1e-6
    with pytest.raises(DatasetError, match=r"x: the annotation is of 20x30 pixels, the image has"):
        task.compact(
            Pair(DenseMap(ramp), DenseMap(ramp)), DenseMap(np.ones((30, 20, 1), np.float32)), "x"
        )


def test_bad_maps_are_refused() -> None:
    """NaN, other sizes, other channels, nothing annotated: each names the image."""
    good = DenseMap(depths())
    with pytest.raises(DecoderError, match=r"0\.png, optimized model: the map holds NaN"):
        compared([(good, DenseMap(depths() * np.float32(np.nan)), None)])
    with pytest.raises(DecoderError, match=r"0\.png, optimized model: the map is"):
        compared([(good, DenseMap(depths()[:9]), None)])
    with pytest.raises(
        DatasetError, match="the annotation has 2 numbers a pixel, the models give 1"
    ):
        compared([(good, good, depths(0, 2))])
    nothing = compared([(good, good, np.full((*SIDES, 1), np.nan, np.float32))])
    with pytest.raises(DatasetError, match=r"0\.png: no pixel is annotated that AbsRel counts"):
        task.metrics(nothing)
    flow = DenseMap(depths(0, 2))
    with pytest.raises(MeasurementError, match="use max_role_epe or max_role_rmse"):
        task.judge_quantity("max_role_abs_rel", compared([(flow, flow, None)]), PLAN)


SCENES = [np.add.outer(np.linspace(2, 4 + k % 3, 24), np.linspace(0, k % 4, 30)) for k in range(8)]


def scenes(
    change: Any = lambda wanted: wanted, parent: Any = lambda depth: depth, **keys: Any
) -> Comparison[Any]:
    """Scenes with a near thing each somewhere else, annotated as ``change`` writes them."""
    rng, images = np.random.default_rng(3), []
    for scene in SCENES:
        depth = scene.astype(np.float32).copy()
        y, x = rng.integers(2, 12), rng.integers(2, 16)
        depth[y : y + 8, x : x + 8] = 1.0
        found = DenseMap(noisy(parent(depth)[..., None], 0.02, int(x)), **keys)
        images.append((found, found, np.asarray(change(depth), np.float32)[..., None]))
    return compared(images)


def test_right_annotations_are_not_suspected() -> None:
    """Depth in metres, inverse depth that is declared, and a relative model."""
    assert task.doubts(scenes()) == ()
    assert task.doubts(scenes(parent=lambda d: 1 / d, inverse=True)) == ()
    assert task.doubts(scenes(parent=lambda d: 30 / d + 5, inverse=True, align="scale-shift")) == ()


def masked(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Nothing measured on a third of the pixels, written as 0."""
    depth = depth.copy()
    depth[:, 20:] = 0
    return depth


@pytest.mark.parametrize(
    ("change", "keys", "said"),
    [
        (lambda d: d * 1000, {}, r"1e\+03 times the parent's.*mm against m"),
        (lambda d: d / 1000, {}, "m against mm"),
        (lambda d: d * 5, {}, "in another unit"),
        (lambda d: 1 / d, {}, "decoder.inverse = true"),
        (lambda d: 1 / d, {"align": "scale-shift"}, "decoder.inverse = true"),
        (lambda d: d[:, ::-1], {}, "mirrored"),
        (lambda d: np.roll(d, 6, axis=1), {}, "moved by"),
        (masked, {}, "33% of the annotated pixels hold exactly 0, the smallest"),
        (lambda d: np.where(masked(d) == 0, 65.535, d), {}, "hold exactly 65.535, the largest"),
    ],
)
def test_misread_annotations_are_suspected(change: Any, keys: dict[str, Any], said: str) -> None:
    """Another unit, the inverse, another place, marks that are not masked: each is named, with what to set."""
    assert re.search(said, "; ".join(task.doubts(scenes(change, **keys))))
