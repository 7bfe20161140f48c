"""Detect when a number changed and by how much, and what was committed that night.

Series are never compared with each other, segments of a series never either. The detector is our own
(`scan`): on the same nights, at the same rate of false reports, it finds more steps in time than
PELT of `ruptures` and the E-divisive of `apache-otava`, which know neither intervals nor outliers nor
what was told the night before; figures in docs/history.md, printed by suites/bench/test_bench_changes.py.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.changes.change import ChangePoint
from quantgate.core.changes.fit import drift, fit
from quantgate.core.changes.panel import is_ratio, panel, scale, worse_side
from quantgate.core.changes.scan import BLOCK, Alarm, scan
from quantgate.core.noise import median

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from quantgate.core.changes.fit import Fit
    from quantgate.core.series import Columns, RunFacts

    Floats = NDArray[Any]


def find_changes(series: Iterable[Columns], runs: Sequence[RunFacts]) -> Iterator[ChangePoint]:
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


def _described(
    columns: Columns, alarms: Sequence[Alarm], runs: Sequence[RunFacts]
) -> Iterator[ChangePoint]:
    """Fit each alarm between its neighbours; steps that follow each other one way may be one slope."""
    values, sds = scale(columns)
    usual = median(sds)
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
) -> ChangePoint:
    """Put a fit into the quantity's unit and name the runs around it; `shapes` go on with later ones."""
    shape = shapes[0]
    at = [runs[run] for run in columns.runs.tolist()]
    ratio, step = is_ratio(columns), shape.after - shape.before
    ends = (step, step - shape.half, step + shape.half)
    size, low, high = (float(np.exp(end)) for end in ends) if ratio else ends
    levels = (shape.before, shape.after)
    before, after = (float(np.exp(level)) for level in levels) if ratio else levels
    side = worse_side(columns.key.quantity)
    return ChangePoint(
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
        unit=columns.unit,
    )


def _stands(columns: Columns, alarm: Alarm, shapes: Sequence[Fit]) -> bool:
    """Whether the latest level is of the same segment, and surely and by half the step away from the old one."""
    step = shapes[0].after - shapes[0].before
    now = shapes[-1].after - shapes[0].before
    same = columns.segment[alarm.first] == columns.segment[-1]
    sure = abs(step) > shapes[0].half
    return bool(same) and sure and now / step >= 0.5  # noqa: PLR2004 - half
