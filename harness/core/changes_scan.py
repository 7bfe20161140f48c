"""Find where series moved: a sequential likelihood-ratio scan over many series at once.

Every night, each series asks for every number k of last nights whether their mean differs from the
mean of all earlier nights of the regime; both means are weighted, outliers are clipped to the level
and noise known before them, and the noise is learnt from the nights before the split alone. A regime
ends where a change is found, and the next begins. What was found on one night is found on every later
night, for nothing that came later is asked: reports do not come and go as the history grows.

Source of the statistic: Siegmund and Venkatraman, "Using the generalized likelihood ratio statistic
for sequential detection of a change-point", Annals of Statistics 23 (1995); the clipping is Huber's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from harness.core.noise import MAD_TO_SD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

#: Nights of a regime before the first split, and equal values that make a number repeatable.
WARM_UP, EQUAL = 6, 5
#: Last nights tried; the first is the least that a change needs after it.
AFTER = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 40, 50, 60)
#: Normal deviates that a worsening, and an improvement, has to reach.
WORSE, BETTER = 3.45, 4.3
#: Deviations beyond which a night's value is clipped; degrees of freedom that the intervals lend.
CLIP, LENT = 3.0, 6.0
#: What few nights need on top: two outliers in a row look like a step.
EXTRA = ((2, 3, 4, 5), (0.3, 0.15, 0.1, 0.0))
#: More last nights than these are tried on every third night only.
OFTEN = 10
#: Series scanned together: enough to spread numpy's overhead, few enough for the cache.
BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Panel:
    """Series side by side, each from its first night on, NaN after its last.

    Parameters
    ----------
    values, sds
        float64 [series, nights], in a scale on which steps add (logarithms of ratios); ``sds`` as
        the nights' intervals tell them.
    begins
        bool [series, nights], where a segment starts.
    smallest
        float64 [series], steps below it are of no interest.
    worse
        float64 [series], +1 where higher is worse, −1 where lower is, 0 where neither.
    """

    values: Floats
    sds: Floats
    begins: NDArray[np.bool_]
    smallest: Floats
    worse: Floats

    def rows(self, some: slice | Indices) -> Panel:
        """Take some of the series."""
        return Panel(
            self.values[some],
            self.sds[some],
            self.begins[some],
            self.smallest[some],
            self.worse[some],
        )


@dataclass(frozen=True, slots=True, order=True)
class Alarm:
    """A change found.

    Parameters
    ----------
    series
        Row of the panel.
    start, first, found
        Nights of that series: where the regime before begins, the first night after the change, and
        the night on which it could first be told.
    """

    series: int
    start: int
    first: int
    found: int


def scan(panel: Panel) -> list[Alarm]:
    """Find all changes of all series, ordered by series and night."""
    found: list[Alarm] = []
    for begin in range(0, len(panel.values), BLOCK):
        scanned = _Scan(panel.rows(slice(begin, begin + BLOCK)))
        found += [Alarm(begin + a.series, a.start, a.first, a.found) for a in scanned.run()]
    return sorted(found)


class _Scan:
    """One block of series on its way through the nights; states are [nights + 1, series].

    Row t + 1 holds what is known after night t, so that sums over nights are differences of rows.
    """

    def __init__(self, panel: Panel) -> None:
        series, nights = panel.values.shape
        self.values, self.sds, self.begins = panel.values.T, panel.sds.T, panel.begins.T
        self.smallest, self.worse = panel.smallest, panel.worse
        self.start = np.zeros(series, np.int64)
        self.weight = np.zeros((nights + 1, series))
        self.total = np.zeros((nights + 1, series))
        self.variance = np.full((nights + 1, series), np.inf)
        self.typical = np.zeros((nights + 1, series))
        self.equal = np.zeros((nights, series), np.int64)
        for night in range(1, nights):
            same = self.values[night] == self.values[night - 1]
            self.equal[night] = np.where(same, self.equal[night - 1] + 1, 0)

    def run(self) -> Iterator[Alarm]:
        """Go through the nights in their order, yielding each change on the night that tells it."""
        for night, values in enumerate(self.values):
            alive = np.isfinite(values)
            begins = alive & self.begins[night]
            self.start[begins] = night
            known = night - self.start + 1
            self._begin(np.flatnonzero(alive & (known == WARM_UP)), night)
            going = alive & (known > WARM_UP)
            self._learn(np.flatnonzero(going), night)
            yield from self._repeatable(alive, night)
            yield from self._noisy(going & (night - self.start + 1 > WARM_UP), night)

    def _begin(self, rows: Indices, night: int) -> None:
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

    def _learn(self, rows: Indices, night: int) -> None:
        """Take one more night into level and noise, clipped to what they were."""
        value, sd = self.values[night, rows], self.sds[night, rows]
        known = night - self.start[rows]
        typical = self.typical[night, rows]
        typical = typical + (np.minimum(sd, 3 * typical) - typical) / (known + 1)
        weight, before = _weights(sd, typical), self.weight[night, rows]
        level, variance = self.total[night, rows] / before, self.variance[night, rows]
        edge = CLIP * np.sqrt(variance / weight)
        apart = np.clip(value - level, -edge, edge)
        self.typical[night + 1, rows] = typical
        self.weight[night + 1, rows] = before + weight
        self.total[night + 1, rows] = self.total[night, rows] + weight * (level + apart)
        freedom = LENT + known - 1
        news = apart**2 / (1 / weight + 1 / before)
        self.variance[night + 1, rows] = (freedom * variance + news) / (freedom + 1)

    def _noisy(self, going: NDArray[np.bool_], night: int) -> Iterator[Alarm]:
        """Compare the last nights with all before them, for every number of last nights."""
        often = AFTER if night % 3 == 0 else [k for k in AFTER if k <= OFTEN]
        after = np.array([k for k in often if k <= night - WARM_UP + 1])
        if not going.any() or not len(after):
            return
        split = night + 1 - after
        before = split[:, None] - self.start
        step, deviate = self._deviates(split, night)
        side = np.sign(step) * self.worse
        needed = _needed(before, side) + np.interp(after, *EXTRA)[:, None]
        usable = going & (before >= WARM_UP) & (np.abs(step) >= self.smallest)
        over = usable & (np.abs(deviate) >= needed)
        for row in np.flatnonzero(over.any(axis=0)):
            yield self._alarm(int(row), night)

    def _deviates(
        self, split: Indices, night: int, some: slice | Indices = slice(None)
    ) -> tuple[Floats, Floats]:
        """Step and its normal deviate at every split, each [splits, series]."""
        weight, total = self.weight[split][:, some], self.total[split][:, some]
        with np.errstate(divide="ignore", invalid="ignore"):
            later = self.weight[night + 1, some] - weight
            step = (self.total[night + 1, some] - total) / later - total / weight
            noise = self.variance[split][:, some] * (1 / later + 1 / weight)
            return step, step / np.sqrt(noise)

    def _alarm(self, row: int, night: int) -> Alarm:
        """Find the likeliest split of a regime that moved, and start the next one there."""
        start = int(self.start[row])
        splits = np.arange(start + WARM_UP, night)
        deviates = self._deviates(splits, night, np.array([row]))[1][:, 0]
        first = int(splits[int(np.nanargmax(np.abs(deviates)))])
        self._restart(row, first, night)
        return Alarm(row, start, first, night)

    def _repeatable(self, alive: NDArray[np.bool_], night: int) -> Iterator[Alarm]:
        """Take a number that repeated itself exactly at its word: it moved when it moves, twice."""
        last = night - AFTER[0]
        if last < 0:
            return
        run = np.minimum(self.equal[last] + 1, last + 1 - self.start)
        moved = np.abs(self.values[last + 1 : night + 1] - self.values[last])
        other = ((moved > 0) & (moved >= self.smallest)).all(axis=0)
        steady = run >= np.where(self.sds[last] == 0, AFTER[0], EQUAL)
        for row in np.flatnonzero(alive & steady & other):
            start = int(self.start[row])
            self._restart(int(row), last + 1, night)
            yield Alarm(int(row), start, last + 1, night)

    def _restart(self, row: int, first: int, night: int) -> None:
        """Begin a regime at a night that lies back, and learn what has come since."""
        self.start[row] = first
        rows = np.array([row])
        for later in range(first + WARM_UP - 1, night + 1):
            (self._begin if later == first + WARM_UP - 1 else self._learn)(rows, later)


def _weights(sds: Floats, typical: Floats) -> Floats:
    """Weigh a night by its interval, half shrunk to the usual one: nights differ for other reasons too."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = 2 * typical**2 / (typical**2 + sds**2)
    return np.where(np.isfinite(weights), weights, 1.0)


def _thresholds(deviate: float) -> Floats:
    """Student's quantile with the tail of a normal deviate, by degrees of freedom."""
    found: Floats = stats.t.isf(stats.norm.sf(deviate), np.arange(1, _MOST_FREEDOM))
    return np.concatenate([[np.inf], found])


_MOST_FREEDOM = 400
_WORSE, _BETTER, _EITHER = (_thresholds(d) for d in (WORSE, BETTER, (WORSE + BETTER) / 2))


def _needed(before: Indices, side: Floats) -> Floats:
    """Deviate that a split has to reach, by the nights before it and by its side."""
    freedom = np.clip(before + int(LENT) - 1, 1, _MOST_FREEDOM - 1)
    either = np.where(side == 0, _EITHER[freedom], _BETTER[freedom])
    return np.where(side > 0, _WORSE[freedom], either)
