"""What is known of a regime after each night: its level, its noise, and how sure its nights are.

A night is taken in clipped to what was known before it. The same formula serves a thousand series on
one night and one series on many nights, where an array of one number would cost ten times the sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.noise import MAD_TO_SD

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

#: Nights of a regime before its level is known.
WARM_UP = 6
#: Deviations beyond which a night's value is clipped; degrees of freedom that the intervals lend.
CLIP, LENT = 3.0, 6.0
#: What the wildest night weighs at least: none is so unsure that it may be divided by.
_LEAST = 1e-12


@dataclass(slots=True)
class Levels:
    """Level and noise of series side by side, all [nights + 1, series].

    Row t + 1 holds what is known after night t, so that sums over nights are differences of rows.

    Parameters
    ----------
    values, sds
        float64 [nights, series], see `Panel`.
    weight, total
        Sums of weights, and of weighted values, over the nights of the regime.
    variance, typical
        Of a night of weight 1, and the standard deviation that an interval usually tells.
    """

    values: Floats
    sds: Floats
    weight: Floats = field(init=False)
    total: Floats = field(init=False)
    variance: Floats = field(init=False)
    typical: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing yet."""
        nights, series = self.values.shape
        self.weight, self.total, self.typical = np.zeros((3, nights + 1, series))
        self.variance = np.full((nights + 1, series), np.inf)

    def begin(self, rows: Indices, night: int) -> None:
        """Learn level and noise from a regime's first nights, which may hold an outlier."""
        if not len(rows):
            return
        first = night - WARM_UP + 1
        values, sds = self.values[first : night + 1, rows], self.sds[first : night + 1, rows]
        typical, level = np.median(sds, axis=0), np.median(values, axis=0)
        apart = values - level
        spread = MAD_TO_SD * np.median(np.abs(apart), axis=0)
        edge = CLIP * np.maximum(spread, typical / 2)
        apart = np.clip(apart, -edge, edge)
        weights = _weights(sds, typical)
        scatter = (weights * apart**2).sum(axis=0)
        self.typical[night + 1, rows] = typical
        self.variance[night + 1, rows] = (LENT * typical**2 + scatter) / (LENT + WARM_UP - 1)
        self.weight[first, rows] = self.total[first, rows] = 0.0
        self.weight[first + 1 : night + 2, rows] = np.cumsum(weights, axis=0)
        self.total[first + 1 : night + 2, rows] = np.cumsum(weights * (level + apart), axis=0)

    def learn(self, rows: Indices, night: int, known: Indices) -> None:
        """Take one more night into level and noise; ``known`` counts the regime's nights before it."""
        state = tuple(one[night, rows] for one in self._kept)
        now = self.values[night, rows], self.sds[night, rows]
        for kept, one in zip(self._kept, _learnt(state, now, known, _ARRAYS), strict=True):
            kept[night + 1, rows] = one

    def relearn(self, row: int, first: int, night: int) -> None:
        """Start a regime of one series at an earlier night, and take in the nights since."""
        known = first + WARM_UP
        if known > night + 1:
            return
        self.begin(np.array([row]), known - 1)
        state = tuple(float(one[known, row]) for one in self._kept)
        later = slice(known, night + 1)
        nights = zip(self.values[later, row].tolist(), self.sds[later, row].tolist(), strict=True)
        learnt = [
            state := _learnt(state, now, known - first + place, _NUMBERS)
            for place, now in enumerate(nights)
        ]
        # Without later nights there are no columns either.
        for kept, column in zip(self._kept, zip(*learnt, strict=True), strict=False):
            kept[known + 1 : night + 2, row] = column

    @property
    def _kept(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.typical, self.weight, self.total, self.variance


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """The four steps of the formula that arrays and single numbers write differently."""

    least: Callable[[Any, Any], Any]
    clip: Callable[[Any, Any, Any], Any]
    root: Callable[[Any], Any]
    weigh: Callable[[Any, Any], Any]


def _learnt(
    state: tuple[Any, ...], now: tuple[Any, Any], known: Any, by: _Arithmetic
) -> tuple[Any, ...]:
    """Give typical sd, weight, total and variance after one more night."""
    (typical, before, total, variance), (value, sd) = state, now
    typical = typical + (by.least(sd, 3 * typical) - typical) / (known + 1)
    weight, level = by.weigh(sd, typical), total / before
    edge = CLIP * by.root(variance / weight)
    apart = by.clip(value - level, -edge, edge)
    news = apart * apart / (1 / weight + 1 / before)
    freedom = LENT + known - 1
    variance = (freedom * variance + news) / (freedom + 1)
    return typical, before + weight, total + weight * (level + apart), variance


def _weights(sds: Floats, typical: Floats) -> Floats:
    """Weigh a night by its interval, half shrunk to the usual one: nights differ for other reasons too."""
    square = typical * typical
    # Where intervals are nothing as a rule, all nights weigh the same.
    spread = square + sds * sds
    weights = np.divide(2 * square, spread, out=np.ones_like(spread), where=square > 0)
    return np.maximum(weights, _LEAST)


def _weight(sd: float, typical: float) -> float:
    square = typical * typical
    return max(2 * square / (square + sd * sd), _LEAST) if square > 0 else 1.0


_ARRAYS = _Arithmetic(np.minimum, np.clip, np.sqrt, _weights)
_NUMBERS = _Arithmetic(min, lambda value, low, high: min(max(value, low), high), math.sqrt, _weight)
