"""A judged number with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number with its interval; a deterministic one has ``low == value == high``.

    Parameters
    ----------
    value, low, high
        In base units: fractions (not percent), ratios, ns, bytes; ``low <= value <= high``.
    n
        How many independent units it rests on (images, rounds, layers); at least 1.
    unit
        ``""`` for fractions and ratios, else ``"dB"``, ``"ns"``, ``"B"``.
    of
        What ``n`` counts, plural ("images", "objects", "rounds", "layers").
    misses
        How many of the ``n`` are not as they should be; None where the value is no share of them.

    Raises
    ------
    ValueError
        On NaN, infinity, ``n < 1`` or an interval that does not hold the value: there is no
        default for "nothing there".
    """

    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    of: str = "images"
    misses: int | None = None

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.value, self.low, self.high))):
            raise ValueError(f"an estimate must be finite: {self.value} [{self.low}, {self.high}]")
        if self.n < 1:
            raise ValueError(f"an estimate needs at least one unit, found n = {self.n}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside its interval [{self.low}, {self.high}]")

    @property
    def sampled(self) -> bool:
        """Whether another set of images would give another number: its interval is of images."""
        return self.of in {"images", "objects"}

    @property
    def timed(self) -> bool:
        """Whether a clock made it, so that it is another number next time: judged by interval."""
        return self.of in {"rounds", "compiled copies"}

    @classmethod
    def exact(cls, value: float, n: int = 1, unit: str = "", of: str = "images") -> Estimate:
        """Make a deterministic estimate: the interval is the value itself.

        Examples
        --------
        >>> Estimate.exact(0.25, n=12, of="layers")
        Estimate(value=0.25, low=0.25, high=0.25, n=12, unit='', of='layers', misses=None)
        """
        return cls(value, value, value, n, unit, of)
