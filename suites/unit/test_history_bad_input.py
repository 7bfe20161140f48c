"""What is wrong with a history is one sentence, and nothing that was there is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import HistoryError
from quantgate.history.store import History, open_history
from suites.nights import night

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suites.postgres import Cluster

NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Provide a history of one night."""
    path = tmp_path / "history.sqlite"
    open_history(str(path), create=True).record(night(0))
    return path


def refusal(url: object, *, create: bool = True) -> str:
    """Open and record; return the sentence that refuses it."""
    with pytest.raises(HistoryError) as refused:
        open_history(str(url), create=create, patience_s=0.2).record(night(1))
    said = str(refused.value)
    assert said.count("\n") == 0
    return said


def sql(path: Path, statement: str) -> None:
    """Change a file behind the program's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_a_newer_store_is_not_touched(file: Path) -> None:
    """What a newer version wrote stays as it is, to the byte."""
    sql(file, "UPDATE quantgate_schema SET version = 99")
    before = file.read_bytes()

    assert "was written by a newer quantgate (schema 99" in refusal(file)
    assert file.read_bytes() == before


def test_a_locked_store_is_waited_for_and_then_said(file: Path) -> None:
    """Another program's writing is waited for; when that takes too long, it is said."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program" in refusal(file)
        other.execute("ROLLBACK")
    assert [run.id for run in open_history(str(file), create=False).runs()] == ["night-0"]


def test_a_locked_server_is_waited_for_and_then_said(cluster: Cluster) -> None:
    """The same with PostgreSQL."""
    import psycopg

    url = cluster.create("locked")
    open_history(url, create=True).record(night(0))
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE quantgate_runs")
        assert "is locked by another program" in refusal(url)


@pytest.fixture
def powerless() -> Iterator[Path]:
    """Provide a folder that may be read and not written; root may write everywhere, so be nobody."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_read_only_store_is_read_and_not_written(powerless: Path) -> None:
    """A history on a read-only disk is shown; recording into it is refused."""
    path = powerless / "history.sqlite"
    open_history(str(path), create=True).record(night(0))
    path.chmod(0o444)
    powerless.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)

    history = open_history(str(path), create=False)

    assert list(history.records()) == [night(0)]
    with pytest.raises(HistoryError, match="is read-only; nothing was written"):
        history.record(night(1))
    assert "cannot be opened" in refusal(powerless / "new.sqlite")


def test_a_read_only_server_is_said(cluster: Cluster) -> None:
    """A standby, or a user without rights to write, is one sentence."""
    url = cluster.create("standby")
    open_history(url, create=True).record(night(0))

    said = refusal(f"{url}&options=-c%20default_transaction_read_only%3Don")

    assert "is read-only; nothing was written" in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a text", "found a file that is no SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 4096, "is no SQLite database"),
    ],
)
def test_what_is_no_database_is_left_alone(tmp_path: Path, content: bytes, sentence: str) -> None:
    """Any other file is named and stays as it is."""
    path = tmp_path / "other"
    path.write_bytes(content)

    assert sentence in refusal(path)
    assert path.read_bytes() == content


def test_a_damaged_database_is_said(file: Path) -> None:
    """A file that was cut short is not taken for an empty one."""
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])

    assert "is damaged" in refusal(file)


def test_a_database_damaged_where_its_numbers_lie_is_said(file: Path) -> None:
    """What the driver finds in the midst of reading is one sentence as well."""
    history = open_history(str(file), create=False)
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'quantgate_numbers'"
        (page,) = connection.execute(query).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(b"\xff" * size)

    with pytest.raises(HistoryError, match="is damaged"):
        list(history.columns()[1])


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A SQLite file with other tables in it is somebody else's."""
    path = tmp_path / "notes.sqlite"
    sql(path, "CREATE TABLE notes (text TEXT)")

    assert "found another program's database (table notes" in refusal(path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://db/nights",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql:/db",
        "://",
        "http://x",
    ],
)
def test_a_wrong_address_is_said(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of nothing that is supported says what is; a path is never made of it by accident."""
    monkeypatch.chdir(tmp_path)

    assert "expected a path, sqlite:///PATH or postgresql://" in refusal(url)
    assert not list(tmp_path.iterdir())


def test_a_folder_or_a_missing_file_is_said(tmp_path: Path) -> None:
    """A folder is no history; a file that is only to be read is not made."""
    assert "expected a file, found the folder" in refusal(tmp_path)
    assert "does not exist; a run with --record makes it" in refusal(tmp_path / "no", create=False)
    (tmp_path / "empty").touch()
    assert "holds no history" in refusal(tmp_path / "empty", create=False)
    assert open_history(str(tmp_path / "empty"), create=True).record(night(0)).new


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL without psycopg says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    said = refusal("postgresql://ci:secret@db/nights")

    assert 'python -m pip install "quantgate[postgres]"' in said
    assert "secret" not in said


def test_a_server_that_is_not_there_is_said() -> None:
    """The address is named without its password."""
    pytest.importorskip("psycopg")

    said = refusal("postgresql://ci:secret@127.0.0.1:1/nights")

    assert "cannot be reached" in said
    assert "secret" not in said


def test_a_database_that_is_not_there_is_said(cluster: Cluster) -> None:
    """A server without the database says so."""
    assert 'database "nowhere" does not exist' in refusal(cluster.url("nowhere"))


def test_runs_recorded_at_once_are_all_kept(store_url: str) -> None:
    """Eight runs that end at the same moment wait for each other, the first ones making the tables."""

    def keep(day: int) -> bool:
        return open_history(store_url, create=True).record(night(day)).new

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(keep, range(8)))

    history = History(open_history(store_url, create=False).engine)
    assert list(history.records()) == [night(day) for day in range(8)]
    assert {len(one) for one in history.columns()[1]} == {8}
