"""Accuracy of embeddings: pairs that are decided rightly, identities that are found, and likeness of the roles."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import Counted, Resampled, draw, summarize, summarize_roles
from quantgate.core.metrics import MetricKind
from quantgate.core.nearest import Found, search
from quantgate.core.verification import Ordered, best_threshold
from quantgate.errors import MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.embedding.decisions import ACCURACY, FARS, decision_weights
from quantgate.tasks.embedding.record import cosines, vectors
from quantgate.tasks.embedding.sets import identities, known, lineup, pairs, units
from quantgate.tasks.embedding.tally import EmbeddingTally, Scores
from quantgate.tasks.losses import chosen_metric, refuse_perfect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.embedding.record import Embedded

DEFAULT_METRIC = ACCURACY
RANK1, MAP = "rank1", "map"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        ACCURACY: MetricKind("Verification accuracy", worst=0.5),
        **{key: MetricKind(f"TAR at a FAR of {far:.5f}".rstrip("0")) for key, far in FARS.items()},
        RANK1: MetricKind("Rank-1"),
        MAP: MetricKind("mAP by identity"),
    }
)
#: Without annotations the parent is taken to accept this share of all pairs.
_ACCEPTED = 0.01


def metric_of(plan: EvaluationPlan) -> str:
    """Return the metric that a plan asks for.

    Raises
    ------
    MeasurementError
        Where it is one of another task.
    """
    return chosen_metric(plan, DEFAULT_METRIC, METRICS, "embeddings")


def searched(comparison: Embedded, role: Role) -> Found:
    """Search each query in the gallery by one role's vectors."""
    return comparison.once(
        f"searched {role}", lambda: search(vectors(comparison, role), lineup(comparison))
    )


def alike(comparison: Embedded, role: Role) -> NDArray[np.float64]:
    """How alike one role finds the pairs, [pairs]."""
    own = pairs(comparison)
    return comparison.once(
        f"alike {role}", lambda: vectors(comparison, role).between(own.first, own.second)
    )


def decided_at(comparison: Embedded, metric: str) -> float:
    """From which similarity on the parent takes two images for the same.

    By annotations: above it lies the metric's share of false acceptances, else it makes the fewest errors. Without:
    above it lies one in a hundred of all pairs. NaN where there are no pairs.
    """
    own, of = pairs(comparison), alike(comparison, "parent")
    if not len(own):
        return float("nan")
    if not known(comparison) or not own.same.any() or own.same.all():
        return _above(of, _ACCEPTED)
    if metric in FARS:
        return _above(of[~own.same], FARS[metric])
    return best_threshold(of, own.same, decision_weights(own))


def _above(values: NDArray[np.float64], share: float) -> float:
    end = Ordered.of(values).ends_above(share, np.ones((1, len(values))))[0]
    return float(np.nextafter(end, np.inf))


def tally(comparison: Embedded, plan: EvaluationPlan) -> EmbeddingTally:
    """Sum up what the limits judge; against annotations where every image has some."""
    metric = metric_of(plan)
    return comparison.once(f"tally {metric}", lambda: _tally(comparison, metric))


def _tally(comparison: Embedded, metric: str) -> EmbeddingTally:
    both = Pair(*(searched(comparison, role) for role in ROLES))
    kept = np.where(both.parent.nearest < 0, np.nan, both.parent.nearest == both.optimized.nearest)
    found = None
    if known(comparison) and metric in {RANK1, MAP}:
        found = both.map(lambda of: _values(of, metric))
        found = found if np.isfinite(found.parent).any() else None
    return EmbeddingTally(
        metric,
        lineup(comparison).queries,
        found,
        pairs(comparison),
        Pair(*(alike(comparison, role) for role in ROLES)),
        decided_at(comparison, metric),
        cosines(comparison),
        kept,
    )


def _values(found: Found, metric: str) -> NDArray[np.float64]:
    """Value of a metric for each query, NaN where its identity is not in the gallery, [queries]."""
    if metric == MAP:
        return found.precision
    return np.where(found.first > 0, found.first == 1, np.nan)


def scores(comparison: Embedded, metric: str) -> tuple[Scores, Scores]:
    """Every number on the images, and on resamples of them, the same for both roles.

    Identities are drawn, each with all its images; where none is known, images.
    """

    def computed() -> tuple[Scores, Scores]:
        made, own = _made(comparison, metric), units(comparison)
        drawn = draw(int(own.max()) + 1, made.resamples)
        whole = made.scores(np.ones((1, len(comparison)), np.int32))
        return whole, made.scores(drawn[:, own])

    return comparison.once(f"scores {metric}", computed)


def _made(comparison: Embedded, metric: str) -> EmbeddingTally:
    return comparison.once(f"tally {metric}", lambda: _tally(comparison, metric))


