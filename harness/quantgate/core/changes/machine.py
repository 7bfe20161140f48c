"""Decide whether the model or its machine changed, from the control and all other models."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from quantgate.core.changes.panel import Timed, day_of, moved_by_machine
from quantgate.core.changes.witnesses import Witnesses
from quantgate.core.series import machine_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from quantgate.core.changes.change import ChangeCause, ChangePoint, Witness
    from quantgate.core.series import RunFacts

    Floats = NDArray[np.float64]

#: Other models needed before "most of them" means anything, and deviate at which one has moved.
OTHERS, MOVED = 3, 1.0
#: Chance that as much stirs among the other models when nothing happened: it did; it may have.
BY_CHANCE, OPEN = 0.01, 0.3
#: Nights that are waited for an answer, and days asked on either side of the likeliest.
WAIT, NEAR = 4, 3


def explain(
    changes: Iterable[ChangePoint], timed: Sequence[Timed], runs: Sequence[RunFacts]
) -> list[ChangePoint]:
    """Assign a cause to each change of a timed quantity; all other changes are the model's own.

    What is asked is what was known up to some nights after a change was found, so that a cause once
    told stays.
    """
    found, steps = list(changes), defaultdict(list)
    for change in found:
        steps[change.key].append((day_of(change.moved), day_of(change.told)))
    by_machine: dict[tuple[str, str, str], list[Timed]] = defaultdict(list)
    for series in timed:
        by_machine[machine_of(series.key)].append(series)
    witnesses = {machine: Witnesses(held, steps) for machine, held in by_machine.items()}
    return [
        _explained(change, witnesses[machine_of(change.key)], runs)
        if moved_by_machine(change.key.quantity)
        else change
        for change in found
    ]


def _explained(change: ChangePoint, machine: Witnesses, runs: Sequence[RunFacts]) -> ChangePoint:
    cause, witness = _cause(change, machine, runs)
    return replace(change, cause=cause, witness=witness)


def _cause(
    change: ChangePoint, machine: Witnesses, runs: Sequence[RunFacts]
) -> tuple[ChangeCause, Witness]:
    """Ask the control, then the other models, up to some nights longer while they leave it open.

    A library that changed that night goes before the machine.
    """
    begins = _begins(change)
    ends = machine.days_from(day_of(change.told))[: WAIT + 1]
    answer: bool | None = None
    for end in ends:
        if any(machine.control_moved(begin, end) for begin in begins):
            return "machine", "control"
        answer = _most_moved([machine.others(change.key.model, begin, end) for begin in begins])
        if answer is not None:
            break
    if answer is None and len(ends) <= WAIT:
        return "unclear", ""
    if not answer:
        return "model", ""
    upgraded = change.versions or _upgraded(change, runs)
    return "versions" if upgraded else "machine", "models"


def _begins(change: ChangePoint) -> range:
    """Days on which the change may have begun, those near the likeliest where they are many."""
    first, likeliest, last = map(day_of, (change.last_good, change.moved, change.first_changed))
    return range(max(first + 1, likeliest - NEAR), min(last, likeliest + NEAR) + 1)


def _upgraded(change: ChangePoint, runs: Sequence[RunFacts]) -> bool:
    """Whether this machine's libraries changed within two days of the change: one wild night shifts it."""
    near = [
        run.versions
        for run in runs
        if abs(day_of(run) - day_of(change.moved)) <= 2  # noqa: PLR2004 - two days
        and machine_of(run) == machine_of(change.key)
    ]
    return any(versions != near[0] for versions in near)


def _most_moved(nights: Sequence[Floats]) -> bool | None:
    """Whether more than half of the other models moved on one night, and more than chance can do.

    Parameters
    ----------
    nights
        For each night that comes into question, how far each other model moved that can tell.

    Returns
    -------
    bool or None
        None where they stir, and not enough to tell.
    """
    stirs = False
    for told in nights:
        if len(told) < OTHERS:
            continue
        chance = float(chdtrc(len(told), told @ told)) * len(nights)
        if chance <= BY_CHANCE and np.mean(told > MOVED) > 0.5:  # noqa: PLR2004 - half
            return True
        stirs = stirs or chance <= OPEN
    return None if stirs else False
