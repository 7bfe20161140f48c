"""How rounds scatter: within one compiled copy, between copies, and from one round to the next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.ranks import hodges_lehmann

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Low, centre and high, in log-ratios.
Interval: TypeAlias = tuple[float, float, float]
#: Normal quantiles, one-sided.
CHANCE_10_PERCENT, CHANCE_5_PERCENT = 1.282, 1.645
MOST_AUTOCORRELATION = 0.9
#: Normal quantile of one look's error 0.002, and the rounds that a gate has at least and at most.
Z_LOOK, LEAST_ROUNDS, MOST_ROUNDS = 2.878, 9, 64
#: Up to this many values, neither an autocorrelation nor a variance component means anything.
TOO_FEW = 2
#: Median absolute deviation to standard deviation, for a normal distribution.
MAD_TO_SD = 1.4826


def median(values: NDArray[np.float64]) -> float:
    """Give the median of finite values, float64 [n], as `numpy.median` does.

    Of a few dozen values it takes a fifth of the time, and a history has many such medians.
    """
    middle = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, middle)[middle])
    low, high = np.partition(values, (middle - 1, middle))[middle - 1 : middle + 1]
    return float((low + high) / 2)


def robust_sd(values: NDArray[np.float64]) -> float:
    """Estimate the standard deviation of values [n] from their median absolute deviation (normal).

    Examples
    --------
    >>> round(robust_sd(np.array([1.0, 2.0, 3.0, 4.0, 1000.0])), 4)
    1.4826
    """
    return MAD_TO_SD * median(np.abs(values - median(values)))


def rank_autocorrelation(values: NDArray[np.float64]) -> float:
    """Lag-1 autocorrelation of the ranks of values [n]: no outlier decides it; 0 when constant."""
    if len(values) <= TOO_FEW or np.ptp(values) == 0:
        return 0.0
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
    centred = ranks - ranks.mean()
    return float((centred[:-1] * centred[1:]).sum() / (centred**2).sum())


def instance_centres(
    values: NDArray[np.float64], instances: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Hodges-Lehmann centre of each copy's rounds [copies], from values and copies' numbers [rounds]."""
    return np.array([hodges_lehmann(values[instances == key]) for key in np.unique(instances)])


def between_instances(log_ratios: NDArray[np.float64], instances: NDArray[np.int64]) -> float:
    """Estimate the standard deviation between compiled copies, without what rounds explain.

    ``log_ratios`` and ``instances``, the number of the copy, are [rounds].

    A centre of k rounds with noise s has a variance of about ``(π/3)·s²/k``; what the centres vary
    beyond that belongs to the copies. The noise comes from steps between neighbouring rounds of one
    copy. 0 with fewer than three copies, which cannot tell the two apart.
    """
    keys, counts = np.unique(instances, return_counts=True)
    same_copy = instances[1:] == instances[:-1]
    if len(keys) <= TOO_FEW or not same_copy.any():
        return 0.0
    steps = np.diff(log_ratios)[same_copy]
    within = MAD_TO_SD * float(np.median(np.abs(steps))) / math.sqrt(2)
    explained = float(np.mean(np.pi / 3 * within**2 / counts))
    centres = instance_centres(log_ratios, instances)
    return math.sqrt(max(0.0, float(np.var(centres, ddof=1)) - explained))


def widened(interval: Interval | None, log_ratios: NDArray[np.float64]) -> Interval | None:
    """Widen an interval by what neighbours of ``log_ratios`` [rounds] may share: they are worth fewer.

    With lag-1 autocorrelation r, n rounds are worth ``n·(1 - r)/(1 + r)`` independent ones. Never
    narrows, also where neighbours avoid each other.
    """
    if interval is None:
        return None
    low, centre, high = interval
    factor = widening(possible_autocorrelation(log_ratios))
    return centre - (centre - low) * factor, centre, centre + (high - centre) * factor


def widening(autocorrelation: float) -> float:
    """By how much an interval grows at a lag-1 autocorrelation: √((1 + r)/(1 - r)), at least 1."""
    r = max(0.0, autocorrelation)
    return math.sqrt((1 + r) / (1 - r))


def possible_autocorrelation(log_ratios: NDArray[np.float64]) -> float:
    """Give the largest lag-1 autocorrelation that is compatible with ``log_ratios`` [rounds].

    The seen one, corrected for its bias, and 1.28 standard errors more. A short series shows too
    little of it, by about ``(1 + 3r)/n``, and scatters by ``√((1 - r²)/n)``:
    believed as seen, it would let a machine whose load comes in phases be sure of nonsense after
    twelve rounds. At most 0.9, from where on no number of rounds would decide.

    Source: Kendall, Note on bias in the estimation of autocorrelation, Biometrika 41 (1954).
    """
    return _upper(rank_autocorrelation(log_ratios), len(log_ratios))


def _upper(seen: float, n: int) -> float:
    bias = (1 + 3 * max(0.0, seen)) / n
    scatter = CHANCE_10_PERCENT * math.sqrt(max(0.0, 1 - seen**2) / n)
    return min(MOST_AUTOCORRELATION, seen + bias + scatter)


def smallest_slowdown(
    noise: float, spread: float, rounds: int, autocorrelation: float = 0.0
) -> float:
    """Predict the smallest slowdown (fraction) that ``rounds`` rounds find in 19 of 20 cases.

    Normal approximation: the interval of one look (one-sided error 0.002), widened as
    :func:`widened` does at this lag-1 autocorrelation, has to lie below the limit, and compiled
    copies that differ by ``spread`` are drawn anew every five rounds. 1.0 where there are too few
    rounds for any interval.
    """
    if rounds < LEAST_ROUNDS:
        return 1.0
    rounds = min(rounds, MOST_ROUNDS)
    variance = math.pi / 3 * noise**2 / rounds + spread**2 / max(1, rounds / 5)
    factor = widening(_upper(autocorrelation, rounds))
    return min(1.0, 1 - math.exp(-(Z_LOOK * factor + CHANCE_5_PERCENT) * math.sqrt(variance)))
