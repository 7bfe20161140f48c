"""Checksums of the live tables: bits that flip on a disk are an error, never another number.

Exports end with a checksum over all of their lines. Tables that grow night by night have one for each
run, series and accepted step (``head``), and for each run the sum of those of its numbers (``total``), so
that recording a night touches nothing but the night.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import bindparam, func, select

from quantgate.history.fetching import fetch
from quantgate.history.interned import texts_by_id
from quantgate.history.tables import ACCEPTED, NUMBERS, RUNS, SERIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row, Table

    from quantgate.history.fetching import Numbers

#: What databases keep as a signed integer of 64 bits.
_LARGEST = (1 << 63) - 1
#: An odd multiplier whose bits are spread evenly (Steele et al. 2014, SplitMix64).
_SPREAD = np.uint64(0xBF58476D1CE4E5B9)
_NOT_A_NUMBER = np.uint64(0x7FF8000000000000)
#: Columns that a table's ``head`` does not speak of.
_APART = frozenset({"id", "head"})
_AT_ONCE = 200


def mark(*values: object) -> int:
    """Digest of plain values in 63 bits."""
    text = json.dumps(values, ensure_ascii=False)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") & _LARGEST


def head_of(table: Table, row: Mapping[str, Any]) -> int:
    """Digest of a row: of all its columns but its number and the digest itself."""
    return mark(*(row[column.name] for column in table.columns if column.name not in _APART))


def is_whole(table: Table, row: Row[Any]) -> bool:
    """Whether a row is what was written."""
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return bool(head_of(table, found) == found["head"])


def number_marks(
    series: NDArray[np.uint64], segment: NDArray[np.uint64], *values: NDArray[np.float64]
) -> NDArray[np.uint64]:
    """Digests of numbers [numbers], from those of their series and segments and their values."""
    mixed = series.copy()
    for column in (segment, *map(_bits, values)):
        mixed = (mixed ^ column) * _SPREAD
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _bits(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Bits of floats; what is missing is one NaN of many, and minus zero is what SQLite makes of it."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.uint64)
    return np.where(np.isnan(values), _NOT_A_NUMBER, bits)


def total_of(marks: Iterable[int]) -> int:
    """Sum of digests in 63 bits, in any order."""
    return sum(map(int, marks)) & _LARGEST


class Totals:
    """Adds up the digests of numbers by run, as series after series is read.

    Parameters
    ----------
    rows
        Rows of the runs that are known; numbers of others are not counted.
    """

    def __init__(self, rows: Sequence[int]) -> None:
        self._rows = list(rows)
        self._place = np.full(max(self._rows, default=0) + 2, -1, np.int64)
        self._place[self._rows] = np.arange(len(self._rows))
        self._sums = np.zeros(len(self._rows), np.uint64)

    def add(self, series: int, numbers: Numbers, texts: Mapping[int, str]) -> None:
        """Count the numbers of one series, whose digest is given."""
        segments, where = np.unique(numbers.segment, return_inverse=True)
        known = np.array([mark(texts[one]) for one in segments.tolist()], np.uint64)
        marks = number_marks(
            np.full(len(numbers.run), series, np.uint64),
            known[where.reshape(-1)] if len(known) else np.zeros(0, np.uint64),
            numbers.value,
            numbers.low,
            numbers.high,
            numbers.threshold,
        )
        place = self._place[np.minimum(numbers.run, len(self._place) - 1)]
        np.add.at(self._sums, place[place >= 0], marks[place >= 0])

    def by_row(self) -> dict[int, int]:
        """The sum of each run."""
        return {
            row: int(total) & _LARGEST for row, total in zip(self._rows, self._sums, strict=True)
        }


def refresh(connection: Connection) -> None:
    """Write the checksums of all that is there: a store of an older version has none."""
    series = [dict(row._mapping) for row in connection.execute(select(SERIES))]  # noqa: SLF001 - as above
    heads = {row["id"]: head_of(SERIES, row) for row in series}
    _update(connection, SERIES, ({"row": row, "head": head} for row, head in heads.items()))
    rows = list(connection.scalars(select(RUNS.c.id)))
    totals = Totals(rows)
    for some in _parts(list(heads)):
        found = dict(fetch(connection, some))
        used = {one for numbers in found.values() for one in numbers.segment.tolist()}
        texts = texts_by_id(connection, used)
        for row, numbers in found.items():
            totals.add(heads[row], numbers, texts)
    count = select(NUMBERS.c.run_id, func.count()).group_by(NUMBERS.c.run_id)
    counts = {run: int(numbers) for run, numbers in connection.execute(count)}
    sums = totals.by_row()
    _update(
        connection,
        RUNS,
        ({"row": row, "total": sums[row], "numbers": counts.get(row, 0)} for row in rows),
    )
    for table in (RUNS, ACCEPTED):
        whole = connection.execute(select(table)).all()
        mapped = [dict(row._mapping) for row in whole]  # noqa: SLF001 - as above
        _update(
            connection, table, ({"row": one["id"], "head": head_of(table, one)} for one in mapped)
        )


def _update(connection: Connection, table: Table, values: Iterable[dict[str, int]]) -> None:
    changes = list(values)
    if changes:
        names = [name for name in changes[0] if name != "row"]
        statement = table.update().where(table.c.id == bindparam("row"))
        connection.execute(statement.values({name: bindparam(name) for name in names}), changes)


def _parts(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
