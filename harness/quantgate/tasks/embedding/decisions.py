"""Metrics of decisions about pairs: how often they are right, on all pairs or on some."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.bootstrap import divide
from quantgate.core.verification import Ordered, best_threshold
from quantgate.pair import ROLES, Pair, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from quantgate.tasks.embedding.sets import Pairs

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

ACCURACY = "verification_accuracy"
#: Shares of false acceptances that metrics are of, by their names.
FARS: Mapping[str, float] = {f"tar_at_far_1e-{k}": 10.0**-k for k in range(1, 6)}
#: Weighs a metric of a role, by weights [resamples, pairs]: [resamples].
Deciding: TypeAlias = "Callable[[Role, Floats], Floats]"


def deciding_of(metric: str, pairs: Pairs, alike: Pair[Floats]) -> Deciding | None:
    """Give what weighs a metric of pairs, of their similarities [pairs] by role.

    None for other metrics, and where pairs are of one kind alone.
    """
    if not pairs.same.any() or pairs.same.all():
        return None
    if metric in FARS:
        return _accepting(FARS[metric], pairs, alike)
    return _accuracy(pairs, alike) if metric == ACCURACY else None


def _accepting(far: float, pairs: Pairs, alike: Pair[Floats]) -> Deciding:
    same = alike.map(lambda of: Ordered.of(of[pairs.same]))
    others = alike.map(lambda of: Ordered.of(of[~pairs.same]))

    def accepted(role: Role, weights: Floats) -> Floats:
        """Weigh the pairs of one identity above the threshold that pairs of two exceed as often as allowed."""
        ends = others[role].ends_above(far, weights[:, ~pairs.same])
        return same[role].shares_above(ends, weights[:, pairs.same])

    return accepted


def _accuracy(pairs: Pairs, alike: Pair[Floats]) -> Deciding:
    right = Pair(*(right_decisions(pairs, alike[role]) for role in ROLES))
    groups = list(accuracy_groups(pairs))

    def accuracy(role: Role, weights: Floats) -> Floats:
        """Mean over folds, those of which anything was drawn; of no list over both kinds of pairs."""
        shares = np.stack(
            [
                divide(weights[:, own] @ right[role][own], weights[:, own].sum(axis=1))
                for own in groups
            ]
        )
        known = np.isfinite(shares) if pairs.listed else np.ones_like(shares, np.bool_)
        return divide(np.where(known, shares, 0).sum(axis=0), known.sum(axis=0).astype(np.float64))

    return accuracy


def accuracy_groups(pairs: Pairs) -> Iterator[Places]:
    """Pairs whose shares of right decisions are averaged: the folds of a list; else those of one and of two identities."""
    if pairs.listed:
        yield from (np.flatnonzero(pairs.folds == fold) for fold in np.unique(pairs.folds))
    else:
        yield from (np.flatnonzero(pairs.same), np.flatnonzero(~pairs.same))


def right_decisions(pairs: Pairs, alike: Floats) -> NDArray[np.float64]:
    """Whether each pair is decided rightly, [pairs], of their similarities [pairs].

    The threshold of each fold is the best of all others (LFW's protocol), of one fold or none its own best.
    """
    right = np.zeros(len(pairs))
    weights = decision_weights(pairs)
    folds = np.unique(pairs.folds)
    for fold in folds:
        own = pairs.folds == fold
        others = own if len(folds) == 1 else ~own
        threshold = best_threshold(alike[others], pairs.same[others], weights[others])
        right[own] = (alike[own] >= threshold) == pairs.same[own]
    return right


def decision_weights(pairs: Pairs) -> Floats:
    """Weight of each pair in the choice of a threshold: of a list one, else both kinds alike, [pairs]."""
    if pairs.listed:
        return np.ones(len(pairs))
    count = int(pairs.same.sum())
    return np.where(pairs.same, 1 / max(1, count), 1 / max(1, len(pairs) - count))
