"""A task: only the best class counts, and whether both roles give the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.matching import ChangeCounts
from quantgate.errors import MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.protocol import ImageChange
from quantgate.testing import Estimate, bootstrap_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison

DEFAULT_METRIC = ""
TRUTH = None
PICTURE = None
METRICS: Mapping[str, Any] = {}
LIMITS = ("min_agreement",)


def compact(prediction: Pair[Any], truth: object, name: str = "this image") -> Pair[int]:
    """Keep the best class of both roles."""
    del truth, name
    return prediction.map(lambda one: int(np.argmax(one.scores)))


def pack(records: Sequence[int]) -> dict[str, NDArray[np.generic]]:
    """Turn the classes of one role into an array."""
    return {"top": np.array(records, np.int64)}


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[int]:
    """Inverse of ``pack``."""
    return [int(one) for one in arrays["top"]]


def metrics(comparison: Comparison[int]) -> Pair[dict[str, float]]:
    """Return none: there is no truth."""
    del comparison
    return Pair({}, {})


def judge_quantity(key: str, comparison: Comparison[int], plan: object) -> Estimate:
    """Share of images with the same class."""
    del key, plan
    return bootstrap_mean(_same(comparison).astype(np.float64)).estimate


def tables(comparison: Comparison[int], plan: object) -> tuple[Any, ...]:
    """Return none."""
    del comparison, plan
    return ()


def smallest_drop(comparison: Comparison[int], plan: object) -> float:
    """Return 0: there is no accuracy that could drop."""
    del comparison, plan
    return 0.0


def role_scores(comparison: Comparison[int], plan: object) -> Pair[Any]:
    """Refuse: there is no metric."""
    del comparison, plan
    raise MeasurementError("this task has no metric")


def subject(key: str, comparison: Comparison[int], plan: object) -> str:
    """Return nothing: no limit is about one class."""
    del key, comparison, plan
    return ""


def detail(key: str, comparison: Comparison[int], plan: object) -> ChangeCounts:
    """Count images that keep their class, and those that change it."""
    del key, plan
    same = int(_same(comparison).sum())
    return ChangeCounts(kept=same, relabelled=len(comparison) - same)


def changes(result: object, plan: object) -> list[Any]:
    """Return nothing: there are no objects."""
    del result, plan
    return []


def severity(comparison: Comparison[int], index: int, plan: object) -> tuple[float, ...]:
    """Say that all changed classes are equally bad."""
    del comparison, index, plan
    return (1.0,)


def worst(comparison: Comparison[int], plan: object) -> list[ImageChange]:
    """Images whose class changed."""
    return [
        ImageChange(
            index,
            severity(comparison, index, plan),
            f"{image.record.parent} became {image.record.optimized}",
        )
        for index, image in enumerate(comparison.images)
        if image.record.parent != image.record.optimized
    ]


def _same(comparison: Comparison[int]) -> NDArray[np.bool_]:
    return np.array([image.record.parent == image.record.optimized for image in comparison.images])
