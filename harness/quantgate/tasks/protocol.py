"""What a task module offers: pure functions over a Comparison; tasks are listed in `catalog`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.core.estimate import Estimate
    from quantgate.core.matching import ChangeCounts, Match
    from quantgate.core.metrics import MetricKind
    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Truth
    from quantgate.core.table import Table
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Pair


@dataclass(frozen=True, slots=True)
class ImageChange:
    """One line about what changed on one image, for people: severity orders the worst first.

    ``severity`` is what the task's function of that name says: tuples compare from left to right.
    """

    index: int
    severity: tuple[float, ...]
    sentence: str


class Tally(Protocol):
    """What a task's numbers are made of, by image; ``scores`` costs, ``number`` picks from them."""

    @property
    def resamples(self) -> int:
        """How many resamples its size allows."""

    def scores(self, weights: NDArray[np.int32]) -> Any:
        """Compute it on resamples that hold each image so often, weights [resamples, images]."""

    def number(self, key: str, scores: Any, whole: Any) -> NDArray[np.float64] | None:
        """Give what a limit judges, [resamples]; None for one that is made of something else."""

    def pack(self) -> dict[str, NDArray[np.generic]]:
        """Flatten it into arrays, each of its own shape [...]."""


@dataclass(frozen=True, slots=True)
class TallyKind:
    """How a task counts (None where the plan's metric is no sum over images), and reads its counts back."""

    tally: Callable[[Comparison[Any], EvaluationPlan], Tally | None]
    unpack: Callable[[Mapping[str, NDArray[Any]]], Tally]


class Task(Protocol):
    """A module in harness/quantgate/tasks with these functions; ``R`` is its compact record."""

    #: Metric used where the manifest names none, e.g. "top1" or "ap".
    DEFAULT_METRIC: str
    #: What annotations have to say to be its truth (see DatasetKind.truths); None: it has none.
    TRUTH: str | None
    #: How its images are drawn (see PictureKind); None: it has nothing to show but its tables.
    PICTURE: PictureKind | None
    #: Metrics this task can compute, e.g. {"ap": MetricKind("AP@[.5:.95]")}.
    METRICS: Mapping[str, MetricKind]
    # What a task may have besides:
    # TALLY, a TallyKind: where its numbers are more than sums over the rows of its tables;
    # FITNESS, a Measure: what of ``core.likeness.fitness`` tells a parent that is fed wrongly;
    # NEEDS_OTHERS, true where one image alone has no metric;
    # doubts(comparison): what speaks against the annotations, in sentences;
    # notes(comparison): what else a reader should know of the answers, in sentences;
    # remarks(comparison, plan): what the second line of every verdict says instead of counts.

    #: Limit keys this task can judge, e.g. ("max_accuracy_drop", "min_match_rate").
    LIMITS: tuple[str, ...]

    def compact(self, prediction: Pair[Any], truth: Truth | None, name: str = ...) -> Pair[Any]:
        """Keep what the reports need of one image's predictions: bounded size, picklable.

        Raises
        ------
        DecoderError
            On NaN or infinity, naming the image by ``name``.
        """
        ...

    def pack(self, records: Sequence[Any]) -> dict[str, NDArray[np.generic]]:
        """Turn the records of one role into flat arrays [n, ...] for an .npz (no pickling)."""
        ...

    def unpack(self, arrays: Mapping[str, NDArray[np.generic]]) -> list[Any]:
        """Inverse of ``pack``, from its arrays [n, ...]."""
        ...

    def metrics(self, comparison: Comparison[Any]) -> Pair[dict[str, float]]:
        """Every metric of both roles against the truth; raises DatasetError without annotations."""
        ...

    def judge_quantity(
        self, key: str, comparison: Comparison[Any], plan: EvaluationPlan
    ) -> Estimate:
        """Compute the quantity that the limit ``key`` judges, with its interval."""
        ...

    def tables(self, comparison: Comparison[Any], plan: EvaluationPlan) -> tuple[Table, ...]:
        """Make the basic and advanced tables of accuracy-report.md, in a fixed order."""
        ...

    def smallest_drop(self, comparison: Comparison[Any], plan: EvaluationPlan) -> float:
        """Smallest accuracy drop that a set of this size and spread can detect."""
        ...

    def role_scores(self, comparison: Comparison[Any], plan: EvaluationPlan) -> Pair[Resampled]:
        """Give the plan's metric of each role with an interval of its own, not of the difference."""
        ...

    def subject(self, key: str, comparison: Comparison[Any], plan: EvaluationPlan) -> str:
        """Name the class that a limit on the worst class is about; empty for every other limit."""
        ...

    def detail(self, key: str, comparison: Comparison[Any], plan: EvaluationPlan) -> ChangeCounts:
        """Count what happened to the objects (or images): a verdict's second line."""
        ...

    def changes(self, result: ImageResult[Any], plan: EvaluationPlan) -> list[Match]:
        """Return what happened to each object of one image, for drawing."""
        ...

    def severity(
        self, comparison: Comparison[Any], index: int, plan: EvaluationPlan
    ) -> tuple[float, ...]:
        """Say how bad the change of one image is, more is worse; what a person would look at first.

        Where there are annotations, what was right and is wrong now comes before everything else.
        """
        ...

    def worst(self, comparison: Comparison[Any], plan: EvaluationPlan) -> list[ImageChange]:
        """Images on which the roles differ, by ``severity``; images without a change are left out."""
        ...
