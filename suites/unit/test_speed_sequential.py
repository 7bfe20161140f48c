from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.looks import PLAN
from quantgate.core.noise import (
    between_instances,
    possible_autocorrelation,
    rank_autocorrelation,
    widened,
)
from quantgate.core.ranks import interval_depth, signed_rank_cdf, signed_rank_interval, smallest_n
from quantgate.core.sequential import SpeedDecision, decide, replay
from quantgate.core.verdict import Outcome
from quantgate.engine.rounds import COPIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

INSTANCES = np.repeat(np.arange(len(COPIES)), COPIES)


@dataclass(frozen=True)
class World:
    """Where rounds come from."""

    noise: float
    tails: bool = False
    spread: float = 0.0
    memory: float = 0.0

    def rounds(self, truth: float, seed: int) -> NDArray[np.float64]:
        """Draw the log-ratios of one gate."""
        rng = np.random.default_rng(seed)
        n = len(INSTANCES)
        noise = rng.standard_t(2.5, n) * 0.66 if self.tails else rng.normal(size=n)
        for i in range(1, n):
            noise[i] = self.memory * noise[i - 1] + np.sqrt(1 - self.memory**2) * noise[i]
        copies = rng.normal(size=len(COPIES))[INSTANCES]
        drawn: NDArray[np.float64] = np.log(truth) + self.noise * noise + self.spread * copies
        return drawn


def outcomes(world: World, truth: float, limit: float, gates: int = 120) -> dict[Outcome, float]:
    """Share of gates by outcome."""
    found = [replay(world.rounds(truth, seed), INSTANCES, limit).outcome for seed in range(gates)]
    return {outcome: found.count(outcome) / gates for outcome in Outcome}


WORLDS = {
    "normal": World(0.03),
    "heavy": World(0.03, tails=True),
    "autocorrelated": World(0.03, tails=True, memory=0.3),
    "copies differ": World(0.03, spread=0.02),
    "loaded": World(0.18, tails=True),
    "loaded, copies differ": World(0.18, tails=True, spread=0.06, memory=0.3),
}


def test_looks_fall_on_whole_copies() -> None:
    """Every look comes when a compiled copy is complete, the first after at least four."""
    ends = np.cumsum(COPIES)

    assert set(PLAN.looks) <= set(ends.tolist())
    assert int(np.searchsorted(ends, PLAN.looks[0])) + 1 >= 4


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_equal_models_are_rarely_called_slower(world: World) -> None:
    """At the limit itself at most one gate in fifty fails, whatever the noise."""
    assert outcomes(world, 1.0, 1.0)[Outcome.FAILED] <= 0.02


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("limit", [1.05, 1.10])
def test_a_real_slowdown_never_passes(world: World, limit: float) -> None:
    """A model 5 % or 10 % too slow is not passed, however noisy the machine."""
    assert outcomes(world, 1.0, limit)[Outcome.PASSED] <= 0.01


@pytest.mark.parametrize("name", ["normal", "heavy", "autocorrelated", "copies differ"])
def test_five_per_cent_are_found_on_a_quiet_machine(name: str) -> None:
    """With 3 % noise a 5 % slowdown fails, and a model 5 % better than the limit passes."""
    assert outcomes(WORLDS[name], 1.0, 1.05)[Outcome.FAILED] >= 0.98
    assert outcomes(WORLDS[name], 1.05, 1.0)[Outcome.PASSED] >= 0.98


def test_load_that_comes_in_phases_is_not_believed() -> None:
    """With 18 % noise and rounds that resemble their neighbours wrong verdicts stay near one in a hundred."""
    found = outcomes(World(0.18, tails=True, memory=0.5), 1.0, 1.0)

    assert found[Outcome.FAILED] <= 0.02


def test_load_turns_into_undecided_not_into_wrong() -> None:
    """With 18 % noise a true 1.00 against 1.00 is mostly undecided."""
    found = outcomes(WORLDS["loaded"], 1.0, 1.0)

    assert found[Outcome.UNDECIDED] >= 0.8
    assert found[Outcome.FAILED] <= 0.02


def test_clear_cases_are_decided_at_the_first_look() -> None:
    """Twenty per cent from the limit, twelve rounds are enough."""
    rounds = WORLDS["normal"].rounds(1.2, 3)
    first = PLAN.looks[0]

    assert Outcome.PASSED is decide(rounds[:first], INSTANCES[:first], 1.0).outcome
    assert Outcome.FAILED is decide(rounds[:first], INSTANCES[:first], 1.45).outcome


def test_close_to_the_limit_few_copies_do_not_decide() -> None:
    """Within 3 % of the limit four compiled copies decide nothing, however tight the rounds."""
    rounds = np.log(0.98) + 1e-4 * np.random.default_rng(0).normal(size=12)
    said = decide(rounds, INSTANCES[:12], 1.0)

    assert said.outcome is None
    assert "compiled copies are needed" in said.reason


def test_a_copy_that_is_steadily_off_does_not_decide() -> None:
    """Copies that scatter around the limit leave it undecided, though each round is precise."""
    offsets = np.array([-0.02, 0.02] * 7)[: len(COPIES)] - 0.015
    rounds = offsets[INSTANCES] + 1e-4 * np.random.default_rng(1).normal(size=len(INSTANCES))

    assert Outcome.UNDECIDED is replay(rounds, INSTANCES, 1.0).outcome


