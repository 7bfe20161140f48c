"""What nightly tracking looks at: one judged number, run after run, on machines of one class."""

from __future__ import annotations

import datetime as dt  # noqa: TC003
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True)
class Point:
    """One night of a series.

    Parameters
    ----------
    run
        Id of the run, unique in a history.
    at
        Start of the run, with zone.
    value, low, high, n
        As judged, in base units; a deterministic number has ``low == value == high``.
    segment
        Digest of the data and of the manifest entry: where it changes, numbers are not compared.
    commit
        Commit of the judged repository; empty where unknown.
    versions
        Libraries to versions.
    """

    run: str
    at: dt.datetime
    value: float
    low: float
    high: float
    n: int
    segment: str = ""
    commit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """The nights of one key, oldest first.

    Raises
    ------
    ValueError
        Where the points are not in the order of time.
    """

    key: SeriesKey
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        """Demand the order of time."""
        times = [point.at for point in self.points]
        if times != sorted(times):
            raise ValueError(f"the points of {self.key} are not in the order of time")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A step that somebody accepted: not reported again before ``until`` (None: for ever).

    ``at`` is when it was accepted: steps up to then are meant. ``who`` is git's own identity.
    """

    model: str
    quantity: str
    reason: str
    who: str
    at: dt.datetime
    until: dt.date | None = None
