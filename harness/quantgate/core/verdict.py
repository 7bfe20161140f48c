"""A limit, the judgement of an estimate against it, and its outcome: numbers only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from quantgate.core.binomial import fewest_units, highest_share, lowest_share

# The report's codec reads the annotations at run time.
from quantgate.core.estimate import Estimate  # noqa: TC001

Relation = Literal["min", "max"]
JudgeMode = Literal["value", "interval"]


class Outcome(Enum):
    """The three answers of a gate."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold declared in models.toml.

    Parameters
    ----------
    key
        As written in the manifest, e.g. ``max_accuracy_drop``: its prefix is the relation.
    threshold
        In the estimate's base unit; None where a table by ISA class does not list this machine's.
    path
        Dotted path of the entry that set it, e.g. ``models.ssd.limits.max_accuracy_drop``.
    """

    key: str
    threshold: float | None
    path: str

    @property
    def relation(self) -> Relation:
        """``min``: the value must not fall below; ``max``: it must not rise above."""
        return "min" if self.key.startswith("min_") else "max"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one estimate against one limit.

    Parameters
    ----------
    reason
        Why it is UNDECIDED, or what explains a failure; empty where the numbers say it all.
    margin
        Distance to the limit in the estimate's unit, positive is the good side.
    """

    model: str
    quantity: str
    limit: Limit
    estimate: Estimate | None
    outcome: Outcome
    reason: str = ""

    @property
    def margin(self) -> float | None:
        """How far on the good side of the limit the value lies (negative: beyond it)."""
        if self.estimate is None or self.limit.threshold is None:
            return None
        distance = self.estimate.value - self.limit.threshold
        return distance if self.limit.relation == "min" else -distance


def judge(
    estimate: Estimate | None,
    limit: Limit,
    *,
    model: str,
    quantity: str,
    mode: JudgeMode = "value",
    note: str = "",
) -> Verdict:
    """Judge a number against its limit.

    Parameters
    ----------
    estimate
        The measured number; None means that it was declared and not measured: UNDECIDED.
    mode
        ``value``: the value itself is compared, so that a deterministic number gives a
        deterministic verdict. ``interval``: the whole interval has to lie on one side, and an
        interval across the limit is UNDECIDED.
    note
        What explains a failure; it becomes the verdict's reason unless the verdict has its own.

    Raises
    ------
    ValueError
        When there is no threshold, or it is NaN or infinite.

    Examples
    --------
    >>> from quantgate.core.estimate import Estimate
    >>> limit = Limit("min_speedup", 1.5, "models.m.limits.min_speedup")
    >>> for low, high in ((1.5, 1.9), (1.0, 1.4), (1.4, 1.9)):
    ...     estimate = Estimate((low + high) / 2, low, high, n=24, of="rounds")
    ...     print(judge(estimate, limit, model="m", quantity="speedup", mode="interval").outcome)
    Outcome.PASSED
    Outcome.FAILED
    Outcome.UNDECIDED
    """
    if limit.threshold is None or not math.isfinite(limit.threshold):
        raise ValueError(f"{limit.path}: a limit must be finite, found {limit.threshold}")
    if estimate is None:
        reason = "the limit was declared and nothing was measured"
        return Verdict(model, quantity, limit, None, Outcome.UNDECIDED, reason)
    outcome = _compare(estimate, limit.relation, limit.threshold, mode)
    if limit.relation == "min" and _beyond_count(estimate, limit.threshold):
        needed = fewest_units(limit.threshold)
        reason = (
            f"{estimate.n} {estimate.of} are too few to show this limit, whatever they show: at least "
            f"{needed} are needed"
        )
        return Verdict(model, quantity, limit, estimate, Outcome.UNDECIDED, reason)
    if outcome is Outcome.UNDECIDED:
        note = f"the interval over {estimate.n} {estimate.of} contains the limit"
    return Verdict(model, quantity, limit, estimate, outcome, note)


def _beyond_count(estimate: Estimate, threshold: float) -> bool:
    """Whether even no miss could not reach the limit, and the misses do not exclude it either."""
    if estimate.misses is None or threshold >= 1 or lowest_share(estimate.n) >= threshold:
        return False
    return highest_share(estimate.n, estimate.misses) >= threshold


def _compare(estimate: Estimate, relation: Relation, threshold: float, mode: JudgeMode) -> Outcome:
    """Meet the limit exactly and it is met: both relations include equality."""
    worst, best = (
        (estimate.value, estimate.value) if mode == "value" else (estimate.low, estimate.high)
    )
    if relation == "max":
        worst, best, threshold = -best, -worst, -threshold
    if worst >= threshold:
        return Outcome.PASSED
    return Outcome.FAILED if best < threshold else Outcome.UNDECIDED
