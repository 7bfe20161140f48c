"""Accuracy of attributes: each head by itself, their mean and the worst, of both roles and between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import (
    FEWEST_RESAMPLES,
    RESAMPLES,
    Counted,
    Resampled,
    bootstrap_mean,
    divide,
    draw,
    summarize,
    summarize_roles,
)
from quantgate.core.heads import spans
from quantgate.core.metrics import MetricKind
from quantgate.core.ranked import ranked_precision
from quantgate.errors import MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.attributes.answers import FEWEST_IMAGES, answers_of, differences, truths_of
from quantgate.tasks.losses import chosen_metric, error_growth, paired_drop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.heads import Head
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.attributes.record import Told

#: The unit of values: years, degrees, or whatever their heads say.
UNIT = "units"
DEFAULT_METRIC = "accuracy"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "accuracy": MetricKind("Accuracy, mean over heads"),
        "map": MetricKind("mAP over heads"),
        "f1": MetricKind("F1, mean over labels"),
        "mae": MetricKind("MAE, in the values' unit", unit=UNIT, worst=None, is_error=True),
    }
)
#: Cells that resamples of rankings may touch together: some seconds on one core.
_CELLS = 400_000_000
#: Which heads a metric is of.
_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"accuracy": ("class", "label"), "map": ("class", "label"), "f1": ("label",), "mae": ("value",)}
)


def metric_of(plan: EvaluationPlan) -> str:
    """Return the metric that a plan asks for.

    Raises
    ------
    MeasurementError
        Where it is one of another task.
    """
    return chosen_metric(plan, DEFAULT_METRIC, METRICS, "attributes")


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric, head by head.

    Parameters
    ----------
    heads
        Those for which it is defined on these images.
    counts
        Images on which each is annotated, [heads].
    value
        By role, [heads].
    """

    heads: tuple[Head, ...]
    counts: NDArray[np.int64]
    value: Pair[NDArray[np.float64]]


def measured(comparison: Told, metric: str) -> Measured:
    """Measure a metric of both roles, head by head; where nothing is annotated of a head it is left out."""

    def found() -> Measured:
        places = places_of(comparison, metric)
        value = Pair(
            *(np.array([_whole(comparison, role, metric, k) for k in places]) for role in ROLES)
        )
        all_of = answers_of(comparison)
        known = ~np.isnan(truths_of(comparison))
        counts = known.sum(axis=0)[places].astype(np.int64)
        return Measured(tuple(all_of.heads[k] for k in places), counts, value)

    return comparison.once(f"measured {metric}", found)


def _whole(comparison: Told, role: Role, metric: str, place: int) -> float:
    """A metric of one head on all images."""
    if metric == "map":
        once = np.ones((1, len(comparison)), np.int32)
        return float(_precision(comparison, role, place, once)[0])
    above, below = (column[:, place] for column in sums(comparison, role, metric))
    return math.fsum(above) / math.fsum(below)


def places_of(comparison: Told, metric: str) -> list[int]:
    """Heads for which a metric is defined: of its kind, annotated, for AP and F1 with some that have the label."""
    heads, truths = answers_of(comparison).heads, truths_of(comparison)
    some = metric in {"map", "f1"}
    return [
        k
        for k, head in enumerate(heads)
        if head.kind in _KINDS[metric]
        and not np.isnan(truths[:, k]).all()
        and (not some or head.kind == "class" or bool((truths[:, k] == 1).any()))
    ]


def _required(comparison: Told, metric: str) -> list[int]:
    """As `places_of`; an error where there is none, or where their units cannot be averaged."""
    places = places_of(comparison, metric)
    heads = [answers_of(comparison).heads[k] for k in places]
    if not places:
        told = {head.kind for head in answers_of(comparison).heads}
        other = "mae" if told == {"value"} else "accuracy"
        raise MeasurementError(
            f"{METRICS[metric].title} is not defined on these {len(comparison)} images: no head of the kind "
            f'{" or ".join(_KINDS[metric])} is annotated there; evaluate.metric = "{other}" may be'
        )
    one_unit(heads)
    return places


