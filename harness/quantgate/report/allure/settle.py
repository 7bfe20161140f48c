"""Allure results that end as the run does: one status a gate, whatever attempts and deaths left."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import TYPE_CHECKING, Any

from quantgate.borders import DAMAGE
from quantgate.report.allure.results import StableIdentity, labels_of
from quantgate.report.files import write_atomic
from quantgate.report.model import Problem, state_gate
from quantgate.report.words.verdicts import state_word, verdict_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from quantgate.report.model import Judged, RunReport

_STATUSES = {
    "failed": "failed",
    "broken": "broken",
    "undecided": "broken",
    "unjudged": "unknown",
    "skipped": "skipped",
    "known": "skipped",
    "passed": "passed",
}


def settle_results(results: Path, report: RunReport, tests: Collection[str]) -> None:
    """Give every gate a result whose status is its final state.

    A gate that was interrupted, or whose process died, left none or half a one. Of several attempts
    Allure shows the latest and keeps the others as its retries.

    Parameters
    ----------
    tests
        Ids of all tests of the run that judge a gate.

    Raises
    ------
    ReportError
        On a full or read-only disk.
    """
    latest: dict[tuple[str, str], tuple[int, Path, dict[str, Any]]] = {}
    for path, gate, document in _gates(results, {test.rpartition("::")[2] for test in tests}):
        began = int(document.get("start") or 0)
        if gate not in latest or began >= latest[gate][0]:
            latest[gate] = (began, path, document)
    tasks = {model.id: model.task for model in report.models}
    for state in report.states:
        gate = state_gate(state)
        if gate not in latest:
            _write_new(results, state, tasks.get(gate[0], ""), report)
            continue
        _, path, document = latest[gate]
        if document.get("status") != status_of(state):
            document |= {"status": status_of(state), "stage": "finished"}
            details = document.get("statusDetails") or {}
            document["statusDetails"] = {**details, "message": _message(state)}
            write_atomic(path, json.dumps(document, ensure_ascii=False).encode())


def status_of(state: Judged | Problem) -> str:
    """Give Allure's status of a final state: what the manifest excuses is no fault."""
    excused = not isinstance(state, Problem) and state.excused
    return "passed" if excused else _STATUSES[state_word(state)]


def _gates(
    results: Path, names: Collection[str]
) -> Iterator[tuple[Path, tuple[str, str], dict[str, Any]]]:
    for path in results.glob("*-result.json"):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            labels = {label["name"]: str(label["value"]) for label in document.get("labels", ())}
            name = str(document.get("name"))
            int(document.get("start") or 0)
        except DAMAGE:  # cut off when its process died, or damaged: Allure could not read it either
            path.unlink(missing_ok=True)
            continue
        if {"model", "gate"} <= labels.keys():
            yield path, (labels["model"], labels["gate"]), document
        elif name in names:  # interrupted before it had its labels
            path.unlink()


def _message(state: Judged | Problem) -> str:
    if isinstance(state, Problem):
        return state.sentence
    return verdict_line(state)


def _write_new(results: Path, state: Judged | Problem, task: str, report: RunReport) -> None:
    from allure_commons.logger import AllureFileLogger
    from allure_commons.model2 import Label, StatusDetails, TestResult

    model, gate = state_gate(state)
    began = round(dt.datetime.fromisoformat(report.started).timestamp() * 1000)
    result = TestResult(
        uuid=str(uuid.uuid4()),
        status=status_of(state),
        statusDetails=StatusDetails(message=_message(state)),
        labels=[Label(name, value) for name, value in labels_of(model, gate, task)],
        start=began,
        stop=began + round(1000 * state.duration_s),
    )
    StableIdentity().report_result(result)
    AllureFileLogger(str(results)).report_result(result)
