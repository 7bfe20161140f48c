"""Texts that repeat night after night, each kept once: versions, facts, digests, entries, segments."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from quantgate.history.tables import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

T = TypeVar("T")
#: Values in one IN (…): databases bound how many parameters a statement may have.
_AT_ONCE = 500


def texts_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Read texts by their rows."""
    found: dict[int, str] = {}
    for some in _batched(sorted(ids)):
        query = select(TEXTS.c.id, TEXTS.c.text).where(TEXTS.c.id.in_(some))
        found |= {row.id: row.text for row in connection.execute(query)}
    return found


def intern(connection: Connection, texts: Iterable[str]) -> dict[str, int]:
    """Find the rows of texts, and insert those that are not there."""
    wanted = {hashlib.sha256(text.encode()).hexdigest(): text for text in sorted(texts)}
    known = _known(connection, list(wanted))
    missing = [{"digest": d, "text": text} for d, text in wanted.items() if d not in known]
    if missing:
        connection.execute(TEXTS.insert(), missing)
        known |= _known(connection, [row["digest"] for row in missing])
    return {text: known[digest] for digest, text in wanted.items()}


def _known(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    known: dict[str, int] = {}
    for some in _batched(digests):
        query = select(TEXTS.c.digest, TEXTS.c.id).where(TEXTS.c.digest.in_(some))
        known |= {row.digest: row.id for row in connection.execute(query)}
    return known


def _batched(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut values into as many as one statement takes."""
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
