"""Writing into a history: a run is one transaction, and the same thing twice is one."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func, select

from quantgate.errors import HistoryError
from quantgate.history.connection import shown, transaction
from quantgate.history.interned import intern
from quantgate.history.marks import head_of, mark, number_marks, total_of
from quantgate.history.reading import from_us, to_us
from quantgate.history.schema import lock
from quantgate.history.tables import ACCEPTED, MODELS, NUMBERS, RUNS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine, Insert, Table

    from quantgate.core.series import Accepted
    from quantgate.history.record import Number, RunRecord

#: Fields that came with later schemas: an older run, which lacks them, stays the run that it was.
_ADDED = ("command",)
#: Fields of an estimate that a history has no column for: how an interval came about, not what it is.
_NOT_KEPT = frozenset({"misses"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a run: whether it is new in the history, and sentences a reader must see."""

    new: bool
    notes: tuple[str, ...] = ()


def digest_of(record: RunRecord) -> str:
    """SHA-256 over what a run is: all of its record but the place of its report."""
    plain = _fields(record)
    plain["place"] = ""
    plain["numbers"] = sorted(record.numbers, key=lambda number: (number.model, number.quantity))
    plain["models"] = sorted(record.models, key=lambda state: state.id)
    for name in _ADDED:
        if not plain[name]:
            del plain[name]
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False, default=_fields)
    return hashlib.sha256(text.encode()).hexdigest()


def _fields(value: Any) -> dict[str, Any]:
    """Lay a value open for JSON; thousands of numbers a night make the codec's ways too long."""
    if isinstance(value, Mapping):
        return dict(value)
    return {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if field.name not in _NOT_KEPT
    }


def record(engine: Engine, run: RunRecord) -> Recorded:
    """Keep a run in one transaction; see `History.record`."""
    digest = digest_of(run)  # before the lock, which others wait for
    with transaction(engine) as connection:
        lock(connection)
        return insert(connection, run, digest)


def insert(connection: Connection, run: RunRecord, digest: str) -> Recorded:
    """Insert a run within a transaction that holds the lock.

    Raises
    ------
    HistoryError
        Where another result claims the same run.
    """
    there = connection.scalar(select(RUNS.c.digest).where(RUNS.c.run == run.run))
    if there is not None and there != digest:
        raise HistoryError(
            f"history: {shown(connection.engine.url)} holds a run {run.run} with other results; "
            "nothing was written: was a report edited, or recorded by another version?"
        )
    if there is not None:
        return Recorded(new=False)
    notes = tuple(_clock(connection, run))
    texts = intern(connection, _texts_of(run))
    row = _insert_run(connection, run, digest, texts)
    _insert_models(connection, run, row, texts)
    _insert_numbers(connection, run, row, texts)
    return Recorded(new=True, notes=notes)


def _clock(connection: Connection, run: RunRecord) -> Iterator[str]:
    """A run that was over before the latest one on such a machine began: one of the clocks is wrong."""
    query = select(func.max(RUNS.c.started_us)).where(RUNS.c.machine == run.machine)
    latest = connection.scalar(query)
    ended = to_us(_started(run)) + int(run.duration_s * 1e6)
    if latest is not None and ended < latest:
        yield (
            f"run {run.run} ended before the latest recorded one on such a machine began "
            f"({from_us(latest):%Y-%m-%d %H:%M} UTC): either it is recorded late, or a clock went "
            "backwards; it stands in the order of its own time"
        )


def _started(run: RunRecord) -> dt.datetime:
    return dt.datetime.fromisoformat(run.started)


def _texts_of(run: RunRecord) -> set[str]:
    texts = {_text(run.facts), _text(run.versions)}
    for state in run.models:
        texts |= {_text(state.digests), state.entry}
    return texts | {number.segment for number in run.numbers}


def _text(values: Mapping[str, str]) -> str:
    """Write a mapping in its own order, which is the order to show it in."""
    return json.dumps(dict(values), ensure_ascii=False)


