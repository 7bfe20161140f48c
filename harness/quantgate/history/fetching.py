"""The numbers of one series after another as arrays, by the fastest way that each database offers.

A history of a large fleet has millions of numbers. Row objects of SQLAlchemy would take minutes, so
the drivers' own cursors are read: SQLite's row by row into one array, PostgreSQL's as one row a series,
in which the server has joined each column's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ARRAY, ColumnClause, Integer, any_, bindparam, func, literal_column, select

from quantgate.history.tables import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

_INTEGERS = (NUMBERS.c.run_id, NUMBERS.c.segment_id)
_FLOATS = (NUMBERS.c.value, NUMBERS.c.low, NUMBERS.c.high)
#: What a limit that is missing is fetched as: no limit is infinite.
_NO_LIMIT: ColumnClause[float] = literal_column("9e999")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is kept of one series, in no order.

    Parameters
    ----------
    run, segment
        int64 [numbers], rows of the run and of the text.
    value, low, high
        float64 [numbers].
    threshold
        float64 [numbers], NaN where there was no limit.
    """

    run: NDArray[np.int64]
    segment: NDArray[np.int64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    threshold: NDArray[np.float64]


def fetch(connection: Connection, series: Sequence[int]) -> Iterator[tuple[int, Numbers]]:
    """Give each of these series that has numbers, within the caller's look."""
    joined = connection.dialect.name == "postgresql"
    return (_joined if joined else _row_by_row)(connection, series)


def _row_by_row(connection: Connection, series: Sequence[int]) -> Iterator[tuple[int, Numbers]]:
    limit = func.ifnull(NUMBERS.c.threshold, _NO_LIMIT)
    query = select(*_INTEGERS, *_FLOATS, limit).where(
        NUMBERS.c.series_id == bindparam("series"), NUMBERS.c.value.is_not(None)
    )
    text = str(query.compile(dialect=connection.dialect))
    cursor = connection.connection.cursor()
    for row in series:
        # Row ids are far below 2 ** 53, so that floats hold them.
        cells = chain.from_iterable(cursor.execute(text, (row,)))
        columns = np.fromiter(cells, np.float64).reshape(-1, 6).T.copy()
        if columns.size:
            run, segment, value, low, high, limits = columns
            limits[np.isinf(limits)] = np.nan
            ids = run.astype(np.int64), segment.astype(np.int64)
            yield row, Numbers(*ids, value, low, high, limits)


def _joined(connection: Connection, series: Sequence[int]) -> Iterator[tuple[int, Numbers]]:
    limit = func.coalesce(NUMBERS.c.threshold, literal_column("'NaN'::float8"))
    sent = [*map(func.int4send, _INTEGERS), *map(func.float8send, (*_FLOATS, limit))]
    query = (
        select(
            NUMBERS.c.series_id,
            *(func.string_agg(one, literal_column("''::bytea")) for one in sent),
        )
        .where(
            NUMBERS.c.series_id == any_(bindparam("series", type_=ARRAY(Integer))),
            NUMBERS.c.value.is_not(None),
        )
        .group_by(NUMBERS.c.series_id)
    )
    cursor: Any = connection.connection.cursor(binary=True)
    cursor.execute(str(query.compile(dialect=connection.dialect)), {"series": list(series)})
    for row, *columns in cursor:
        run, segment = (np.frombuffer(one, ">i4").astype(np.int64) for one in columns[:2])
        floats = (np.frombuffer(one, ">f8").astype(np.float64) for one in columns[2:])
        yield row, Numbers(run, segment, *floats)
