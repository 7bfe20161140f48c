"""Metrics that other packages add to a task, judged and reported like its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from quantgate.core.bootstrap import resampled_roles, summarize
from quantgate.core.limits import kind_of
from quantgate.errors import MeasurementError
from quantgate.pair import ROLES, Pair, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from quantgate.core.bootstrap import Resampled
    from quantgate.core.comparison import Comparison
    from quantgate.core.estimate import Estimate
    from quantgate.core.metrics import MetricKind
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.protocol import Task

#: Resamples of a metric that is computed anew for each: its interval is good to about 5 % of its width.
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class AddedMetric:
    """A metric from outside; a plug-in's entry point in ``quantgate.metrics`` is one of these.

    Parameters
    ----------
    task
        Name of the task that it is a metric of.
    kind
        Title, unit and worst value.
    score
        Computes it for one role over some images. Arguments: the comparison, the role, and indices
        of images, int64 [n], in which an image of a resample stands more than once. Higher is better.
    """

    task: str
    kind: MetricKind
    score: Callable[[Comparison[Any], Role, NDArray[np.int64]], float]


@dataclass(frozen=True, slots=True)
class ExtendedTask:
    """A task with metrics of other packages; everything else is the task's own."""

    own: Any
    added: Mapping[str, AddedMetric]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.own, name)
        if not callable(found):
            return found

        def ask(*args: Any, **kwargs: Any) -> Any:
            return found(*map(self._own_plan, args), **kwargs)

        return ask

    def _own_plan(self, argument: Any) -> Any:
        """Ask the task for its own metric where an added one is asked for, which it does not know."""
        metric = getattr(argument, "metric", None)
        if isinstance(metric, str) and metric in self.added:
            return replace(argument, metric=None)
        return argument

    @property
    def METRICS(self) -> Mapping[str, MetricKind]:  # noqa: N802 - a task's constant
        """The task's own metrics, then the added ones."""
        return {**self.own.METRICS, **{name: one.kind for name, one in self.added.items()}}

    def metrics(self, comparison: Comparison[Any]) -> Pair[dict[str, float]]:
        """Every metric of both roles; raises DatasetError without annotations."""
        own = self.own.metrics(comparison)
        everything = np.arange(len(comparison), dtype=np.int64)
        return Pair(
            *(
                {
                    **getattr(own, role),
                    **{
                        name: one.score(comparison, role, everything)
                        for name, one in self.added.items()
                    },
                }
                for role in ROLES
            )
        )

    def judge_quantity(
        self, key: str, comparison: Comparison[Any], plan: EvaluationPlan
    ) -> Estimate:
        """Compute the quantity that a limit judges: the drop of an added metric, or the task's own.

        Raises
        ------
        MeasurementError
            For another limit of accuracy than the drop, which an added metric does not define.
        """
        metric = self.added.get(plan.metric or "")
        kind = kind_of(key)
        if metric is None or kind is None or not kind.of_metric:
            own: Estimate = self.own.judge_quantity(key, comparison, self._own_plan(plan))
            return own
        if key != "max_accuracy_drop":
            raise MeasurementError(
                f"limits.{key} is not defined for the metric {plan.metric}; use max_accuracy_drop, or "
                "one of the task's own metrics in evaluate.metric"
            )
        found = self._drop(metric, comparison).estimate
        return replace(found, unit=metric.kind.unit)

    def smallest_drop(self, comparison: Comparison[Any], plan: EvaluationPlan) -> float:
        """Smallest accuracy drop that a set of this size and spread can detect."""
        metric = self.added.get(plan.metric or "")
        if metric is None:
            own: float = self.own.smallest_drop(comparison, plan)
            return own
        return self._drop(metric, comparison).smallest_drop

    def role_scores(self, comparison: Comparison[Any], plan: EvaluationPlan) -> Pair[Resampled]:
        """Give the plan's metric of each role with an interval of its own."""
        metric = self.added.get(plan.metric or "")
        if metric is None:
            own: Pair[Resampled] = self.own.role_scores(comparison, plan)
            return own
        scores = self._resampled(metric, comparison)
        return scores.map(lambda of: summarize(float(of[0]), of[1:], len(comparison)))

    def _drop(self, metric: AddedMetric, comparison: Comparison[Any]) -> Resampled:
        """``parent - optimized`` with its paired bootstrap interval."""
        scores = self._resampled(metric, comparison)
        lost = scores.parent - scores.optimized
        return summarize(float(lost[0]), lost[1:], len(comparison))

    def _resampled(
        self, metric: AddedMetric, comparison: Comparison[Any]
    ) -> Pair[NDArray[np.float64]]:
        """Score both roles on all images, then on the same resamples, [1 + resamples] each."""

        def compute() -> Pair[NDArray[np.float64]]:
            every = np.arange(len(comparison))

            def score(role: Role, drawn: NDArray[np.int32]) -> NDArray[np.float64]:
                rows = (np.repeat(every, counts) for counts in drawn)
                return np.array([metric.score(comparison, role, row) for row in rows])

            samples = resampled_roles(len(every), score, RESAMPLES)
            return Pair(
                *(np.append(metric.score(comparison, role, every), samples[role]) for role in ROLES)
            )

        return comparison.once(f"added {metric.kind.title}", compute)


def with_added(name: str, own: Task, added: Mapping[str, AddedMetric]) -> Task:
    """Add the metrics of other packages to a task."""
    mine = {key: metric for key, metric in added.items() if metric.task == name}
    return cast("Task", ExtendedTask(own, mine)) if mine else own
