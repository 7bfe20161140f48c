"""Two finished runs side by side: which verdicts, values and images changed between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from quantgate.core.limits import kind_of
from quantgate.core.table import Cell, Column, Table
from quantgate.report.paired import Kept, Paired, Sides, paired_difference
from quantgate.report.words import verdicts
from quantgate.report.words.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from quantgate.core.estimate import Estimate
    from quantgate.report.model import Judged, ModelReport, RunReport

Movement = Literal["regressed", "repaired", "worse", "better", "undecided", "same", "new", "gone"]
#: Libraries that make and run the optimized model.
_STACK = ("openvino", "nncf")
#: Outcomes from good to bad: a later one after an earlier one is a regression.
_BADNESS = ("passed", "known", "undecided", "failed")


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """One gate in both runs; the run in which it was not judged is None.

    ``movement`` compares the outcomes first. Within one outcome it follows ``difference``, after minus
    before on the images of both runs, where the number is made of images: "undecided" where its interval
    holds zero and something changed. Where there is none, for the reason ``unpaired``, numbers are "worse"
    or "better" only where their intervals do not overlap, because anything less may be noise; exact ones
    where they differ by a step of interest.
    """

    model: str
    key: str
    before: Judged | None
    after: Judged | None
    movement: Movement
    difference: Estimate | None = None
    unpaired: str = ""


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What is different between two runs.

    Parameters
    ----------
    facts
        ``(name, before, after)`` of every version and fact of the machine that differs.
    verdicts
        Every gate of either run, regressions first.
    images
        One table a model and image table: the rows that differ, every cell before and after.
    notes
        Sentences that a reader must see before believing a difference.
    """

    before: RunReport
    after: RunReport
    facts: tuple[tuple[str, str, str], ...]
    verdicts: tuple[VerdictChange, ...]
    images: tuple[tuple[str, Table], ...]
    notes: tuple[str, ...]


def compare_runs(
    before: RunReport, after: RunReport, folders: tuple[Path | None, Path | None] = (None, None)
) -> RunComparison:
    """Compare two runs gate by gate, and image by image where both kept the same tables.

    ``folders`` are those of the runs: average precision and IoU are paired by what lies there.
    """
    order: tuple[Movement, ...] = (
        "regressed", "worse", "undecided", "repaired", "better", "same", "new", "gone",
    )  # fmt: skip
    changes = sorted(
        _verdicts(before, after, folders), key=lambda change: order.index(change.movement)
    )
    return RunComparison(
        before=before,
        after=after,
        facts=tuple(_facts(before, after)),
        verdicts=tuple(changes),
        images=tuple(_images(before, after)),
        notes=tuple(_notes(before, after)),
    )


def movement(
    before: Judged | None, after: Judged | None, difference: Estimate | None = None
) -> Movement:
    """Say how one gate moved: by its outcome, by the paired difference, else by intervals apart."""
    if before is None or after is None:
        return "new" if before is None else "gone"
    bad, now = (_BADNESS.index(verdicts.headword(item).lower()) for item in (before, after))
    if bad != now:
        good = verdicts.headword(after).lower() in {"passed", "known"}
        return "regressed" if now > bad else "repaired" if good else "better"
    if difference is not None:
        return _by_difference(difference, after.verdict.limit.relation)
    first, second = before.verdict.estimate, after.verdict.estimate
    if first is None or second is None or (first.low <= second.high and second.low <= first.high):
        return "same"
    if _a_trifle(first, second, after.verdict.limit.key):
        return "same"
    grew = second.value > first.value
    return "better" if grew == (after.verdict.limit.relation == "min") else "worse"


def _a_trifle(first: Estimate, second: Estimate, key: str) -> bool:
    """Whether exact values differ by less than is of interest: some bytes of a file, say."""
    kind = kind_of(key)
    if kind is None or first.low < first.high or second.low < second.high:
        return False
    step = kind.smallest_step(second.unit)[1] * (abs(first.value) if kind.is_ratio else 1.0)
    return abs(second.value - first.value) < step


def _by_difference(difference: Estimate, relation: str) -> Movement:
    if difference.low == difference.high == 0.0:
        return "same"
    if difference.low <= 0.0 <= difference.high:
        return "undecided"
    return "better" if (difference.value > 0) == (relation == "min") else "worse"


