"""The overview: every model of a run as one row, what fails first, with what it says of each limit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.report.model import joined_skips
from quantgate.report.words import titles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.report.html.view import ModelView, VerdictView
    from quantgate.report.model import Problem, RunReport

#: Words of verdicts that are told in full; the others are in one line.
_TOLD = ("failed", "undecided", "known")


@dataclass(frozen=True, slots=True)
class RowView:
    """One model: what it is, how it ended, and why.

    Parameters
    ----------
    id
        Of the model's own view; empty where it has none, because nothing was measured.
    told
        Verdicts that are not simply passed.
    reasons
        ``(status, gate, sentence)`` of gates without a number, each reason once.
    passed
        Passed limits, one line.
    """

    id: str
    name: str
    task: str
    tags: tuple[str, ...]
    word: str
    told: tuple[VerdictView, ...]
    reasons: tuple[tuple[str, str, str], ...]
    passed: str
    changed: int


def overview_rows(report: RunReport, models: Sequence[ModelView]) -> tuple[RowView, ...]:
    """List all models, the worst outcome first, then in the order of the manifest."""
    views = {view.report.id: view for view in models}
    problems: dict[str, list[Problem]] = {}
    for problem in joined_skips(report.problems):
        problems.setdefault(problem.model, []).append(problem)
    names = dict.fromkeys((*views, *problems))
    rows = [_row(name, views.get(name), problems.get(name, [])) for name in names]
    return tuple(sorted(rows, key=lambda row: titles.OUTCOME_WORDS.index(row.word)))


def _row(name: str, view: ModelView | None, problems: Sequence[Problem]) -> RowView:
    verdicts = view.verdicts if view else ()
    words = {verdict.word for verdict in verdicts} | {problem.status for problem in problems}
    passed = [f"{v.title} {v.value} ({v.limit})" for v in verdicts if v.word == "passed"]
    return RowView(
        id=view.id if view else "",
        name=name,
        task=view.report.task if view else "",
        tags=_tags(view.report.declared) if view else (),
        word=next((word for word in titles.OUTCOME_WORDS if word in words), "skipped"),
        told=tuple(
            sorted(
                (verdict for verdict in verdicts if verdict.word in _TOLD),
                key=lambda verdict: _TOLD.index(verdict.word),
            )
        ),
        reasons=_reasons(problems),
        passed=" · ".join(passed),
        changed=view.gallery.total if view else 0,
    )


def _reasons(problems: Sequence[Problem]) -> tuple[tuple[str, str, str], ...]:
    """Join the gates that give one reason."""
    gates: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        if problem.status != "passed":
            gates.setdefault((problem.status, problem.sentence), []).append(problem.gate)
    order = titles.OUTCOME_WORDS.index
    listed = sorted(gates.items(), key=lambda item: order(item[0][0]))
    return tuple((status, ", ".join(names), sentence) for (status, sentence), names in listed)


def _tags(declared: str) -> tuple[str, ...]:
    entry = json.loads(declared) if declared else {}
    return tuple(str(tag) for tag in entry.get("tags", ()))
