"""A store of an older version is brought up to date without losing a row."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text

from quantgate.core.series import Accepted
from quantgate.errors import HistoryError
from quantgate.history import schema
from quantgate.history.store import History, open_history
from suites.nights import FIRST, night

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from suites.postgres import Cluster

#: Three nights and an accepted step, as the first version wrote them.
VERSION_1 = Path(__file__).with_name("history_schema_1.sql")
#: What schema 3 added to the runs.
MARKS = ("numbers", "total", "head")
STEP = Accepted("ssd", "min_speedup", "faster head", "A <a@b.example>", FIRST, dt.date(2027, 1, 1))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Provide a store of the first version."""
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text("utf-8"))
    return path


def columns(history: History) -> dict[str, set[str]]:
    """Columns of all tables."""
    looked = inspect(history.engine)
    return {
        table: {column["name"] for column in looked.get_columns(table)}
        for table in looked.get_table_names()
    }


def test_an_old_store_keeps_everything(old: Path, tmp_path: Path) -> None:
    """Every night and every accepted step is there, in tables like those of a fresh store."""
    history = open_history(str(old), create=False)

    fresh = open_history(str(tmp_path / "fresh.sqlite"), create=True)
    assert columns(history) == columns(fresh)
    assert list(history.records()) == [replace(night(day), command="") for day in range(3)]
    assert history.accepted() == (STEP,)


def test_an_old_run_stays_the_run_that_it_was(old: Path) -> None:
    """A night that an old version recorded and exported is there already when it is imported."""
    history = open_history(str(old), create=False)

    assert not history.record(replace(night(1), command="")).new
    assert history.record(night(3)).new
    runs, columns = history.columns()
    assert [runs[one.runs[-1]].id for one in columns] == ["night-3"] * 2


def test_an_upgrade_that_breaks_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are one transaction: a failure in the middle leaves the old store, which opens again."""
    step = schema.STEPS[1]

    def breaks(connection: Connection) -> None:
        step(connection)
        raise HistoryError("power was lost")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "STEPS", {1: breaks})
        with pytest.raises(HistoryError, match="power was lost"):
            open_history(str(old), create=False)
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT version FROM quantgate_schema").fetchone() == (1,)

    assert len(open_history(str(old), create=False).runs()) == 3


def test_a_server_is_brought_up_to_date_too(cluster: Cluster) -> None:
    """The same steps work on PostgreSQL."""
    url = cluster.create("old")
    history = open_history(url, create=True)
    history.record(replace(night(0), command=""))
    with history.engine.begin() as connection:
        for table, names in (
            ("runs", ("command", *MARKS)),
            ("series", ("head",)),
            ("accepted", ("head",)),
        ):
            for name in names:
                connection.execute(text(f"ALTER TABLE quantgate_{table} DROP COLUMN {name}"))
        connection.execute(text("UPDATE quantgate_schema SET version = 1"))

    again = open_history(url, create=False)

    assert list(again.records()) == [replace(night(0), command="")]
    assert again.record(night(1)).new