def _insert_run(
    connection: Connection, run: RunRecord, digest: str, texts: Mapping[str, int]
) -> int:
    values = {
        "run": run.run,
        "digest": digest,
        "started_us": to_us(_started(run)),
        "duration_s": run.duration_s,
        "isa": run.isa,
        "machine": run.machine,
        "stack": run.stack,
        "commit": run.commit,
        "branch": run.branch,
        "manifest": run.manifest,
        "manifest_digest": run.manifest_digest,
        "place": run.place,
        "command": run.command,
        "facts_id": texts[_text(run.facts)],
        "versions_id": texts[_text(run.versions)],
        "numbers": len(run.numbers),
        "total": _total(run),
    }
    key = connection.execute(_marked(RUNS, values)).inserted_primary_key
    return int(key[0]) if key else 0


def _marked(table: Table, values: dict[str, Any]) -> Insert:
    return table.insert().values(**values, head=head_of(table, values))


def _total(run: RunRecord) -> int:
    """Add up the checksums of the numbers that were measured."""
    measured = [(number, number.estimate) for number in run.numbers if number.estimate is not None]
    series = [mark(n.model, n.quantity, run.isa, run.machine, run.stack) for n, _ in measured]
    columns = zip(
        *(
            (e.value, e.low, e.high, nan if n.threshold is None else n.threshold)
            for n, e in measured
        ),
        strict=True,
    )
    return total_of(
        number_marks(
            np.array(series, np.uint64),
            np.array([mark(number.segment) for number, _ in measured], np.uint64),
            *(np.array(column, np.float64) for column in columns),
        ).tolist()
    )


def _insert_models(
    connection: Connection, run: RunRecord, row: int, texts: Mapping[str, int]
) -> None:
    states = [
        {
            "run_id": row,
            "model": state.id,
            "digests_id": texts[_text(state.digests)],
            "entry_id": texts[state.entry],
        }
        for state in run.models
    ]
    if states:
        connection.execute(MODELS.insert(), states)


def _insert_numbers(
    connection: Connection, run: RunRecord, row: int, texts: Mapping[str, int]
) -> None:
    series = _series(connection, run)
    rows = [
        _row(number, row, series[number.model, number.quantity], texts[number.segment])
        for number in run.numbers
    ]
    if rows:
        connection.execute(NUMBERS.insert(), sorted(rows, key=lambda row: row["series_id"]))


def _series(connection: Connection, run: RunRecord) -> dict[tuple[str, str], int]:
    """Find the rows of the run's series, and insert those that are not there."""
    like = {"isa": run.isa, "machine": run.machine, "stack": run.stack}
    known = _known_series(connection, like)
    wanted = sorted({(number.model, number.quantity) for number in run.numbers})
    missing = [
        {"model": model, "quantity": quantity, **like}
        for model, quantity in wanted
        if (model, quantity) not in known
    ]
    if missing:
        marked = [{**values, "head": head_of(SERIES, values)} for values in missing]
        connection.execute(SERIES.insert(), marked)
        known = _known_series(connection, like)
    return known


def _known_series(connection: Connection, like: Mapping[str, str]) -> dict[tuple[str, str], int]:
    query = select(SERIES.c.model, SERIES.c.quantity, SERIES.c.id).filter_by(**like)
    return {(model, quantity): row for model, quantity, row in connection.execute(query)}


def _row(number: Number, run: int, series: int, segment: int) -> dict[str, Any]:
    estimate = number.estimate
    return {
        "series_id": series,
        "run_id": run,
        "value": None if estimate is None else estimate.value,
        "low": None if estimate is None else estimate.low,
        "high": None if estimate is None else estimate.high,
        "n": None if estimate is None else estimate.n,
        "unit": None if estimate is None else estimate.unit,
        "of": None if estimate is None else estimate.of,
        "outcome": number.outcome,
        "threshold": number.threshold,
        "segment_id": segment,
        "duration_s": number.duration_s,
        "reason": number.reason,
    }


def accept(engine: Engine, accepted: Accepted) -> bool:
    """Keep an accepted step; see `History.accept`."""
    with transaction(engine) as connection:
        lock(connection)
        return insert_accepted(connection, accepted)


def insert_accepted(connection: Connection, accepted: Accepted) -> bool:
    """Insert an accepted step within a transaction that holds the lock."""
    values = {
        "model": accepted.model,
        "quantity": accepted.quantity,
        "reason": accepted.reason,
        "who": accepted.who,
        "at_us": to_us(accepted.at),
        "until": accepted.until.isoformat() if accepted.until else "",
    }
    if connection.execute(select(ACCEPTED.c.id).filter_by(**values)).first() is not None:
        return False
    connection.execute(_marked(ACCEPTED, values))
    return True
