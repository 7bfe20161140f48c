from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from quantgate.cli import USAGE, main
from quantgate.housekeeping import entries_in, runs_in
from quantgate.store import Store

if TYPE_CHECKING:
    from pathlib import Path

DAY_NS = 24 * 3600 * 10**9


def entry(root: Path, model: str, days: float, size: int = 1000) -> Path:
    """Build an entry that was last used so many days ago."""

    def build(folder: Path) -> None:
        (folder / "model.bin").write_bytes(bytes(size))

    return aged(Store(root, model=model).get_or_build("parent", {"m": model}, build), days)


def aged(path: Path, days: float) -> Path:
    """Set the time of a folder and everything in it back by some days."""
    then = time.time_ns() - int(days * DAY_NS)
    for each in (*path.rglob("*"), path):
        os.utime(each, ns=(then, then))
    return path


def run_folder(reports: Path, name: str, days: float, *models: str) -> Path:
    """Leave what a run leaves, as far as the list of runs looks at it."""
    folder = reports / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    told = {"verdicts": [{"model": model} for model in models]}
    (folder / "verdicts.json").write_text(json.dumps(told))
    return aged(folder, days)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the verb, which ends well, and give what it says."""
    assert main(["store", *arguments]) == 0
    return capsys.readouterr().out


def test_the_store_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every entry stands with kind, model, size and age, what was used longest ago first."""
    entry(tmp_path, "new", 0)
    entry(tmp_path, "old", 40, 5_000_000)
    (tmp_path / "hf" / "models--org--name").mkdir(parents=True)
    (tmp_path / "hf" / "models--org--name" / "weights").write_bytes(bytes(3000))
    aged(tmp_path / "hf", 3)

    lines = said(capsys, "--store", str(tmp_path)).splitlines()

    assert [line.split()[:2] for line in lines[2:4]] == [["parent", "old"], ["hf", "3.0"]]
    assert "5.0 MB  40 d ago" in lines[2]
    assert "just now" in lines[4]
    assert lines[5].startswith(f"{tmp_path}: 3 entries, 5.0 MB")


def test_prune_by_age(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was unused for longer goes, all else stays and is used again undamaged."""
    old, young = entry(tmp_path, "old", 40), entry(tmp_path, "young", 20)

    told = said(capsys, "prune", "--older-than", "30d", "--store", str(tmp_path))

    assert (old.exists(), young.exists()) == (False, True)
    assert "removed 1 entry, 1." in told
    assert Store(tmp_path).holds("parent", {"m": "young"})


def test_prune_by_size_removes_the_longest_unused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The oldest go until the rest fit, and what was used within a day stays though it does not fit."""
    paths = [entry(tmp_path, f"m{days}", days, 4000) for days in (9, 5, 3, 0)]

    said(capsys, "prune", "--max-size", "10kB", "--store", str(tmp_path))
    assert [path.exists() for path in paths] == [False, False, True, True]

    told = said(capsys, "prune", "--max-size", "0", "--store", str(tmp_path))
    assert [path.exists() for path in paths] == [False, False, False, True]
    assert "kept: 1 " in told


def test_a_dry_run_removes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same entries are counted, and stay."""
    old = entry(tmp_path, "old", 40)

    told = said(capsys, "prune", "--older-than", "1d", "--dry-run", "--store", str(tmp_path))

    assert old.exists()
    assert "would remove 1 entry" in told


def test_an_entry_that_is_being_built_stays(tmp_path: Path) -> None:
    """The lock of an entry keeps it from being removed by another process."""
    path = entry(tmp_path, "busy", 40)
    builder = Store(tmp_path)

    with builder._locked(path):
        assert not Store(tmp_path).remove(path)

    assert path.exists()


def test_runs_are_pruned_but_the_latest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Old runs go, the run that ``latest`` points to and everything that is no run stay."""
    first = run_folder(tmp_path, "2026-01-01T00-00-00Z-aaaaaa", 90, "a", "b", "c")
    second = run_folder(tmp_path, "2026-01-02T00-00-00Z-bbbbbb", 80, "a")
    (tmp_path / "latest").symlink_to(second.name, target_is_directory=True)
    (tmp_path / "notes").mkdir()
    aged(tmp_path / "notes", 500)
    reports = ("--runs", "--reports", str(tmp_path))

    assert "a, b and 1 more" in said(capsys, *reports)
    told = said(capsys, "prune", "--older-than", "8w", *reports)

    assert (first.exists(), second.exists(), (tmp_path / "notes").exists()) == (False, True, True)
    assert "kept: 1 " in told


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["prune"], "expected --older-than AGE, --max-size SIZE or both"),
        (["prune", "--older-than", "3"], "hours, days or weeks such as 12h, 30d or 8w, found '3'"),
        (["prune", "--max-size", "-1"], "--max-size"),
        (["prune", "--max-size", "big"], "a size such as 500MB or 20GB, found 'big'"),
    ],
)
def test_wrong_limits_are_wrong_usage(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is removed where it is not said what may go."""
    kept = entry(tmp_path, "old", 400)
    try:
        status = main(["store", *arguments, "--store", str(tmp_path)])
    except SystemExit as ended:
        status = int(str(ended.code))

    assert status == USAGE
    assert expected in capsys.readouterr().err
    assert kept.exists()


def test_an_empty_place_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing was built yet the list is empty, and nothing is made."""
    assert "0 entries, 0 B" in said(capsys, "--store", str(tmp_path / "none"))
    assert entries_in(tmp_path / "none") == runs_in(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
