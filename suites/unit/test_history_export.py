"""An export is lossless, and a damaged one is refused whole."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from quantgate.core.series import Accepted
from quantgate.errors import HistoryError
from quantgate.history.jsonl import Imported, export, import_
from quantgate.history.store import History, open_history
from suites.nights import FIRST, night

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEP = Accepted("ssd", "min_speedup", "faster", "A <a@b.example>", FIRST, dt.date(2027, 1, 1))


@pytest.fixture
def empty(tmp_path: Path) -> History:
    """Provide an empty history."""
    return open_history(str(tmp_path / "empty.sqlite"), create=True)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Provide an export of three nights and an accepted step."""
    history = open_history(str(tmp_path / "full.sqlite"), create=True)
    for day in range(3):
        history.record(night(day))
    history.accept(STEP)
    path = tmp_path / "nights.jsonl"
    with path.open("wb") as file:
        export(history, file)
    return path


def test_nothing_is_lost(empty: History, exported: Path) -> None:
    """What is imported is what was exported, to the last bit, and importing it again brings nothing."""
    assert import_(empty, exported) == Imported(3, 1, 0)
    assert list(empty.records()) == [night(day) for day in range(3)]
    assert empty.accepted() == (STEP,)

    assert import_(empty, exported) == Imported(0, 0, 4)
    assert len(list(empty.records())) == 3


def cut_off(data: bytes) -> bytes:
    """Lose the last line."""
    return data[: data.rindex(b'{"end"')]


def flipped(data: bytes) -> bytes:
    """Change one digit of one number."""
    return data.replace(b'"value": 1.3', b'"value": 1.4', 1)


def a_line_less(data: bytes) -> bytes:
    """Lose one night."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[:2] + lines[3:])


def newer(data: bytes) -> bytes:
    """Pretend to be of a newer version."""
    return data.replace(b'"schema": 1', b'"schema": 2', 1)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut_off, "the export was cut off; nothing was imported"),
        (flipped, "the export was damaged or edited; nothing was imported"),
        (a_line_less, "the export was damaged or edited; nothing was imported"),
        (newer, "was exported by a newer quantgate"),
        (lambda _: b"", "lines without one: the export was cut off"),
        (lambda _: b"\xff\x00", "found another file"),
        (lambda data: data + data, "the export was damaged or edited; nothing was imported"),
    ],
)
def test_a_damaged_export_is_refused_whole(
    empty: History, exported: Path, damage: Callable[[bytes], bytes], sentence: str
) -> None:
    """One sentence, and not one night of it is there."""
    damaged = damage(exported.read_bytes())
    assert damaged != exported.read_bytes()
    exported.write_bytes(damaged)

    with pytest.raises(HistoryError, match=sentence) as refused:
        import_(empty, exported)

    assert str(refused.value).count("\n") == 0
    assert not empty.runs()


def test_a_run_with_other_results_refuses_the_whole_import(empty: History, exported: Path) -> None:
    """The nights before it are not imported either, and what was there stays as it was."""
    empty.record(night(2, value=7.0))

    with pytest.raises(HistoryError, match="holds a run night-2 with other results"):
        import_(empty, exported)

    assert list(empty.records()) == [night(2, value=7.0)]


def test_every_line_is_json(exported: Path) -> None:
    """Other programs read an export line by line."""
    documents = [json.loads(line) for line in exported.read_text("utf-8").splitlines()]

    assert [next(iter(document)) for document in documents] == [
        "format", "run", "run", "run", "accepted", "end",
    ]  # fmt: skip
