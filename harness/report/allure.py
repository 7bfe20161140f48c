"""Allure results: labels, stable identity, evidence. Nothing happens without ``--alluredir``."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from typing import TYPE_CHECKING, Any

import allure
import allure_commons

from harness.report import titles
from harness.report.pipeline import links_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from harness.report.evidence import Evidence

EPIC = "INT8 gates"
_MODEL, _GATE = "model", "gate"
_IDENTITY = "quantgate-identity"
_SEVERITIES = {
    "integrity": "blocker",
    "max_accuracy_drop": "critical",
    "max_error_increase": "critical",
    "max_class_drop": "critical",
    "min_agreement": "critical",
    "min_match_rate": "critical",
    "min_class_precision": "critical",
    "min_psnr_db": "critical",
    "min_speedup": "critical",
    "max_size_ratio": "minor",
    "max_memory_ratio": "minor",
}


class StableIdentity:
    """Gives a gate the same identity wherever its file lies and however tests are distributed.

    Allure 2 reads ``historyId``, Allure 3 makes its own from ``testCaseId`` and the parameters that
    are not excluded: so both have to be stable, and no measured number may be a parameter.
    """

    @allure_commons.hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
    def report_result(self, result: Any) -> None:
        """Rewrite identity, name and parameters of a gate's result; leave other results alone."""
        labels = {label.name: label.value for label in result.labels}
        if _MODEL not in labels or _GATE not in labels:
            return
        from allure_commons.model2 import Parameter

        # allure-pytest names a test when its call begins, after the fixture that labels it.
        result.name = _title(labels[_MODEL], labels[_GATE])
        result.fullName = f"quantgate.gates#{labels[_GATE]}"
        result.testCaseId = _md5(result.fullName)
        result.parameters = [Parameter(name=_MODEL, value=labels[_MODEL])]
        result.historyId = _md5(result.fullName, f"{_MODEL}={labels[_MODEL]}")
        result.titlePath = [EPIC, labels[_MODEL]]


def is_on() -> bool:
    """Whether somebody listens: without ``--alluredir`` nothing has to be drawn for Allure."""
    return bool(allure_commons.plugin_manager.hook.attach_data.get_hookimpls())


def label_gate(model: str, gate: str, task: str, tags: Sequence[str] = ()) -> None:
    """Label the running test: the tree is epic, model, kind of limit."""
    if not is_on():
        return
    if not allure_commons.plugin_manager.has_plugin(_IDENTITY):
        allure_commons.plugin_manager.register(StableIdentity(), _IDENTITY)
    for name, value in _labels(model, gate, task):
        allure.dynamic.label(name, value)
    for tag in tags:
        allure.dynamic.tag(tag)
    for name, address in links_of(os.environ):
        allure.dynamic.link(address, name=name)


def attach(evidence: Iterable[Evidence], step: str | None = None) -> None:
    """Attach evidence to the running test, inside one step where a title is given."""
    items = list(evidence)
    if not items or not is_on():
        return
    if step is None:
        _attach_all(items)
        return
    with allure.step(step):
        _attach_all(items, step if len(items) == 1 else None)


def step(title: str) -> AbstractContextManager[None]:
    """Open a step of the running test."""
    opened: AbstractContextManager[None] = allure.step(title)
    return opened


def describe(html: str) -> None:
    """Set what is shown when the test is opened."""
    allure.dynamic.description_html(html)


def report_crash(model: str, gate: str, task: str, sentence: str) -> None:
    """Write the result of a test whose worker died: nobody else would.

    Call it in the controlling process, from ``pytest_handlecrashitem``.
    """
    from allure_commons.model2 import Label, Status, StatusDetails, TestResult

    if not is_on():
        return
    if not allure_commons.plugin_manager.has_plugin(_IDENTITY):
        allure_commons.plugin_manager.register(StableIdentity(), _IDENTITY)
    now = round(time.time() * 1000)
    result = TestResult(
        uuid=str(uuid.uuid4()),
        name=_title(model, gate),
        status=Status.BROKEN,
        statusDetails=StatusDetails(message=sentence),
        labels=[Label(name, value) for name, value in _labels(model, gate, task)],
        start=now,
        stop=now,
    )
    allure_commons.plugin_manager.hook.report_result(result=result)


def _labels(model: str, gate: str, task: str) -> list[tuple[str, str]]:
    return [
        ("epic", EPIC),
        ("feature", model),
        ("story", titles.limit_title(gate)),
        ("parentSuite", EPIC),
        ("suite", model),
        ("severity", _SEVERITIES.get(gate, "normal")),
        ("task", task),
        (_MODEL, model),
        (_GATE, gate),
    ]


def _title(model: str, gate: str) -> str:
    return f"{model}: {titles.limit_title(gate)}"


def _attach_all(items: Sequence[Evidence], name: str | None = None) -> None:
    for item in items:
        extension = os.path.splitext(item.name)[1].removeprefix(".") or "bin"  # noqa: PTH122
        allure.attach(item.data, name or item.name, item.media_type, extension)


def _md5(*parts: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # Allure's own choice, an identity and no secret
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()
