"""What nightly tracking looks at: one judged number, run after run, on machines of one class."""

from __future__ import annotations

import datetime as dt  # noqa: TC003
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Model and quantity of the session's control: a model against itself.
CONTROL = ("", "control")


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What has to be equal before two numbers may be compared.

    Parameters
    ----------
    model, quantity
        Id of the model and key of the limit, e.g. ``ssd`` and ``min_speedup``; the session's
        control is the quantity ``control`` of the model "".
    isa
        ISA class, e.g. ``amx``.
    machine
        Digest of the machine's stable facts.
    stack
        ``default`` or ``omz``.
    """

    model: str
    quantity: str
    isa: str
    machine: str
    stack: str


def is_control(key: SeriesKey) -> bool:
    """Whether a series is the control of its machine."""
    return (key.model, key.quantity) == CONTROL


def machine_of(of: SeriesKey | RunFacts) -> tuple[str, str, str]:
    """What has to be equal before two numbers may have moved with the same machine."""
    return of.isa, of.machine, of.stack


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted change: not reported again before ``until`` (None: never again).

    ``at`` is when it was accepted: steps up to then are meant. ``who`` is git's own identity.
    """

    model: str
    quantity: str
    reason: str
    who: str
    at: dt.datetime
    until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a history knows of one run besides its numbers.

    Parameters
    ----------
    id
        Unique in a history.
    at
        Start of the run, UTC.
    duration_s
        How long it took, seconds.
    isa, machine, stack
        As in `SeriesKey`.
    commit, branch
        Of the judged repository; empty where unknown.
    versions, facts
        Libraries to versions, and the machine's stable facts.
    place
        Where its report lies: the address of the pipeline's job, or a folder; empty where unknown.
    """

    id: str
    at: dt.datetime
    duration_s: float
    isa: str
    machine: str
    stack: str
    commit: str = ""
    branch: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """A series as columns, oldest first: one array a column, for histories of millions of points.

    Parameters
    ----------
    runs
        int64, one a point: its place in the runs that the history gave, see `History.columns`.
    value, low, high
        float64, one a point.
    segment
        int64, one a point: equal numbers are equal segments; `segments` has the digests.
    threshold
        float64, one a point: the limit of that night, NaN where there was none.
    unit
        Of all of these numbers, as an estimate has it: ``""`` for fractions and ratios, ``"dB"``.
    """

    key: SeriesKey
    runs: NDArray[np.int64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    segment: NDArray[np.int64]
    threshold: NDArray[np.float64]
    segments: Mapping[int, str]
    unit: str = ""

    def __len__(self) -> int:
        return len(self.runs)
