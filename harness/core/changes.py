"""When did a number move, by how much, and what came in that night?

Series are never compared with each other, segments of a series never either. The detector is our own
(`changes_scan`): on the same nights, at the same rate of false reports, it finds more steps in time than
PELT of `ruptures` and the E-divisive of `apache-otava`, which know neither intervals nor outliers nor
what was told the night before; figures in docs/history.md, printed by suites/bench/test_bench_changes.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.core.changes_fit import Kind, drift, fit
from harness.core.changes_panel import is_ratio, panel, scale, worse_side
from harness.core.changes_scan import BLOCK, Alarm, scan

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from harness.core.changes_fit import Fit
    from harness.core.series import Accepted, Columns, RunFacts, SeriesKey

    Floats = NDArray[Any]

Cause = Literal["model", "machine", "versions", "unclear"]


@dataclass(frozen=True, slots=True)
class Change:
    """A number that moved.

    Parameters
    ----------
    kind
        ``step``, or ``drift``: a slow slope from `first_changed` to `found`.
    start, first, found
        Places in the series: where the regime before begins, the likeliest first night after the
        change, the night on which it could first be told.
    last_good, moved, first_changed
        The last run that is surely before the change, the likeliest first one after it, and the
        first that is surely after it.
    told
        The run on whose night it could first be told.
    before, after
        Levels, in the quantity's unit.
    ratio
        Whether `size` is ``after / before``, else it is ``after - before``.
    size, low, high
        With its 95 % interval; a number that repeats exactly has ``low == size == high``.
    worse
        None where the quantity has no direction.
    standing
        Whether the latest level of the same segment has not come back.
    cause
        ``machine`` where the control or most other models' timings moved the same night, ``versions``
        where they moved the night a library changed, ``unclear`` where more nights have to tell.
    accepted, expired
        Who accepted it, and whether that has run out.
    """

    key: SeriesKey
    kind: Kind
    start: int
    first: int
    found: int
    last_good: RunFacts
    moved: RunFacts
    first_changed: RunFacts
    told: RunFacts
    before: float
    after: float
    ratio: bool
    size: float
    low: float
    high: float
    worse: bool | None
    standing: bool
    cause: Cause = "model"
    accepted: Accepted | None = None
    expired: bool = False

    @property
    def commits(self) -> tuple[str, str] | None:
        """Commits of the last good and the first changed run, where both are known and differ."""
        pair = (self.last_good.commit, self.first_changed.commit)
        return pair if all(pair) and pair[0] != pair[1] else None

    @property
    def versions(self) -> dict[str, tuple[str, str]]:
        """Libraries whose version changed between the last good and the first changed run."""
        old, new = self.last_good.versions, self.first_changed.versions
        names = sorted({*old, *new})
        pairs = {name: (old.get(name, ""), new.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def open(self) -> bool:
        """Whether it is worse, still so, not the machine's, and accepted by nobody: fails a gate."""
        excused = self.accepted is not None and not self.expired
        known = self.cause in {"model", "versions"}
        return bool(self.worse) and self.standing and known and not excused


def find_changes(series: Iterable[Columns], runs: Sequence[RunFacts]) -> Iterator[Change]:
    """Find every change of every series; causes and acceptances are not looked at yet.

    Parameters
    ----------
    series
        Taken a thousand at a time, so that a long history need not be held.
    runs
        What `Columns.runs` points into.
    """
    todo = iter(series)
    while block := [columns for columns in islice(todo, BLOCK) if len(columns)]:
        alarms = scan(panel(block))
        for row, mine in groupby(alarms, key=attrgetter("series")):
            yield from _described(block[row], list(mine), runs)


def accept(changes: Iterable[Change], accepted: Sequence[Accepted], today: dt.date) -> list[Change]:
    """Mark what somebody accepted after it had happened; an acceptance that has run out says so."""
    return [_accepted(change, accepted, today) for change in changes]


def _accepted(change: Change, accepted: Sequence[Accepted], today: dt.date) -> Change:
    moved = change.told if change.kind == "drift" else change.moved
    fitting = [
        one
        for one in accepted
        if (one.model, one.quantity) == (change.key.model, change.key.quantity)
        and moved.at <= one.at
    ]
    if not fitting:
        return change
    # For ever lasts longest.
    longest = max(fitting, key=lambda one: (one.until is None, one.until or today, one.at))
    expired = longest.until is not None and today >= longest.until
    return replace(change, accepted=longest, expired=expired)


