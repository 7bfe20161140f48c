"""Decisions about pairs: from which similarity on two images are taken for the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


#: Of similarities in order so many are looked at first for the threshold of a share.
_TIMES, _AND = 4, 1000


def best_threshold(similarities: Floats, same: NDArray[np.bool_], weights: Floats) -> float:
    """Choose the similarity from which on pairs, [pairs] each, count as the same with the least weight of errors.

    It lies in the middle between two pairs; of several that are as good the highest is taken.

    Examples
    --------
    >>> best_threshold(np.array([0.75, 0.5, 0.25]), np.array([True, True, False]), np.ones(3))
    0.375
    """
    order = np.argsort(-similarities, kind="stable")
    ordered = similarities[order]
    gains = np.concatenate([[0.0], np.cumsum(np.where(same, weights, -weights)[order])])
    between = np.concatenate([[True], ordered[1:] < ordered[:-1], [True]])
    cut = int(np.argmax(np.where(between, gains, -np.inf)))
    if cut == 0:
        return float(np.nextafter(ordered[0], np.inf))
    return float(ordered[-1] if cut == len(ordered) else (ordered[cut - 1] + ordered[cut]) / 2)


@dataclass(frozen=True, slots=True)
class Ordered:
    """Similarities of pairs, highest first, [pairs], and where each was before, [pairs]."""

    values: Floats
    order: NDArray[np.int64]

    @classmethod
    def of(cls, similarities: Floats) -> Ordered:
        """Put similarities [pairs] in order."""
        order = np.argsort(-similarities, kind="stable")
        return cls(similarities[order], order)

    def ends_above(self, share: float, weights: Floats) -> Floats:
        """Find the similarity above which no more than a share lies, by weights [resamples, pairs]: [resamples].

        Minus infinity where all may; NaN where nothing has a weight.
        """
        total = weights.sum(axis=1, keepdims=True)
        # The threshold is among the highest: some times as many as would be if all had one weight.
        some = min(len(self.order), _TIMES * int(share * len(self.order)) + _AND)
        summed = np.cumsum(weights[:, self.order[:some]], axis=1)
        if some < len(self.order) and not (summed[:, -1:] > share * total).all():
            summed = np.cumsum(weights[:, self.order], axis=1)
        beyond = np.divide(summed, total, out=np.zeros_like(summed), where=total > 0) > share
        first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(self.order))
        found = np.concatenate([self.values, [-np.inf]])[first]
        return np.asarray(np.where(total[:, 0] > 0, found, np.nan))

    def shares_above(self, thresholds: Floats, weights: Floats) -> Floats:
        """Weigh what lies above a threshold, by thresholds [resamples] and weights [resamples, pairs]: [resamples].

        NaN where nothing has a weight.
        """
        count = np.searchsorted(-self.values, -thresholds, side="left")
        summed = np.cumsum(weights[:, self.order], axis=1)
        whole = np.concatenate([np.zeros((len(summed), 1)), summed], axis=1)
        above, total = whole[np.arange(len(whole)), count], whole[:, -1]
        return np.asarray(np.divide(above, total, out=np.full_like(above, np.nan), where=total > 0))
