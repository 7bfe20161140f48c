"""Sentences about a whole run: outcomes, changes between runs, the closing table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.report.model import joined_skips, state_gate
from quantgate.report.words.numbers import counted
from quantgate.report.words.titles import OUTCOME_WORDS
from quantgate.report.words.verdicts import (
    duration_text,
    headword,
    interval_text,
    limit_name,
    margin_text,
    state_word,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.report.model import Judged, Problem, RunReport


def outcome_counts(judged: Sequence[Judged], problems: Sequence[Problem]) -> dict[str, int]:
    """Count gates by their word, the worst first; words that no gate has are left out."""
    words = [*map(state_word, judged), *map(state_word, problems)]
    return {word: words.count(word) for word in OUTCOME_WORDS if word in words}


def movement_counts(movements: Sequence[str]) -> str:
    """Sum up how gates moved: ``1 regressed, 2 better, 9 the same``."""
    order = ("regressed", "worse", "undecided", "repaired", "better", "same", "new", "gone")
    counts = [(movements.count(name), "the same" if name == "same" else name) for name in order]
    return ", ".join(f"{count:,} {name}" for count, name in counts if count) or "nothing to compare"


def outcome_summary(judged: Sequence[Judged], problems: Sequence[Problem] = ()) -> str:
    """Sum up the run in one phrase: ``2 failed, 1 undecided, 14 passed``."""
    counts = outcome_counts(judged, problems)
    said = [f"{count:,} {word}" for word, count in counts.items()]
    return ", ".join(said) if said else "nothing was judged"


def run_summary(report: RunReport) -> str:
    """Sum up a whole run: outcomes, models and how long it took."""
    outcome = outcome_summary(report.judged, report.problems)
    shard = report.shard
    part = f"; shard {shard.index} of {shard.count}, not the whole run" if shard else ""
    return f"{outcome} ({counted(len(report.models), 'models')}, {duration_text(report.duration_s)}){part}"


def summary_rows(
    judged: Sequence[Judged], problems: Sequence[Problem], models: Sequence[str] = ()
) -> list[tuple[str, ...]]:
    """Make the table that closes a run, the heading first: one row a gate, model by model.

    Models with the worst outcome come first; equal ones stand as in the manifest, whose order ``models``
    gives, and models that are not among them follow as they come.
    Gates of a model that are skipped for one reason share a row. Two last columns say how often a gate
    was attempted and where ``expected_failure`` has a part in an outcome; where nothing stands in them
    they are absent.
    """
    rows = [(item.verdict.model, item.verdict.limit.key, _judged_row(item)) for item in judged]
    rows += [(p.model, p.gate, _problem_row(p)) for p in joined_skips(problems)]
    found = [model for model, _, _ in sorted(rows, key=lambda row: _KEY_ORDER.get(row[1], -1))]
    order = {model: place for place, model in enumerate(dict.fromkeys([*models, *found]))}
    worst = worst_words((*judged, *problems))
    rows.sort(key=lambda row: (worst[row[0]], order[row[0]], _KEY_ORDER.get(row[1], -1)))
    heading = ("outcome", "model", "limit", "value", "interval", "margin")
    table = [(*heading, "attempts", "expected_failure"), *(row for _, _, row in rows)]
    always = len(heading)
    shown = [i for i in range(len(table[0])) if i < always or any(row[i] for row in table[1:])]
    return [tuple(row[i] for i in shown) for row in table]


def worst_words(states: Sequence[Judged | Problem]) -> dict[str, int]:
    """Give each model the place of its worst gate's word among OUTCOME_WORDS."""
    worst: dict[str, int] = {}
    for state in states:
        model, _ = state_gate(state)
        place = OUTCOME_WORDS.index(state_word(state))
        worst[model] = min(place, worst.get(model, place))
    return worst


def _judged_row(item: Judged) -> tuple[str, ...]:
    verdict = item.verdict
    expected = "" if item.known is None else f"until {item.known.expires}"
    return (
        *(headword(item), verdict.model, limit_name(verdict.limit)),
        *(value_text(verdict), interval_text(verdict), margin_text(verdict)),
        _attempts(item),
        "does not hold" if item.unexpected else expected,
    )


def _problem_row(problem: Problem) -> tuple[str, ...]:
    row = (problem.status.upper(), problem.model, problem.gate, "", "", "")
    return (*row, _attempts(problem), "")


def _attempts(state: Judged | Problem) -> str:
    return str(state.attempts) if state.attempts > 1 else ""


#: What is no limit (integrity, a whole model that was skipped) stands before all limits.
_KEY_ORDER = {key: place for place, key in enumerate(LIMITS)}