def _judged(comparison: Embedded, metric: str) -> tuple[Pair[float], Pair[NDArray[np.float64]]]:
    """Value of the metric for each role, and on resamples.

    Raises
    ------
    DatasetError
        Without annotations.
    MeasurementError
        Where they do not define it.
    """
    identities(comparison)
    whole, drawn = scores(comparison, metric)
    _check_defined(comparison, metric)
    if whole.metric is None or drawn.metric is None:
        raise MeasurementError(
            f"{METRICS[metric].title} is not defined on these {len(comparison)} images: no identity has two that "
            "may be compared"
        )
    return whole.metric.map(lambda of: float(of[0])), drawn.metric


def _check_defined(comparison: Embedded, metric: str) -> None:
    """Refuse pairs that cannot tell a metric."""
    if metric in {RANK1, MAP}:
        return
    own = pairs(comparison)
    same, others = int(own.same.sum()), int((~own.same).sum())
    if not same or not others:
        raise MeasurementError(
            f"{METRICS[metric].title} is not defined on these {len(comparison)} images: {same} pairs are of one "
            f"identity and {others} of two; both are needed"
        )
    if metric in FARS and others * FARS[metric] < 1:
        raise MeasurementError(
            f"{METRICS[metric].title} cannot be told by {others:,} pairs of two identities: at least "
            f"{1 / FARS[metric]:,.0f} are needed; choose a larger one in evaluate.metric"
        )


def role_metrics(comparison: Embedded) -> Pair[dict[str, float]]:
    """Every metric of both roles; what these images do not define is left out.

    Raises
    ------
    DatasetError
        Without annotations.
    """
    identities(comparison)
    found: Pair[dict[str, float]] = Pair({}, {})
    for metric in METRICS:
        try:
            _check_defined(comparison, metric)
        except MeasurementError:
            continue
        whole = _made(comparison, metric).scores(np.ones((1, len(comparison)), np.int32))
        if whole.metric is not None:
            for role in ROLES:
                found[role][metric] = float(whole.metric[role][0])
    return found


def accuracy_drop(comparison: Embedded, plan: EvaluationPlan) -> Resampled:
    """``parent - optimized``, on the same identities drawn."""
    value, samples = _judged(comparison, metric_of(plan))
    lost = samples.parent - samples.optimized
    return summarize(value.parent - value.optimized, lost, len(comparison))


def role_scores(comparison: Embedded, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    value, samples = _judged(comparison, metric_of(plan))
    return summarize_roles(value, samples, len(comparison))


def error_increase(comparison: Embedded, plan: EvaluationPlan) -> Resampled:
    """Relative growth of what is missed.

    Raises
    ------
    MeasurementError
        Where the parent makes no error.
    """
    metric = metric_of(plan)
    value, _ = _judged(comparison, metric)
    refuse_perfect(value.parent, metric)
    return _number("max_error_increase", comparison, plan)


def _number(key: str, comparison: Embedded, plan: EvaluationPlan) -> Resampled:
    metric = metric_of(plan)
    made, both = _made(comparison, metric), scores(comparison, metric)
    whole, drawn = (made.number(key, each, both[0]) for each in both)
    assert whole is not None
    assert drawn is not None
    return summarize(float(whole[0]), drawn, len(comparison))


def role_cosine(comparison: Embedded, plan: EvaluationPlan) -> Resampled:
    """Cosine between both roles' vectors of an image, mean over images."""
    return _number("min_role_cosine", comparison, plan)


def neighbours(comparison: Embedded, plan: EvaluationPlan) -> Resampled:
    """Share of queries to which both roles find the same image nearest.

    Raises
    ------
    MeasurementError
        Where there is nothing to seek in.
    """
    kept = _made(comparison, metric_of(plan)).kept
    told = int(np.isfinite(kept).sum())
    if not told:
        raise MeasurementError(
            f"no image has a neighbour among these {len(comparison)}: evaluate on more images"
        )
    found = _number("min_agreement", comparison, plan)
    return replace(found, counted=Counted(told, int((kept == 0).sum()), "images"))


def changed_decisions(comparison: Embedded, plan: EvaluationPlan) -> Resampled:
    """Of the pairs that either role takes for the same at the parent's threshold, the share that one alone does.

    Raises
    ------
    MeasurementError
        Where neither takes any.
    """
    made = _made(comparison, metric_of(plan))
    if not any((made.alike[role] >= made.decided_at).any() for role in ROLES):
        raise MeasurementError(
            f"neither model takes any of {len(made.pairs):,} pairs for the same: no decision can change; evaluate "
            "on more images"
        )
    return _number("max_changed_decisions", comparison, plan)