def comparison_lines(comparison: RunComparison) -> list[str]:
    """Word what moved, for the terminal: notes, then one line a gate that is not the same."""
    moved = [c for c in comparison.verdicts if c.movement not in {"same", "gone", "new"}]
    lines = [
        verdicts.moved_sentence(
            (change.model, change.key), change.movement, change.before, change.after
        )
        + verdicts.difference_text(change.after, change.difference)
        + verdicts.unpaired_text(change.movement, change.unpaired)
        for change in moved
    ]
    images = [
        f"{model}: {len(table.rows)} rows of {table.title!r} differ"
        for model, table in comparison.images
    ]
    alone = [
        f"{counted(len(gates), 'gates')} of {counted(len({g.model for g in gates}), 'models')} "
        f"were judged in {run.run} alone: not compared"
        for run, word in ((comparison.before, "gone"), (comparison.after, "new"))
        if (gates := [c for c in comparison.verdicts if c.movement == word])
    ]
    return [*comparison.notes, *(lines or ["no verdict and no value changed"]), *alone, *images]


def _verdicts(
    before: RunReport, after: RunReport, folders: tuple[Path | None, Path | None]
) -> Iterator[VerdictChange]:
    old, new = _by_gate(before), _by_gate(after)
    kept = [
        {model.id: Kept(run.run, model, folder) for model in run.models}
        for run, folder in zip((before, after), folders, strict=True)
    ]
    sides = {name: Sides(kept[0][name], kept[1][name]) for name in kept[0] if name in kept[1]}
    for gate in dict.fromkeys((*new, *old)):
        first, second = old.get(gate), new.get(gate)
        found = Paired()
        if first and second and gate[0] in sides:
            found = paired_difference((first, second), sides[gate[0]])
        moved = movement(first, second, found.difference)
        yield VerdictChange(*gate, first, second, moved, found.difference, found.reason)


def _by_gate(report: RunReport) -> Mapping[tuple[str, str], Judged]:
    return {(item.verdict.model, item.verdict.limit.key): item for item in report.judged}


def _facts(before: RunReport, after: RunReport) -> Iterator[tuple[str, str, str]]:
    if before.manifest_digest != after.manifest_digest:
        yield "manifest", before.manifest_digest[:12], after.manifest_digest[:12]
    old = {**before.versions, **before.machine}
    new = {**after.versions, **after.machine}
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield name, old.get(name, "–"), new.get(name, "–")


def _notes(before: RunReport, after: RunReport) -> Iterator[str]:
    stacks = [
        f"{name} {before.versions.get(name, '–')} → {after.versions.get(name, '–')}"
        for name in _STACK
        if before.versions.get(name) != after.versions.get(name)
    ]
    if stacks:
        yield (
            f"the stacks differ ({', '.join(stacks)}): the changes may come from the optimizer or the "
            "runtime, not from the model"
        )
    if before.machine != after.machine:
        yield (
            "the runs come from different machines: speed cannot be compared, and INT8 without VNNI "
            "or AMX may give other answers"
        )
    if before.manifest_digest != after.manifest_digest:
        yield "the manifests differ: a limit or a data set may have changed, not the model"


def _images(before: RunReport, after: RunReport) -> Iterator[tuple[str, Table]]:
    old = {model.id: model for model in before.models}
    for model in after.models:
        if model.id in old:
            yield from ((model.id, table) for table in _model_images(old[model.id], model))


def _model_images(before: ModelReport, after: ModelReport) -> Iterator[Table]:
    old = {table.name: table for table in before.tables}
    for table in after.tables:
        other = old.get(table.name)
        if other is not None and other.columns == table.columns and _keyed(other) and _keyed(table):
            different = _different_rows(other, table)
            if different.rows:
                yield different


def _keyed(table: Table) -> bool:
    names = [row[0] for row in table.rows]
    return table.columns[0].key == "image" and len(names) == len(set(names))


def _different_rows(before: Table, after: Table) -> Table:
    old = {row[0]: row for row in before.rows}
    new = {row[0]: row for row in after.rows}
    absent: tuple[Cell, ...] = (None,) * (len(after.columns) - 1)
    rows = [
        (name, *_woven(old.get(name, (name, *absent))[1:], new.get(name, (name, *absent))[1:]))
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    ]
    columns = [after.columns[0]]
    for column in after.columns[1:]:
        columns.append(Column(f"{column.key}_before", f"{column.title}, before", column.kind))
        columns.append(Column(f"{column.key}_after", f"{column.title}, after", column.kind))
    return _without_equals(Table(after.name, after.title, tuple(columns), tuple(rows)))


def _without_equals(table: Table) -> Table:
    """Drop the pairs of columns that are the same in every row: there is nothing to see."""
    kept = [0]
    for first in range(1, len(table.columns), 2):
        if any(row[first] != row[first + 1] for row in table.rows):
            kept += [first, first + 1]
    columns = tuple(table.columns[place] for place in kept)
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return Table(table.name, table.title, columns, rows)


def _woven(before: tuple[Cell, ...], after: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(cell for pair in zip(before, after, strict=True) for cell in pair)
