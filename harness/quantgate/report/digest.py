"""A run in Markdown, short: what moved, one answer a model, all limits folded away.

The same blocks are a pipeline's summary page and the comment on a change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from quantgate.core.limits import limit_title, quantity_name
from quantgate.escaping import markdown, markdown_code
from quantgate.redaction import redacted
from quantgate.report.model import Problem
from quantgate.report.words import run as run_words
from quantgate.report.words import verdicts
from quantgate.report.words.answer import answers
from quantgate.report.words.int8 import int8_lines
from quantgate.report.words.titles import OUTCOME_WORDS

if TYPE_CHECKING:
    from quantgate.report.compare import RunComparison
    from quantgate.report.model import Judged, RunReport
    from quantgate.report.words.answer import Answer

#: First line of a comment, by which it is found again; people do not see it.
MARK = "<!-- quantgate -->"
#: GitHub refuses longer comments.
MOST_CHARACTERS = 65_536
_CUT = "\n\n*The rest is in the report: together it is longer than a comment may be.*\n"
_MARKS = {
    "passed": "✅",
    "failed": "❌",
    "undecided": "❔",
    "known": "☑️",
    "broken": "💥",
    "unjudged": "⏹️",
    "skipped": "⏭️",
}


def digest(
    report: RunReport, *, link: str = "", images: str = "", moved: RunComparison | None = None
) -> str:
    """Write a run as Markdown.

    Parameters
    ----------
    link
        Address of the whole report; empty: nothing is linked.
    images
        Address of the run's folder, from which pictures of the worst images are shown; empty: none are.
    moved
        The run against its base; None: no table of what moved.
    """
    parts = [f"## quantgate: {run_words.run_summary(report)}"]
    if link:
        parts.append(f"[The whole report]({quote(link, safe=_ADDRESS)})")
    if moved is not None:
        parts.append(_moved(moved))
    parts += [_answer(answer, images) for answer in answers(report)]
    parts.append(_limits(report))
    parts += _models(report)
    return "\n\n".join([*parts, ""])


def comment(text: str) -> str:
    """Make a digest into a comment: marked so that it is found again, and never too long."""
    body = f"{MARK}\n{text}"
    if len(body) <= MOST_CHARACTERS:
        return body
    kept = body[: MOST_CHARACTERS - len(_CUT)]
    return kept[: kept.rfind("\n")] + _CUT


def _models(report: RunReport) -> list[str]:
    """Say where the INT8 models lie and what loads them, folded away; nothing where none was made."""
    made = [f"- {markdown_code(line)}" for line in int8_lines(report.models)]
    if not made:
        return []
    told = ["<details><summary>INT8 models, on the machine of the run</summary>", "", *made, ""]
    return ["\n".join([*told, "</details>"])]


_ADDRESS = ":/?#[]@!$&'*+,;=%~"


def _moved(comparison: RunComparison) -> str:
    changes = [change for change in comparison.verdicts if change.movement not in {"same", "gone"}]
    counts = run_words.movement_counts([change.movement for change in comparison.verdicts])
    told = [f"Against {markdown(comparison.before.run)}: {counts}."]
    told += [f"> {markdown(note)}" for note in comparison.notes]
    if changes:
        told += ["", "| moved | model | limit | before | after | difference |"]
        told += ["|---|---|---|---|---|---|"]
    for change in changes:
        sides = [_side(item) for item in (change.before, change.after)]
        difference = verdicts.difference_text(change.after, change.difference)
        sides.append(difference.removeprefix("; difference ") or "–")
        cells = (change.movement, markdown(change.model), limit_title(change.key), *sides)
        told.append(f"| {' | '.join(cells)} |")
    return "\n".join(told)


def _side(judged: Judged | None) -> str:
    if judged is None:
        return "–"
    word = verdicts.headword(judged).lower()
    return f"{_MARKS[word]} {verdicts.value_text(judged.verdict)}"


def _answer(answer: Answer, images: str) -> str:
    told = [f"### {_MARKS[answer.word]} {markdown(answer.model)}", ""]
    told += [f"- **{word}** {markdown(said)}" for word, said in answer.verdicts]
    told += ["", *(markdown(said) for said in answer.cause)] if answer.cause else []
    if answer.worst:
        told += ["", "Worst images:"]
        told += [f"- {markdown(p.name)}: {markdown(p.sentence)}" for p in answer.worst]
        shown = [p for p in answer.worst if images and p.overlay]
        told += ["", *(_picture(images, p.overlay, p.name) for p in shown)] if shown else []
    told += [
        "",
        *(f"**What to do:** {markdown(said.removeprefix('to try: '))}" for said in answer.tries),
    ]
    told += ["", markdown_code(answer.repeat)] if answer.repeat else []
    return "\n".join(told)


def _picture(images: str, file: str, name: str) -> str:
    address = f"{images.rstrip('/')}/{file}"
    return f"![{markdown(name)}]({quote(address, safe=_ADDRESS)})"


def _limits(report: RunReport) -> str:
    states = sorted(
        report.states, key=lambda state: OUTCOME_WORDS.index(verdicts.state_word(state))
    )
    heading = ("| | model | quantity | value | limit | margin |", "|" + "---|" * 6)
    told: set[tuple[str, str]] = set()
    table = "\n".join([*heading, *(_row(state, told) for state in states)])
    return f"<details><summary>All gates ({len(states)})</summary>\n\n{table}\n\n</details>"


def _row(state: Judged | Problem, told: set[tuple[str, str]]) -> str:
    """Write one gate; ``told`` are models' reasons that stand in rows above."""
    word = verdicts.state_word(state)
    attempts = f" ({state.attempts} attempts)" if state.attempts > 1 else ""
    cells = _problem_cells(state, told) if isinstance(state, Problem) else _judged_cells(state)
    return f"| {' | '.join((f'{_MARKS[word]} {word}{attempts}', *cells))} |"


def _judged_cells(judged: Judged) -> tuple[str, ...]:
    verdict = judged.verdict
    return (
        markdown(verdict.model),
        markdown(verdict.quantity),
        f"{verdicts.value_text(verdict)} {verdicts.interval_text(verdict)}".strip(),
        f"`{verdict.limit.key}` {verdicts.limit_text(verdict.limit)}",
        verdicts.margin_text(verdict),
    )


def _problem_cells(problem: Problem, told: set[tuple[str, str]]) -> tuple[str, ...]:
    reason = (problem.model, problem.sentence)
    sentence = "for the same reason" if reason in told else markdown(redacted(problem.sentence))
    told.add(reason)
    quantity = markdown(quantity_name(problem.gate))
    return markdown(problem.model), quantity, sentence, f"`{problem.gate}`", ""
