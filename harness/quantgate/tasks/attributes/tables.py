"""The tables of attributes: one row an image, one row an image and head, and one row a head."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quantgate.core.heads import spans
from quantgate.core.table import Cell, Column, Table
from quantgate.pair import ROLES, Pair
from quantgate.tasks.attributes.accuracy import METRICS, measured
from quantgate.tasks.attributes.answers import answers_of, differences, truths_of, with_truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.heads import Head
    from quantgate.tasks.attributes.record import Told

_BASIC = (
    Column("image", "Image Name"),
    Column("changed", "Changed Answers", "count"),
    Column("changes", "Changes from Parent to Optimized Model"),
)
_BASIC_ANNOTATED = (
    Column("optimized_wrong", "Wrong in Optimized Model", "count"),
    Column("parent_wrong", "Wrong in Parent Model", "count"),
)
_VERDICT = Column("verdict", "Verdict")
_ADVANCED = (
    Column("image", "Image Name"),
    Column("head", "Head"),
    Column("optimized", "Told by Optimized Model"),
    Column("parent", "Told by Parent Model"),
    Column("difference", "Difference of Values", "number"),
    Column("optimized_share", "Optimized Model Confidence", "score"),
    Column("parent_share", "Parent Model Confidence", "score"),
)
_ADVANCED_ANNOTATED = (
    Column("annotated", "Defined in Annotations"),
    Column("optimized_error", "Error of Optimized Model", "number"),
    Column("parent_error", "Error of Parent Model", "number"),
)
_HEADS = (
    Column("head", "Head"),
    Column("kind", "Kind"),
    Column("agreement", "Agreement of the Roles", "fraction"),
    Column("role_mae", "Mean Difference of the Roles", "number"),
    Column("unit", "Unit"),
)
#: Numbers of a head against annotations, of both roles: key, metric and how it is written.
_AGAINST = (
    ("accuracy", "accuracy", "fraction"),
    ("ap", "map", "fraction"),
    ("f1", "f1", "fraction"),
    ("mae", "mae", "number"),
)
_TITLES = {"accuracy": "Accuracy", "ap": "Average Precision", "f1": "F1", "mae": "MAE"}
#: Rows of the table by image and head from which on it lists only what is of interest.
_MOST_ROWS = 200_000
#: Changes of an image that its row spells out.
_SPELLED = 4


class Change(NamedTuple):
    """What became of the answers of one image.

    Parameters
    ----------
    places
        Heads whose answer changed: another class or label, or a value that moved noticeably, [k].
    wrong
        By role, of the annotated heads: another class or label, [k] each; values are no right or wrong.
    """

    places: NDArray[np.int64]
    wrong: Pair[NDArray[np.int64]]

    @property
    def verdict(self) -> str:
        """Return "same", "changed", "changed and now wrong" or "changed and now right"."""
        if not len(self.places):
            return "same"
        before, after = (set(own.tolist()) for own in self.wrong)
        if after - before:
            return "changed and now wrong"
        return "changed and now right" if before - after else "changed"


def changes_of(comparison: Told) -> list[Change]:
    """What became of every image."""

    def found() -> list[Change]:
        all_of = answers_of(comparison)
        apart = differences(all_of, *all_of.said)
        moved = (apart > 0) & (apart >= all_of.noticed)
        if with_truth(comparison):
            truths = truths_of(comparison)
            known = ~np.isnan(truths) & ~np.isin(np.arange(len(all_of.heads)), all_of.valued)
            wrong = all_of.said.map(lambda said: known & (said != truths))
        else:
            wrong = all_of.said.map(lambda said: np.zeros(said.shape, np.bool_))
        return [
            Change(np.flatnonzero(row), Pair(*(np.flatnonzero(wrong[role][i]) for role in ROLES)))
            for i, row in enumerate(moved)
        ]

    return comparison.once("changes", found)


def spelled(comparison: Told, index: int) -> str:
    """Spell the changes of one image: ``gender: female became male``."""
    all_of, change = answers_of(comparison), changes_of(comparison)[index]
    said = [
        f"{all_of.heads[k].name}: {all_of.heads[k].told(all_of.said.parent[index, k])} became "
        f"{all_of.heads[k].told(all_of.said.optimized[index, k])}"
        for k in change.places[:_SPELLED]
    ]
    more = len(change.places) - _SPELLED
    return ", ".join(said) + (f", and {more} more" if more > 0 else "")


def image_table(comparison: Told) -> Table:
    """One row an image; columns about annotations are there where some heads are annotated."""
    known, rows = with_truth(comparison), []
    all_changes = changes_of(comparison)
    for i, (result, change) in enumerate(zip(comparison.images, all_changes, strict=True)):
        wrong = (len(change.wrong.optimized), len(change.wrong.parent)) if known else ()
        rows.append(
            (result.name, len(change.places), spelled(comparison, i), *wrong, change.verdict)
        )
    changed = frozenset(i for i, one in enumerate(all_changes) if len(one.places))
    erroneous = frozenset(i for i, one in enumerate(all_changes) if len(one.wrong.optimized))
    columns = (*_BASIC, *(_BASIC_ANNOTATED if known else ()), _VERDICT)
    title = "Attributes, by image"
    return Table(
        "attributes", title, columns, tuple(rows), erroneous if known else changed, changed
    )


def answer_table(comparison: Told) -> Table:
    """One row an image and head; of very many those whose answer changed or is wrong."""
    known = with_truth(comparison)
    count, all_changes = len(answers_of(comparison).heads), changes_of(comparison)
    few = len(comparison) * count <= _MOST_ROWS
    rows: list[tuple[Cell, ...]] = []
    changed, erroneous = set[int](), set[int]()
    for index, change in enumerate(all_changes):
        moved, wrong = set(change.places.tolist()), set(change.wrong.optimized.tolist())
        told = _answers(comparison, index, known=known) if few or moved or wrong else []
        for k in range(count) if few else sorted(moved | wrong):
            changed |= {len(rows)} if k in moved else set()
            erroneous |= {len(rows)} if k in wrong else set()
            rows.append(told[k])
    columns = (*_ADVANCED, *(_ADVANCED_ANNOTATED if known else ()))
    title = "Optimized against parent, by image and head"
    title += "" if few else ": what changed or is wrong"
    shown = frozenset(erroneous if known else changed)
    return Table("answers", title, columns, tuple(rows), shown, frozenset(changed))


def _answers(comparison: Told, index: int, *, known: bool) -> list[tuple[Cell, ...]]:
    """Rows of one image."""
    all_of, result = answers_of(comparison), comparison.images[index]
    truths = truths_of(comparison)[index] if known else None
    rows: list[tuple[Cell, ...]] = []
    for k, (head, span) in enumerate(zip(all_of.heads, spans(all_of.heads), strict=True)):
        said = all_of.said.map(lambda of, k=k: float(of[index, k]))  # type: ignore[misc]
        truth: tuple[Cell, ...] = ()
        if truths is not None:
            errors = [
                _apart(head, said[role], float(truths[k])) for role in ("optimized", "parent")
            ]
            truth = (head.told(float(truths[k])) or None, *errors)
        shares = [share(head, result.record[role].values[span]) for role in ("optimized", "parent")]
        told = head.told(said.optimized), head.told(said.parent)
        rows.append((result.name, head.name, *told, _apart(head, *said), *shares, *truth))
    return rows


def _apart(head: Head, first: float, second: float) -> float | None:
    found = float(head.apart(first, second)) if head.kind == "value" else math.nan
    return None if math.isnan(found) else found


def share(head: Head, values: NDArray[np.floating]) -> float | None:
    """How sure a head is of its answer, values [size], 0..1; None of a value."""
    if head.kind == "value":
        return None
    best = float(values.max())
    return best if head.kind == "class" or best >= head.threshold else 1 - best


def head_table(comparison: Told) -> Table:
    """One row a head: what the roles share, and with annotations what each is worth; the least alike first."""
    all_of, known = answers_of(comparison), with_truth(comparison)
    named, valued = all_of.named.tolist(), all_of.valued.tolist()
    same, apart = all_of.same, all_of.apart
    against = {key: _by_head(comparison, metric) for key, metric, _ in _AGAINST} if known else {}
    truths = ~np.isnan(truths_of(comparison)) if known else None
    rows: list[tuple[Cell, ...]] = []
    for k, head in enumerate(all_of.heads):
        agreed = float(same[:, named.index(k)].mean()) if k in named else None
        moved = float(apart[:, valued.index(k)].mean()) if k in valued else None
        more: list[Cell] = [] if truths is None else [int(truths[:, k].sum())]
        for found in against.values():
            more += found.get(head.name, (None, None))
        rows.append((head.name, head.kind, agreed, moved, head.unit, *more))
    columns = (*_HEADS, *(_against_columns() if known else ()))
    order = sorted(range(len(rows)), key=lambda k: (_least(rows[k][2]), k))
    ordered = tuple(rows[k] for k in order)
    worse = frozenset(at for at, row in enumerate(ordered) if _least(row[2]) < 1)
    return Table("heads", "Optimized against parent, by head", columns, ordered, worse)


def _against_columns() -> list[Column]:
    columns = [Column("annotated", "Annotated Images", "count")]
    for key, _, kind in _AGAINST:
        columns.append(Column(f"optimized_{key}", f"Optimized {_TITLES[key]}", kind))
        columns.append(Column(f"parent_{key}", f"Parent {_TITLES[key]}", kind))
    return columns


def _by_head(comparison: Told, metric: str) -> dict[str, tuple[Cell, Cell]]:
    """Optimized and parent's number of each head for which a metric is defined."""
    assert metric in METRICS
    found = measured(comparison, metric)
    pairs = zip(found.value.optimized.tolist(), found.value.parent.tolist(), strict=True)
    return {head.name: pair for head, pair in zip(found.heads, pairs, strict=True)}


def _least(cell: Cell) -> float:
    return float(cell) if isinstance(cell, float) else 2.0
