"""Image to image: style transfer, super-resolution, restoration, judged by PSNR and SSIM."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.bootstrap import Resampled, bootstrap_mean
from quantgate.core.comparison import Comparison
from quantgate.core.likeness import Measure
from quantgate.core.matching import ChangeCounts
from quantgate.core.metrics import MetricKind
from quantgate.core.pictures import HIGHEST_PSNR_DB
from quantgate.core.predictions import Rendering
from quantgate.core.table import Column, Table
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks import tensors
from quantgate.tasks.image_to_image import record
from quantgate.tasks.image_to_image.record import RenderingRecord
from quantgate.tasks.protocol import ImageChange
from quantgate.tasks.segments import Segment, segment_table, user_segments, worst_segment
from quantgate.tasks.tensors import TaskLimits, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import Match
    from quantgate.core.pictures import PictureKind
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role

Rendered: TypeAlias = Comparison[RenderingRecord]

DEFAULT_METRIC = "ssim"
TRUTH: str | None = "picture"
PICTURE: PictureKind | None = "rendered"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "ssim": MetricKind("SSIM", worst=None),
        "psnr": MetricKind("PSNR, dB", unit="dB", worst=None),
    }
)
LIMITS: tuple[str, ...] = (
    "max_accuracy_drop",
    "max_segment_drop",
    "min_psnr_db",
    *tensors.LIMITS,
)
#: What tells a parent that is fed wrongly, where images are annotated.
FITNESS = Measure("PSNR", 20.0, 1.0)


#: An image's compact record, and how records are kept in a file.
compact, pack, unpack = record.compact, record.pack, record.unpack


def metrics(comparison: Rendered) -> Pair[dict[str, float]]:
    """Mean SSIM and PSNR of both roles against the annotated pictures."""
    return Pair(
        *(
            {name: float(_against_truth(comparison, role, name).mean()) for name in METRICS}
            for role in ROLES
        )
    )


def judge_quantity(key: str, comparison: Rendered, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    ``max_accuracy_drop`` needs annotated pictures; ``min_psnr_db`` is the mean likeness of the
    optimized model's pictures to the parent's.

    Raises
    ------
    MeasurementError
        Where it is not defined on these images, or the limit is not one of this task's.
    DatasetError
        Where it needs annotations and there are none.
    """
    task = TaskLimits("image to image", LIMITS)
    return judge(key, comparison, task, lambda own: _quantity(own, comparison, plan))


def _quantity(key: str, comparison: Rendered, plan: EvaluationPlan) -> Estimate:
    if key == "max_accuracy_drop":
        return _in_unit_of(_metric(plan), _drop(comparison, _metric(plan)).estimate)
    if key == "max_segment_drop":
        found = worst_segment(segments(comparison, plan), len(comparison))
        return _in_unit_of(_metric(plan), found.drop.estimate)
    return _in_unit_of("psnr", bootstrap_mean(_likeness(comparison)).estimate)


def _in_unit_of(metric: str, found: Estimate) -> Estimate:
    return replace(found, unit=METRICS[metric].unit)


def _metric(plan: EvaluationPlan) -> str:
    if plan.metric not in {None, *METRICS}:
        raise MeasurementError(
            f"metric {plan.metric} cannot be judged for image to image; expected one of "
            f"{', '.join(METRICS)}"
        )
    return plan.metric or DEFAULT_METRIC


def _drop(comparison: Rendered, metric: str) -> Resampled:
    parent, optimized = (_against_truth(comparison, role, metric) for role in ROLES)
    return bootstrap_mean(parent - optimized)


def smallest_drop(comparison: Rendered, plan: EvaluationPlan) -> float:
    """Smallest drop of the metric that this evaluation set can detect."""
    return _drop(comparison, _metric(plan)).smallest_drop


def role_scores(comparison: Rendered, plan: EvaluationPlan) -> Pair[Resampled]:
    """Mean of the plan's metric over each role's pictures, with its own interval."""
    metric = _metric(plan)
    return Pair(*(bootstrap_mean(_against_truth(comparison, role, metric)) for role in ROLES))


def subject(key: str, comparison: Rendered, plan: EvaluationPlan) -> str:
    """Name the segment that a limit on the worst one is about; no limit is about a class."""
    if key != "max_segment_drop":
        return ""
    return worst_segment(segments(comparison, plan), len(comparison)).name


