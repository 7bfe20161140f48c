"""One look at the paired rounds: whether they, and the compiled copies, clear the limit.

The error budget is split evenly over the looks: looking again "until it is significant" without
splitting doubles the wrong verdicts. Near the limit the rounds alone are not believed, because two
compiled copies of one model differ by a steady amount that no round sees: there the interval over
instances has to agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.noise import Interval, widened
from quantgate.core.ranks import hodges_lehmann, signed_rank_interval, smallest_n
from quantgate.core.verdict import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Looks that come late enough to have the instances that a verdict near the limit needs.
NEAR_LOOKS = 3


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
class Look:
    """What one look says: the interval that was judged, over ``n`` rounds or instances."""

    outcome: Outcome | None
    interval: Interval
    n: int
    of: str
    reason: str = ""


def take_look(
    log_ratios: NDArray[np.float64],
    centres: NDArray[np.float64],
    edges: Edges,
    plan: TestPlan,
) -> Look:
    """Apply the rule of one look: rounds decide, near the limit only together with the copies.

    ``log_ratios`` [rounds] are natural logarithms, ``centres`` [copies] their centres by copy.
    """
    n = len(log_ratios)
    interval = widened(signed_rank_interval(log_ratios, plan.alpha_per_look), log_ratios)
    if interval is None:
        everything = float(log_ratios.min()), hodges_lehmann(log_ratios), float(log_ratios.max())
        needed = smallest_n(plan.alpha_per_look)
        reason = f"{n} rounds are too few: an interval needs {needed}"
        return Look(None, everything, n, "rounds", reason)
    outcome = edges.outcome(interval)
    if abs(interval[1] - edges.fail) >= edges.near:
        reason = "" if outcome else "the interval over rounds contains the limit"
        return Look(outcome, interval, n, "rounds", reason)
    over = _over_instances(centres, plan)
    if over is None:
        reason = (
            f"within {edges.near:.0%} of the limit, where {_copies_needed(plan)} compiled copies are "
            f"needed and {len(centres)} were measured"
        )
        return Look(None, interval, n, "rounds", reason)
    if outcome is not None and edges.outcome(over) is outcome:
        return Look(outcome, over, len(centres), "instances")
    reason = (
        f"within {edges.near:.0%} of the limit, rounds and compiled copies do not both clear it"
    )
    return Look(None, over, len(centres), "instances", reason)


def _copies_needed(plan: TestPlan) -> int:
    return max(plan.instances, smallest_n(plan.alpha_near))


def _over_instances(centres: NDArray[np.float64], plan: TestPlan) -> Interval | None:
    """Close to the limit compiled copies are the unit; None while there are too few."""
    if len(centres) < _copies_needed(plan):
        return None
    return signed_rank_interval(centres, plan.alpha_near)


@dataclass(frozen=True, slots=True)
class Edges:
    """Where the verdicts begin, in log-ratios: passed from ``ok`` up, failed below ``fail``.

    Closer than ``near`` to the limit, compiled copies have to agree.
    """

    ok: float
    fail: float
    near: float

    def outcome(self, interval: Interval) -> Outcome | None:
        """Return the side of the edges on which an interval lies; None if it contains an edge."""
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
