"""When paired rounds are enough to say passed or failed, and when nothing can be said.

The error budget is split evenly over the looks: looking again "until it is significant" without
splitting doubles the wrong verdicts. Near the limit the rounds alone are not believed, because two
compiled copies of one model differ by a steady amount that no round sees: there the interval over
instances has to agree. "Near" grows with the spread that the copies show, and rounds that resemble
their neighbours count for fewer: both keep a loaded machine from being sure of nonsense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.estimate import Estimate
from harness.core.noise import (
    Interval,
    between_instances,
    instance_centres,
    rank_autocorrelation,
    robust_sd,
    widened,
)
from harness.core.ranks import hodges_lehmann, signed_rank_interval, smallest_n
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Looks that come late enough to have the instances that a verdict near the limit needs.
NEAR_LOOKS = 3
#: Copies that differ by this many standard deviations are believed to be able to mislead.
COPIES_APART = 2.0


@dataclass(frozen=True, slots=True)
class TestPlan:
    """The sequential test's constants.

    Parameters
    ----------
    looks
        Rounds after which a decision is tried.
    alpha
        Chance of a wrong verdict, one side, over all looks together.
    guard
        Smallest δ: a true value this far below the limit may still pass.
    guard_cap
        Largest δ: a guard that grew with the noise would let a real slowdown of its size pass.
    near
        Within this relative distance of the limit, or within twice the spread between copies where
        that is more, the interval over instances has to agree.
    instances
        Compiled copies that a verdict near the limit needs at least.
    """

    __test__ = False  # pytest would collect a class of this name

    looks: tuple[int, ...] = (12, 20, 32, 48, 64)
    alpha: float = 0.01
    guard: float = 0.02
    guard_cap: float = 0.03
    near: float = 0.03
    instances: int = 8

    @property
    def alpha_per_look(self) -> float:
        """The share of the error budget that one look may spend."""
        return self.alpha / len(self.looks)

    @property
    def alpha_near(self) -> float:
        """The same for the interval over instances, which only the later looks can have."""
        return self.alpha / NEAR_LOOKS


PLAN = TestPlan()


@dataclass(frozen=True, slots=True)
class SpeedDecision:
    """What the rounds so far say about one limit.

    Parameters
    ----------
    outcome
        None while another look may still decide.
    estimate
        The speedup (a ratio, 1.0 = equal) with the interval that was judged; ``of`` says whether
        its ``n`` counts rounds or instances.
    delta
        The guard δ that was used.
    noise
        Robust standard deviation of one round's log-ratio.
    autocorrelation
        Lag-1 rank autocorrelation of the rounds: near 0 where the random order did its work.
    instance_spread
        Standard deviation between compiled copies, round noise removed, as a fraction.
    instances
        Compiled copies that were measured.
    more_rounds
        Predicted further rounds until a decision; 0 where it has fallen.
    reason
        Why it is undecided; empty otherwise.
    """

    outcome: Outcome | None
    estimate: Estimate
    delta: float
    noise: float
    autocorrelation: float
    instance_spread: float
    instances: int
    more_rounds: int
    reason: str = ""


def decide(
    log_ratios: NDArray[np.float64],
    instances: NDArray[np.int64],
    limit: float,
    *,
    control_miss: float = 0.0,
    plan: TestPlan = PLAN,
) -> SpeedDecision:
    """Judge the rounds against a speedup limit at one look.

    Parameters
    ----------
    log_ratios
        float64 [n]: log(rate of optimized / rate of parent) of every round, in order.
    instances
        int64 [n]: which compiled copy each round used.
    limit
        Smallest speedup wanted, > 0.
    control_miss
        How far the session's control (a model against itself) missed 1.
    plan
        Looks, error budget and guards.

    Raises
    ------
    ValueError
        On no rounds, NaN or infinity, columns of different length, or a limit that is not positive.
    """
    if len(log_ratios) != len(instances) or not (math.isfinite(limit) and limit > 0):
        raise ValueError(f"{len(log_ratios)} rounds, {len(instances)} instances, limit {limit}")
    spread = between_instances(log_ratios, instances)
    delta = min(plan.guard_cap, max(plan.guard, spread, control_miss))
    near = max(plan.near, COPIES_APART * spread)
    edges = _Edges(math.log(limit) + math.log1p(-delta), math.log(limit), near)
    look = _look(log_ratios, instance_centres(log_ratios, instances), edges, plan)
    low, value, high = (math.exp(bound) for bound in look.interval)
    return SpeedDecision(
        look.outcome,
        Estimate(value, low, high, look.n, of=look.of),
        delta,
        robust_sd(log_ratios),
        rank_autocorrelation(log_ratios),
        spread,
        len(np.unique(instances)),
        0 if look.outcome else edges.more_rounds(look.interval, len(log_ratios)),
        look.reason,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    outcome: Outcome | None
    interval: Interval
    n: int
    of: str
    reason: str = ""


def _look(
    log_ratios: NDArray[np.float64],
    centres: NDArray[np.float64],
    edges: _Edges,
    plan: TestPlan,
) -> _Look:
    """Apply the rule of one look: rounds decide, near the limit only together with the copies."""
    n = len(log_ratios)
    interval = widened(signed_rank_interval(log_ratios, plan.alpha_per_look), log_ratios)
    if interval is None:
        everything = float(log_ratios.min()), hodges_lehmann(log_ratios), float(log_ratios.max())
        needed = smallest_n(plan.alpha_per_look)
        reason = f"{n} rounds are too few: an interval needs {needed}"
        return _Look(None, everything, n, "rounds", reason)
    outcome = edges.outcome(interval)
    if abs(interval[1] - edges.fail) >= edges.near:
        reason = "" if outcome else "the interval over rounds straddles the limit"
        return _Look(outcome, interval, n, "rounds", reason)
    over = _over_instances(centres, plan)
    if over is None:
        reason = (
            f"within {edges.near:.0%} of the limit, where {_copies_needed(plan)} compiled copies are "
            f"needed and {len(centres)} were measured"
        )
        return _Look(None, interval, n, "rounds", reason)
    if outcome is not None and edges.outcome(over) is outcome:
        return _Look(outcome, over, len(centres), "instances")
    reason = (
        f"within {edges.near:.0%} of the limit, rounds and compiled copies do not both clear it"
    )
    return _Look(None, over, len(centres), "instances", reason)


def _copies_needed(plan: TestPlan) -> int:
    return max(plan.instances, smallest_n(plan.alpha_near))


def _over_instances(centres: NDArray[np.float64], plan: TestPlan) -> Interval | None:
    """Close to the limit compiled copies are the unit; None while there are too few."""
    if len(centres) < _copies_needed(plan):
        return None
    return signed_rank_interval(centres, plan.alpha_near)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Where the verdicts begin, in log-ratios: passed from ``ok`` up, failed below ``fail``.

    Closer than ``near`` to the limit, compiled copies have to agree.
    """

    ok: float
    fail: float
    near: float

    def outcome(self, interval: Interval) -> Outcome | None:
        low, _, high = interval
        if low >= self.ok:
            return Outcome.PASSED
        return Outcome.FAILED if high < self.fail else None

    def more_rounds(self, interval: Interval, n: int) -> int:
        """Scale the half-widths by 1/√n until one side clears its edge."""
        low, centre, high = interval
        factors = [
            half / distance
            for half, distance in (
                (centre - low, centre - self.ok),
                (high - centre, self.fail - centre),
            )
            if distance > 0
        ]
        return max(1, math.ceil(n * (min(factors) ** 2 - 1)))


def replay(
    log_ratios: NDArray[np.float64],
    instances: NDArray[np.int64],
    limit: float,
    *,
    control_miss: float = 0.0,
    plan: TestPlan = PLAN,
) -> SpeedDecision:
    """Walk through the looks in order and return the first that decided.

    Rounds that another limit made necessary after that never change the verdict. Where no look
    decided, the outcome is UNDECIDED and the numbers are those of all rounds.

    Raises
    ------
    ValueError
        As :func:`decide`.
    """
    n = len(log_ratios)
    stops = [look for look in plan.looks if look < n] + [n]
    for stop in stops[: len(plan.looks)]:
        decision = decide(
            log_ratios[:stop], instances[:stop], limit, control_miss=control_miss, plan=plan
        )
        if decision.outcome is not None:
            return decision
    return _undecided(decision)


def _undecided(last: SpeedDecision) -> SpeedDecision:
    reason = (
        f"{last.reason}; noise {last.noise:.1%} a round, about {last.more_rounds} more rounds "
        "would decide"
    )
    return replace(last, outcome=Outcome.UNDECIDED, reason=reason)
