"""A record is made of a finished run: all its judged numbers, and what they rest on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.estimate import Estimate
from quantgate.core.series import CONTROL
from quantgate.history.record import run_record
from quantgate.history.store import open_history
from quantgate.machine import machine_class
from quantgate.session.history import report_place

if TYPE_CHECKING:
    from pathlib import Path

    from suites.conftest import Sample


def test_a_report_becomes_a_record(sample: Sample, tmp_path: Path) -> None:
    """Every verdict is a number with its limit and segment; the control is one too; a history keeps it."""
    segments = {"min_match_rate": "aa", "max_size_ratio": "bb"}
    models = tuple(
        replace(model, segments=segments, digests=(("parent", "11"),))
        if model.id == "ssd"
        else model
        for model in sample.report.models
    )
    control = Estimate(1.001, 0.99, 1.01, 24, of="rounds")
    report = replace(sample.report, models=models, control=control, commit="c0", branch="main")

    made = run_record(report, place="/reports/run-1")

    found = {(one.model, one.quantity): one for one in made.numbers}
    match = found["ssd", "min_match_rate"]
    assert match.estimate == Estimate(0.912, 0.894, 0.931, 200)
    assert (match.outcome, match.threshold, match.segment) == ("failed", 0.95, "aa")
    assert found[CONTROL].estimate == control
    assert len(found) == len(made.numbers) == len(report.judged) + 1
    assert made.started == "2026-11-20T19:30:00.000000+00:00"
    assert (made.commit, made.branch, made.stack) == ("c0", "main", "default")
    history = open_history(str(tmp_path / "history.sqlite"), create=True)
    history.record(made)
    assert list(history.records()) == [made]


def test_the_machine_is_what_stays_the_same(sample: Sample) -> None:
    """A new version of a library is no other machine; another processor is; the second stack is told apart."""
    made = run_record(sample.report)
    newer = replace(sample.report, versions={"openvino": "2027.0.0", "nncf": "2.14.1"})
    moved = replace(sample.report, machine={"CPU": "another CPU"})

    assert run_record(newer).machine == made.machine == machine_class({"CPU": "a CPU"})
    assert run_record(newer).stack == "omz"
    assert run_record(moved).machine != made.machine


def test_a_clock_set_back_during_the_run_gives_no_negative_duration(sample: Sample) -> None:
    """A run that ended before it began took no time."""
    assert run_record(replace(sample.report, duration_s=-3600.0)).duration_s == 0


def test_a_repeated_test_is_one_number(sample: Sample) -> None:
    """Where a limit was judged twice, the later answer counts."""
    first, second = sample.report.judged[0], sample.report.judged[0]
    better = replace(second, verdict=replace(second.verdict, estimate=Estimate.exact(0.99)))

    made = run_record(replace(sample.report, judged=(first, better)))

    assert [one.estimate for one in made.numbers] == [Estimate.exact(0.99)]


def test_a_report_is_found_again(tmp_path: Path) -> None:
    """A pipeline's job has an address; anywhere else the folder is one."""
    github = {
        "GITHUB_RUN_ID": "7",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "a/b",
    }
    assert report_place(tmp_path, github) == "https://github.example/a/b/actions/runs/7"
    assert (
        report_place(tmp_path, {"CI_JOB_URL": "https://lab.example/7"}) == "https://lab.example/7"
    )
    assert report_place(tmp_path, {"BUILD_URL": "https://ci.example/7"}) == "https://ci.example/7"
    assert report_place(tmp_path, {}) == str(tmp_path)
