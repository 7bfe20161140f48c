"""Recorded runs at the command line: listed, exported, joined, and steps in them accepted."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from quantgate.history.store import History, open_history
from suites.e2e.world import ROOT
from suites.nights import night

if TYPE_CHECKING:
    from pathlib import Path


def quantgate(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the command line in a folder; return the exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "quantgate", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Provide two nights in the file that commands find by themselves."""
    made = open_history(str(tmp_path / "reports" / "history.sqlite"), create=True)
    for day in range(2):
        made.record(night(day))
    return made


def test_runs_are_listed(history: History, tmp_path: Path) -> None:
    """One line a run, oldest first, with its commit and where its report lies."""
    status, said = quantgate(tmp_path, "history", "list")

    runs = said.splitlines()[2:]
    assert status == 0, said
    assert [line.split()[0] for line in runs] == [run.id for run in history.runs()]
    assert "/reports/night" in runs[0]


def test_machines_without_a_common_database_are_joined(history: History, tmp_path: Path) -> None:
    """What one machine exports another imports, as often as it likes; the environment names the store."""
    other = open_history(str(tmp_path / "other.sqlite"), create=True)
    other.record(night(1))
    other.record(night(2, machine="c3d4"))

    exported = quantgate(tmp_path, "history", "export", "nights.jsonl")
    first, again = (
        quantgate(tmp_path, "history", "import", "nights.jsonl", QUANTGATE_HISTORY="other.sqlite")
        for _ in range(2)
    )

    assert exported[0] == first[0] == again[0] == 0, exported[1] + first[1]
    assert "exported: 2 runs" in exported[1]
    assert "imported: 1 runs" in first[1]
    assert "imported: 0 runs" in again[1]
    assert list(other.records()) == [night(0), night(1), night(2, machine="c3d4")]
    assert len(list(history.records())) == 2


def test_a_step_is_accepted_by_somebody(history: History, tmp_path: Path) -> None:
    """Who, why and until when are kept; git says who."""
    who = {"GIT_AUTHOR_NAME": "A B", "GIT_AUTHOR_EMAIL": "a@b.example"}
    accept = ("accept", "ssd", "min_speedup", "--reason", "a faster head")

    status, said = quantgate(tmp_path, *accept, "--until", "2999-01-31", **who)

    (step,) = history.accepted()
    assert status == 0, said
    assert "accepted: ssd min_speedup until 2999-01-31, by A B <a@b.example>" in said
    assert (step.who, step.reason) == ("A B <a@b.example>", "a faster head")
    assert str(step.until) == "2999-01-31"


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("sdd", "min_speedup"), (4, 'no such model, expected one of digits, ssd, found "sdd"; did you mean')),
        (("ssd", "min_sped"), (4, "did you mean min_speedup?")),
        (("ssd", "min_speedup", "--until", "soon"), (4, "--until: expected a date such as 2027-01-31, found soon")),
        (("ssd", "min_speedup", "--until", "2020-01-01"), (4, "--until: expected a day to come, found 2020-01-01")),
        (("ssd", "min_speedup"), (1, "who accepts this? git knows no name here")),
    ],
)  # fmt: skip
def test_an_acceptance_that_would_cover_nothing_is_refused(
    history: History, tmp_path: Path, arguments: tuple[str, ...], refusal: tuple[int, str]
) -> None:
    """A typo, a past day or nobody's name is one sentence, and nothing is kept."""
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    status, said = quantgate(tmp_path, "accept", *arguments, "--reason", "so be it", **nobody)

    assert status == refusal[0]
    assert refusal[1] in said
    assert said.count("\n") == 1
    assert not history.accepted()


def test_commands_say_where_they_looked(tmp_path: Path) -> None:
    """Without a history, the sentence names the file that was looked for, and how one is made."""
    for arguments in (("history", "list"), ("accept", "a", "b", "--reason", "c")):
        status, said = quantgate(tmp_path, *arguments)
        assert status == 1
        assert "reports/history.sqlite does not exist; a run with --record makes it" in said
        assert said.count("\n") == 1


def test_a_manifest_names_the_history_of_commands_too(history: History, tmp_path: Path) -> None:
    """`history` of models.toml is found where no model of it is on this machine."""
    (tmp_path / "models.toml").write_text(
        f'history = "{history.name}"\n[models.gone]\nsource = "gone.xml"\n', encoding="utf-8"
    )
    (tmp_path / "reports" / "history.sqlite").rename(tmp_path / "kept.sqlite")
    (tmp_path / "models.toml").write_text(
        'history = "kept.sqlite"\n[models.gone]\nsource = "gone.xml"\n', encoding="utf-8"
    )

    status, said = quantgate(tmp_path, "history", "list")

    assert status == 0, said
    assert "night-1" in said


def test_who_records_nothing_loads_no_database(tmp_path: Path) -> None:
    """Importing the package and checking a manifest leave SQLAlchemy where it is."""
    (tmp_path / "models.toml").write_text(
        'history = "nights.sqlite"\n[datasets.one]\nkind = "digits"\nsubject = "single"\n[models.one]\n'
        'source = { zoo = "digits-mobilenet-v2" }\nevaluate = "one"\noptimized = "models.toml"\n',
        encoding="utf-8",
    )
    program = (
        "import sys, quantgate, quantgate.plugin\n"
        "from quantgate.cli import main\n"
        "status = main(['check', '--manifest-only', 'models.toml'])\n"
        "sys.exit(status or 'sqlalchemy' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no problem" in done.stdout
