"""What a metric of a task is: its title, its unit, and what a model can lose of it."""

from __future__ import annotations

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
        The worst value there is, below which nothing can drop; None where there is no end.
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
