"""Facts about files, kept between runs in one SQLite file, each under its own digest.

A fact that was damaged on the disk is learnt again: a cache costs time, never an answer.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from quantgate.damage import note_damage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE = "files.sqlite"
_PATIENCE_S = 5
_TABLE = (
    "CREATE TABLE IF NOT EXISTS remembered_1 "
    "(kind TEXT, key TEXT, fact TEXT, mark TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
)

log = logging.getLogger(__name__)


def recall(cache: Path | None, kind: str) -> dict[str, str]:
    """Read what is known of a kind of things; facts that are not what was written are left out."""
    if cache is None or not (cache / _FILE).is_file():
        return {}
    try:
        with closing(sqlite3.connect(cache / _FILE, timeout=_PATIENCE_S)) as database:
            database.text_factory = bytes
            query = "SELECT key, fact, mark FROM remembered_1 WHERE kind = ?"
            rows = database.execute(query, (kind,)).fetchall()
    except sqlite3.OperationalError:
        return {}  # locked, or of another version
    except (sqlite3.Error, OverflowError) as error:
        _give_up(cache, error)
        return {}
    whole = [row for row in rows if _is_whole(kind, row)]
    if len(whole) < len(rows):
        log.warning(
            "%s: %d facts are damaged: computing them again", cache / _FILE, len(rows) - len(whole)
        )
        note_damage(cache, _FILE, "facts that are not what was written")
    return {key.decode(): fact.decode() for key, fact, _ in whole}


def remember(cache: Path | None, kind: str, facts: Mapping[str, str]) -> None:
    """Keep facts by their keys; where that is not possible, the next run learns them again."""
    if cache is None or not facts:
        return
    rows = [
        (kind, key, fact, _mark(kind, key.encode(), fact.encode())) for key, fact in facts.items()
    ]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(cache / _FILE, timeout=_PATIENCE_S)) as database, database:
            database.execute(_TABLE)
            database.executemany("INSERT OR REPLACE INTO remembered_1 VALUES (?, ?, ?, ?)", rows)
    except (sqlite3.OperationalError, OSError):
        return
    except sqlite3.Error as error:
        _give_up(cache, error)


def _is_whole(kind: str, row: tuple[object, ...]) -> bool:
    key, fact, mark = row
    if not (isinstance(key, bytes) and isinstance(fact, bytes) and isinstance(mark, bytes)):
        return False
    return _mark(kind, key, fact).encode() == mark


def _mark(kind: str, key: bytes, fact: bytes) -> str:
    return hashlib.blake2b(b"\0".join((kind.encode(), key, fact)), digest_size=12).hexdigest()


def _give_up(cache: Path, error: sqlite3.Error | OverflowError) -> None:
    """Take a damaged file away: otherwise nothing could be remembered any more."""
    log.warning("%s is damaged (%s): starting afresh", cache / _FILE, error)
    note_damage(cache, _FILE, str(error))
    try:
        (cache / _FILE).unlink(missing_ok=True)
    except OSError:
        return
