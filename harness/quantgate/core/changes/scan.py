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
from scipy.special import ndtr, stdtrit

from quantgate.core.changes.levels import LENT, WARM_UP, Levels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

#: Equal values that make a number repeatable.
EQUAL = 5
#: Last nights tried; the first is the least that a change needs after it.
AFTER = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 40, 50, 60)
#: Normal deviates that a worsening, and an improvement, has to reach.
WORSE, BETTER = 3.45, 4.3
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
    """One block of series on its way through the nights."""

    def __init__(self, panel: Panel) -> None:
        series, nights = panel.values.shape
        self.values: Floats = np.ascontiguousarray(panel.values.T)
        self.sds: Floats = np.ascontiguousarray(panel.sds.T)
        self.begins = panel.begins.T
        self.smallest, self.worse = panel.smallest, panel.worse
        self.start = np.zeros(series, np.int64)
        self.levels = Levels(self.values, self.sds)
        self.equal = np.zeros((nights, series), np.int64)
        for night in range(1, nights):
            same = self.values[night] == self.values[night - 1]
            self.equal[night] = np.where(same, self.equal[night - 1] + 1, 0)

    def run(self) -> Iterator[Alarm]:
        """Go through the nights in order and yield each change on the night that reveals it."""
        for night, values in enumerate(self.values):
            alive = np.isfinite(values)
            begins = alive & self.begins[night]
            self.start[begins] = night
            known = night - self.start
            self.levels.begin(np.flatnonzero(alive & (known + 1 == WARM_UP)), night)
            going = np.flatnonzero(alive & (known >= WARM_UP))
            self.levels.learn(going, night, known[going])
            yield from self._repeatable(alive, night)
            yield from self._noisy(alive & (night - self.start >= WARM_UP), night)

    def _noisy(self, going: NDArray[np.bool_], night: int) -> Iterator[Alarm]:
        """Compare the last nights with all before them, for every number of last nights."""
        often = AFTER if night % 3 == 0 else [k for k in AFTER if k <= OFTEN]
        after = np.array([k for k in often if k <= night - WARM_UP + 1])
        if not going.any() or not len(after):
            return
        split = night + 1 - after
        step, deviate = self._deviates(split, night)
        enough = self.start <= split[:, None] - WARM_UP
        # What does not reach the lowest threshold of all need not know its own.
        near = going & enough & (np.abs(deviate) >= _LOWEST) & (np.abs(step) >= self.smallest)
        which, rows = np.nonzero(near)
        side = np.sign(step[which, rows]) * self.worse[rows]
        needed = _needed(split[which] - self.start[rows], side) + np.interp(after[which], *EXTRA)
        over = np.abs(deviate[which, rows]) >= needed
        for row in np.unique(rows[over]):
            yield self._alarm(int(row), night)

    def _deviates(
        self, split: Indices, night: int, some: slice | int = slice(None)
    ) -> tuple[Floats, Floats]:
        """Step and its normal deviate at every split, each [splits, series], or [splits] of one."""
        kept = self.levels
        weight, total, now = kept.weight[split, some], kept.total[split, some], night + 1
        with np.errstate(divide="ignore", invalid="ignore"):
            later = kept.weight[now, some] - weight
            step = (kept.total[now, some] - total) / later - total / weight
            noise = kept.variance[split, some] * (1 / later + 1 / weight)
            return step, step / np.sqrt(noise)

    def _alarm(self, row: int, night: int) -> Alarm:
        """Find the likeliest split of a regime that moved, and start the next one there."""
        start = int(self.start[row])
        splits = np.arange(start + WARM_UP, night)
        deviates = self._deviates(splits, night, row)[1]
        first = int(splits[int(np.nanargmax(np.abs(deviates)))])
        self._restart(row, first, night)
        return Alarm(row, start, first, night)

    def _repeatable(self, alive: NDArray[np.bool_], night: int) -> Iterator[Alarm]:
        """Take a number that repeated itself exactly at its word: it moved when it moves, twice."""
        last = night - AFTER[0]
        if last < 0:
            return
        known = last + 1 - self.start
        run = np.minimum(self.equal[last] + 1, known)
        moved = np.abs(self.values[last + 1 : night + 1] - self.values[last])
        other = ((moved > 0) & (moved >= self.smallest)).all(axis=0)
        steady = run >= np.where(self.sds[last] == 0, AFTER[0], EQUAL)
        told = steady & other
        for row in np.flatnonzero(alive & (told | self._scatters(known, last))):
            start = int(self.start[row])
            self._restart(int(row), last + 1, night)
            if told[row]:
                yield Alarm(int(row), start, last + 1, night)

    def _scatters(self, known: Indices, last: int) -> NDArray[np.bool_]:
        """Whether a number without intervals has some from now on: nothing known tells how it scatters."""
        exact = (known >= WARM_UP) & (self.levels.typical[last + 1] == 0)
        found: NDArray[np.bool_] = exact & (self.sds[last + 1 : last + 1 + AFTER[0]] > 0).all(
            axis=0
        )
        return found

    def _restart(self, row: int, first: int, night: int) -> None:
        """Start a regime at an earlier night."""
        self.start[row] = first
        self.levels.relearn(row, first, night)


def _thresholds(deviate: float) -> Floats:
    """Student's quantile with the tail of a normal deviate, by degrees of freedom."""
    found: Floats = -stdtrit(np.arange(1, _MOST_FREEDOM), ndtr(-deviate))
    return np.concatenate([[np.inf], found])


_MOST_FREEDOM = 400
_LOWEST = min(WORSE, BETTER)
_WORSE, _BETTER, _EITHER = (_thresholds(d) for d in (WORSE, BETTER, (WORSE + BETTER) / 2))


def _needed(before: Indices, side: Floats) -> Floats:
    """Deviate that a split has to reach, by the nights before it and by its side."""
    freedom = np.clip(before + int(LENT) - 1, 1, _MOST_FREEDOM - 1)
    either = np.where(side == 0, _EITHER[freedom], _BETTER[freedom])
    return np.where(side > 0, _WORSE[freedom], either)
