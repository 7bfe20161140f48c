"""A history of runs: opened by path or URL, written a run at a time, read a series at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.history import reading, recorded_runs, writing
from quantgate.history.connection import connect, parse, shown
from quantgate.history.schema import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from quantgate.core.series import Accepted, Columns, RunFacts, SeriesKey
    from quantgate.history.record import RunRecord
    from quantgate.history.writing import Recorded

#: How long another program's writing is waited for: a night's numbers take a second or two.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class History:
    """A history that is open; it holds no connection between calls, so there is nothing to close."""

    engine: Engine

    @property
    def name(self) -> str:
        """Its path, or its URL without the password."""
        return shown(self.engine.url)

    def record(self, record: RunRecord) -> Recorded:
        """Keep a run, complete or not at all; the same run again changes nothing.

        Raises
        ------
        HistoryError
            Where another result claims the same run, or the store cannot be written.
        """
        return writing.record(self.engine, record)

    def accept(self, accepted: Accepted) -> bool:
        """Keep an accepted step; False where it is there already."""
        return writing.accept(self.engine, accepted)

    def accepted(self) -> tuple[Accepted, ...]:
        """All accepted steps, oldest first."""
        return reading.accepted(self.engine)

    def runs(self) -> tuple[RunFacts, ...]:
        """All runs, in the order of time."""
        return tuple(reading.runs(self.engine).values())

    def counted(self) -> list[tuple[RunFacts, int]]:
        """All runs in the order of time, each with how many numbers it has."""
        return reading.counted(self.engine)

    def series_keys(self) -> list[SeriesKey]:
        """Keys of all series, in order."""
        return reading.keys(self.engine)

    def columns(self) -> tuple[tuple[RunFacts, ...], Iterator[Columns]]:
        """All runs in the order of time, and every series as columns whose ``runs`` count into them.

        The numbers come in the order of their keys, some hundred series at a time, in short looks: a
        run that is recorded meanwhile neither waits nor is seen. Numbers that are missing have no point.
        """
        return reading.columns(self.engine)

    def records(self) -> Iterator[RunRecord]:
        """Every run as it was recorded, in the order of time."""
        return recorded_runs.records(self.engine)


def open_history(url: str, *, create: bool, patience_s: float = PATIENCE_S) -> History:
    """Open a history.

    Parameters
    ----------
    url
        A path, ``sqlite:///PATH`` or ``postgresql://USER@HOST/DATABASE``.
    create
        Whether it is made where there is none.
    patience_s
        How long another program's writing is waited for.

    Raises
    ------
    HistoryError
        Where it is not there, newer than this program, locked, or no history; one sentence.
    """
    engine = connect(parse(url), create=create, patience_s=patience_s)
    prepare(engine, create=create)
    return History(engine)
