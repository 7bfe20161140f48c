"""The tables of a history, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

#: Version of the tables; a store of an older one is brought here when it is opened for writing.
SCHEMA = 3
#: In front of every name: a team's PostgreSQL database may hold other things.
PREFIX = "quantgate_"

METADATA = MetaData()


def _text_id(name: str) -> Column[int]:
    return Column(name, ForeignKey(f"{PREFIX}texts.id"), nullable=False)


def _head() -> Column[int]:
    """Checksum of a row, see `history.marks`."""
    return Column("head", BigInteger, nullable=False, server_default="0")


SCHEMAS = Table(f"{PREFIX}schema", METADATA, Column("version", Integer, nullable=False))

#: What repeats night after night is kept once: versions, facts, digests, entries, segments.
TEXTS = Table(
    f"{PREFIX}texts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("text", Text, nullable=False),
)

RUNS = Table(
    f"{PREFIX}runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("duration_s", Double, nullable=False),
    Column("isa", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("stack", Text, nullable=False),
    Column("commit", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("manifest_digest", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("command", Text, nullable=False, server_default=""),
    _text_id("facts_id"),
    _text_id("versions_id"),
    Column("numbers", Integer, nullable=False, server_default="0"),
    Column("total", BigInteger, nullable=False, server_default="0"),
    _head(),
)

MODELS = Table(
    f"{PREFIX}models",
    METADATA,
    Column("run_id", ForeignKey(f"{PREFIX}runs.id"), primary_key=True),
    Column("model", Text, primary_key=True),
    _text_id("digests_id"),
    _text_id("entry_id"),
    sqlite_with_rowid=False,
)

SERIES = Table(
    f"{PREFIX}series",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("isa", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("stack", Text, nullable=False),
    _head(),
    UniqueConstraint("model", "quantity", "isa", "machine", "stack"),
)

#: The key begins with the series, so that a night's numbers lie beside those of the night before.
NUMBERS = Table(
    f"{PREFIX}numbers",
    METADATA,
    Column("series_id", ForeignKey(f"{PREFIX}series.id"), primary_key=True, autoincrement=False),
    Column("run_id", ForeignKey(f"{PREFIX}runs.id"), primary_key=True, index=True),
    Column("value", Double),
    Column("low", Double),
    Column("high", Double),
    Column("n", BigInteger),
    Column("unit", Text),
    Column("of", Text),
    Column("outcome", Text, nullable=False),
    Column("threshold", Double),
    _text_id("segment_id"),
    Column("duration_s", Double, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

ACCEPTED = Table(
    f"{PREFIX}accepted",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("until", Text, nullable=False),
    _head(),
    UniqueConstraint("model", "quantity", "who", "at_us"),
)
