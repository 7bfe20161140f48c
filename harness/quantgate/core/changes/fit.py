"""What a change found looks like on all the nights around it: where, how large, step or slope."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import stdtrit

from quantgate.core.noise import MAD_TO_SD, median, robust_sd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Kind = Literal["step", "drift"]
#: How much a squared deviate may fall short of the best split's for a split to remain plausible.
PLAUSIBLE = 6.0
#: What a step more has to save, in squared deviations, and the nights that a slope has at least.
CLEARLY, LONG = 6.0, 10
_CLIP = 3.0


@dataclass(frozen=True, slots=True)
class Fit:
    """One change on the additive scale.

    Parameters
    ----------
    kind
        ``drift`` where a slope fits clearly better than a step.
    first, earliest, latest
        The likeliest first night after the change, and the plausible ones around it.
    before, after
        Levels; of a drift, at its two ends.
    half
        Half the 95 % interval of ``after - before``; 0 of numbers that repeat exactly.
    """

    kind: Kind
    first: int
    earliest: int
    latest: int
    before: float
    after: float
    half: float

    def moved(self, nights: int) -> Fit:
        """The same, counted from an earlier night."""
        first, earliest, latest = (n + nights for n in (self.first, self.earliest, self.latest))
        return replace(self, first=first, earliest=earliest, latest=latest)


def fit(values: Floats, weights: Floats, split: int, last: int) -> Fit:
    """Fit one step to the nights of two neighbouring regimes.

    Parameters
    ----------
    values, weights
        float64 [nights], from the first night of the regime before to the last of the one after.
    split
        First night after the change as it was found.
    last
        The night on which it was found: later ones are not asked where it happened.
    """
    clipped = np.concatenate([_clip(values[:split]), _clip(values[split:])])
    places = np.arange(1, min(last, len(values) - 1) + 1)
    gain = _gains(clipped, weights)[: len(places)]
    first = int(places[np.argmax(gain)])
    noise, freedom = _noise(clipped, weights, first)
    if all(np.ptp(part) == 0 for part, _ in _parts(clipped, weights, split)):
        before, after = median(values[:split]), median(values[split:])
        return Fit("step", split, split, split, before, after, 0.0)
    near = places[gain >= gain.max() - PLAUSIBLE * noise]
    before, after = (_mean(part, w) for part, w in _parts(clipped, weights, first))
    error = np.sqrt(noise * (1 / weights[:first].sum() + 1 / weights[first:].sum()))
    half = float(stdtrit(freedom, 0.975) * error)
    return Fit("step", first, int(near[0]), int(near[-1]), before, after, half)


def drift(values: Floats, weights: Floats, splits: Sequence[int]) -> Fit | None:
    """Fit a slope where it says better than steps what happened; None where it does not.

    Parameters
    ----------
    values, weights
        float64 [nights], of all regimes that steps one way would make.
    splits
        Where each of the steps is, one at least.
    """
    parts = np.split(values, splits)
    clipped = np.concatenate([_clip(part) for part in parts])
    noise = float(robust_sd(np.diff(clipped)) ** 2 / 2)
    ramp = _ramp(clipped, weights)
    if ramp is None or noise == 0:
        return None
    levels = [
        np.full(len(part), _mean(part, weight))
        for part, weight in zip(np.split(clipped, splits), np.split(weights, splits), strict=True)
    ]
    steps = float((weights * (clipped - np.concatenate(levels)) ** 2).sum())
    # A step is two numbers more, its place and its size; a slope alone is as many as the first step.
    saved = CLEARLY * (len(splits) - 2)
    if ramp.left >= steps + saved * noise:
        return None
    half = float(stdtrit(max(1, len(values) - 3), 0.975)) * np.sqrt(noise) * ramp.error
    return Fit("drift", ramp.begin, ramp.begin, ramp.begin, ramp.before, ramp.after, float(half))


@dataclass(frozen=True, slots=True)
class _Ramp:
    """A level that leaves in a straight line: its first night off, ends, rest and error."""

    begin: int
    before: float
    after: float
    left: float
    error: float


def _ramp(values: Floats, weights: Floats) -> _Ramp | None:
    """Fit a level and then a slope, for every place of the bend that leaves it nights enough.

    Weighted least squares on two numbers in closed form, all bends at once.
    """
    bends = np.arange(0, len(values) - LONG, max(1, len(values) // 16))
    if len(bends) == 0:
        return None
    centre = _mean(values, weights)
    slope = np.maximum(0.0, np.arange(len(values), dtype=np.float64) - bends[:, None])
    heavy, apart = slope * weights, values - centre
    total, s, y = weights.sum(), heavy.sum(axis=1), float(weights @ apart)
    ss, sy = (heavy * slope).sum(axis=1), heavy @ apart
    spread = total * ss - s**2
    rise = (total * sy - s * y) / spread
    level = (y - rise * s) / total
    rest = (weights * (apart - level[:, None] - rise[:, None] * slope) ** 2).sum(axis=1)
    best = int(np.argmin(rest))
    length = float(slope[best, -1])
    before = float(centre + level[best])
    return _Ramp(
        int(bends[best]) + 1,
        before,
        before + float(rise[best]) * length,
        float(rest[best]),
        float(np.sqrt(total / spread[best])) * length,
    )


def _gains(values: Floats, weights: Floats) -> Floats:
    """Sum of squares that two levels explain, for every split after night 0."""
    weight, total = np.cumsum(weights), np.cumsum(weights * values)
    w, t = weight[:-1], total[:-1]
    later = weight[-1] - w
    gains: Floats = w * later / weight[-1] * (t / w - (total[-1] - t) / later) ** 2
    return gains


def _noise(values: Floats, weights: Floats, first: int) -> tuple[float, int]:
    """Variance of a night of weight 1 about the two levels, and its degrees of freedom."""
    apart = np.concatenate([part - _mean(part, w) for part, w in _parts(values, weights, first)])
    freedom = max(1, len(values) - 2)
    return float((weights * apart**2).sum() / freedom), freedom


def _mean(values: Floats, weights: Floats) -> float:
    return float((values * weights).sum() / weights.sum())


def _parts(values: Floats, weights: Floats, first: int) -> tuple[tuple[Floats, Floats], ...]:
    return (values[:first], weights[:first]), (values[first:], weights[first:])


def _clip(values: Floats) -> Floats:
    """Pull outliers of one regime towards its level."""
    # Two or three values tell no outlier from the rest.
    if len(values) < LONG // 2:
        return values
    level = median(values)
    edge = _CLIP * MAD_TO_SD * median(np.abs(values - level))
    clipped: Floats = np.clip(values, level - edge, level + edge)
    return clipped
