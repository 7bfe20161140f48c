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
        What ``n`` counts, plural ("images", "rounds", "layers").

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

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.value, self.low, self.high))):
            raise ValueError(f"an estimate must be finite: {self.value} [{self.low}, {self.high}]")
        if self.n < 1:
            raise ValueError(f"an estimate needs at least one unit, found n = {self.n}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside its interval [{self.low}, {self.high}]")

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
        Estimate(value=0.25, low=0.25, high=0.25, n=12, unit='', of='layers')
        """
        return cls(value, value, value, n, unit, of)
