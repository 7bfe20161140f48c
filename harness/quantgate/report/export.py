"""Verdicts for machines: verdicts.json, JUnit properties, annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.escaping import (
    one_line,
    visible_lines,
    workflow_message,
    workflow_property,
)
from quantgate.redaction import redacted
from quantgate.report.codec import encode
from quantgate.report.evidence import Evidence, json_evidence
from quantgate.report.model import SCHEMA
from quantgate.report.words import verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.report.model import Judged, RunReport

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
        "draws": dict(judged.draws),
        "detail": judged.detail,
        "remedy": judged.remedy,
        "repeat": judged.repeat,
        "duration_s": judged.duration_s,
        "known": encode(judged.known),
        "unexpected": judged.unexpected,
        "excused": judged.excused,
        "test": judged.test,
        "attempts": judged.attempts,
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
    record["draws"] = verdicts.draws_text(judged)
    # The terminal's line, and what JUnit says in its own way.
    for name in ("sentence", "duration_s", "test", "attempts", "excused"):
        del record[name]
    return [
        (name, redacted(visible_lines(str(value))))
        for name, value in record.items()
        if value not in {None, ""}
    ]


def workflow_commands(report: RunReport, places: Mapping[str, tuple[str, int]]) -> list[str]:
    """Write workflow commands that mark missed limits as errors, and the undecided as warnings.

    ``places`` are file and line of limits, by their dotted path; a gate without one marks no line.
    """
    said: list[str] = []
    for judged in report.judged:
        level = {"FAILED": "error", "UNDECIDED": "warning"}.get(verdicts.headword(judged))
        if level:
            limit = judged.verdict.limit
            title = f"{judged.verdict.model}: {limit.key}"
            place = places.get(limit.path)
            said.append(_command(level, title, verdicts.verdict_line(judged), place))
    for problem in report.problems:
        if problem.status in _WRONG:
            place = places.get(f"models.{problem.model}")
            message = redacted(one_line(problem.sentence))
            said.append(_command("error", f"{problem.model}: {problem.gate}", message, place))
    return said


def _command(level: str, title: str, message: str, place: tuple[str, int] | None) -> str:
    file, line = place or ("", 0)
    where = f"file={workflow_property(file)},line={line}," if place else ""
    return f"::{level} {where}title={workflow_property(title)}::{workflow_message(message)}"
