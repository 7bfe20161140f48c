"""What a task module offers: pure functions over a Comparison; tasks are listed in `catalog`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.core.comparison import Comparison
    from harness.core.estimate import Estimate
    from harness.core.predictions import Truth
    from harness.core.table import Table
    from harness.entries import EvaluationPlan
    from harness.pair import Pair


@dataclass(frozen=True, slots=True)
class ImageChange:
    """One line about what changed on one image, for people: severity orders the worst first."""

    index: int
    severity: tuple[float, ...]
    sentence: str


class Task(Protocol):
    """A module in harness/tasks with these functions; ``R`` is its compact record."""

    #: Metric used where the manifest names none, e.g. "top1" or "ap".
    DEFAULT_METRIC: str
    #: Metrics this task can compute, with their titles, e.g. {"ap": "AP@[.5:.95]"}.
    METRICS: Mapping[str, str]
    #: Limit keys this task can judge, e.g. ("max_accuracy_drop", "min_match_rate").
    LIMITS: tuple[str, ...]

    @staticmethod
    def compact(prediction: Pair[Any], truth: Truth | None) -> Pair[Any]:
        """Keep what the reports need of one image's predictions: bounded size, picklable."""
        ...

    @staticmethod
    def pack(records: Sequence[Any]) -> dict[str, NDArray[np.generic]]:
        """Turn the records of one role into flat arrays for an .npz (no pickling)."""
        ...

    @staticmethod
    def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[Any]:
        """Inverse of ``pack``."""
        ...

    @staticmethod
    def metrics(comparison: Comparison[Any]) -> Pair[dict[str, float]]:
        """Every metric of both roles against the truth; raises DatasetError without annotations."""
        ...

    @staticmethod
    def judge_quantity(key: str, comparison: Comparison[Any], plan: EvaluationPlan) -> Estimate:
        """Compute the quantity that the limit ``key`` judges, with its interval."""
        ...

    @staticmethod
    def tables(comparison: Comparison[Any], plan: EvaluationPlan) -> tuple[Table, ...]:
        """Basic and advanced tables of accuracy-report.md, in a fixed order."""
        ...

    @staticmethod
    def worst(comparison: Comparison[Any], plan: EvaluationPlan) -> list[ImageChange]:
        """Images on which the roles differ, worst first; images without a change are left out."""
        ...
