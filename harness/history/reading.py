"""Reading a history: series as columns, runs and accepted steps."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func, select

from harness.core.series import Accepted, Columns, RunFacts, SeriesKey
from harness.history.connection import look
from harness.history.tables import ACCEPTED, NUMBERS, RUNS, SERIES
from harness.history.texts import texts_by_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine

#: Series read in one look: a few ten thousand rows, so that no writer waits long and memory stays small.
_AT_ONCE = 200
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series to read; empty means any. ``since`` leaves out older runs."""

    model: str | None = None
    quantity: str | None = None
    isa: str | None = None
    machine: str | None = None
    stack: str | None = None
    since: dt.datetime | None = None


ALL = Wanted()


def to_us(at: dt.datetime) -> int:
    """Count microseconds since 1970, UTC."""
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def from_us(microseconds: int) -> dt.datetime:
    """Give the time of a count of microseconds, in UTC."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)


def runs(engine: Engine) -> dict[int, RunFacts]:
    """Map the rows of all runs to what is known of them, in the order of time."""
    with look(engine) as connection:
        return _runs(connection)


def counted(engine: Engine) -> list[tuple[RunFacts, int]]:
    """All runs in the order of time, each with how many numbers it has."""
    count = func.count().label("numbers")
    query = select(NUMBERS.c.run_id, count).group_by(NUMBERS.c.run_id)
    with look(engine) as connection:
        known = _runs(connection)
        numbers = {row.run_id: int(row.numbers) for row in connection.execute(query)}
    return [(run, numbers.get(row, 0)) for row, run in known.items()]


def keys(engine: Engine) -> list[SeriesKey]:
    """Keys of all series, in order."""
    with look(engine) as connection:
        return [key for _, key in _keys(connection, ALL)]


def _runs(connection: Connection) -> dict[int, RunFacts]:
    rows = connection.execute(select(RUNS).order_by(RUNS.c.started_us, RUNS.c.run)).all()
    used = {row.facts_id for row in rows} | {row.versions_id for row in rows}
    parsed = {key: json.loads(text) for key, text in texts_by_id(connection, used).items()}
    return {
        row.id: RunFacts(
            id=row.run,
            at=from_us(row.started_us),
            duration_s=row.duration_s,
            isa=row.isa,
            machine=row.machine,
            stack=row.stack,
            commit=row.commit,
            branch=row.branch,
            versions=parsed[row.versions_id],
            facts=parsed[row.facts_id],
            place=row.place,
        )
        for row in rows
    }


def columns(
    engine: Engine, wanted: Wanted | None
) -> tuple[tuple[RunFacts, ...], Iterator[Columns]]:
    """Read the runs now, and the series as they are asked for; see `History.columns`."""
    wanted = wanted or ALL
    with look(engine) as connection:
        known = _runs(connection)
        keys = _keys(connection, wanted)
    facts = tuple(known.values())
    since = wanted.since
    place = {
        row: index
        for index, (row, run) in enumerate(known.items())
        if since is None or run.at >= since
    }
    return facts, _columns(engine, keys, place)


def _keys(connection: Connection, wanted: Wanted) -> list[tuple[int, SeriesKey]]:
    query = select(SERIES)
    for name in ("model", "quantity", "isa", "machine", "stack"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(SERIES.c[name] == value)
    rows = connection.execute(query).all()
    keys = [
        (row.id, SeriesKey(row.model, row.quantity, row.isa, row.machine, row.stack))
        for row in rows
    ]
    return sorted(keys, key=lambda pair: pair[1])


def _columns(
    engine: Engine, keys: Sequence[tuple[int, SeriesKey]], place: Mapping[int, int]
) -> Iterator[Columns]:
    rank = np.full(max(place, default=0) + 2, -1, dtype=np.int64)
    rank[list(place)] = list(place.values())
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        table, segments = _look(engine, [row for row, _ in some])
        if not len(table):
            continue
        # A run that came after the look at the runs has a row beyond those that are known.
        table[:, 1] = rank[np.minimum(table[:, 1].astype(np.int64), len(rank) - 1)]
        table = table[table[:, 1] >= 0]
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        for row, key in some:
            begin, end = np.searchsorted(table[:, 0], (row, row + 1))
            if end > begin:
                yield _cut(key, table[begin:end], segments)


def _look(engine: Engine, rows: list[int]) -> tuple[Any, dict[int, str]]:
    """Read some series as one table of floats: their ids and counts are far below 2 ** 53."""
    column = NUMBERS.c
    query = select(
        *(column.series_id, column.run_id, column.value, column.low, column.high),
        *(column.n, column.segment_id, column.threshold),
    ).where(column.series_id.in_(rows), column.value.is_not(None))
    with look(engine) as connection:
        # The driver's own tuples: of rows of SQLAlchemy's, NumPy makes an array twenty times slower.
        with connection.execute(query) as result:
            table = np.array(result.cursor.fetchall(), dtype=np.float64).reshape(-1, 8)
        used = {int(one) for one in np.unique(table[:, 6])}
        return table, texts_by_id(connection, used)


def _cut(key: SeriesKey, table: Any, segments: Mapping[int, str]) -> Columns:
    _, runs_, value, low, high, n, segment, threshold = table.T
    ids = segment.astype(np.int64)
    return Columns(
        key=key,
        runs=runs_.astype(np.int64),
        value=value.copy(),
        low=low.copy(),
        high=high.copy(),
        n=n.astype(np.int64),
        segment=ids,
        threshold=threshold.copy(),
        segments={int(one): segments[int(one)] for one in np.unique(ids)},
    )


def accepted(engine: Engine) -> tuple[Accepted, ...]:
    """All accepted steps, oldest first."""
    with look(engine) as connection:
        rows = connection.execute(select(ACCEPTED).order_by(ACCEPTED.c.at_us, ACCEPTED.c.id)).all()
    return tuple(
        Accepted(
            model=row.model,
            quantity=row.quantity,
            reason=row.reason,
            who=row.who,
            at=from_us(row.at_us),
            until=dt.date.fromisoformat(row.until) if row.until else None,
        )
        for row in rows
    )
