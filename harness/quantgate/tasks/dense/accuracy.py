"""Errors of maps of numbers: of each role against the truth, and between the roles."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import Resampled, draw, summarize, summarize_roles
from quantgate.core.dense import MEASURES
from quantgate.core.metrics import MetricKind
from quantgate.core.predictions import DenseMap
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.losses import chosen_metric, error_growth, paired_drop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.estimate import Estimate
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.dense.record import Mapped

DEFAULT_METRIC = "abs_rel"
#: The numbers of a map are in a unit of their own.
UNIT = "units"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "abs_rel": MetricKind("AbsRel", worst=None, is_error=True),
        "rmse": MetricKind("RMSE", unit=UNIT, worst=None, is_error=True),
        "log10": MetricKind("log10", worst=None, is_error=True),
        "delta1": MetricKind("δ1"),
        "epe": MetricKind("EPE", unit=UNIT, worst=None, is_error=True),
    }
)
#: Metric of the roles that each limit judges.
OF_ROLES: Mapping[str, str] = MappingProxyType(
    {
        "max_role_abs_rel": "abs_rel",
        "max_role_rmse": "rmse",
        "max_role_epe": "epe",
        "min_role_delta1": "delta1",
    }
)


def metric_of(plan: EvaluationPlan) -> str:
    """Return the metric that a plan asks for.

    Raises
    ------
    MeasurementError
        Where it is one of another task.
    """
    return chosen_metric(plan, DEFAULT_METRIC, METRICS, "dense values")


def check(comparison: Mapped) -> None:
    """Refuse an empty set."""
    if not len(comparison):
        raise MeasurementError("the evaluation set holds no image: nothing can be compared")


def against_truth(comparison: Mapped, role: Role, metric: str) -> NDArray[np.float64]:
    """One metric of one role, image by image, [images].

    Raises
    ------
    DatasetError
        Where an image is not annotated, or the metric is not defined on it.
    """
    check(comparison)
    place = MEASURES.index(metric)
    found = []
    for result in comparison.images:
        value = float(result.record[role].against_truth[place])
        if not isinstance(result.truth, DenseMap):
            raise DatasetError(
                f"image {result.name}: accuracy needs an annotated map, found {type(result.truth).__name__}; use "
                "an annotated dataset or limits that need none (max_role_abs_rel, min_role_delta1)"
            )
        if not np.isfinite(value):
            raise DatasetError(f"image {result.name}: {_undefined(comparison, metric)}")
        found.append(value)
    return np.array(found)


def _undefined(comparison: Mapped, metric: str) -> str:
    if not _one_number(comparison):
        return f"{METRICS[metric].title} is of one number a pixel, and these maps have two: use epe or rmse"
    return (
        f"no pixel is annotated that {METRICS[metric].title} counts (numbers above 0, neither invalid nor out of "
        "valid_range): leave the image out, or check value_scale, invalid and valid_range of the dataset"
    )


def between_roles(comparison: Mapped, metric: str) -> NDArray[np.float64]:
    """One metric of the optimized model's maps with the parent's as the reference, [images].

    Raises
    ------
    MeasurementError
        Where it is not defined on an image.
    """
    check(comparison)
    place = MEASURES.index(metric)
    listed = [(r.name, float(r.record.optimized.against_parent[place])) for r in comparison.images]
    lost = next((name for name, value in listed if not np.isfinite(value)), None)
    if lost is not None:
        raise MeasurementError(
            f"image {lost}: {METRICS[metric].title} is of one number a pixel and of references above 0, and the "
            "parent gives no such: use max_role_epe or max_role_rmse"
        )
    return np.array([value for _, value in listed])


def over_images(metric: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value over all images of a metric, from its values in each, [images].

    The mean; of RMSE the root of the mean square (Eigen, Puhrsch and Fergus, NIPS 2014).
    """
    return rooted(metric, np.asarray(math.fsum(parts(metric, values)) / len(values)))


def parts(metric: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What of every image is averaged, [images]."""
    return np.square(values) if metric == "rmse" else values


def rooted(metric: str, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn means of parts, [resamples], into the metric."""
    return np.sqrt(means) if metric == "rmse" else means


def resampled(
    metric: str, values: NDArray[np.float64], weights: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Compute a metric of every resample, [resamples], for weights [resamples, images]."""
    drawn = weights.astype(np.float64)
    return rooted(metric, drawn @ parts(metric, values) / drawn.sum(axis=1))


def role_metrics(comparison: Mapped, role: Role) -> dict[str, float]:
    """Every metric of one role; what maps of two numbers do not have is left out.

    Raises
    ------
    DatasetError
        Where an image has no annotation, or no pixel of one counts.
    """
    names = [*METRICS] if _one_number(comparison) else ["rmse", "epe"]
    return {name: float(over_images(name, against_truth(comparison, role, name))) for name in names}


def _one_number(comparison: Mapped) -> bool:
    check(comparison)
    return bool(comparison.images[0].record.parent.preview.shape[2] == 1)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A metric of both roles, and on the same resamples of both, [resamples] each."""

    value: Pair[float]
    samples: Pair[NDArray[np.float64]]


def _measured(comparison: Mapped, plan: EvaluationPlan) -> _Measured:
    metric = metric_of(plan)
    columns = Pair(*(against_truth(comparison, role, metric) for role in ROLES))
    weights = draw(len(comparison))
    return _Measured(
        columns.map(lambda of: float(over_images(metric, of))),
        columns.map(lambda of: resampled(metric, of, weights)),
    )


def accuracy_drop(comparison: Mapped, plan: EvaluationPlan) -> Resampled:
    """``optimized - parent`` of an error, of δ1 the other way round; paired by image."""
    found = _measured(comparison, plan)
    return paired_drop(METRICS[metric_of(plan)], found.value, found.samples, len(comparison))


def role_scores(comparison: Mapped, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    found = _measured(comparison, plan)
    return summarize_roles(found.value, found.samples, len(comparison))


def error_increase(comparison: Mapped, plan: EvaluationPlan) -> Resampled:
    """Relative growth of the error, of δ1 of what is missing to 1: 0.02 is two per cent more.

    Raises
    ------
    MeasurementError
        Where the parent makes no error.
    """
    metric = metric_of(plan)
    found = _measured(comparison, plan)
    return error_growth((metric, METRICS[metric]), found.value, found.samples, len(comparison))


def role_error(key: str, comparison: Mapped) -> Estimate:
    """Compute what a limit between the roles judges."""
    metric = OF_ROLES[key]
    column = between_roles(comparison, metric)
    samples = resampled(metric, column, draw(len(column)))
    found = summarize(float(over_images(metric, column)), samples, len(column))
    return in_unit_of(metric, found.estimate)


def in_unit_of(metric: str, found: Estimate) -> Estimate:
    """Give a number its metric's unit."""
    return replace(found, unit=METRICS[metric].unit)
