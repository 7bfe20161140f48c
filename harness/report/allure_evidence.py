"""One verdict in Allure: its sentence, its pictures each with a diff of its own, its tables."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from harness.core.verdict import Outcome
from harness.report import allure, wording
from harness.report.allure_diff import TABS, description, diff_page, image_diff
from harness.report.codec import encode
from harness.report.evidence import json_evidence, matches_csv
from harness.report.export import verdict_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.report.evidence import Evidence
    from harness.report.model import Judged
    from harness.report.picture import Picture

#: Pictures shown without a click when the test is opened.
_INLINE = 3


def attach_verdict(
    judged: Judged, directory: Path, evidence: Sequence[Evidence], pictures: Sequence[Picture]
) -> None:
    """Attach everything of one verdict to the running test.

    A limit that is met shows its worst image only: the same pictures under every gate of a model
    would make the results many times larger, and nobody looks for them there.
    """
    allure.describe(_described(judged, directory, pictures))
    met = judged.verdict.outcome is Outcome.PASSED
    for place, picture in enumerate(pictures[:1] if met else pictures, start=1):
        _attach_picture(picture, directory, f"{place}. {picture.name}: {picture.sentence}")
    allure.attach(evidence, "Tables")
    record = json_evidence("verdict.json", verdict_record(judged))
    allure.attach([record], "Verdict")


def _attach_picture(picture: Picture, directory: Path, title: str) -> None:
    if not picture.image:
        return
    with allure.step(title):
        if picture.kind == "objects":
            image = (directory / picture.image).read_bytes()
            allure.attach([diff_page(picture, image)], TABS[0])
        drawn = [(directory / pane).read_bytes() for pane in picture.panes]
        allure.attach([image_diff(drawn)], "Image diff (expected: parent, actual: optimized)")
        if picture.kind == "objects":
            raw = json_evidence("detections.json", encode(picture.changes))
            allure.attach([matches_csv(picture), raw], "Raw detections")


def _described(judged: Judged, directory: Path, pictures: Sequence[Picture]) -> str:
    lines = wording.verdict_line(judged).splitlines()
    head = "<br>".join(escape(line.strip()) for line in lines)
    met = judged.verdict.outcome is Outcome.PASSED
    shown = [picture for picture in pictures if picture.overview][: 1 if met else _INLINE]
    images = "".join(description(p, (directory / p.overview).read_bytes()) for p in shown)
    more = len(pictures) - len(shown)
    where = "on the page index.html of the run" if met else "below, under the steps of the test"
    rest = f"<p>{more} more {where}.</p>" if more > 0 else ""
    return f"<p>{head}</p>{_facts(judged)}{images}{rest}"


def _facts(judged: Judged) -> str:
    verdict = judged.verdict
    facts = (
        ("Value", f"{wording.value_text(verdict)} {wording.interval_text(verdict)}"),
        ("Limit", f"{verdict.limit.key} {wording.limit_text(verdict.limit)}"),
        ("Margin", wording.margin_text(verdict)),
        ("Set in", verdict.limit.path),
        ("Repeat", judged.repeat),
    )
    rows = "".join(
        f"<tr><th>{name}:&nbsp;</th><td>{escape(value)}</td></tr>" for name, value in facts if value
    )
    return f"<table>{rows}</table>"
