"""What every task says alike of a metric that was measured in both roles: which it is, its drop, its growth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.core.bootstrap import Resampled, divide, summarize
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.metrics import MetricKind
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Pair


def chosen_metric(
    plan: EvaluationPlan, default: str, kinds: Mapping[str, MetricKind], of: str
) -> str:
    """Return the metric that a plan asks for; ``of`` is what the task judges, plural.

    Raises
    ------
    MeasurementError
        Where it is one of another task.
    """
    metric = plan.metric or default
    if metric not in kinds:
        raise MeasurementError(
            f"metric {metric} cannot be judged for {of}; expected one of {', '.join(kinds)} in evaluate.metric"
        )
    return metric


def paired_drop(
    kind: MetricKind, value: Pair[float], samples: Pair[NDArray[Any]], images: int
) -> Resampled:
    """``parent - optimized``, of errors the other way round, paired by image: samples [resamples]."""
    sign = -1.0 if kind.is_error else 1.0
    return summarize(kind.drop(*value), sign * (samples.parent - samples.optimized), images)


def error_growth(
    metric: tuple[str, MetricKind], value: Pair[float], samples: Pair[NDArray[Any]], images: int
) -> Resampled:
    """Relative growth of an error, or of what is missing to 1: 0.02 is two per cent more; samples [resamples].

    Raises
    ------
    MeasurementError
        Where the parent makes no error.
    """
    name, kind = metric
    if not kind.is_error:
        value, samples = value.map(lambda of: 1 - of), samples.map(lambda of: 1 - of)
    refuse_perfect(1 - value.parent, name)
    growth = divide(samples.optimized, samples.parent) - 1
    return summarize(value.optimized / value.parent - 1, growth, images)


def refuse_perfect(parent: float, metric: str) -> None:
    """Refuse to state the growth of an error that is 0."""
    if parent >= 1:
        raise MeasurementError(
            f"the parent makes no error ({metric} = {parent:.4f}): a relative error increase is not "
            "defined; use limits.max_accuracy_drop or a harder evaluation set"
        )