def segments(comparison: Rendered, plan: EvaluationPlan) -> tuple[Segment, ...]:
    """Measure the segments that the dataset names."""
    metric = _metric(plan)
    return comparison.once(
        f"segments {metric}",
        lambda: user_segments(
            comparison,
            lambda own: metrics(own).map(lambda of: of[metric]),
            lambda own: _drop(own, metric),
        ),
    )


def detail(key: str, comparison: Rendered, plan: EvaluationPlan) -> ChangeCounts:
    """Count the images that are equal in every pixel, and those that are not (as moved)."""
    del key, plan
    same = int((_likeness(comparison) >= HIGHEST_PSNR_DB).sum())
    return ChangeCounts(kept=same, moved=len(comparison) - same)


def tables(comparison: Rendered, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Make the table by image (equal pictures have an empty PSNR: it is endless), and by segment."""
    annotated = all(isinstance(result.truth, Rendering) for result in comparison.images)
    columns = [
        Column("image", "Image Name"),
        Column("psnr_db", "PSNR of Optimized against Parent, dB", "number"),
        Column("ssim", "SSIM of Optimized against Parent", "fraction"),
    ]
    if annotated:
        for role in ROLES:
            columns.append(Column(f"{role}_psnr_db", f"{role.capitalize()} PSNR, dB", "number"))
            columns.append(Column(f"{role}_ssim", f"{role.capitalize()} SSIM", "fraction"))
    rows = tuple(_row(result, annotated=annotated) for result in comparison.images)
    changed = frozenset(
        index for index, value in enumerate(_likeness(comparison)) if value < HIGHEST_PSNR_DB
    )
    basic = Table("basic", "Optimized against parent, by image", tuple(columns), rows, changed)
    parts = segments(comparison, plan)
    return (basic, *([segment_table(parts, METRICS[_metric(plan)])] if parts else []))


def _row(
    result: ImageResult[RenderingRecord], *, annotated: bool
) -> tuple[str | float | None, ...]:
    own = result.record.optimized
    truth: list[float | None] = []
    if annotated:
        for each in result.record:
            truth += [_finite(each.truth_psnr_db), each.truth_ssim]
    return (result.name, _finite(own.parent_psnr_db), own.parent_ssim, *truth)


def _finite(decibel: float) -> float | None:
    return decibel if decibel < HIGHEST_PSNR_DB else None


def changes(result: ImageResult[RenderingRecord], plan: EvaluationPlan) -> list[Match]:
    """Return nothing: a picture has no objects."""
    del result, plan
    return []


def severity(comparison: Rendered, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the change of one picture is; tuples compare from left to right, more is worse.

    1. With annotated pictures: how much less alike the optimized model's is than its parent's, by the
       entry's metric.
    2. How unlike the parent's picture it is: its PSNR, turned round.
    """
    result = comparison.images[index]
    worse = 0.0
    if all(isinstance(one.truth, Rendering) for one in comparison.images):
        psnr = plan.metric == "psnr"
        parent, optimized = (r.truth_psnr_db if psnr else r.truth_ssim for r in result.record)
        worse = max(0.0, parent - optimized)
    return worse, -result.record.optimized.parent_psnr_db


def worst(comparison: Rendered, plan: EvaluationPlan) -> list[ImageChange]:
    """Images on which a pixel changed, in the order of `severity`."""
    listed = [
        ImageChange(
            index,
            severity(comparison, index, plan),
            f"{value:.1f} dB from the parent, SSIM "
            f"{comparison.images[index].record.optimized.parent_ssim:.3f}",
        )
        for index, value in enumerate(_likeness(comparison).tolist())
        if value < HIGHEST_PSNR_DB
    ]
    return sorted(listed, key=lambda change: change.severity, reverse=True)


def _likeness(comparison: Rendered) -> NDArray[np.float64]:
    """PSNR of the optimized model's pictures against the parent's, dB, [images]."""
    if not len(comparison):
        raise MeasurementError("the evaluation set holds no image: nothing can be compared")
    return np.array([result.record.optimized.parent_psnr_db for result in comparison.images])


def _against_truth(comparison: Rendered, role: Role, metric: str) -> NDArray[np.float64]:
    for result in comparison.images:
        if not isinstance(result.truth, Rendering):
            raise DatasetError(
                f"image {result.name}: accuracy needs an annotated picture, found "
                f"{type(result.truth).__name__}; use min_psnr_db or max_tensor_distance, which need "
                "none"
            )
    records = [result.record[role] for result in comparison.images]
    return np.array([r.truth_ssim if metric == "ssim" else r.truth_psnr_db for r in records])
