"""The tables of text: one row an image, and one row a letter."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from quantgate.core.predictions import Transcript
from quantgate.core.table import Cell, Column, Table
from quantgate.core.text import edits
from quantgate.pair import ROLES
from quantgate.tasks.text.accuracy import annotated, is_right, metric_of, spelled
from quantgate.tasks.text.letters import along_truth, between_roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quantgate.core.comparison import ImageResult
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.text.record import Transcribed

_COLUMNS = (
    Column("image", "Image Name"),
    Column("optimized_text", "Text Read by Optimized Model"),
    Column("parent_text", "Text Read by Parent Model"),
    Column("edits", "Edits between Them", "count"),
    Column("optimized_confidence", "Optimized Model Confidence", "score"),
    Column("parent_confidence", "Parent Model Confidence", "score"),
)
_ANNOTATED = (
    Column("annotated_text", "Text Defined in Annotations"),
    Column("optimized_edits", "Edits of Optimized Model", "count"),
    Column("parent_edits", "Edits of Parent Model", "count"),
)
_VERDICT = Column("verdict", "Verdict")
_LETTERS = (
    Column("letter", "Character"),
    Column("read", "Read by Parent Model", "count"),
    Column("kept", "Kept by Optimized Model", "fraction"),
    Column("lost", "Lost", "count"),
    Column("became", "Most Often Became"),
)
_LETTERS_ANNOTATED = (
    Column("annotated", "Annotated", "count"),
    Column("parent_right", "Parent Right", "fraction"),
    Column("optimized_right", "Optimized Right", "fraction"),
    Column("parent_as", "Parent Most Often Reads Instead"),
    Column("optimized_as", "Optimized Most Often Reads Instead"),
)
#: How letters without a shape of their own are shown.
_NAMES = {" ": "(space)", "\u3000": "(wide space)", "\t": "(tab)", "\n": "(line break)", "": ""}


def with_truth(comparison: Transcribed) -> bool:
    """Whether every image has an annotated text."""
    return all(isinstance(result.truth, Transcript) for result in comparison.images)


def text_table(comparison: Transcribed, plan: EvaluationPlan) -> Table:
    """One row an image; columns about annotations are there where every image has one."""
    metric, known = metric_of(plan), with_truth(comparison)
    columns = (*_COLUMNS, *(_ANNOTATED if known else ()), _VERDICT)
    rows = tuple(_row(result, metric, known=known) for result in comparison.images)
    changed = frozenset(i for i, result in enumerate(comparison.images) if is_changed(result))
    wrong = frozenset(
        i
        for i, result in enumerate(comparison.images)
        if known and not is_right(result, "optimized", metric)
    )
    return Table("text", "Text that was read", columns, rows, wrong if known else changed, changed)


def _row(result: ImageResult[Transcript], metric: str, *, known: bool) -> tuple[Cell, ...]:
    parent, optimized = result.record
    truth: tuple[Cell, ...] = ()
    if known:
        own = spelled(annotated(result), metric)
        counts = [edits(own, spelled(one.text, metric)) for one in (optimized, parent)]
        truth = (annotated(result), *counts)
    return (
        result.name,
        optimized.text,
        parent.text,
        edits(parent.text, optimized.text),
        _known(optimized.confidence),
        _known(parent.confidence),
        *truth,
        verdict_of(result, metric),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def is_changed(result: ImageResult[Transcript]) -> bool:
    """Whether the roles read different strings."""
    return result.record.parent.text != result.record.optimized.text


def verdict_of(result: ImageResult[Transcript], metric: str) -> str:
    """Return "same", "changed", "changed and now wrong" or "changed and now right"."""
    if not is_changed(result):
        return "same"
    if not isinstance(result.truth, Transcript):
        return "changed"
    before, after = (is_right(result, role, metric) for role in ROLES)
    if before == after:
        return "changed"
    return "changed and now right" if after else "changed and now wrong"


def letter_table(comparison: Transcribed, plan: EvaluationPlan) -> Table:
    """One row a character, the one that is kept least first; with annotations what each role makes of it."""
    known = with_truth(comparison)
    became = _readings(chain.from_iterable(between_roles(comparison)), 1)
    truth = list(chain.from_iterable(along_truth(comparison, plan))) if known else []
    read_as = [_readings(truth, place) for place in (1, 2)]
    letters = sorted({*became, *read_as[0]} - {""})
    rows = {
        letter: (
            *_kept(letter, became.get(letter, Counter())),
            *(_right(letter, [one.get(letter, Counter()) for one in read_as]) if known else ()),
        )
        for letter in letters
    }
    order = sorted(letters, key=lambda letter: (_least(rows[letter][2]), letter))
    ordered = tuple(rows[letter] for letter in order)
    worse = frozenset(i for i, row in enumerate(ordered) if _least(row[2]) < 1)
    columns = (*_LETTERS, *(_LETTERS_ANNOTATED if known else ()))
    return Table("letters", "Optimized against parent, by character", columns, ordered, worse)


def _readings(columns: Iterable[tuple[str, ...]], place: int) -> Mapping[str, Counter[str]]:
    """What stands for each letter of the first row in another one, and how often."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for column in columns:
        found[column[0]][column[place]] += 1
    return found


def _kept(letter: str, became: Counter[str]) -> tuple[Cell, ...]:
    count = became.total()
    share = became[letter] / count if count else None
    return named(letter), count, share, became[""], _instead(letter, became)


def _right(letter: str, read_as: list[Counter[str]]) -> tuple[Cell, ...]:
    count = read_as[0].total()
    shares = [one[letter] / count if count else None for one in read_as]
    return count, *shares, *(_instead(letter, one) for one in read_as)


def _instead(letter: str, read: Counter[str]) -> str | None:
    """The most frequent other reading: ``0 (3)``; ``nothing (2)`` where the letter is gone."""
    others = [(count, other) for other, count in read.items() if other != letter]
    if not others:
        return None
    count, other = min(others, key=lambda one: (-one[0], one[1]))
    return f"{named(other) or 'nothing'} ({count})"


def named(letter: str) -> str:
    """Show a letter, also one without a shape of its own."""
    return _NAMES.get(letter, letter)


def _least(cell: Cell) -> float:
    return float(cell) if isinstance(cell, float) else 2.0
