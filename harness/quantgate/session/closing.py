"""What a run says at its end: the table of all gates, one answer a model, notes, and where everything is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quantgate.escaping import terminal as safe_lines
from quantgate.redaction import redacted
from quantgate.report.words.verdicts import duration_text
from quantgate.session import terminal
from quantgate.session.stash import FINISHED, REPORT, TESTS
from quantgate.session.states import final_states, tests_of
from quantgate.shard import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quantgate.report.model import Judged, ModelReport, Problem, RunReport
    from quantgate.run import Run, RunFolder

#: Our own workflow commands, escaped where they are made.
_COMMANDS = ("::error ", "::warning ")
#: What the store keeps of a model that takes long to make, by its kind there.
_BUILT = {
    "optimized": "INT8 model",
    "given": "INT8 model",
    "comparison": "answers",
    "executed": "execution",
    "explained": "explanation",
    "memory": "memory",
}


def write_summary(reporter: Any, run: Run) -> None:
    """Write the table of all verdicts, the answers, and the paths of the evidence."""
    from quantgate.report.text_table import summary_lines
    from quantgate.report.words.run import summary_rows

    report = reporter.config.stash.get(REPORT, None)
    judged, faults = (report.judged, report.problems) if report else final_states(run, "no report,")
    if judged or faults:
        reporter.write_sep("=", "verdicts")
        rows = summary_rows(judged, faults, tuple(run.manifest.models))
        for line in summary_lines(rows, terminal.width_of(reporter)):
            terminal.write_coloured(reporter, line)
        _write_answers(reporter, report.models if report else (), judged, faults)
        tests = reporter.config.stash.get(TESTS, {}) or tests_of(run)
        terminal.restate(reporter, tests, (*judged, *faults))
    for line in reporter.config.stash.get(FINISHED, ()):
        if line.startswith(_COMMANDS):
            reporter.write_line(line)
        else:
            terminal.write_folded(reporter, safe_lines(redacted(line)))


def _write_answers(
    reporter: Any,
    models: Iterable[ModelReport],
    judged: Iterable[Judged],
    faults: Iterable[Problem],
) -> None:
    """Say of each model that did not simply pass what failed, why, and what to do: once."""
    from quantgate.report.words.answer import answer_lines, answers_of

    found = answers_of(models, judged, faults)
    if found:
        reporter.write_sep("=", "what to look at")
    for place, answer in enumerate(found):
        if place:
            reporter.write_line("")
        for line in answer_lines(answer):
            terminal.write_coloured(reporter, line)


def closing_lines(run: RunFolder, report: RunReport, seconds: Mapping[str, float]) -> list[str]:
    """Say how long each model took and what had to be made for it, and what loads the INT8 models."""
    from quantgate.report.words.int8 import int8_lines, package_line

    built = built_of(run)
    took = {m.id: duration_text(s) for m in report.models if (s := seconds.get(m.id)) and m.ir}
    wide = max(map(len, took), default=0)
    lines = [f"TIME  {m.ljust(wide)}  {text}, {_built(built, m)}" for m, text in took.items()]
    own = [model for model in report.models if owner_of(model.id) == model.id]
    lines += int8_lines(own)
    if ready := package_line(replace(report, models=tuple(own))):
        lines.append(ready)
    return lines


def built_of(run: RunFolder) -> dict[str, dict[str, float]]:
    """Read what the run had to make: seconds by model and by kind of the store."""
    found: dict[str, dict[str, float]] = {}
    for record in run.records("built"):
        found.setdefault(record["model"], {})[record["kind"]] = record["seconds"]
    return found


def _built(built: Mapping[str, Mapping[str, float]], model: str) -> str:
    seconds = built.get(model, {})
    said = [
        f"{name} {duration_text(seconds[kind])}" for kind, name in _BUILT.items() if kind in seconds
    ]
    return f"made {', '.join(said)}" if said else "all from the store"
