"""A limit, the judgement of an estimate against it, and its outcome: numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from harness.core.estimate import Estimate

Relation = Literal["min", "max"]


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
        In the estimate's base unit.
    path
        Dotted path of the entry that set it, e.g. ``models.ssd.limits.max_accuracy_drop``.
    """

    key: str
    threshold: float
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
        if self.estimate is None:
            return None
        distance = self.estimate.value - self.limit.threshold
        return distance if self.limit.relation == "min" else -distance
