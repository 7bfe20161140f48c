"""From the numbers of a history to a scale on which steps add: logarithms of ratios, else as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.changes.scan import Panel
from quantgate.core.limit_kind import SMALLEST, SMALLEST_RATIO
from quantgate.core.limits import kind_of
from quantgate.core.series import is_control

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.series import Columns, RunFacts, SeriesKey

    Floats = NDArray[np.float64]

#: Half an interval in standard deviations; only how nights compare matters, the scale is learnt.
_HALF = 1.96
_DAY_S = 86_400


def is_ratio(columns: Columns) -> bool:
    """Whether the steps of a series are factors."""
    kind = kind_of(columns.key.quantity)
    ratio = is_control(columns.key) if kind is None else kind.is_ratio
    return ratio and bool((columns.value > 0).all())


def worse_side(quantity: str) -> int:
    """+1 where higher is worse, −1 where lower is, 0 where the quantity has no direction."""
    kind = kind_of(quantity)
    return (
        {"max": 1, "min": -1}.get(quantity.partition("_")[0], 0)
        if kind is None
        else kind.worse_side
    )


def moved_by_machine(quantity: str) -> bool:
    """Whether a clock or the memory of the machine has a part in a quantity."""
    kind = kind_of(quantity)
    return kind is not None and kind.moved_by_machine


def scale(columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and their standard deviations on the scale on which steps add, float64 [points]."""
    value, width = columns.value, columns.high - columns.low
    if is_ratio(columns):
        return np.log(value), width / value / (2 * _HALF)
    return value, width / (2 * _HALF)


@dataclass(frozen=True, slots=True)
class Timed:
    """A timed series, made small: what is kept of every one while changes are looked for.

    Parameters
    ----------
    day
        int64 [nights], days since 1970 of the runs, which start when they can.
    values, segment
        float64 and int64 [nights], on the scale on which steps add.
    """

    key: SeriesKey
    day: NDArray[np.int64]
    values: Floats
    segment: NDArray[np.int64]

    @classmethod
    def of(cls, columns: Columns, days: NDArray[np.int64]) -> Timed | None:
        """Keep a timed series or a control; None of any other. ``days`` [runs]: see `run_days`."""
        key = columns.key
        if not (moved_by_machine(key.quantity) or is_control(key)):
            return None
        return cls(key, days[columns.runs], scale(columns)[0], columns.segment)


def run_days(runs: Sequence[RunFacts]) -> NDArray[np.int64]:
    """Days since 1970 of runs, int64 [runs]."""
    return np.array([day_of(run) for run in runs], np.int64)


def day_of(run: RunFacts) -> int:
    """Days since 1970 of a run's start."""
    return int(run.at.timestamp() // _DAY_S)


def panel(block: Sequence[Columns]) -> Panel:
    """Lay series side by side."""
    nights = max(len(columns) for columns in block)
    values = np.full((len(block), nights), np.nan)
    sds = np.full((len(block), nights), np.nan)
    begins = np.zeros((len(block), nights), bool)
    for row, columns in enumerate(block):
        held = slice(0, len(columns))
        values[row, held], sds[row, held] = scale(columns)
        begins[row, 0] = True
        begins[row, 1 : len(columns)] = np.diff(columns.segment) != 0
    smallest = np.array([_smallest(columns) for columns in block])
    worse = np.array([worse_side(columns.key.quantity) for columns in block], np.float64)
    return Panel(values, sds, begins, smallest, worse)


def _smallest(columns: Columns) -> float:
    kind = kind_of(columns.key.quantity)
    if is_ratio(columns):
        noisy, exact = SMALLEST_RATIO
    else:
        noisy, exact = SMALLEST if kind is None else kind.smallest_step(columns.unit)
    return exact if np.array_equal(columns.low, columns.high) else noisy
