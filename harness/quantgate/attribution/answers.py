"""One arm's answers against a reference's, in what a task judges and in noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.core.estimate import Estimate
from quantgate.core.explained import Loss
from quantgate.errors import HarnessError

if TYPE_CHECKING:
    from quantgate.core.comparison import Comparison
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Pair

_AGREEMENTS = ("min_agreement", "min_match_rate", "min_role_delta1")


@dataclass(frozen=True, slots=True)
class Answer:
    """One arm's answers against a reference's: the comparison that tasks judge, and the noise."""

    comparison: Comparison[Any]
    noise: float
    plan: EvaluationPlan
    bench: Bench

    def loss(self) -> Loss:
        """Sum it up; agreement is asked only where the metric is not defined."""
        drop = self.drop()
        agreement = self._judged(*_AGREEMENTS) if drop is None else None
        lost = None if agreement is None else 1 - agreement.value
        return Loss(drop, lost, self.noise)

    def with_more(self, other: Answer) -> Answer:
        """Put the answers of the same kind of arm to other images beside these."""
        mine, more = self.comparison, other.comparison
        both = replace(mine, images=(*mine.images, *more.images))
        noise = (self.noise * len(mine) + other.noise * len(more)) / len(both)
        return replace(self, comparison=both, noise=noise)

    def error(self) -> tuple[Estimate, str]:
        """How much is lost, with its interval, and of what: the metric, agreement, or raw outputs."""
        drop = self._judged("max_accuracy_drop")
        if drop is not None:
            return drop, self.plan.metric or self.bench.task.DEFAULT_METRIC
        agreement = self._judged(*_AGREEMENTS)
        if agreement is not None:
            value, low, high = (1 - end for end in (agreement.value, agreement.high, agreement.low))
            return replace(agreement, value=value, low=low, high=high), "disagreement"
        return Estimate.exact(self.noise, len(self.comparison)), "noise"

    def drop(self) -> float | None:
        """How much of the metric is lost; None where it is not defined on these images."""
        found = self.metrics()
        if found is None:
            return None
        kind = self.bench.task.METRICS[self.plan.metric or self.bench.task.DEFAULT_METRIC]
        return kind.drop(found.parent, found.optimized)

    def metrics(self) -> Pair[float] | None:
        """The metric of both sides; None where it is not defined on these images."""
        metric = self.plan.metric or self.bench.task.DEFAULT_METRIC
        if not metric or any(image.truth is None for image in self.comparison.images):
            return None
        try:
            both = self.bench.task.metrics(self.comparison)
        except HarnessError:
            return None
        return both.map(lambda of: of[metric]) if all(metric in of for of in both) else None

    def _judged(self, *keys: str) -> Estimate | None:
        """Judge the first of some limits' quantities that the task knows; None where it is not defined."""
        key = next((key for key in keys if key in self.bench.task.LIMITS), None)
        try:
            return (
                None
                if key is None
                else self.bench.task.judge_quantity(key, self.comparison, self.plan)
            )
        except HarnessError:
            return None
