"""A machine that changed is no model's fault, and a model that changed is not the machine's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from quantgate.core.changes.detect import find_changes
from quantgate.core.changes.machine import explain
from quantgate.core.changes.panel import Timed, run_days
from suites.simulated import FIRST, Fleet, columns, key, runs

if TYPE_CHECKING:
    from quantgate.core.changes.change import ChangePoint
    from quantgate.core.series import Columns, RunFacts, SeriesKey

SEEDS = range(12)


def told(series: list[Columns], nights: list[RunFacts] | None = None) -> list[ChangePoint]:
    """Find and explain the changes of a machine's series."""
    nights = nights or runs(60)
    timed = [kept for one in series if (kept := Timed.of(one, run_days(nights)))]
    return explain(find_changes(series, nights), timed, nights)


def around_the_swap(changes: list[ChangePoint]) -> dict[SeriesKey, ChangePoint]:
    """Keep what began within three nights of the swap and was told after it."""
    return {
        change.key: change
        for change in changes
        if abs(nights_in(change.moved) - 45) <= 3 and nights_in(change.told) >= 45
    }


def nights_in(run: RunFacts) -> int:
    """Count the nights since the first."""
    return (run.at - FIRST).days


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_a_swapped_machine_is_blamed_on_no_model(noise: float) -> None:
    """Beyond what the same noise without a swap tells, no model is named; many series moved."""
    swapped = Fleet(models=20, noise=noise, swap=0.1)
    moved = blamed = 0
    for seed in SEEDS:
        without = around_the_swap(told(replace(swapped, swap=0.0).draw(seed)))
        changes = around_the_swap(told(swapped.draw(seed)))
        causes = [change.cause for of, change in changes.items() if of not in without]
        moved += len(causes)
        blamed += causes.count("model")

    assert moved > 10 * len(SEEDS)
    assert blamed == 0


def test_a_control_that_moved_that_night_excuses_a_lone_model() -> None:
    """One model has no others to ask; the control answers."""
    fleet = Fleet(models=1, worse={0: 0.15})
    (alone,) = {c.cause for c in told(fleet.draw(1)) if c.key.model}
    (excused,) = {c.cause for c in told(replace(fleet, control=0.08).draw(1)) if c.key.model}

    assert (alone, excused) == ("model", "machine")


def test_one_model_that_became_slower_is_named() -> None:
    """Among models that did not move, in every history."""
    fleet = Fleet(worse={3: 0.10})
    causes = [
        change.cause
        for seed in SEEDS
        for change in told(fleet.draw(seed))
        if change.key.model == "m03" and nights_in(change.told) >= 45
    ]

    assert len(causes) >= 2 * len(SEEDS) - 2
    assert set(causes) == {"model"}


def test_where_too_few_nights_tell_the_answer_is_left_open() -> None:
    """Unclear is said as such, fails nothing, and is cleared by later nights."""
    fleet = Fleet(worse={3: 0.10})
    early = [c for seed in SEEDS for c in told([_until(s, 47) for s in fleet.draw(seed)])]

    causes = {change.cause for change in early if change.key.model == "m03"}
    assert causes <= {"model", "unclear"}
    assert "unclear" in causes
    assert not any(change.open for change in early if change.cause == "unclear")


def test_a_library_that_changed_that_night_goes_before_the_machine() -> None:
    """All models moved with an upgrade: that is a change to be judged."""
    nights = runs(60)
    for place in range(45, 60):
        nights[place] = replace(nights[place], versions={"openvino": "2026.2.0"})
    changes = around_the_swap(told(Fleet(models=20, swap=0.1).draw(0), nights))

    assert {change.cause for change in changes.values()} == {"versions"}
    assert any(change.open for change in changes.values())


def test_a_machine_has_no_part_in_what_no_clock_made() -> None:
    """An accuracy drop is the model's own, also on the night of a swap."""
    drop = columns([0.01] * 45 + [0.02] * 15, of=key("m00", "max_accuracy_drop"))
    changes = told([*Fleet(models=20, swap=0.1).draw(0), drop])

    (change,) = (c for c in changes if c.key.quantity == "max_accuracy_drop")
    assert (change.cause, change.open) == ("model", True)


def _until(series: Columns, nights: int) -> Columns:
    held = series.runs < nights
    cut = {
        name: getattr(series, name)[held]
        for name in ("runs", "value", "low", "high", "segment", "threshold")
    }
    return replace(series, **cut)
