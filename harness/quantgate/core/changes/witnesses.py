"""All timed series of one machine on one calendar: how far each moved between two nights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.noise import MAD_TO_SD
from quantgate.core.series import CONTROL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.changes.panel import Timed
    from quantgate.core.series import SeriesKey

    #: Day of a step, and day on which it was told.
    Steps = Sequence[tuple[int, int]]

    Floats = NDArray[np.float64]

#: Nights before a change, at least, and days looked back.
BEFORE, BACK = 6, 45
#: Models asked at most: more do not make it surer.
MOST = 32
#: Deviate at which the control has moved, the most that one model may say, and one night.
CONTROL_MOVED, LOUDEST, CLIP = 3.5, 2.75, 3.0


class Witnesses:
    """The series of a machine, NaN on days without a night; answers are remembered.

    Parameters
    ----------
    steps
        Of each series, the days on which it had moved already and those on which that was told: a
        witness is compared with its own latest level.
    """

    def __init__(self, series: Sequence[Timed], steps: Mapping[SeriesKey, Steps]) -> None:
        models = sorted({one.key.model for one in series} - {CONTROL[0]})
        chosen = {*models[:: -(-len(models) // MOST) or 1], CONTROL[0]}
        asked = [one for one in series if one.key.model in chosen]
        self.models = np.array([one.key.model for one in asked])
        self.control = self.models == CONTROL[0]
        self.first = min(int(one.day[0]) for one in series)
        days = max(int(one.day[-1]) for one in series) - self.first + 1
        self.values = np.full((len(asked), days), np.nan)
        self.segment = np.full((len(asked), days), -1, np.int64)
        for row, one in enumerate(asked):
            self.values[row, one.day - self.first] = one.values
            self.segment[row, one.day - self.first] = one.segment
        most = max([len(steps.get(one.key, ())) for one in asked], default=0)
        self.steps = np.full((len(asked), most, 2), np.iinfo(np.int64).max)
        for row, one in enumerate(asked):
            mine = steps.get(one.key, ())
            self.steps[row, : len(mine)] = np.array(mine, np.int64).reshape(-1, 2)
        self._days = np.unique(np.concatenate([one.day for one in series]))
        self._known: dict[tuple[int, int], Floats] = {}

    def days_from(self, day: int) -> list[int]:
        """Days with a night, from this one on."""
        found: list[int] = self._days[self._days >= day].tolist()
        return found

    def control_moved(self, begin: int, end: int) -> bool:
        """Whether the control's nights from `begin` to `end` differ from those before."""
        return bool((self._deviates(begin, end)[self.control] >= CONTROL_MOVED).any())

    def others(self, model: str, begin: int, end: int) -> Floats:
        """How far each other model moved, float64 [models that can tell]; all its timings count as one."""
        moved = np.minimum(self._deviates(begin, end), LOUDEST)
        heard = np.isfinite(moved) & ~self.control & (self.models != model)
        names, place = np.unique(self.models[heard], return_inverse=True)
        squares = np.bincount(place, moved[heard] ** 2, minlength=len(names))
        spoken: Floats = np.sqrt(squares / np.bincount(place, minlength=len(names)))
        return spoken

    def _deviates(self, begin: int, end: int) -> Floats:
        """Distance of each series' nights from those before, in standard errors; NaN without enough."""
        if (begin, end) not in self._known:
            start, stop = begin - self.first, end - self.first + 1
            since = np.where(self.steps[:, :, 1] < begin, self.steps[:, :, 0], self.first)
            level = since.max(axis=1, initial=self.first) - self.first
            self._known[begin, end] = self._compare(max(0, start), stop, level)
        return self._known[begin, end]

    def _compare(self, start: int, stop: int, level: NDArray[np.int64]) -> Floats:
        later, back = slice(start, stop), slice(max(0, start - BACK), start)
        after, before = self.values[:, later], self.values[:, back]
        found = np.full(len(before), np.nan)
        if after.shape[1] == 0 or before.shape[1] < BEFORE:
            return found
        seen = np.isfinite(after)
        segment = self.segment[np.arange(len(after)), start + seen.argmax(axis=1)]
        same = self.segment[:, back] == segment[:, None]
        same &= np.arange(back.start, start) >= level[:, None]
        before = np.where(same, before, np.nan)
        after = np.where(self.segment[:, later] == segment[:, None], after, np.nan)
        told = seen.any(axis=1) & (np.isfinite(before).sum(axis=1) >= BEFORE)
        found[told] = _deviate(before[told], after[told])
        return found


def _deviate(before: Floats, after: Floats) -> Floats:
    """Compare the mean of the later nights with the earlier ones, outliers clipped."""
    if not len(before):
        return np.zeros(0)
    level = _medians(before)
    edge = CLIP * MAD_TO_SD * _medians(np.abs(before - level))
    held = np.clip(before, level - edge, level + edge)
    noise = np.nanstd(held, axis=1, ddof=1)
    apart = after - np.nanmean(held, axis=1, keepdims=True)
    count, nights = np.isfinite(before).sum(axis=1), np.isfinite(after).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.nanmean(np.clip(apart / noise[:, None], -CLIP, CLIP), axis=1)
        deviate = _normal(np.abs(shift) / np.sqrt(1 / nights + 1 / count), count - 1)
    still = np.where(np.nanmin(np.abs(apart), axis=1) > 0, CLIP, 0.0)
    return np.where(noise > 0, deviate, still)


def _medians(rows: Floats) -> Floats:
    """Median of each row less its NaN, float64 [rows, 1]; NumPy's own takes twenty times as long."""
    ordered, count = np.sort(rows, axis=1), np.isfinite(rows).sum(axis=1, keepdims=True)
    middle = np.concatenate([(count - 1) // 2, count // 2], axis=1)
    both = np.take_along_axis(ordered, middle, axis=1)
    found: Floats = both.sum(axis=1, keepdims=True) / 2
    return found


def _normal(t: Floats, freedom: NDArray[np.int64]) -> Floats:
    """Turn Student's deviate into a normal one (Wallace, Annals of Mathematical Statistics 30, 1959)."""
    squeezed: Floats = np.sqrt(freedom * np.log1p(t**2 / freedom))
    return squeezed * (8 * freedom + 1) / (8 * freedom + 3)
