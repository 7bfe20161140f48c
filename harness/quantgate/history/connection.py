"""From a path or URL to an engine, and from what a database complains of to one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from quantgate.borders import DAMAGE, reason_of
from quantgate.errors import HistoryError
from quantgate.redaction import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What reading rows of a damaged database raises beyond the driver's own complaints.
FOREIGN: tuple[type[Exception], ...] = (SQLAlchemyError, *DAMAGE)
#: Every SQLite file begins so.
_MAGIC = b"SQLite format 3\0"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_LOCKED = "is locked by another program that is writing to it; nothing was written, try again when it is done"
_READ_ONLY = "is read-only; nothing was written, make it writable or name another"
#: Written without a user: in front of a host it would be masked as one.
_EXPECTED = "expected a path, sqlite:///PATH or postgresql://HOST/DATABASE, a user in front of the host as USER@"


def parse(url: str) -> URL:
    """Read a path or URL.

    Raises
    ------
    HistoryError
        Where it is neither a path nor the URL of a database that is supported.
    """
    if not url.strip() or "\0" in url:
        raise HistoryError(f"history: {_EXPECTED}, found {url!r}")
    if "://" not in url and url.partition(":")[0] not in {"sqlite", *_POSTGRES}:
        return URL.create("sqlite", database=str(Path(url).expanduser().absolute()))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise HistoryError(f"history: {_EXPECTED}, found a URL that cannot be read") from error
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(database=str(Path(parsed.database).expanduser().absolute()))
    if parsed.drivername in _POSTGRES:
        if "@" in (parsed.host or ""):
            raise HistoryError(
                "history: expected one @, between the user and the host, found more: write one that "
                "belongs to the password as %40"
            )
        return parsed.set(drivername="postgresql+psycopg")
    raise HistoryError(f"history: {_EXPECTED}, found {shown(parsed)}")


def shown(url: URL) -> str:
    """Name a database in a sentence: a file by its path, a server without its user and what is asked of it."""
    if url.drivername == "sqlite":
        return str(url.database)
    user = f"{MASK}@" if url.username or url.password else ""
    host = f"[{url.host}]" if url.host and ":" in url.host else url.host or ""
    port = f":{url.port}" if url.port else ""
    query = "&".join(f"{key}={MASK}" for key in url.query)
    place = f"{url.get_backend_name()}://{user}{host}{port}/{url.database or ''}"
    return f"{place}?{query}" if query else place


def connect(url: URL, *, create: bool, patience_s: float) -> Engine:
    """Make the engine.

    Parameters
    ----------
    create
        Whether a missing SQLite file, and its folder, are made.
    patience_s
        How long another program's writing is waited for.

    Raises
    ------
    HistoryError
        Where there is no such file, it is no database, or the driver is not installed.
    """
    if url.drivername != "sqlite":
        return _postgres(url, patience_s)
    _look_at(Path(str(url.database)), create=create)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience_s})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _postgres(url: URL, patience_s: float) -> Engine:
    limit = int(patience_s * 1000)
    said = url.query.get("options", "")
    own = f"-c lock_timeout={limit}"
    options = f"{said if isinstance(said, str) else ' '.join(said)} {own}".strip()
    arguments = {"connect_timeout": 10, "options": options}
    try:
        return create_engine(url, poolclass=NullPool, connect_args=arguments)
    except ModuleNotFoundError as error:
        raise HistoryError(
            f"history: {shown(url)} needs psycopg, which is not installed; "
            '`python -m pip install "quantgate[postgres]"`'
        ) from error


def _look_at(path: Path, *, create: bool) -> None:
    try:
        if path.is_dir():
            raise HistoryError(f"history: expected a file, found the folder {path}")
        if not path.exists():
            if not create:
                raise HistoryError(
                    f"history: {path} does not exist; a run with --record makes it, or name another "
                    "with --history"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            return
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError as error:
        raise HistoryError(
            f"history: {path} cannot be opened: {error.strerror or error}"
        ) from error
    if head and head != _MAGIC:
        raise HistoryError(
            f"history: expected a history at {path}, found a file that is no SQLite database; name "
            "another"
        )


def _configure(connection: Any, _record: object) -> None:
    """Keep the rollback journal: write-ahead logs need shared memory, which network disks lack.

    Python's driver begins transactions by itself, and too late; `_begin` does it instead.
    """
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Any) -> None:
    """Take the lock at once where something will be written: two who both read first would deadlock."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def look(engine: Engine) -> Iterator[Any]:
    """Connect for reading; errors become one sentence."""
    with sentences(engine), engine.connect() as connection:
        yield connection


@contextmanager
def transaction(engine: Engine) -> Iterator[Any]:
    """Connect for one transaction, applied completely or not at all; errors become one sentence."""
    with sentences(engine), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def sentences(engine: Engine) -> Iterator[None]:
    """Say a database's complaint, and that of a driver's own cursor, as one sentence.

    Raises
    ------
    HistoryError
        Where the database refuses, or what it gives is not what a history holds.
    """
    driver: Any = engine.dialect.loaded_dbapi
    try:
        yield
    except (DBAPIError, driver.Error) as error:
        raise HistoryError(f"history: {shown(engine.url)} {_complaint(error)}") from error
    except FOREIGN as error:
        raise damaged(engine, reason_of(error)) from error


def damaged(engine: Engine, what: str) -> HistoryError:
    """Say that what is read is not what was written."""
    return HistoryError(
        f"history: {shown(engine.url)} is damaged ({what}); put a copy back, or import an export into a "
        "new file"
    )


def _complaint(error: Exception) -> str:
    text = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    said = text.splitlines()[0] if text else type(error).__name__
    low = said.lower()
    for sign, sentence in _COMPLAINTS.items():
        if sign in low:
            return sentence.format(said=said)
    return f"cannot be used: {said}"


#: What databases say, in lower case, and what it means for the reader.
_COMPLAINTS = {
    "database is locked": _LOCKED,
    "lock timeout": _LOCKED,
    "readonly": _READ_ONLY,
    "read-only": _READ_ONLY,
    "unable to open": "cannot be opened; is its folder there, readable and writable?",
    "not a database": "is no SQLite database; name another",
    "malformed": ("is damaged ({said}); put a copy back, or import an export into a new file"),
    "disk is full": "cannot grow, its disk is full; nothing was written, free some room",
    "disk i/o": "cannot be read or written ({said}); is its disk sound and reachable?",
    "permission denied": "refuses this user ({said}); nothing was written",
    "connection": "cannot be reached: {said}",
}
