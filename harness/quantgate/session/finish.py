"""The end of a run: problems that gave no verdict, holes, the report, the closing lines."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantgate.damage import damage_since
from quantgate.errors import ReportError
from quantgate.escaping import one_line
from quantgate.report.model import Problem, state_gate
from quantgate.report.words.verdicts import state_word
from quantgate.session import collection, history, sharding
from quantgate.session.annotations import limit_places
from quantgate.session.closing import closing_lines
from quantgate.session.dry_run import leave_nothing
from quantgate.session.run_report import gather
from quantgate.session.stash import FINISHED, INTERRUPTS, REPORT, SELECTED, STOPWATCH, TESTS
from quantgate.session.states import tests_of
from quantgate.session.xdist import end_workers
from quantgate.shard import DURATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from quantgate.report.model import RunReport
    from quantgate.run import Run

_NOWHERE = "declared in models.toml, and no test judged it"
#: Final states with which no run is passed.
_WRONG = frozenset({"failed", "broken"})
_UNWEIGHED = " (no durations recorded: every model counted the same)"


def finish(session: pytest.Session, run: Run, status: int) -> bool:
    """Write the whole run's report; True where the run has to fail although no test did.

    A declared limit that a full run judged nowhere is such a case, and so is a report that could
    not be written.
    """
    from quantgate.report.export import workflow_commands
    from quantgate.report.files import write_atomic
    from quantgate.report.publish import finish_run
    from quantgate.session.benchmarks import write_records

    config = session.config
    interrupted = status == pytest.ExitCode.INTERRUPTED
    if interrupted:
        end_workers()
    try:
        ended = dt.datetime.now(dt.UTC)
        report = gather(run, status=status, reason=_reason(session, status), ended=ended)
        missing = [] if interrupted else _missing(config, run, report)
        if not (report.judged or report.problems or missing or run.part):
            leave_nothing(config, run)
            return False
        report = _with_missing(report, missing)
        healed = damage_since(run.store, dt.datetime.fromisoformat(run.started).timestamp())
        report = replace(report, notes=(*report.notes, *healed))
        lines = [f"NOT JUDGED  {model}: {key}: {_NOWHERE}" for model, key in missing]
        lines += _partial(config, run, report, interrupted=interrupted)
        write_records(config, run)
        write_atomic(run.directory / DURATIONS, _durations(config))
        page = finish_run(
            report,
            run.directory,
            allure=_allure(config),
            environ=os.environ,
            whole=not interrupted and _is_whole(run, report, missing),
        )
    except ReportError as error:
        tell(config, f"no report: {error}")
        return True
    lines += [f"NOTE  {one_line(note)}" for note in report.notes]
    lines += [
        f"NOTE  {model.id}: {one_line(note)}" for model in report.models for note in model.notes
    ]
    lines += closing_lines(run, report, config.stash[STOPWATCH].seconds)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        lines += workflow_commands(report, limit_places(run, report))  # shown beside the change
    config.stash[FINISHED] = (*lines, f"report: {one_line(str(page))}")
    config.stash[REPORT], config.stash[TESTS] = report, tests_of(run)
    wrong = any(state_word(one) in _WRONG for one in report.states)
    return bool(missing) or (wrong and status == pytest.ExitCode.OK)


def settle(config: pytest.Config, run: Run) -> bool:
    """Bring pytest's own files in line with the report; True where they could not be written.

    Call it when they are written; nothing of the run's parts is needed any more behind it.
    """
    from quantgate.report.allure.settle import settle_results
    from quantgate.report.junit import settle_junit

    report = config.stash.get(REPORT, None)
    if report is None:
        return False
    tests = config.stash[TESTS]
    junit, allure = getattr(config.option, "xmlpath", None), _allure(config)
    try:
        if junit:
            path = Path(os.path.expandvars(junit)).expanduser().absolute()
            settle_junit(path, report, tests)
        if allure is not None:
            settle_results(allure, report, tests)
    except ReportError as error:
        tell(config, f"not everything was written: {error}")
        return True
    run.forget()
    return False


def tell(config: pytest.Config, line: str) -> None:
    """Add a closing line."""
    config.stash[FINISHED] = (*config.stash.get(FINISHED, ()), line)


def record(config: pytest.Config, run: Run) -> bool:
    """Record a finished run where that is wanted; True where it failed."""
    report = config.stash.get(REPORT, None)
    if report is None:
        return False
    failed, lines = history.record(config, run, report)
    config.stash[FINISHED] = (*config.stash.get(FINISHED, ()), *lines)
    return failed


def _partial(config: pytest.Config, run: Run, report: RunReport, *, interrupted: bool) -> list[str]:
    """Say what was not judged: a run cut short or selected must not look complete."""
    if report.shard is not None:
        shard, models = report.shard, dict(report.shard.expected)
        return [
            (
                f"shard {run.part}: {len(shard.models)} of {len(models)} models were judged here"
                f"{'' if run.part and run.part.seconds else _UNWEIGHED}; "
                "`quantgate merge` joins all shards and says whether the gate is passed"
            )
        ]
    declared = set(collection.declared(run))
    left = len(declared - _answered(report))
    if left and interrupted:
        by = config.stash[INTERRUPTS].came
        said = f"interrupted by {by}" if by else "interrupted"
        return [f"{said}: {left} of {len(declared)} gates were not judged"]
    if left and (config.stash.get(SELECTED, False) or sharding.was_selected(run)):
        return [f"{left} of {len(declared)} gates were left out by the selection: not judged here"]
    if left and config.option.maxfail:
        return [f"stopped early, as asked: {left} of {len(declared)} gates were not judged"]
    return []


def _durations(config: pytest.Config) -> bytes:
    seconds = {model: round(s, 3) for model, s in config.stash[STOPWATCH].seconds.items()}
    return json.dumps(seconds, indent=1).encode()


def _missing(config: pytest.Config, run: Run, report: RunReport) -> list[tuple[str, str]]:
    """List the declared limits that nothing judged, of a run that was not cut down on purpose."""
    if run.part is not None or sharding.was_selected(run) or _narrowed(config):
        return []
    return sorted(set(collection.declared(run)) - _answered(report))


def _is_whole(run: Run, report: RunReport, missing: Collection[tuple[str, str]]) -> bool:
    """Whether the run judged all that it was to judge, a shard its part: selections do not."""
    if run.part is not None:
        return not sharding.was_selected(run)
    return set(collection.declared(run)) - _answered(report) == set(missing)


def _answered(report: RunReport) -> set[tuple[str, str]]:
    return {state_gate(state) for state in report.states if state_word(state) != "unjudged"}


def _reason(session: pytest.Session, status: int) -> str:
    """Say why a gate that came to no end did not."""
    by = session.config.stash[INTERRUPTS].came
    if status == pytest.ExitCode.INTERRUPTED:
        return f"the run was interrupted{f' by {by}' if by else ''}"
    stopped = session.shouldfail or session.shouldstop
    if stopped:
        return f"the run ended ({stopped})"
    return "pytest broke down" if status == pytest.ExitCode.INTERNAL_ERROR else "the run ended"


def _with_missing(report: RunReport, missing: Iterable[tuple[str, str]]) -> RunReport:
    """Show the limits that were declared and that no test was there for."""
    known = {state_gate(state) for state in report.states}
    added = [Problem(*gate, "unjudged", _NOWHERE) for gate in missing if gate not in known]
    return replace(report, problems=(*report.problems, *added))


def _allure(config: pytest.Config) -> Path | None:
    given = getattr(config.option, "allure_report_dir", None)
    return Path(given) if given else None


def _narrowed(config: pytest.Config) -> bool:
    cut_short = (
        config.option.maxfail or config.option.setuponly or getattr(config.option, "lf", False)
    )
    return bool(cut_short) or any("::" in argument for argument in config.args)
