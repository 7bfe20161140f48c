"""A run's folder: whole files or none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from quantgate.borders import reason_of
from quantgate.errors import ReportError
from quantgate.report.files import file_name, point_latest, write_atomic
from quantgate.report.publish import finish_run, load_run


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing of the writing stays beside it."""
    target = tmp_path / "deep" / "a.json"
    write_atomic(target, b"old")

    write_atomic(target, b"new")

    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """It names the path and what to do; nothing half-written stays."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(
        ReportError, match=r"cannot write .*a\.json: .* choose another writable folder"
    ):
        write_atomic(tmp_path / "file" / "a.json", b"x")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write breaks in the middle: the old content is there, the new one is gone."""
    target = tmp_path / "a.json"
    target.write_bytes(b"old")

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ReportError, match="No space left on device"):
        write_atomic(target, b"new")

    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_latest_follows_the_newest_run(tmp_path: Path) -> None:
    """Also where an older tool left a folder of that name."""
    for name in ("run-1", "run-2", "latest"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)

    point_latest(tmp_path / "run-1")
    assert (tmp_path / "latest" / "index.html").read_text() == "run-1"
    point_latest(tmp_path / "run-2")
    assert (tmp_path / "latest" / "index.html").read_text() == "run-2"


def test_latest_stays_with_a_whole_run(sample: Any) -> None:
    """A part of a run is the latest one only until a whole run is there."""
    runs = sample.directory.parent
    latest = runs / "latest"

    for name, whole, pointed in (
        ("part-1", False, "part-1"),
        ("part-2", False, "part-2"),
        ("whole", True, "whole"),
        ("part-3", False, "whole"),
    ):
        shutil.copytree(sample.directory, runs / name)
        finish_run(sample.report, runs / name, whole=whole)
        assert latest.resolve().name == pointed


def test_file_names_stay_apart() -> None:
    """Different names never become one file, plain ones stay readable."""
    names = ["a/b", "a-b", "a b", "..", "", "x" * 300, "x" * 301, "ssd-mobilenet_v2.1"]

    made = [file_name(name) for name in names]

    assert len(set(made)) == len(names)
    assert made[-1] == "ssd-mobilenet_v2.1"
    assert all("/" not in name and name not in {"", ".", ".."} and len(name) < 100 for name in made)


def test_finishing_a_run_writes_everything(sample: Any) -> None:
    """Page, values, verdicts, summary, tables; latest points at it."""
    page = finish_run(sample.report, sample.directory)

    there = {path.name for path in sample.directory.iterdir()}
    assert {"index.html", "run.json", "verdicts.json", "summary.md", "tables", "pictures"} <= there
    tables = {path.name for path in (sample.directory / "tables" / "ssd").iterdir()}
    assert {name.removesuffix(".csv") for name in tables if name.endswith(".csv")} == {
        "advanced",
        "basic",
        "executed-precision",
        "layer-types",
        "layers",
        "metrics",
        "performance",
        "rounds",
        "speedups",
    }
    assert {name.replace(".csv", ".json") for name in tables} <= tables
    assert (sample.directory.parent / "latest" / "index.html").read_bytes() == page.read_bytes()


def test_a_finished_run_can_be_read_back(sample: Any) -> None:
    """From its folder or its run.json."""
    finish_run(sample.report, sample.directory)

    assert load_run(sample.directory) == sample.report
    assert load_run(sample.directory / "run.json") == sample.report


def test_a_folder_without_a_run_is_one_sentence(tmp_path: Path) -> None:
    """Missing, no JSON, or of another version."""
    with pytest.raises(ReportError, match="give the directory of a finished run"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ReportError, match="cannot read the run"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(ReportError, match="expected schema 1, found 99"):
        load_run(tmp_path)


def test_the_pipeline_gets_its_summary(sample: Any, tmp_path: Path) -> None:
    """Added to what other steps wrote."""
    summary = tmp_path / "summary"
    summary.write_text("before\n")

    finish_run(sample.report, sample.directory, environ={"GITHUB_STEP_SUMMARY": str(summary)})

    assert summary.read_text().startswith("before\n## quantgate: 1 failed")


def test_a_folder_that_cannot_be_copied_gives_one_reason(tmp_path: Path) -> None:
    """Of a list of files with their errors the first reason is said, without paths and numbers."""
    (tmp_path / "from").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "from" / name).symlink_to("nowhere")
    with pytest.raises(shutil.Error) as raised:
        shutil.copytree(tmp_path / "from", tmp_path / "to")
    assert reason_of(raised.value) == "No such file or directory"
