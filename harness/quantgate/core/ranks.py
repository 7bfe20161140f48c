"""The exact Wilcoxon signed-rank test, turned into an estimate and an interval.

Paired timings have heavy tails (a neighbour takes the core now and then), so means and t-intervals
are out. The Hodges-Lehmann estimate is the median of all pairwise means; its interval needs only
that the noise is symmetric, which the random order of the arms provides.

Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, chapter 3.1 to 3.3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@lru_cache(maxsize=128)
def signed_rank_cdf(n: int) -> NDArray[np.float64]:
    """Null distribution of the signed-rank statistic without ties.

    ``P(W <= w)`` for w = 0..n(n+1)/2, [n(n+1)/2 + 1].

    Every rank is positive with probability one half, so the distribution of the sum is built rank
    by rank (dynamic programming over sums).

    Raises
    ------
    ValueError
        When ``n < 1``.
    """
    if n < 1:
        raise ValueError(f"the signed-rank distribution needs n >= 1, found {n}")
    chance = np.zeros(n * (n + 1) // 2 + 1)
    chance[0] = 1.0
    for rank in range(1, n + 1):
        shifted = np.zeros_like(chance)
        shifted[rank:] = chance[:-rank]
        chance = (chance + shifted) / 2
    cdf: NDArray[np.float64] = np.minimum(np.cumsum(chance), 1.0)
    cdf.setflags(write=False)
    return cdf


def interval_depth(n: int, alpha: float) -> int | None:
    """How many pairwise means lie outside the interval on each side; None where ``n`` is too small.

    ``alpha`` is the error of one side. The interval runs from the (depth + 1)-th smallest to the
    (depth + 1)-th largest pairwise mean, with ``P(W <= depth) <= alpha``.
    """
    depth = int(np.searchsorted(signed_rank_cdf(n), alpha, side="right")) - 1
    return None if depth < 0 else depth


def smallest_n(alpha: float) -> int:
    """How many values an interval with one-sided error ``alpha`` needs at least."""
    return max(1, int(np.ceil(-np.log2(alpha))))


def pairwise_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sorted Walsh averages ``(x_i + x_j) / 2`` of values [n] for ``i <= j``, [n(n+1)/2].

    Examples
    --------
    >>> pairwise_means(np.array([1.0, 2.0, 4.0])).tolist()
    [1.0, 1.5, 2.0, 2.5, 3.0, 4.0]
    """
    rows, columns = np.triu_indices(len(values))
    return np.sort((values[rows] + values[columns]) / 2)


def hodges_lehmann(values: NDArray[np.float64]) -> float:
    """Median of all pairwise means of values [n]: the centre that the signed-rank test estimates.

    Raises
    ------
    ValueError
        On an empty array, NaN or infinity.

    Examples
    --------
    >>> hodges_lehmann(np.array([1.0, 2.0, 3.0, 100.0]))
    2.75
    """
    return float(np.median(pairwise_means(_checked(values))))


def signed_rank_interval(
    values: NDArray[np.float64], alpha: float
) -> tuple[float, float, float] | None:
    """Hodges-Lehmann estimate with its exact interval, ``(low, centre, high)``.

    Parameters
    ----------
    values
        float64 [n], one a round (or one an instance), independent and symmetric about the truth.
    alpha
        Error of each side: the truth lies below ``low`` with probability at most ``alpha``.

    Returns
    -------
    tuple or None
        None where so few values cannot reach ``alpha`` at all: no interval is invented.
    """
    means = pairwise_means(_checked(values))
    depth = interval_depth(len(values), alpha)
    if depth is None:
        return None
    return float(means[depth]), float(np.median(means)), float(means[-1 - depth])


def _checked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"expected a non-empty column of numbers, found shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a column of numbers holds NaN or infinity")
    return values