def one_unit(heads: Sequence[Head]) -> None:
    """Refuse to compare years with degrees."""
    values = [head for head in heads if head.kind == "value"]
    other = next((head for head in values if head.unit != values[0].unit), None)
    if other is not None:
        first = values[0]
        raise MeasurementError(
            f"heads {first.name} ({first.unit or 'no unit'}) and {other.name} ({other.unit or 'no unit'}) have "
            "different units: neither their mean nor the worst of them is defined; bring them to one by "
            "decoder.heads.NAME.scale and unit"
        )


def _resampled(
    comparison: Told, role: Role, of: tuple[str, list[int]], weights: NDArray[np.int32]
) -> NDArray[np.float64]:
    """A metric of some heads on resamples, weights [resamples, images]: [resamples, heads]; NaN where not defined."""
    metric, places = of
    if metric == "map":
        return np.stack([_precision(comparison, role, k, weights) for k in places], axis=1)
    above, below = (column[:, places] for column in sums(comparison, role, metric))
    drawn = weights.astype(np.float64)
    return divide(drawn @ above, drawn @ below)


def _drawn(comparison: Told, of: tuple[str, list[int]]) -> NDArray[np.int32]:
    """Draw resamples: fewer where each is ranked anew, class by class, and images are many."""
    metric, places = of
    heads, count = answers_of(comparison).heads, len(comparison)
    ranked = sum(heads[k].size for k in places) if metric == "map" else 0
    affordable = _CELLS // max(1, 2 * count * ranked)
    return draw(count, min(RESAMPLES, max(FEWEST_RESAMPLES, affordable)) if ranked else RESAMPLES)


