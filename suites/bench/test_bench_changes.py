"""How soon a step is found, how often one is told that did not happen, and what any detector could do.

Every row is of simulated nights (see `suites.simulated`), looked at anew on each of them. The bound is
Neyman's and Pearson's: where it lies below the promise, no detector keeps the promise, because two or
five nights do not hold that much evidence.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.changes.scan import scan
from suites.simulated import (
    NOISES,
    Fleet,
    attainable,
    nightly,
    nights_needed,
    speeds,
)
from suites.unit.test_changes_machine import around_the_swap, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Detector = Callable[[Floats, Floats], int | None]

#: Series looked at for false reports and for steps: enough that a share is known to a third of a per cent.
SERIES, STEPPED, BASE = 3000, 10_000, 60
FLEETS = 200
#: A shift that a few nights at 2 % noise do not tell from none, as log-ratio.
UNSEEN = 0.02


@pytest.mark.parametrize("kind", NOISES)
def test_false_reports(kind: str) -> None:
    """Print false reports in a thousand series-nights, over a history looked at every night."""
    for noise in (0.01, 0.02, 0.05):
        values, sds = nightly(np.random.default_rng(101), (SERIES, 365), noise, kind)
        missed = np.random.default_rng(102).random(values.shape) < 0.05
        kept, told_sds = _without(values, missed), _without(sds, missed)
        nights = int(np.isfinite(kept).sum())
        rate = 1000 * len(scan(speeds(kept, told_sds))) / nights
        print(f"{kind:17s} noise {noise:.0%}: {rate:.2f} false reports in 1,000 series-nights")
        assert rate <= 1.0


def _without(values: Floats, missed: NDArray[np.bool_]) -> Floats:
    """Close the gaps of missed nights: NaN only after a series' last night."""
    kept = np.full(values.shape, np.nan)
    for row, gone in enumerate(missed):
        held = values[row, ~gone]
        kept[row, : len(held)] = held
    return kept


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize(("step", "within"), [(0.03, 5), (0.10, 2)])
def test_steps_found(step: float, within: int, kind: str) -> None:
    """Print how often a step is found in time, beside what is attainable and the nights that it takes."""
    for noise in (0.01, 0.02, 0.05):
        values, sds = nightly(np.random.default_rng(103), (STEPPED, BASE + 150), noise, kind)
        values[:, BASE:] += np.log1p(-step)
        alarms = scan(speeds(values, sds))
        early = {alarm.series for alarm in alarms if alarm.found < BASE}
        first: dict[int, int] = {}
        for alarm in alarms:
            if alarm.found >= BASE:
                first.setdefault(alarm.series, alarm.found - BASE + 1)
        delays = sorted(first.get(row, 999) for row in range(STEPPED) if row not in early)
        share = np.mean(np.array(delays) <= within)
        size = -np.log1p(-step)
        print(
            f"{kind:17s} step {step:.0%} noise {noise:.0%}: found within {within} nights "
            f"{share:6.1%} (normal law: at most {attainable(size, noise, within):6.1%}); "
            f"95 % within {delays[int(0.95 * len(delays))]} nights (at least "
            f"{nights_needed(size, noise)})"
        )


@pytest.mark.parametrize("models", [4, 8, 20])
def test_swapped_machines(models: int) -> None:
    """Print how many swaps were blamed on a model beyond what the same noise does without a swap."""
    for noise in (0.02, 0.05):
        fleet = Fleet(models=models, noise=noise, swap=0.1)
        still = Fleet(models=models, noise=noise)
        swaps = moved = blamed = unseen = 0
        for seed in range(FLEETS):
            without = around_the_swap(told(still.draw(seed)))
            changes = around_the_swap(told(fleet.draw(seed)))
            caused = [(of.model, c.cause) for of, c in changes.items() if of not in without]
            moved += len(caused)
            names = {model for model, cause in caused if cause == "model"}
            swaps, blamed = swaps + bool(names), blamed + len(names)
            unseen += sum(_most_unseen(fleet.shifts(seed), int(name[1:])) for name in names)
        print(
            f"{models:2d} models, noise {noise:.0%}: {moved} numbers moved by {FLEETS} swaps, {swaps} swaps "
            f"blamed on {blamed} models, of which {unseen} had half of the others moved by less than "
            f"{UNSEEN:.0%}"
        )


def _most_unseen(shifts: Floats, model: int) -> bool:
    """Whether so many other models hardly moved that the machine looks like a few models."""
    return bool(np.mean(np.abs(np.delete(shifts, model)) < UNSEEN) >= 0.5)


@pytest.mark.parametrize("models", [4, 8, 20])
def test_two_models_that_became_slower_together(models: int) -> None:
    """Print how often two models that really became slower on one night are taken for their machine."""
    for noise in (0.02, 0.05):
        fleet = Fleet(models=models, noise=noise, worse={1: 0.08, 2: 0.06})
        causes = [
            change.cause
            for seed in range(FLEETS)
            for of, change in around_the_swap(told(fleet.draw(seed))).items()
            if of.model in {"m01", "m02"}
        ]
        print(
            f"{models:2d} models, noise {noise:.0%}: of {len(causes)} numbers found of two slower models "
            f"{causes.count('machine') / len(causes):.0%} taken for the machine, "
            f"{causes.count('unclear') / len(causes):.0%} left open"
        )


def test_against_ruptures() -> None:
    """Print this detector beside PELT of `ruptures`, its penalty set to the same rate of false reports."""
    rpt = pytest.importorskip("ruptures", reason="ruptures is not installed")
    rows, within = 150, 5

    def pelt(penalty: float) -> Detector:
        def first(values: Floats, sds: Floats) -> int | None:
            scaled = values / np.median(sds)
            for night in range(20, len(values) + 1):
                found = rpt.KernelCPD(kernel="linear", min_size=2).fit(scaled[:night, None])
                if len(found.predict(pen=penalty)) > 1:
                    return night - 1
            return None

        return first

    def ours(values: Floats, sds: Floats) -> int | None:
        alarms = scan(speeds(values[None], sds[None]))
        return alarms[0].found if alarms else None

    named = {"own": ours} | {f"PELT, penalty {p:.0f}": pelt(p) for p in (12.0, 16.0, 20.0)}
    for kind in ("normal", "outliers"):
        for name, detector in named.items():
            values, sds = nightly(np.random.default_rng(104), (rows, BASE + 30), 0.02, kind)
            began = time.process_time()
            first = [detector(v, s) for v, s in zip(values, sds, strict=True)]
            spent = time.process_time() - began
            nights = sum(BASE + 30 if f is None else f + 1 for f in first)
            rate = 1000 * sum(f is not None for f in first) / nights
            values[:, BASE:] += np.log(0.97)
            end = BASE + within
            after = [detector(v[:end], s[:end]) for v, s in zip(values, sds, strict=True)]
            quiet = [f for f in after if f is None or f >= BASE]
            share = np.mean([f is not None for f in quiet])
            print(
                f"{kind:9s} {name:17s}: {rate:.2f} false reports in 1,000 series-nights, step 3 % at "
                f"noise 2 % within {within} nights {share:.1%}, {1e3 * spent / rows:.0f} ms a series"
            )
