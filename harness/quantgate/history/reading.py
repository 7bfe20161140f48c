"""Reading a history: series as columns, runs and accepted steps."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func, select

from quantgate.core.limits import kind_of
from quantgate.core.series import Accepted, Columns, RunFacts, SeriesKey
from quantgate.history.connection import damaged, look
from quantgate.history.fetching import fetch
from quantgate.history.interned import texts_by_id
from quantgate.history.marks import Totals, is_whole, mark
from quantgate.history.tables import ACCEPTED, NUMBERS, RUNS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Engine, Row, Table

    from quantgate.history.fetching import Numbers

#: Series read in one look: a few ten thousand rows, so that no writer waits long and memory stays small.
_AT_ONCE = 200
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


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
    with look(engine) as connection:
        known = _runs(connection)
        counts = {
            row.id: row.numbers for row in connection.execute(select(RUNS.c.id, RUNS.c.numbers))
        }
    return [(run, counts[row]) for row, run in known.items()]


def keys(engine: Engine) -> list[SeriesKey]:
    """Keys of all series, in order."""
    with look(engine) as connection:
        return [key for _, key in _keys(connection)]


def _runs(connection: Connection) -> dict[int, RunFacts]:
    rows = connection.execute(select(RUNS).order_by(RUNS.c.started_us, RUNS.c.run)).all()
    _demand_whole(connection, RUNS, rows, "run")
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


def columns(engine: Engine) -> tuple[tuple[RunFacts, ...], Iterator[Columns]]:
    """Read the runs at once and the series on demand; see `History.columns`."""
    with look(engine) as connection:
        known = _runs(connection)
        keys = _keys(connection)
        totals = {row.id: row.total for row in connection.execute(select(RUNS.c.id, RUNS.c.total))}
    rank = np.full(max(known, default=0) + 2, -1, dtype=np.int64)
    rank[list(known)] = np.arange(len(known))
    return tuple(known.values()), _checked(engine, keys, rank, {row: totals[row] for row in known})


def _keys(connection: Connection) -> list[tuple[int, SeriesKey]]:
    rows = connection.execute(select(SERIES)).all()
    _demand_whole(connection, SERIES, rows, "series")
    keys = [
        (row.id, SeriesKey(row.model, row.quantity, row.isa, row.machine, row.stack))
        for row in rows
    ]
    return sorted(keys, key=lambda pair: pair[1])


def _checked(
    engine: Engine,
    keys: Sequence[tuple[int, SeriesKey]],
    rank: NDArray[np.int64],
    expected: Mapping[int, int],
) -> Iterator[Columns]:
    """Give the columns, and compare what was read with the checksums of the runs at the end."""
    totals = Totals(list(expected))
    yield from _columns(engine, keys, rank, totals)
    read = totals.by_row()
    wrong = sum(read[row] != total for row, total in expected.items())
    if wrong:
        runs = "a run" if wrong == 1 else f"{wrong} runs"
        raise damaged(engine, f"the numbers of {runs} are not those that were recorded")


def _demand_whole(
    connection: Connection, table: Table, rows: Sequence[Row[Any]], what: str
) -> None:
    wrong = sum(not is_whole(table, row) for row in rows)
    if wrong:
        raise damaged(connection.engine, f"{wrong} × {what} is not what was recorded")


def _columns(
    engine: Engine,
    keys: Sequence[tuple[int, SeriesKey]],
    rank: NDArray[np.int64],
    totals: Totals,
) -> Iterator[Columns]:
    """Read some hundred series a look; ``rank`` is the place of each run, -1 of those not known."""
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        with look(engine) as connection:
            numbers = dict(fetch(connection, [row for row, _ in some]))
            units = _units(connection, some)
            used = {one for each in numbers.values() for one in each.segment.tolist()}
            texts = texts_by_id(connection, used)
            read = [(row, key, numbers[row]) for row, key in some if row in numbers]
            for _, key, each in read:
                totals.add(mark(*astuple(key)), each, texts)
            cut = [_cut((key, units.get(row, "")), each, rank, texts) for row, key, each in read]
        yield from (found for found in cut if len(found))


def _units(connection: Connection, keys: Sequence[tuple[int, SeriesKey]]) -> dict[int, str]:
    """Units of the series whose quantity does not settle it: drops take their metric's."""
    kinds = {row: kind_of(key.quantity) for row, key in keys}
    asked = [row for row, kind in kinds.items() if kind is None or kind.of_metric]
    if not asked:
        return {}
    query = (
        select(NUMBERS.c.series_id, func.max(NUMBERS.c.unit))
        .where(NUMBERS.c.series_id.in_(asked))
        .group_by(NUMBERS.c.series_id)
    )
    return {row: unit or "" for row, unit in connection.execute(query)}


def _cut(
    of: tuple[SeriesKey, str], numbers: Numbers, rank: NDArray[np.int64], texts: Mapping[int, str]
) -> Columns:
    """Put a series into the order of time."""
    # A run that came after the look at the runs has a row beyond those that are known.
    place = rank[np.minimum(numbers.run, len(rank) - 1)]
    order = np.argsort(place)[np.count_nonzero(place < 0) :]
    segment = numbers.segment[order]
    return Columns(
        key=of[0],
        runs=place[order],
        value=numbers.value[order],
        low=numbers.low[order],
        high=numbers.high[order],
        segment=segment,
        threshold=numbers.threshold[order],
        segments={one: texts[one] for one in sorted(set(segment.tolist()))},
        unit=of[1],
    )


def accepted(engine: Engine) -> tuple[Accepted, ...]:
    """All accepted steps, oldest first."""
    with look(engine) as connection:
        rows = connection.execute(select(ACCEPTED).order_by(ACCEPTED.c.at_us, ACCEPTED.c.id)).all()
        _demand_whole(connection, ACCEPTED, rows, "accepted step")
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
