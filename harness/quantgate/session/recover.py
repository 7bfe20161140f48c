"""The report of a run that died: what its processes had written down, made into all that a run leaves."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from quantgate.borders import border
from quantgate.errors import ReportError
from quantgate.report.allure.settle import settle_results
from quantgate.report.files import write_atomic
from quantgate.report.junit import settle_junit
from quantgate.report.model import state_gate
from quantgate.report.publish import finish_run, write_run
from quantgate.report.words.verdicts import state_word
from quantgate.run import RunFolder
from quantgate.session.benchmarks import FILE, records_of
from quantgate.session.run_report import begun_report, gather, is_begun
from quantgate.session.states import latest_s, tests_of
from quantgate.shard import DURATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.report.model import RunReport

#: What a shell says of a process that SIGKILL ended.
KILLED = 137
#: How long parallel workers are waited for that outlive their run: they end behind the step they are in.
_ORPHANS_S = 30.0
_REASON = "the run ended without a report,"


def alive(run: RunFolder) -> FileLock:
    """Make the lock that each process of a run holds as long as it lives, however it ends."""
    return FileLock(run.parts / f"alive-{run.worker}.lock")


def unfinished(reports: Path) -> Iterator[Path]:
    """List the folders of runs that ended without a report, oldest first."""
    for directory in sorted(reports.glob("*")):
        run = RunFolder(directory)
        if directory.is_dir() and not directory.is_symlink() and is_begun(run) and _is_dead(run):
            yield directory


def recover_run(directory: Path) -> RunReport:
    """Make the report of a run that ended without one, in its folder.

    Raises
    ------
    ReportError
        Where nothing is left of it, it is still going on, or the disk is full.
    """
    run = RunFolder(directory)
    with border(ReportError, f"{run.parts} cannot be read"):
        report = _gathered(run)
    _write(run, report)
    run.forget()
    return report


def _gathered(run: RunFolder) -> RunReport:
    begun = begun_report(run)
    if not _is_dead(run, _ORPHANS_S):
        raise ReportError(f"{run.directory}: this run is still going on; wait for its report")
    seconds = latest_s(run)
    start = dt.datetime.fromisoformat(begun.started)
    ended = start if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    report = gather(run, status=KILLED, reason=_REASON, ended=ended)
    notes = [f"parts/{name}: what it told is missing here" for name in run.damaged()]
    return replace(report, notes=(*report.notes, *notes))


def _write(run: RunFolder, report: RunReport) -> None:
    directory, results = run.directory, run.directory / "allure-results"
    records = records_of(run, report.machine, report.started, {})
    if records is not None:
        write_atomic(directory / FILE, json.dumps(records, indent=1).encode())
    write_atomic(directory / DURATIONS, _durations(report))
    allure = results if results.is_dir() else None
    tests = tests_of(run)
    settle_junit(directory / "junit.xml", report, tests)
    if allure is not None:
        settle_results(allure, report, tests)
    unjudged = any(state_word(state) == "unjudged" for state in report.states)
    if _is_newest(directory):
        finish_run(report, directory, allure=allure, whole=not unjudged)
    else:  # a later run has its report already
        write_run(report, directory, allure=allure, environ={})


def _is_newest(directory: Path) -> bool:
    latest = directory.parent / "latest"
    return not latest.exists() or latest.resolve().name <= directory.name


def _durations(report: RunReport) -> bytes:
    seconds: dict[str, float] = {}
    for state in report.states:
        model, _ = state_gate(state)
        seconds[model] = round(seconds.get(model, 0.0) + state.duration_s, 3)
    return json.dumps(seconds, indent=1).encode()


def _is_dead(run: RunFolder, orphans_s: float = 0.0) -> bool:
    """Whether no process of the run lives; its parallel workers have this long to end behind it."""
    workers = sorted(run.parts.glob("alive-*.lock"))
    return _is_free(alive(run)) and all(_is_free(FileLock(path), orphans_s) for path in workers)


def _is_free(lock: FileLock, timeout_s: float = 0.0) -> bool:
    with suppress(Timeout):
        lock.acquire(timeout=timeout_s)
        lock.release()
        return True
    return False
