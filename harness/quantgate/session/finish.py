"""The end of a run: problems that gave no verdict, holes, the report, the closing lines."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.errors import HarnessError, ReportError
from quantgate.escaping import one_line
from quantgate.escaping import terminal as safe_lines
from quantgate.redaction import redacted
from quantgate.session import collection, history, sharding, terminal
from quantgate.session.annotations import limit_places
from quantgate.session.dry_run import leave_nothing
from quantgate.session.run_report import gather, judged, problems
from quantgate.session.stash import ANSWERS, FINISHED, REPORT, SELECTED, STOPWATCH
from quantgate.shard import DURATIONS

if TYPE_CHECKING:
    from quantgate.report.model import RunReport
    from quantgate.run import Run

#: Our own workflow commands, escaped where they are made.
_COMMANDS = ("::error title=", "::warning title=")
_UNWEIGHED = " (no durations recorded: every model counted the same)"


def note_problem(run: Run, gate: tuple[str, str], error: BaseException) -> str:
    """Keep a gate that broke or was skipped, and return its line for the terminal."""
    model, key = gate
    skipped = isinstance(error, pytest.skip.Exception)
    sentence = str(error) if isinstance(error, HarnessError) or skipped else _unexpected(error)
    status = "skipped" if skipped else "broken"
    problem = {"model": model, "gate": key, "status": status, "sentence": sentence}
    with suppress(ReportError):  # on a full disk it is said in the terminal alone
        run.append("problems", problem)
    # A model that is skipped is skipped for one reason, whatever its limits: said once, not for each.
    where = model if skipped else f"{model}: {key}"
    return f"{status.upper()}  {where}: {sentence}"


def finish(config: pytest.Config, run: Run, status: int) -> bool:
    """Write the whole run's report; True where the run has to fail although no test did.

    A declared limit that a full run judged nowhere is such a case, and so is a report that could
    not be written.
    """
    from quantgate.report.export import workflow_commands
    from quantgate.report.files import write_atomic
    from quantgate.report.publish import finish_run
    from quantgate.session.benchmarks import write_records

    report = gather(config, run, status)
    interrupted = status == pytest.ExitCode.INTERRUPTED
    missing = [] if interrupted else _missing(config, run, report)
    if not (report.judged or report.problems or missing or run.part):
        leave_nothing(config, run)
        return False
    lines = [
        f"NOT JUDGED  {model}: {key}: declared in models.toml, and no test judged it"
        for model, key in missing
    ]
    lines += _partial(config, run, report, interrupted=interrupted)
    allure = getattr(config.option, "allure_report_dir", None)
    try:
        write_records(config, run)
        write_atomic(run.directory / DURATIONS, _durations(config))
        page = finish_run(
            report, run.directory, allure=Path(allure) if allure else None, environ=os.environ
        )
    except ReportError as error:
        config.stash[FINISHED] = (*lines, f"no report: {error}")
        return True
    lines += [f"NOTE  {one_line(note)}" for note in report.notes]
    lines += [
        f"NOTE  {model.id}: {one_line(note)}" for model in report.models for note in model.notes
    ]
    lines += _models_made(report)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        lines += workflow_commands(report, limit_places(run, report))  # shown beside the change
    config.stash[FINISHED] = (*lines, f"report: {page}")
    config.stash[ANSWERS] = (report.judged, report.problems)
    config.stash[REPORT] = report
    run.forget()
    return bool(missing)


def _models_made(report: RunReport) -> list[str]:
    """Say where the INT8 models are, and how to package one."""
    made = [model for model in report.models if model.ir]
    if not made:
        return []
    width = max(len(model.id) for model in made)
    lines = [f"INT8  {model.id.ljust(width)}  {model.ir}" for model in made]
    return [*lines, "`quantgate package MODEL` makes a folder to deploy of one of them"]


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


def write_summary(reporter: Any, run: Run) -> None:
    """Write the table of all verdicts and the paths of the evidence."""
    from quantgate.report.text_table import summary_lines
    from quantgate.report.words.run import summary_rows

    kept = reporter.config.stash.get(ANSWERS, None)
    answers, faults = kept or (judged(run), problems(run))
    if answers or faults:
        reporter.write_sep("=", "verdicts")
        for line in summary_lines(summary_rows(answers, faults, tuple(run.manifest.models))):
            terminal.write_coloured(reporter, line)
    for line in reporter.config.stash.get(FINISHED, ()):
        reporter.write_line(line if line.startswith(_COMMANDS) else safe_lines(redacted(line)))


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
        return [f"interrupted: {left} of {len(declared)} gates were not judged"]
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


def _answered(report: RunReport) -> set[tuple[str, str]]:
    answered = {(item.verdict.model, item.verdict.limit.key) for item in report.judged}
    return answered | {(problem.model, problem.gate) for problem in report.problems}


def _narrowed(config: pytest.Config) -> bool:
    cut_short = (
        config.option.maxfail or config.option.setuponly or getattr(config.option, "lf", False)
    )
    return bool(cut_short) or any("::" in argument for argument in config.args)


def _unexpected(error: BaseException) -> str:
    said = redacted(one_line(str(error)))
    return f"{type(error).__name__}: {said} (an error of the harness itself, please report it)"