def test_guard_never_grows_to_the_size_of_a_slowdown() -> None:
    """However the copies scatter, the guard stays at its cap."""
    rounds = WORLDS["copies differ"].rounds(1.0, 0) + 0.2 * (INSTANCES % 2)

    assert PLAN.guard_cap == decide(rounds, INSTANCES, 1.5).delta
    assert PLAN.guard_cap == decide(rounds, INSTANCES, 1.5, control_miss=0.5).delta


def test_later_rounds_do_not_change_an_early_verdict() -> None:
    """A limit decided at the first look stays so when another limit needed more rounds."""
    rounds = np.concatenate([np.full(12, 0.3), np.full(52, -0.3)])
    early = replay(rounds, INSTANCES, 1.0)

    assert (early.outcome, early.estimate.n) == (Outcome.PASSED, 12)


def test_too_few_rounds_are_undecided_with_the_number_needed() -> None:
    """Below nine rounds no interval exists at this error budget, and the verdict says so."""
    said = replay(np.full(5, 0.5), INSTANCES[:5], 1.0)

    assert Outcome.UNDECIDED is said.outcome
    assert "an interval needs 9" in said.reason


def test_prediction_of_further_rounds_is_of_the_right_size() -> None:
    """Twice the predicted rounds decide more than half of the gates that are still open at the second look."""
    world = World(0.10)
    open_gates: list[tuple[SpeedDecision, NDArray[np.float64]]] = []
    for seed in range(200):
        rounds = world.rounds(1.06, seed)
        said = decide(rounds[:20], INSTANCES[:20], 1.0)
        if said.outcome is None:
            open_gates.append((said, rounds))
    enough = [
        decide(
            rounds[: min(64, 20 + 2 * said.more_rounds)],
            INSTANCES[: min(64, 20 + 2 * said.more_rounds)],
            1.0,
        ).outcome
        for said, rounds in open_gates
    ]

    assert len(open_gates) > 10
    assert sum(outcome is Outcome.PASSED for outcome in enough) / len(enough) > 0.5


@pytest.mark.parametrize(
    ("rounds", "limit"), [([], 1.0), ([0.1, np.nan], 1.0), ([0.1, 0.2], 0.0), ([0.1, 0.2], np.nan)]
)
def test_nonsense_raises(rounds: list[float], limit: float) -> None:
    """No rounds, NaN and impossible limits raise instead of passing."""
    with pytest.raises(ValueError):
        decide(np.array(rounds), np.zeros(len(rounds), dtype=np.int64), limit)


def test_autocorrelation_sees_drift() -> None:
    """Rounds that drift have a high autocorrelation, shuffled ones have none."""
    drift = np.linspace(0, 1, 40)
    shuffled = np.random.default_rng(0).permutation(drift)

    assert rank_autocorrelation(drift) > 0.8
    assert abs(rank_autocorrelation(shuffled)) < 0.35


def test_spread_between_copies_is_recovered() -> None:
    """A spread of 4 % between copies is found, and none is invented where there is none."""
    spreads = [
        between_instances(World(0.02, spread=0.04).rounds(1, s), INSTANCES) for s in range(50)
    ]
    none = [between_instances(World(0.02).rounds(1, s), INSTANCES) for s in range(50)]

    assert 0.03 < np.median(spreads) < 0.05
    assert np.median(none) < 0.008


def test_rounds_that_resemble_each_other_count_for_fewer() -> None:
    """Drifting rounds get a wider interval than independent ones, and none gets a narrower one."""
    interval = (-0.1, 0.0, 0.1)
    drift = np.repeat(np.random.default_rng(0).normal(size=8), 4)
    wide = widened(interval, drift)
    independent = widened(interval, np.random.default_rng(3).normal(size=32))
    avoiding = widened(interval, np.tile([-1.0, 1.0], 16))

    assert wide is not None
    assert independent is not None
    assert wide[2] > 1.4 * independent[2] > 1.4 * 0.1
    assert wide[0] == -wide[2]
    assert avoiding == interval


@pytest.mark.parametrize("truth", [0.0, 0.3, 0.6])
def test_autocorrelation_is_rarely_underrated(truth: float) -> None:
    """Of a dozen rounds the bound lies below the true autocorrelation in a small share of cases, also when it is strong."""
    below = [
        possible_autocorrelation(World(1.0, memory=truth).rounds(1.0, seed)[:12]) < truth
        for seed in range(400)
    ]

    assert np.mean(below) < 0.25


def test_smallest_n_is_where_an_interval_begins() -> None:
    """An interval exists from exactly the number of values that is named."""
    needed = smallest_n(0.002)

    assert needed == 9
    assert interval_depth(needed - 1, 0.002) is None
    assert interval_depth(needed, 0.002) == 0


def test_null_distribution_of_three() -> None:
    """Of three ranks the eight sign patterns give the sums 0 1 2 3 3 4 5 6."""
    assert (signed_rank_cdf(3) * 8).tolist() == [1, 2, 3, 5, 6, 7, 8]


def test_interval_is_none_instead_of_invented() -> None:
    """Three values cannot support an interval at 1 %."""
    assert signed_rank_interval(np.array([1.0, 2.0, 3.0]), 0.01) is None
