"""Intervals by resampling images: the image is the unit, because its objects are correlated.

The percentile bootstrap of Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), ch. 13.
Both roles are always resampled together (paired): what changes nothing on an image cancels out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quantgate.core.binomial import lowest_share
from quantgate.core.estimate import Estimate
from quantgate.errors import MeasurementError
from quantgate.pair import ROLES, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from quantgate.pair import Role

RESAMPLES = 2_000
#: Fewer than this say nothing about a 95 % interval.
FEWEST_RESAMPLES = 200
CONFIDENCE = 0.95
SEED = 20_250_117
# Cells of resamples that are in memory at once: some tens of megabytes.
_CELLS = 2**20
# A one-sided test at 5 % that finds a drop of this many standard errors in 80 % of all sets.
_POWER = 1.645 + 0.842
# "Rule of three": what never happened on n images may still happen on up to 3/n of all images.
_RULE_OF_THREE = 3.0


class Counted(NamedTuple):
    """Units whose share a number is, how many of them are missed, and what they are, plural."""

    units: int
    misses: int
    of: str


@dataclass(frozen=True, slots=True)
class Resampled:
    """A number with its bootstrap interval.

    Parameters
    ----------
    low, high
        95 % percentile interval, widened where needed so that it holds ``value``.
    spread
        Standard deviation over the resamples: the standard error of ``value``.
    n
        Images.
    resamples
        How many resamples the interval rests on.
    counted
        The units whose share it is, where it is one.
    """

    value: float
    low: float
    high: float
    spread: float
    n: int
    resamples: int
    counted: Counted | None = None

    @property
    def estimate(self) -> Estimate:
        """The same as a judged number; without a miss its lower end follows from the count alone."""
        if self.counted is None:
            return Estimate(self.value, self.low, self.high, self.n)
        units, misses, of = self.counted
        low = self.low if misses else min(self.low, lowest_share(units))
        return Estimate(self.value, low, self.high, units, of=of, misses=misses)

    @property
    def smallest_drop(self) -> float:
        """Smallest drop that a set of this size and spread detects (5 % one-sided, power 80 %).

        Where both roles agree on every image the spread is 0 and the rule of three (3 / n) says
        what such a set cannot exclude.
        """
        return max(_POWER * self.spread, _RULE_OF_THREE / self.n)


def draw(n: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.int32]:
    """How often each of ``n`` images is in each resample, [resamples, n]; every row sums to n.

    Memory grows with the images: :func:`resampled` needs no more for many of them.
    """
    return np.concatenate([*_drawn(n, resamples, seed)])


def resampled(
    n: int,
    compute: Callable[[NDArray[np.int32]], NDArray[np.float64]],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> NDArray[np.float64]:
    """Compute something on every resample of ``n`` images, a few resamples at a time.

    Parameters
    ----------
    compute
        Of rows of what :func:`draw` gives, [rows, n], each by itself: an array [rows, ...].

    Returns
    -------
    ndarray
        [resamples, ...]; what lies in memory meanwhile does not grow with the images.

    Examples
    --------
    >>> column = np.arange(5.0)
    >>> means = resampled(5, lambda weights: weights @ column / 5)
    >>> means.shape, bool((means == draw(5) @ column / 5).all())
    ((2000,), True)
    """
    return np.concatenate([compute(weights) for weights in _drawn(n, resamples, seed)])


def _drawn(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.int32]]:
    """Draw the rows of all resamples in order, so many at once as bound memory."""
    if n < 1:
        raise MeasurementError("nothing to resample: the evaluation set holds no image")
    generator, shares = np.random.default_rng(seed), np.full(n, 1.0 / n)
    rows = max(1, _CELLS // n)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        yield generator.multinomial(n, shares, count).astype(np.int32)


def resampled_roles(
    n: int,
    compute: Callable[[Role, NDArray[np.int32]], NDArray[np.float64]],
    resamples: int = RESAMPLES,
) -> Pair[NDArray[np.float64]]:
    """As :func:`resampled`, of both roles on the same resamples, [resamples, ...] each."""

    def both(weights: NDArray[np.int32]) -> NDArray[np.float64]:
        return np.stack([compute(role, weights) for role in ROLES], axis=1)

    found = resampled(n, both, resamples)
    return Pair(found[:, 0], found[:, 1])


def summarize(value: float, samples: NDArray[np.float64], n: int) -> Resampled:
    """Turn resampled values [resamples] into an interval around ``value``.

    Undefined resamples (NaN) are left out.

    Raises
    ------
    MeasurementError
        Where ``value`` or every resample is undefined or infinite.
    """
    defined = samples[np.isfinite(samples)]
    if not math.isfinite(value) or len(defined) == 0:
        raise MeasurementError(
            f"the quantity is not defined on these {n} images (found {value}): "
            "evaluate on more images or drop this limit"
        )
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Resampled(
        value,
        min(float(low), value),
        max(float(high), value),
        float(defined.std()),
        n,
        len(defined),
    )


def summarize_roles(
    value: Pair[float], samples: Pair[NDArray[np.float64]], n: int
) -> Pair[Resampled]:
    """Summarize a metric of each role by itself, resampled values [resamples] each."""
    return Pair(*(summarize(value[role], samples[role], n) for role in ROLES))


def bootstrap_mean(values: NDArray[np.floating], seed: int = SEED) -> Resampled:
    """Mean over images of one value an image, [n].

    Examples
    --------
    >>> found = bootstrap_mean(np.array([0.0, 0.0, 1.0, 1.0])).estimate
    >>> found.value, found.low < found.value < found.high, found.n
    (0.5, True, 4)
    """
    column = np.asarray(values, np.float64)
    if not np.isfinite(column).all():
        raise MeasurementError("the quantity is NaN or infinite on at least one image")
    samples = resampled(len(column), lambda drawn: drawn @ column / len(column), seed=seed)
    return summarize(math.fsum(column) / len(column), samples, len(column))


def bootstrap_ratio(
    above: NDArray[np.floating], below: NDArray[np.floating], seed: int = SEED
) -> Resampled:
    """Ratio of two sums over images, ``sum(above) / sum(below)``, both [n]."""
    numerator, denominator = np.asarray(above, np.float64), np.asarray(below, np.float64)
    n = len(numerator)
    total = math.fsum(denominator)
    value = math.fsum(numerator) / total if total else math.nan
    samples = resampled(n, lambda drawn: divide(drawn @ numerator, drawn @ denominator), seed=seed)
    return summarize(value, samples, n)


def resampled_ratios(
    sums: Pair[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> Pair[NDArray[np.float64]]:
    """Resample a ratio of two sums over images, what is above and what is below, [n] each, of both roles."""
    return resampled_roles(
        len(sums.parent[0]), lambda role, drawn: divide(*(drawn @ part for part in sums[role]))
    )


def divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide arrays [...] of one shape; NaN where the divisor is 0."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)
