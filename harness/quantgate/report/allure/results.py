"""Allure results: labels, stable identity, evidence. Nothing happens without ``--alluredir``."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any

import allure
import allure_commons

from quantgate.core.limits import kind_of, limit_title
from quantgate.core.verdict import Outcome
from quantgate.escaping import markup, visible_lines
from quantgate.redaction import redacted
from quantgate.report.allure.diff import TABS, description, diff_page, image_diff, shown
from quantgate.report.ci import links_of
from quantgate.report.codec import encode
from quantgate.report.evidence import Evidence, json_evidence, matches_csv
from quantgate.report.export import verdict_record
from quantgate.report.model import ModelReport
from quantgate.report.words import verdicts
from quantgate.report.words.answer import answer_lines, answer_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from quantgate.report.model import Judged
    from quantgate.report.picture import Picture

EPIC = "INT8 gates"
_MODEL, _GATE = "model", "gate"
_IDENTITY = "quantgate-identity"
#: Fixtures that are no part of a gate, and finalizers without a name of their own.
_MACHINERY = frozenset({"pytestconfig", "request"})
_UNNAMED = re.compile(r"::(<lambda>|\d+)$")
#: Titles of the steps under which the pictures of a verdict lie: "1. a.png: 2 lost".
_PICTURE = re.compile(r"\d+\. ")


class StableIdentity:
    """Gives a gate the same identity wherever its file is and however tests are distributed.

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
        _mark_pictures(result)
        if result.statusDetails is not None:
            for name in ("message", "trace"):
                said = getattr(result.statusDetails, name) or ""
                setattr(result.statusDetails, name, redacted(visible_lines(said)) or None)

    @allure_commons.hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
    def report_container(self, container: Any) -> None:
        """Leave out of the fixtures what is pytest's own machinery."""
        container.befores = [one for one in container.befores if one.name not in _MACHINERY]
        container.afters = [one for one in container.afters if not _UNNAMED.search(one.name)]


def _mark_pictures(result: Any) -> None:
    """Take the green ticks from images that changed: Allure gives one to every step that ended."""
    from allure_commons.model2 import Status

    status = result.status if result.status in {Status.FAILED, Status.BROKEN} else Status.SKIPPED
    steps = [step for step in result.steps if _PICTURE.match(step.name)]
    while steps:
        step = steps.pop()
        step.status = status
        steps += step.steps


def is_on() -> bool:
    """Whether Allure is active: without ``--alluredir`` nothing has to be drawn for it."""
    return bool(allure_commons.plugin_manager.hook.attach_data.get_hookimpls())


def label_gate(model: str, gate: str, task: str, tags: Sequence[str] = ()) -> None:
    """Label the running test: the tree is epic, model, kind of limit."""
    if not is_on():
        return
    if not allure_commons.plugin_manager.has_plugin(_IDENTITY):
        allure_commons.plugin_manager.register(StableIdentity(), _IDENTITY)
    for name, value in labels_of(model, gate, task):
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


def labels_of(model: str, gate: str, task: str) -> list[tuple[str, str]]:
    """List the labels of a gate: the tree of the report is made of them."""
    return [
        ("epic", EPIC),
        ("feature", model),
        ("story", limit_title(gate)),
        ("parentSuite", EPIC),
        ("suite", model),
        ("severity", _severity(gate)),
        ("task", task),
        (_MODEL, model),
        (_GATE, gate),
    ]


def _severity(gate: str) -> str:
    kind = kind_of(gate)
    return kind.severity if kind else "blocker"  # integrity: before any number


def _title(model: str, gate: str) -> str:
    return f"{model}: {limit_title(gate)}"


def _attach_all(items: Sequence[Evidence], name: str | None = None) -> None:
    for item in items:
        extension = os.path.splitext(item.name)[1].removeprefix(".") or "bin"  # noqa: PTH122
        allure.attach(item.data, name or item.name, item.media_type, extension)


def _md5(*parts: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # Allure's own choice, an identity and no secret
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()


#: Pictures shown without a click when the test is opened.
_INLINE = 3


def attach_verdict(
    judged: Judged, directory: Path, evidence: Sequence[Evidence], pictures: Sequence[Picture]
) -> None:
    """Attach everything of one verdict to the running test.

    A limit that is met shows its worst image only: the same pictures under every gate of a model
    would make the results many times larger, and nobody looks for them there.
    """
    describe(_described(judged, directory, pictures))
    met = judged.verdict.outcome is Outcome.PASSED
    for place, picture in enumerate(pictures[:1] if met else pictures, start=1):
        _attach_picture(picture, directory, f"{place}. {picture.name}: {picture.sentence}")
    attach(evidence, "Tables")
    record = json_evidence("verdict.json", verdict_record(judged))
    attach([record], "Verdict")


def attach_seen(picture: bytes, sentence: str) -> None:
    """Show what the parent sees, with why nothing was judged, when the test is opened."""
    title = "What the parent sees"
    describe(f"<p>{markup(sentence)}</p>{shown(title, picture)}")
    attach([Evidence("parent.webp", "image/webp", picture)], title)


def _attach_picture(picture: Picture, directory: Path, title: str) -> None:
    if not picture.image:
        return
    with step(title):
        if picture.kind == "objects":
            image = (directory / picture.image).read_bytes()
            attach([diff_page(picture, image)], TABS[0])
        drawn = [(directory / pane).read_bytes() for pane in picture.panes]
        attach([image_diff(drawn)], "Image diff (expected: parent, actual: optimized)")
        if picture.kind == "objects":
            raw = json_evidence("detections.json", encode(picture.changes))
            attach([matches_csv(picture), raw], "Raw detections")


def _described(judged: Judged, directory: Path, pictures: Sequence[Picture]) -> str:
    told = [line.strip() for line in _told(judged, pictures)]
    head = "<br>".join(map(markup, told))
    met = judged.verdict.outcome is Outcome.PASSED
    shown = [picture for picture in pictures if picture.overview][: 1 if met else _INLINE]
    images = "".join(description(p, (directory / p.overview).read_bytes()) for p in shown)
    more = len(pictures) - len(shown)
    where = "on the page index.html of the run" if met else "below, under the steps of the test"
    rest = f"<p>{more} more {where}.</p>" if more > 0 else ""
    repeat = "" if any(line.startswith("Repeat: ") for line in told) else judged.repeat
    return f"<p>{head}</p>{_facts(judged, repeat)}{images}{rest}"


def _told(judged: Judged, pictures: Sequence[Picture]) -> list[str]:
    """Answer as the terminal and the page do; a limit that is met has one line."""
    model = ModelReport(judged.verdict.model, "", pictures=tuple(pictures))
    answer = answer_of(model.id, model, [judged], [])
    return verdicts.verdict_line(judged).splitlines() if answer is None else answer_lines(answer)


def _facts(judged: Judged, repeat: str) -> str:
    verdict = judged.verdict
    facts = (
        ("Value", f"{verdicts.value_text(verdict)} {verdicts.interval_text(verdict)}"),
        ("Limit", f"{verdict.limit.key} {verdicts.limit_text(verdict.limit)}"),
        ("Margin", verdicts.margin_text(verdict)),
        ("Set in", verdict.limit.path),
        ("Repeat", repeat),
    )
    rows = "".join(
        f"<tr><th>{name}:&nbsp;</th><td>{markup(value)}</td></tr>" for name, value in facts if value
    )
    return f"<table>{rows}</table>"