def _described(
    columns: Columns, alarms: Sequence[Alarm], runs: Sequence[RunFacts]
) -> Iterator[Change]:
    """Fit each alarm between its neighbours; steps that follow each other one way may be one slope."""
    values, sds = scale(columns)
    usual = float(np.median(sds))
    weights = 2 * usual**2 / (usual**2 + sds**2) if usual else np.ones_like(sds)
    following = [*(alarm.first for alarm in alarms[1:]), len(columns)]
    found = [
        (alarm, _fitted((values, weights, columns.segment), alarm, end))
        for alarm, end in zip(alarms, following, strict=True)
    ]
    joined = [one for chain in _chains(found) for one in _joined(values, weights, chain)]
    shapes = [shape for _, shape in joined]
    for place, (alarm, _) in enumerate(joined):
        yield _change(columns, alarm, shapes[place:], runs)


def _fitted(parts: tuple[Floats, Floats, Floats], alarm: Alarm, end: int) -> Fit:
    """Fit an alarm on its regime and the next, which ends with its segment."""
    values, weights, segment = parts
    breaks = np.flatnonzero(np.diff(segment)) + 1
    stop = min([end, *breaks[breaks > alarm.first].tolist()])
    held, start = slice(alarm.start, stop), alarm.start
    return fit(values[held], weights[held], alarm.first - start, alarm.found - start).moved(start)


def _chains(found: Sequence[tuple[Alarm, Fit]]) -> Iterator[list[tuple[Alarm, Fit]]]:
    """Group alarms whose regimes follow each other and that go one way."""
    chain: list[tuple[Alarm, Fit]] = []
    for alarm, shape in found:
        if chain and not (
            chain[-1][0].first == alarm.start
            and (chain[-1][1].after - chain[-1][1].before) * (shape.after - shape.before) > 0
        ):
            yield chain
            chain = []
        chain.append((alarm, shape))
    if chain:
        yield chain


def _joined(
    values: Floats, weights: Floats, chain: list[tuple[Alarm, Fit]]
) -> list[tuple[Alarm, Fit]]:
    """Take a chain for one drift where a slope fits better than its steps."""
    first, last = chain[0][0], chain[-1][0]
    held = slice(first.start, last.found + 1)
    splits = [alarm.first - first.start for alarm, _ in chain]
    slope = drift(values[held], weights[held], splits)
    if slope is None:
        return chain
    return [(replace(first, found=last.found), slope.moved(first.start))]


def _change(
    columns: Columns, alarm: Alarm, shapes: Sequence[Fit], runs: Sequence[RunFacts]
) -> Change:
    """Put a fit into the quantity's unit and name the runs around it; `shapes` go on with later ones."""
    shape = shapes[0]
    at = [runs[run] for run in columns.runs.tolist()]
    ratio, step = is_ratio(columns), shape.after - shape.before
    ends = (step, step - shape.half, step + shape.half)
    size, low, high = (float(np.exp(end)) for end in ends) if ratio else ends
    levels = (shape.before, shape.after)
    before, after = (float(np.exp(level)) for level in levels) if ratio else levels
    side = worse_side(columns.key.quantity)
    return Change(
        columns.key,
        shape.kind,
        start=alarm.start,
        first=shape.first,
        found=alarm.found,
        last_good=at[shape.earliest - 1],
        moved=at[shape.first],
        first_changed=at[shape.latest],
        told=at[alarm.found],
        before=before,
        after=after,
        ratio=ratio,
        size=size,
        low=low,
        high=high,
        worse=None if side == 0 else step * side > 0,
        standing=_stands(columns, alarm, shapes),
    )


def _stands(columns: Columns, alarm: Alarm, shapes: Sequence[Fit]) -> bool:
    """Whether the latest level is of the same segment, and surely and by half the step away from the old one."""
    step = shapes[0].after - shapes[0].before
    now = shapes[-1].after - shapes[0].before
    same = columns.segment[alarm.first] == columns.segment[-1]
    sure = abs(step) > shapes[0].half
    return bool(same) and sure and now / step >= 0.5  # noqa: PLR2004 - half
