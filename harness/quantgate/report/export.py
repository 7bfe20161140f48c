"""Verdicts for machines: verdicts.json, JUnit properties, step summary, annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.core.verdict import Outcome
from quantgate.escaping import (
    markdown,
    markdown_block,
    one_line,
    visible_lines,
    workflow_message,
    workflow_property,
)
from quantgate.redaction import redacted
from quantgate.report.codec import encode
from quantgate.report.evidence import Evidence, json_evidence
from quantgate.report.model import SCHEMA
from quantgate.report.words import run as run_words
from quantgate.report.words import verdicts

if TYPE_CHECKING:
    from quantgate.report.model import Judged, Problem, RunReport

_MARKS = {"passed": "✅", "failed": "❌", "undecided": "❔", "known": "☑️", "broken": "💥"}
#: Statuses of gates without a number that end a run badly.
_WRONG = ("failed", "broken")


def verdicts_json(report: RunReport) -> Evidence:
    """Write every verdict of a run with the facts it rests on; docs/report.md has the schema."""
    document = {
        "schema": SCHEMA,
        "run": report.run,
        "started": report.started,
        "duration_s": report.duration_s,
        "command": report.command,
        "manifest": {"path": report.manifest, "sha256": report.manifest_digest},
        "fingerprint": report.fingerprint,
        "machine": encode(report.machine),
        "versions": encode(report.versions),
        "verdicts": [verdict_record(judged) for judged in report.judged],
        "problems": encode(report.problems),
    }
    return json_evidence("verdicts.json", document)


def verdict_record(judged: Judged) -> dict[str, Any]:
    """Flatten one verdict into the record of verdicts.json."""
    verdict, estimate = judged.verdict, judged.verdict.estimate
    interval = None if estimate is None else [estimate.low, estimate.high]
    return {
        "model": verdict.model,
        "quantity": verdict.quantity,
        "outcome": verdict.outcome.value,
        "value": None if estimate is None else estimate.value,
        "interval": interval,
        "n": None if estimate is None else estimate.n,
        "of": None if estimate is None else estimate.of,
        "unit": "" if estimate is None else estimate.unit,
        "relation": verdict.limit.relation,
        "key": verdict.limit.key,
        "limit": verdict.limit.threshold,
        "path": verdict.limit.path,
        "margin": verdict.margin,
        "reason": verdict.reason,
        "detail": judged.detail,
        "remedy": judged.remedy,
        "repeat": judged.repeat,
        "duration_s": judged.duration_s,
        "known": encode(judged.known),
        "unexpected": judged.unexpected,
        "sentence": verdicts.verdict_line(judged),
    }


def junit_properties(judged: Judged) -> list[tuple[str, str]]:
    """List a verdict as JUnit ``<property>`` pairs; what is empty is left out.

    The names are those of `verdict_record`, but for ``low`` and ``high`` of the interval, ``limit``
    (the key) and ``threshold``.
    """
    record = verdict_record(judged)
    low, high = record.pop("interval") or (None, None)
    threshold, key = record.pop("limit"), record.pop("key")
    record |= {"low": low, "high": high, "limit": key, "threshold": threshold}
    record["known"] = judged.known.reason if judged.known else None
    del record["sentence"], record["duration_s"]  # the terminal's line and JUnit's own time
    return [
        (name, redacted(visible_lines(str(value))))
        for name, value in record.items()
        if value not in {None, ""}
    ]


def step_summary(report: RunReport) -> str:
    """Write the run as Markdown for a pipeline's summary page: what is wrong first, then all."""
    told = [f"## quantgate: {run_words.run_summary(report)}", "", _heading(), "|" + "---|" * 6]
    order = {"FAILED": 0, "UNDECIDED": 1, "KNOWN": 2, "PASSED": 3}
    told += [_problem_row(p) for p in report.problems if p.status in _WRONG]
    told += [_row(j) for j in sorted(report.judged, key=lambda j: order[verdicts.headword(j)])]
    wrong = [j for j in report.judged if verdicts.headword(j) != Outcome.PASSED.name]
    if wrong:
        told += ["", "<details><summary>In words</summary>", ""]
        told += [markdown_block(verdicts.verdict_line(judged)) for judged in wrong]
        told += ["</details>"]
    return "\n".join([*told, ""])


def workflow_commands(report: RunReport) -> list[str]:
    """Write workflow commands that mark missed limits as errors, and the undecided as warnings."""
    said: list[str] = []
    for judged in report.judged:
        word = verdicts.headword(judged)
        level = {"FAILED": "error", "UNDECIDED": "warning"}.get(word)
        if level:
            title = workflow_property(f"{judged.verdict.model}: {judged.verdict.limit.key}")
            said.append(
                f"::{level} title={title}::{workflow_message(verdicts.verdict_line(judged))}"
            )
    for problem in report.problems:
        if problem.status in _WRONG:
            title = workflow_property(f"{problem.model}: {problem.gate}")
            said.append(
                f"::error title={title}::{workflow_message(redacted(one_line(problem.sentence)))}"
            )
    return said


def _heading() -> str:
    return "| | model | quantity | value | limit | margin |"


def _row(judged: Judged) -> str:
    verdict = judged.verdict
    word = verdicts.headword(judged).lower()
    value = f"{verdicts.value_text(verdict)} {verdicts.interval_text(verdict)}".strip()
    cells = (
        f"{_MARKS[word]} {word}",
        markdown(verdict.model),
        markdown(verdict.quantity),
        value,
        f"`{verdict.limit.key}` {verdicts.limit_text(verdict.limit)}",
        verdicts.margin_text(verdict),
    )
    return f"| {' | '.join(cells)} |"


def _problem_row(problem: Problem) -> str:
    sentence = markdown(redacted(problem.sentence))
    return f"| {_MARKS[problem.status]} {problem.status} | {markdown(problem.model)} | {markdown(problem.gate)} | {sentence} | | |"
