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
    from numpy.typing import NDArray

RESAMPLES = 2_000
#: Fewer than this say nothing about a 95 % interval.
FEWEST_RESAMPLES = 200
CONFIDENCE = 0.95
SEED = 20_250_117
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
    """How often each of ``n`` images is in each resample, [resamples, n]; every row sums to n."""
    if n < 1:
        raise MeasurementError("nothing to resample: the evaluation set holds no image")
    return (
        np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), resamples).astype(np.int32)
    )


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
    weights = draw(len(column), seed=seed)
    if not np.isfinite(column).all():
        raise MeasurementError("the quantity is NaN or infinite on at least one image")
    samples = weights @ column / len(column)
    return summarize(math.fsum(column) / len(column), samples, len(column))


def bootstrap_ratio(
    above: NDArray[np.floating], below: NDArray[np.floating], seed: int = SEED
) -> Resampled:
    """Ratio of two sums over images, ``sum(above) / sum(below)``, both [n]."""
    numerator, denominator = np.asarray(above, np.float64), np.asarray(below, np.float64)
    n = len(numerator)
    weights = draw(n, seed=seed)
    total = math.fsum(denominator)
    value = math.fsum(numerator) / total if total else math.nan
    return summarize(value, divide(weights @ numerator, weights @ denominator), n)


def divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide arrays [...] of one shape; NaN where the divisor is 0."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)
