"""One table, from which the page, the CSV and the JSON are all made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: a stable key for machines, the field's usual title for people, and a format.

    ``kind`` is one of ``text``, ``count``, ``fraction`` (0..1, shown with 3 decimals), ``number``
    or ``score``; formatting itself happens in the report only.
    """

    key: str
    title: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain cells; an empty cell (``None``) means "not defined here", never zero.

    Parameters
    ----------
    erroneous
        Rows that "show only erroneous" keeps: against annotations what is wrong, otherwise what changed.
    changed
        Rows in which the roles differ; None where these are the erroneous ones.
    worst
        Key of a number that is larger the worse a row is, where rows have an order of their own.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    erroneous: frozenset[int] = frozenset()
    changed: frozenset[int] | None = None
    worst: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: a row has {len(row)} cells for {len(self.columns)} columns"
                )
