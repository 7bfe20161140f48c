"""Any model at all: only the distance between the raw outputs of the roles is judged."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from quantgate.core.comparison import Comparison
from quantgate.core.matching import ChangeCounts
from quantgate.errors import MeasurementError
from quantgate.pair import Pair
from quantgate.tasks import tensors
from quantgate.tasks.protocol import ImageChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Truth
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan

Distances: TypeAlias = Comparison[None]

#: There is no accuracy without a meaning of the outputs.
DEFAULT_METRIC = ""
TRUTH: str | None = None
PICTURE: PictureKind | None = None
METRICS: Mapping[str, MetricKind] = MappingProxyType({})
LIMITS: tuple[str, ...] = tensors.LIMITS


def compact(prediction: Pair[Any], truth: Truth | None, name: str = "this image") -> Pair[None]:
    """Keep nothing: the distances travel beside the record."""
    del prediction, truth, name
    return Pair(None, None)


def pack(records: Sequence[None]) -> dict[str, NDArray[np.generic]]:
    """Keep how many images there were, [1]."""
    return {"count": np.array([len(records)], np.int64)}


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[None]:
    """Inverse of ``pack``: nothing for each image of count [1]."""
    return [None] * int(np.asarray(arrays["count"], np.int64)[0])


def metrics(comparison: Distances) -> Pair[dict[str, float]]:
    """Return none: raw outputs have no truth."""
    del comparison
    return Pair({}, {})


def judge_quantity(key: str, comparison: Distances, plan: EvaluationPlan) -> Estimate:
    """Compute the quantity that the limit ``key`` judges.

    Raises
    ------
    MeasurementError
        Where the limit needs to know what the outputs mean.
    """
    del plan
    if key not in LIMITS:
        raise MeasurementError(
            f'limits.{key} is not defined for task = "generic"; expected one of {", ".join(LIMITS)}'
        )
    return tensors.judge_quantity(key, comparison)


def smallest_drop(comparison: Distances, plan: EvaluationPlan) -> float:
    """Refuse: there is no accuracy that could drop."""
    del comparison, plan
    raise MeasurementError('task = "generic" has no accuracy')


def role_scores(comparison: Distances, plan: EvaluationPlan) -> Pair[Resampled]:
    """Refuse: raw outputs have no metric."""
    del comparison, plan
    raise MeasurementError('task = "generic" has no metric')


def subject(key: str, comparison: Distances, plan: EvaluationPlan) -> str:
    """Return nothing: no limit of this task is about a class."""
    del key, comparison, plan
    return ""


def detail(key: str, comparison: Distances, plan: EvaluationPlan) -> ChangeCounts:
    """Count the images with equal outputs, and those that differ (as moved)."""
    del key, plan
    moved = int((tensors.relative_distances(comparison) > 0).sum())
    return ChangeCounts(kept=len(comparison) - moved, moved=moved)


def tables(comparison: Distances, plan: EvaluationPlan) -> tuple[Table, ...]:
    """Return none: the tensor table is made for every task."""
    del comparison, plan
    return ()


def changes(result: ImageResult[None], plan: EvaluationPlan) -> list[Match]:
    """Return nothing: there are no objects."""
    del result, plan
    return []


def severity(comparison: Distances, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how far the outputs of one image are apart: the relative distance of its worst output."""
    del plan
    return (float(_distances(comparison)[index]),)


def _distances(comparison: Distances) -> NDArray[np.float64]:
    return comparison.once("relative", lambda: tensors.relative_distances(comparison))


def worst(comparison: Distances, plan: EvaluationPlan) -> list[ImageChange]:
    """Images whose outputs differ, in the order of `severity`."""
    distances = _distances(comparison).tolist()
    listed = [
        ImageChange(
            index,
            severity(comparison, index, plan),
            f"raw outputs differ by a relative squared error of {value:.3g}",
        )
        for index, value in enumerate(distances)
        if value > 0
    ]
    return sorted(listed, key=lambda change: change.severity, reverse=True)