def sums(
    comparison: Told, role: Role, metric: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What accuracy, F1 or MAE is the ratio of, [images, heads] twice; 0 of 0 where nothing is annotated."""

    def found() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        all_of, truths = answers_of(comparison), truths_of(comparison)
        said, known = all_of.said[role], ~np.isnan(truths)
        if metric == "f1":
            both = known & (said == 1) & (truths == 1)
            return 2.0 * both, known * ((said == 1).astype(np.float64) + (truths == 1))
        if metric == "mae":
            return np.where(known, differences(all_of, said, truths), 0.0), known.astype(np.float64)
        return (known & (said == truths)).astype(np.float64), known.astype(np.float64)

    return comparison.once(f"sums {role} {metric}", found)


def _precision(
    comparison: Told, role: Role, place: int, weights: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Average precision of a label; of classes the mean over those that are annotated, each against all others."""
    heads, truth = answers_of(comparison).heads, truths_of(comparison)[:, place]
    known = ~np.isnan(truth)
    head, span = heads[place], spans(heads)[place]
    scores = np.stack([one.record[role].values[span] for one in comparison.images])[known]
    drawn = weights[:, known]
    if head.kind == "label":
        return ranked_precision(scores[:, 0], truth[known] == 1, drawn)
    classes = np.unique(truth[known]).astype(int)
    every = [ranked_precision(scores[:, c], truth[known] == c, drawn) for c in classes]
    return np.asarray(np.mean(every, axis=0), np.float64)


@dataclass(frozen=True, slots=True)
class _Mean:
    """A metric's mean over heads, and on the same resamples of both roles, [resamples] each."""

    value: Pair[float]
    samples: Pair[NDArray[np.float64]]


def _mean(comparison: Told, metric: str) -> _Mean:
    def found() -> _Mean:
        places = _required(comparison, metric)
        weights = _drawn(comparison, (metric, places))
        samples = Pair(
            *(
                _resampled(comparison, role, (metric, places), weights).mean(axis=1)
                for role in ROLES
            )
        )
        value = measured(comparison, metric).value.map(lambda of: float(np.mean(of)))
        return _Mean(value, samples)

    return comparison.once(f"mean {metric}", found)


def role_metrics(comparison: Told, role: Role) -> dict[str, float]:
    """Every metric of one role; what is not defined on these images is left out."""
    found = {}
    for metric in METRICS:
        one = measured(comparison, metric)
        units = {head.unit for head in one.heads if head.kind == "value"}
        if one.heads and len(units) < 2:  # noqa: PLR2004 - years and degrees have no mean
            found[metric] = float(np.mean(one.value[role]))
    return found


def accuracy_drop(comparison: Told, plan: EvaluationPlan) -> Resampled:
    """``parent - optimized``, of errors the other way round, paired by image."""
    metric = metric_of(plan)
    found = _mean(comparison, metric)
    return paired_drop(METRICS[metric], found.value, found.samples, len(comparison))


def role_scores(comparison: Told, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    found = _mean(comparison, metric_of(plan))
    return summarize_roles(found.value, found.samples, len(comparison))


def error_increase(comparison: Told, plan: EvaluationPlan) -> Resampled:
    """Relative growth of what is missing to perfect, or of the mean absolute error.

    Raises
    ------
    MeasurementError
        Where the parent makes no error.
    """
    metric = metric_of(plan)
    found = _mean(comparison, metric)
    return error_growth((metric, METRICS[metric]), found.value, found.samples, len(comparison))


def head_drop(comparison: Told, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the head that lost most of the metric, of those annotated on ten images at least."""
    return _worst_head(comparison, metric_of(plan), "max_class_drop")


def mae_increase(comparison: Told, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the value whose error grew most, of those annotated on ten images at least."""
    del plan
    return _worst_head(comparison, "mae", "max_mae_increase")


def _worst_head(comparison: Told, metric: str, key: str) -> tuple[str, Resampled]:
    places = _required(comparison, metric)
    found, kind = measured(comparison, metric), METRICS[metric]
    drops = [kind.drop(*pair) for pair in zip(*found.value, strict=True)]
    large = [k for k in range(len(places)) if found.counts[k] >= FEWEST_IMAGES]
    if not large:
        raise MeasurementError(
            f"no head is annotated on {FEWEST_IMAGES} of these {len(comparison)} images: limits.{key} needs more"
        )
    worst = max(large, key=lambda k: drops[k])
    own = metric, [places[worst]]
    weights = _drawn(comparison, own)
    parent, optimized = (_resampled(comparison, role, own, weights)[:, 0] for role in ROLES)
    lost = optimized - parent if kind.is_error else parent - optimized
    return found.heads[worst].name, summarize(drops[worst], lost, len(comparison))


def agreement(comparison: Told, plan: EvaluationPlan) -> Resampled:
    """Share of all answers about classes and labels that are the same in both roles."""
    del plan
    same = _same(comparison)
    shares = same.mean(axis=1)
    # Images' worth of answers: an image of which one answer in eight changed is an eighth of a miss.
    counted = Counted(len(same), math.ceil(math.fsum(1 - shares)), "images")
    return replace(bootstrap_mean(shares), counted=counted)


def head_agreement(comparison: Told, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the head on which the roles agree least, and the share of images on which they do."""
    del plan
    same, all_of = _same(comparison), answers_of(comparison)
    worst = int(same.mean(axis=0).argmin())
    column = same[:, worst]
    counted = Counted(len(same), int((~column).sum()), "images")
    name = all_of.heads[int(all_of.named[worst])].name
    return name, replace(bootstrap_mean(column.astype(np.float64)), counted=counted)


def _same(comparison: Told) -> NDArray[np.bool_]:
    same = answers_of(comparison).same
    if not same.shape[1]:
        raise MeasurementError(
            "no head says a class or a label: the roles' agreement is not defined; use limits.max_head_mae"
        )
    return same


def head_mae(comparison: Told, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the value on which the roles are farthest apart, and how far in its unit, mean over images."""
    del plan
    all_of = answers_of(comparison)
    if not len(all_of.valued):
        raise MeasurementError(
            "no head says a value: limits.max_head_mae is not defined; use limits.min_head_agreement"
        )
    heads = [all_of.heads[k] for k in all_of.valued]
    one_unit(heads)
    apart = all_of.apart
    worst = int(apart.mean(axis=0).argmax())
    return heads[worst].name, bootstrap_mean(apart[:, worst])
