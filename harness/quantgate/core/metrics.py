"""What a metric of a task is: its title, its unit, and what a model can lose of it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricKind:
    """One metric of a task.

    Parameters
    ----------
    title
        As tables and pages name it.
    unit
        ``""`` for fractions, ``"dB"``: the unit of a drop of this metric, too.
    worst
        The worst value that a model that answers nothing has; None where there is none.
    guesses
        How many classes count as right for one image, by which guessing scores; 0: none.
    is_error
        It is an error: lower is better, and a drop is its growth, ``optimized - parent``.
    judged
        Limits may be of it; others are measured and shown beside them.
    """

    title: str
    unit: str = ""
    worst: float | None = 0.0
    guesses: int = 0
    is_error: bool = False
    judged: bool = True

    def drop(self, parent: float, optimized: float) -> float:
        """What the optimized model lost of it: of an error what it gained."""
        return optimized - parent if self.is_error else parent - optimized

    def room(self, value: float) -> float:
        """How much a model with this value has to lose; endless where there is no worst value."""
        return math.inf if self.worst is None else self.drop(value, self.worst)
