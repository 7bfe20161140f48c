"""When paired rounds are enough to say passed or failed, and when nothing can be said.

Rounds are looked at after every few of them (``quantgate.core.looks``). What "near the limit" means
grows with the spread that compiled copies show, and rounds that resemble their neighbours count for
fewer: both keep a loaded machine from being sure of nonsense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.estimate import Estimate
from quantgate.core.looks import PLAN, Edges, TestPlan, take_look
from quantgate.core.noise import (
    between_instances,
    instance_centres,
    rank_autocorrelation,
    robust_sd,
)
from quantgate.core.verdict import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Copies that differ by this many standard deviations are believed to be able to mislead.
COPIES_APART = 2.0


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
    edges = Edges(math.log(limit) + math.log1p(-delta), math.log(limit), near)
    look = take_look(log_ratios, instance_centres(log_ratios, instances), edges, plan)
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


def replay(
    log_ratios: NDArray[np.float64],
    instances: NDArray[np.int64],
    limit: float,
    *,
    control_miss: float = 0.0,
    plan: TestPlan = PLAN,
) -> SpeedDecision:
    """Walk through the looks in order and return the first that decided.

    ``log_ratios`` and ``instances``, the number of the compiled copy, are [rounds].

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
