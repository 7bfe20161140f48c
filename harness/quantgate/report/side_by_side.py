"""Three or more finished runs side by side, such as recipes or stacks: each against the first of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.limits import quantity_name
from quantgate.report.compare import Movement, VerdictChange, compare_runs
from quantgate.report.words import verdicts
from quantgate.report.words.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quantgate.report.model import Judged, RunReport

_ORDER: tuple[Movement, ...] = (
    "regressed", "worse", "undecided", "repaired", "better", "same", "new", "gone",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SideRow:
    """One gate in all runs: ``first`` of the first, ``others`` of the others against it."""

    model: str
    key: str
    first: Judged | None
    others: tuple[VerdictChange | None, ...]

    @property
    def everywhere(self) -> bool:
        """Whether every run judged it."""
        return self.first is not None and all(one and one.after for one in self.others)

    @property
    def moved(self) -> bool:
        """Whether it is not the same in all the runs that judged it."""
        return any(one and one.movement not in {"same", "new", "gone"} for one in self.others)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Runs, their gates (what moved most first), and ``(run, sentence)`` to read before believing them."""

    runs: tuple[RunReport, ...]
    rows: tuple[SideRow, ...]
    notes: tuple[tuple[str, str], ...]


def side_by_side(runs: Sequence[RunReport], folders: Sequence[Path]) -> SideBySide:
    """Compare the first of some runs, each in its folder, with each other one, gate by gate."""
    found = [
        compare_runs(runs[0], other, (folders[0], folder))
        for other, folder in zip(runs[1:], folders[1:], strict=True)
    ]
    changes = [{(c.model, c.key): c for c in one.verdicts} for one in found]
    first = {(j.verdict.model, j.verdict.limit.key): j for j in runs[0].judged}
    gates = dict.fromkeys([*first, *(gate for one in changes for gate in one)])
    rows = [SideRow(*gate, first.get(gate), tuple(c.get(gate) for c in changes)) for gate in gates]
    rows.sort(key=lambda row: (not row.everywhere, _worst(row)))
    notes = [
        (other.run, note) for other, one in zip(runs[1:], found, strict=True) for note in one.notes
    ]
    return SideBySide(tuple(runs), tuple(rows), tuple(notes))


def side_lines(found: SideBySide) -> list[str]:
    """Word what moved, for the terminal: notes, then a block a gate with a line a run."""
    lines = [f"{run}: {note}" for run, note in found.notes]
    for row in (row for row in found.rows if row.everywhere and row.moved):
        lines.append(f"{row.model}: {quantity_name(row.key)}")
        lines.append(f"    {found.runs[0].run}: {_said(row.first)}")
        for run, one in zip(found.runs[1:], row.others, strict=True):
            if one is not None:
                difference = verdicts.difference_text(one.after, one.difference)
                difference += verdicts.unpaired_text(one.movement, one.unpaired)
                lines.append(f"    {run.run}: {_said(one.after)}, {one.movement}{difference}")
    alike = sum(row.everywhere and not row.moved for row in found.rows)
    alone = sum(not row.everywhere for row in found.rows)
    lines += [f"{counted(alike, 'gates')} the same in all {len(found.runs)} runs"] if alike else []
    lines += [f"{counted(alone, 'gates')} not judged in every run: not compared"] if alone else []
    return lines


def _said(judged: Judged | None) -> str:
    if judged is None:
        return "not judged"
    parts = (verdicts.headword(judged), verdicts.value_text(judged.verdict))
    return " ".join(filter(None, (*parts, verdicts.interval_text(judged.verdict))))


def _worst(row: SideRow) -> int:
    return min((_ORDER.index(one.movement) for one in row.others if one), default=len(_ORDER))
