"""A run leaves its judged numbers in a history, where that is asked for."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from typing import TYPE_CHECKING

from quantgate.history.store import open_history
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

LIMITS = "limits = { max_accuracy_drop = 0.03, min_agreement = 0.93, max_size_ratio = 0.9 }\n"
MANIFEST = tiny.MANIFEST + LIMITS


def test_every_judged_number_is_recorded(world: World, project: Callable[[str], Path]) -> None:
    """Value, interval, limit and verdict of each, with what they rest on, beside the runs."""
    folder = project(MANIFEST)
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "models.toml"),
        ("-c", "user.name=A", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", "one"),
    ):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True)

    first = world.gate(folder, "--record")
    second = world.gate(folder, "--record")

    history = open_history(str(folder / "reports" / "history.sqlite"), create=False)
    before, after = history.records()
    assert first.status == second.status == 0, first.said + second.said
    assert f"recorded: {after.run} in {history.name}" in second.said
    for number in after.numbers:
        verdict = second.verdicts["tiny", number.quantity]
        assert number.estimate is not None
        assert [number.estimate.low, number.estimate.high] == verdict["interval"]
        assert (number.estimate.value, number.estimate.n) == (verdict["value"], verdict["n"])
        assert (number.outcome, number.threshold) == (verdict["outcome"], verdict["limit"])
    assert {one.quantity for one in after.numbers} == {key for _, key in second.verdicts}
    assert after.branch == "main"
    assert len(after.commit) == 40
    assert {"parent", "optimized", "calibration", "evaluation"} <= set(after.models[0].digests)
    assert json.loads(after.models[0].entry)["source"] == {"path": "parent.xml"}
    assert {"openvino", "nncf", "quantgate"} <= set(after.versions)
    assert after.place == str(second.latest.resolve())
    assert {len(one) for one in history.columns()[1]} == {2}
    assert [one.segment for one in before.numbers] == [one.segment for one in after.numbers]


def test_a_manifest_names_its_history(world: World, project: Callable[[str], Path]) -> None:
    """A run is recorded where models.toml names a history, unless it is asked not to be."""
    folder = project(f'history = "nights.sqlite"\n{MANIFEST}')

    left_out = world.gate(folder, "--no-record")
    recorded = world.gate(folder)

    history = open_history(str(folder / "nights.sqlite"), create=False)
    assert "recorded" not in left_out.said
    assert [run.id for run in history.runs()] == [recorded.latest.resolve().name]


def test_what_can_move_a_number_starts_a_segment(
    world: World, own_copy: Callable[[str], Path]
) -> None:
    """One image fewer to judge on starts a segment of what is judged on images; a looser limit none."""
    folder = own_copy(MANIFEST)
    world.gate(folder, "--record")
    (folder / "models.toml").write_text(MANIFEST.replace("drop = 0.03", "drop = 0.04"))
    world.gate(folder, "--record")
    next((folder / "evaluation").rglob("*.png")).unlink()
    world.gate(folder, "--record")

    history = open_history(str(folder / "reports" / "history.sqlite"), create=False)
    segments = {
        one.key.quantity: [one.segments[part] for part in one.segment]
        for one in history.columns()[1]
    }
    for quantity in ("max_accuracy_drop", "min_agreement"):
        first, looser, fewer = segments[quantity]
        assert first == looser != fewer
    assert len(set(segments["max_size_ratio"])) == 1
    assert [one.numbers[0].threshold for one in history.records()] == [0.03, 0.04, 0.04]


def test_a_wrong_history_stops_the_run_at_once(
    world: World, project: Callable[[str], Path]
) -> None:
    """One sentence and exit status 4, before a night is spent on what could not be kept."""
    folder = project(MANIFEST)
    (folder / "text").write_text("no database")
    (folder / "folder").mkdir()

    for wrong, sentence in (
        ("mysql://db/nights", "expected a path, sqlite:///PATH or postgresql://"),
        ("text", "found a file that is no SQLite database"),
        ("folder", "--record: expected a history's file or URL, found folder"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", "cannot be reached"),
    ):
        ran = world.gate(folder, f"--record={wrong}")
        assert ran.status == 4, ran.said
        assert sentence in ran.said
        assert "secret" not in ran.said
        assert "Traceback" not in ran.said
    assert not (folder / "reports").exists()


def test_a_history_that_goes_away_loses_nothing(
    world: World, project: Callable[[str], Path]
) -> None:
    """Where the run cannot be recorded at its end, it fails, its report stands, and it says what to do."""
    folder = project(MANIFEST)
    (folder / "conftest.py").write_text(
        "import sqlite3\n\n"
        "def pytest_runtest_setup(item):\n"
        "    connection = sqlite3.connect('reports/history.sqlite')\n"
        "    connection.execute('UPDATE quantgate_schema SET version = 99')\n"
        "    connection.commit()\n"
        "    connection.close()\n"
    )

    ran = world.gate(folder, "-p", "conftest", "--record", PYTHONPATH=f"{folder}:{_root()}")

    assert ran.status == 1, ran.said
    assert "NOT RECORDED  history:" in ran.said
    assert "was written by a newer quantgate (schema 99" in ran.said
    assert "`quantgate history record" in ran.said
    assert len(ran.verdicts) == 3

    later = world.run(
        folder, "-m", "quantgate", "history", "record", "reports/latest", "--history=new"
    )
    again = world.run(
        folder, "-m", "quantgate", "history", "record", "reports/latest", "--history=new"
    )

    (run,) = open_history(str(folder / "new"), create=False).records()
    assert later.status == again.status == 0, later.said
    assert (run.run, len(run.numbers)) == (ran.latest.resolve().name, 3)
    assert "there already" in again.said


def test_a_password_is_shown_nowhere(world: World, project: Callable[[str], Path]) -> None:
    """The command that the report names hides the password of the history's address."""
    folder = project(MANIFEST)

    ran = world.gate(
        folder, "--record=postgresql://me:secret@db/nights", "--no-record", "-k", "test_size"
    )

    said = (ran.latest / "run.json").read_text("utf-8")
    assert "***@db/nights" in json.loads(said)["command"]
    assert "secret" not in said + ran.said


def _root() -> str:
    from suites.e2e.world import ROOT

    return str(ROOT)


def test_the_history_is_plain_sql(world: World, project: Callable[[str], Path]) -> None:
    """Other programs read the numbers with one join."""
    folder = project(MANIFEST)
    world.gate(folder, "--record")

    connection = sqlite3.connect(folder / "reports" / "history.sqlite")
    rows = connection.execute(
        "SELECT quantity, value, outcome FROM quantgate_numbers "
        "JOIN quantgate_series ON quantgate_series.id = series_id ORDER BY quantity"
    ).fetchall()
    connection.close()

    assert [(row[0], row[2]) for row in rows] == [
        ("max_accuracy_drop", "passed"),
        ("max_size_ratio", "passed"),
        ("min_agreement", "passed"),
    ]
