"""Making the tables, and bringing those of an older version up to date without losing a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import inspect, select, text

from quantgate.errors import HistoryError
from quantgate.history.connection import look, shown, transaction
from quantgate.history.marks import refresh
from quantgate.history.tables import METADATA, PREFIX, SCHEMA, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, Engine

Migration: TypeAlias = "Callable[[Connection], None]"


def _add_command(connection: Connection) -> None:
    """Schema 2 records how a run was started; this is unknown for older runs."""
    connection.execute(
        text(f"ALTER TABLE {PREFIX}runs ADD COLUMN command TEXT NOT NULL DEFAULT ''")
    )


def _add_marks(connection: Connection) -> None:
    """Schema 3 keeps checksums; what an older version wrote is taken as it is."""
    for table, columns in _MARKED.items():
        for column in columns:
            connection.execute(
                text(f"ALTER TABLE {PREFIX}{table} ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0")
            )
    refresh(connection)


_MARKED = {"runs": ("numbers", "total", "head"), "series": ("head",), "accepted": ("head",)}
#: From each older version to the next one.
STEPS: Mapping[int, Migration] = {1: _add_command, 2: _add_marks}


def prepare(engine: Engine, *, create: bool) -> None:
    """Make the tables where there are none, and bring older ones up to date, in one transaction.

    A store that is up to date is only looked at, so that it may be read-only.

    Raises
    ------
    HistoryError
        Where the store is newer than this program, is not a history, or cannot be written.
    """
    with look(engine) as connection:
        version = _version(connection)
        _refuse_foreign(connection, version)
    if version == SCHEMA:
        return
    if version is None and not create:
        raise HistoryError(
            f"history: {shown(engine.url)} holds no history; a run with --record makes it, or name "
            "another with --history"
        )
    with transaction(engine) as connection:
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    """Look again under the lock: another run may have been faster."""
    lock(connection)
    version = _version(connection)
    if version is None:
        METADATA.create_all(connection)
        connection.execute(SCHEMAS.insert().values(version=SCHEMA))
        return
    for old in range(version, SCHEMA):
        STEPS[old](connection)
    connection.execute(SCHEMAS.update().values(version=SCHEMA))


def lock(connection: Connection) -> None:
    """Let one writer in at a time; SQLite did so when the transaction began."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7021954138)")


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(SCHEMAS.name):
        return None
    found: Any = connection.scalar(select(SCHEMAS.c.version))
    version = int(found)
    if version > SCHEMA:
        raise HistoryError(
            f"history: {shown(connection.engine.url)} was written by a newer quantgate (schema "
            f"{version}, this one knows {SCHEMA}); nothing was touched, upgrade quantgate"
        )
    return version


def _refuse_foreign(connection: Connection, version: int | None) -> None:
    """A SQLite file with other tables belongs to another program."""
    if version is not None or connection.dialect.name != "sqlite":
        return
    tables = inspect(connection).get_table_names()
    if tables:
        raise HistoryError(
            f"history: expected a history at {shown(connection.engine.url)}, found another program's "
            f"database (table {tables[0]}, none that begins with {PREFIX}); name another file"
        )
