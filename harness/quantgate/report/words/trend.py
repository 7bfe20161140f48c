"""Changes of nightly numbers in words, for the terminal and the page."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from quantgate.core.limits import form_of, quantity_name
from quantgate.core.series import machine_of
from quantgate.report.trend.model import excused
from quantgate.report.words.numbers import counted, minus, signed, written

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from quantgate.core.changes.change import ChangePoint
    from quantgate.core.limit_kind import Form
    from quantgate.report.trend.model import Trend

_WITNESSES = {"control": "its control", "models": "most of its other models", "": "others"}
#: Lines of the terminal's table; the page has them all.
MOST_ROWS = 40
_SHORT = 9
_HEADING = (
    "what",
    "night",
    "model",
    "quantity",
    "from → to",
    "size",
    "changed in between",
    "machine",
)


def _form(change: ChangePoint) -> Form:
    return form_of(change.key.quantity, change.unit)


def headword(change: ChangePoint) -> str:
    """Say what a change is in one word."""
    if excused(change):
        return "accepted"
    if change.cause == "machine":
        return "machine"
    if change.cause == "unclear":
        return "unclear"
    return {True: "worse", False: "better", None: "moved"}[change.worse]


def size_text(change: ChangePoint) -> str:
    """Write the size with its interval: ``−7.6 % [−8.9, −6.3]``, ``+0.004 [+0.002, +0.006]``."""
    return " ".join(filter(None, size_parts(change)))


def size_parts(change: ChangePoint) -> tuple[str, str]:
    """Write the size and its interval; that of an exact number is empty."""
    sizes = (change.size, change.low, change.high)
    if change.ratio:
        value, low, high = (_percent(size) for size in sizes)
        value += " %"
    else:
        value, low, high = (signed(size, _form(change)) for size in sizes)
    return value, "" if change.low == change.high else f"[{low}, {high}]"


def place_text(change: ChangePoint) -> str:
    """Name the machine class of a series, and the stack where it is not the usual one."""
    key = change.key
    return " · ".join([key.isa, key.machine, *([key.stack] if key.stack != "default" else [])])


def levels_text(change: ChangePoint) -> str:
    """Write the levels before and after: ``1.31× → 1.21×``."""
    kind = _form(change)
    return f"{written(change.before, kind)} → {written(change.after, kind)}"


def between_text(change: ChangePoint) -> str:
    """Name what changed in between: commits and libraries, as far as they are known."""
    parts = []
    if change.commits is not None:
        parts.append("…".join(commit[:_SHORT] for commit in change.commits))
    parts += [f"{name} {old} → {new}" for name, (old, new) in change.versions.items()]
    unknown = not (change.last_good.commit and change.first_changed.commit)
    return ", ".join(parts) or ("commits not known" if unknown else "same commit, same libraries")


def notes(change: ChangePoint) -> Iterator[str]:
    """Say what else is to be known of a change."""
    if change.kind == "drift":
        yield f"a drift that lasted until {day(change.told.at)}"
    if change.cause == "machine":
        yield f"the machine changed: {_WITNESSES[change.witness]} changed the same night"
    if change.cause == "versions":
        yield "most other models changed on the night of a library upgrade"
    if change.cause == "unclear":
        yield "other models changed too: later nights will show whether it was the machine"
    if change.accepted is not None:
        end = "" if change.accepted.until is None else f" until {change.accepted.until}"
        said = f"accepted by {change.accepted.who}{end}: {change.accepted.reason}"
        yield f"{said}; the acceptance has expired" if change.expired else said
    if not change.standing:
        yield "it no longer stands"


def day(at: dt.datetime) -> str:
    """Name a night by the day on which it began, UTC."""
    return at.date().isoformat()


def trend_rows(changes: Sequence[ChangePoint]) -> list[tuple[str, ...]]:
    """Make the terminal's table of changes, the heading first; machines are named where they differ."""
    rows = [_HEADING, *(_row(change) for change in changes)]
    one_machine = len({machine_of(change.key) for change in changes}) == 1
    return [row[:-1] for row in rows] if one_machine else rows


def _row(change: ChangePoint) -> tuple[str, ...]:
    of = change.key
    word = headword(change).upper() + (" (drift)" if change.kind == "drift" else "")
    quantity = quantity_name(of.quantity)
    said = [between_text(change), *notes(change)]
    levels, size = levels_text(change), size_text(change)
    night, where = day(change.moved.at), place_text(change)
    return word, night, of.model, quantity, levels, size, "; ".join(said), where


def machine_lines(changes: Sequence[ChangePoint]) -> Iterator[str]:
    """Say of each machine when it changed, and how many numbers moved with it; nights in a row are one."""
    moved = [(c.key.machine, day(c.moved.at), c) for c in changes if c.cause == "machine"]
    moved.sort(key=lambda one: (one[0], one[2].moved.at))
    for machine, group in groupby(moved, key=itemgetter(0)):
        for nights in _in_a_row([(night, change) for _, night, change in group]):
            first, last = nights[0][0], nights[-1][0]
            span = first if first == last else f"{first} to {last}"
            numbers = counted(len({change.key for _, change in nights}), "numbers")
            by = {change.witness for _, change in nights}
            why = (
                f"its control changed, and {numbers} with it"
                if "control" in by
                else f"most of its models changed, {numbers}"
            )
            yield f"MACHINE  {span}  {machine}: {why}; no model is blamed"


def _in_a_row(nights: Sequence[tuple[str, ChangePoint]]) -> Iterator[list[tuple[str, ChangePoint]]]:
    """Group nights that are at most two days apart: a step may be placed beside its night."""
    row: list[tuple[str, ChangePoint]] = []
    for night, change in nights:
        if row and (change.moved.at - row[-1][1].moved.at).days > 2:  # noqa: PLR2004 - two days
            yield row
            row = []
        row.append((night, change))
    if row:
        yield row


def summary(trend: Trend) -> str:
    """Sum up in one sentence what moved."""
    series, runs = f"{len(trend.series):,} series", counted(len(trend.runs), "runs")
    if not trend.runs:
        return f"{trend.name} holds no run yet: record one with `quantgate gate --record`"
    if not trend.series:
        return f"no series of {trend.name} fits"
    over = f"in {series} over {runs}"
    told = trend.told
    if not told:
        return f"nothing changed {over}{_excused(trend)}"
    words = [headword(change) for change in told]
    parts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    return f"{counted(len(told), 'numbers')} changed {over}: {', '.join(parts)}{_excused(trend)}"


def _excused(trend: Trend) -> str:
    held = sum(excused(change) for change in trend.changes)
    moved = sum(change.cause == "machine" and not excused(change) for change in trend.changes)
    said = [f"{held} accepted"] if held else []
    said += [f"{moved} changed with a machine"] if moved else []
    return f" ({', '.join(said)})" if said else ""


def _percent(size: float) -> str:
    text = f"{(size - 1) * 100:+.1f}"
    return minus("0.0" if float(text) == 0 else text)
