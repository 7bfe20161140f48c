"""What a search for a better recipe found, as frozen plain values, and the arithmetic of its choice."""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - the codec reads the annotations at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from quantgate.core.estimate import Estimate  # noqa: TC001
from quantgate.core.explained import Loss  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence

Fate = Literal["out", "survived", "finalist"]
Role = Literal["winner", "finalist", "declared", "parent"]
#: What a limit that allows nothing counts for: any loss is far beyond it.
_NOTHING = 1e-6
#: Places to which needs are the same.
_DIGITS = 6
#: Limits that a graph meets or not, whatever it answers: on the share in INT8, the size, the speed.
RESOURCES = ("min_int8_share", "max_size_ratio", "min_speedup")
#: Rough speeds are told apart in steps of this size, as a logarithm.
_SAME_PACE = 0.05
#: Shares of the multiply-accumulates are the same up to here.
_SAME_WORK = 0.01
#: Chance of missing the limits below which candidates are not told apart.
_UNLIKELY = 0.01
#: Standard deviations from one end of an interval of 95 % to the other.
_WIDTH = 2 * 1.96


@dataclass(frozen=True, slots=True)
class Reading:
    """What one candidate did on some selection images.

    Parameters
    ----------
    values
        What each declared limit of answers judges, by its key, as far as these images define it.
    pace
        Rough speed over the parent in f32; None where it was not measured.
    chance
        That other images meet every limit of answers as well; None where it was not asked.
    """

    images: int
    loss: Loss
    values: Mapping[str, float]
    pace: float | None = None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate that was tried.

    Parameters
    ----------
    title
        What it does, in words.
    layers
        How many layers it leaves in floating point, beyond those of its recipe.
    need
        Worst limit of answers: what is lost over what may be, so that 1 meets it exactly.
    """

    title: str
    layers: int
    reading: Reading
    need: float
    fate: Fate = "out"


@dataclass(frozen=True, slots=True)
class Point:
    """One measured way of deploying the model, on the evaluation images and by the paired rounds.

    Parameters
    ----------
    judged
        What each declared limit judges, by its key.
    loss
        Drop of the metric, or 1 − agreement without annotations, with its interval over images.
    speedups
        By baseline, ``parent_f32`` and ``parent_default``.
    size
        Bytes over the parent's.
    missed
        Keys of the limits that it does not meet.
    lines
        Of models.toml; empty for the parent.
    need
        On the selection images, before anything was judged; None for points that were not chosen among.
    """

    title: str
    role: Role
    loss: Estimate
    speedups: Mapping[str, Estimate]
    size: float
    int8_share: float | None = None
    judged: Mapping[str, Estimate] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    lines: str = ""
    need: float | None = None
    optimal: bool = False

    @property
    def speed(self) -> float:
        """Speedup over the parent in f32, the axis that all points share."""
        found = self.speedups.get("parent_f32")
        return 1.0 if found is None else found.value


@dataclass(frozen=True, slots=True)
class Remedy:
    """The answer of one search.

    Parameters
    ----------
    of
        What the loss of a point is: "drop of mAP", "1 − agreement".
    chosen_on, judged_on
        Images that chose and images that judged; none is in both.
    notes
        What was left out and why, one sentence each.
    machine
        Day, processor and versions of the libraries.
    """

    model: str
    of: str
    calibrated_on: int
    chosen_on: int
    judged_on: int
    points: tuple[Point, ...]
    tried: tuple[Tried, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    machine: str = ""

    @property
    def winner(self) -> Point | None:
        """The recipe that was chosen before the evaluation images were opened; None where none was."""
        return next((point for point in self.points if point.role == "winner"), None)


def need(value: float, threshold: float, *, smallest: bool, unit: str = "") -> float:
    """How much of what a limit allows is used: 1 meets it exactly, above it is missed.

    Parameters
    ----------
    smallest
        Whether the value must not fall below the threshold.

    Examples
    --------
    >>> round(need(0.008, 0.02, smallest=False), 6), round(need(0.95, 0.9, smallest=True), 6)
    (0.4, 0.5)
    >>> round(need(27.0, 30.0, smallest=True, unit="dB"), 2)  # a ratio of noise
    2.0
    """
    if smallest and unit == "dB":
        return float(10 ** ((threshold - value) / 10))
    lost, allowed = (1 - value, 1 - threshold) if smallest else (value, threshold)
    if smallest and allowed <= 0:  # a factor, such as a speedup
        return threshold / max(value, _NOTHING)
    return max(0.0, lost) / max(allowed, _NOTHING)


def chance(found: Estimate, threshold: float, *, smallest: bool, apart: float = 0.0) -> float:
    """Chance that a limit is met on as many other images, from an estimate's interval.

    A loss below nothing is luck, and counts as none: rounding improves no network.

    Parameters
    ----------
    smallest
        Whether the value must not fall below the threshold.
    apart
        How far two halves of the images are apart, each with its own calibration: what the interval over
        images knows nothing of.

    Examples
    --------
    >>> few = Estimate(0.006, -0.01, 0.03, 30)
    >>> many = Estimate(0.006, 0.0, 0.012, 300)
    >>> [round(chance(one, 0.02, smallest=False), 2) for one in (few, many)]
    [0.83, 1.0]
    >>> round(chance(many, 0.02, smallest=False, apart=0.02), 2)
    0.84
    """
    room = found.value - threshold if smallest else threshold - max(found.value, 0.0)
    spread = max((found.high - found.low) / _WIDTH, apart / 2) * math.sqrt(2)
    if spread <= 0:
        return float(room >= 0)
    return 0.5 * math.erfc(-room / spread / math.sqrt(2))


def order(
    need: float,
    pace: float | None,
    target: float,
    chance: float | None = None,
    *,
    noise: float = 0.0,
) -> tuple[float, float]:
    """Sort key of candidates: those that meet the target by their speed and chance, then the others by what they lack.

    What differs by less than a twentieth is the same: then the one tried first, which changes less, is before.
    Of those that lack as much, which on few images are many, the one with less noise at its outputs is.
    """
    if need > target:
        return (round(need, _DIGITS), noise)
    return (target, -steps(worth(pace or 1.0, 1.0 if chance is None else chance)))


def worth(speed: float, chance: float) -> float:
    """Weigh a speed by the chance to meet the limits, twice: now, and again with the images of another day."""
    return speed * chance**2


def steps(factor: float) -> float:
    """Round a rough speed or a chance, so that equals are told by what noise cannot change."""
    return float(round(math.log(max(factor, _NOTHING)) / _SAME_PACE))


def doubt(chance: float) -> int:
    """Grade how likely limits are missed on other images: 0 up to one in a hundred, then one a doubling.

    Examples
    --------
    >>> [doubt(chance) for chance in (0.999, 0.98, 0.9, 0.5)]
    [0, 1, 3, 6]
    """
    return round(math.log2(max(1 - chance, _UNLIKELY) / _UNLIKELY))


@dataclass(frozen=True, slots=True)
class Standing:
    """What a candidate that meets the target promises: a chance, a rough speed, and work left in floating point."""

    chance: float
    pace: float
    work: float

    def outdone(self, other: Standing) -> bool:
        """Whether another one promises as much in everything, as far as noise lets tell.

        Examples
        --------
        >>> sure, doubtful = Standing(0.99, 1.30, 0.0), Standing(0.8, 1.33, 0.0)
        >>> doubtful.outdone(sure), sure.outdone(doubtful)
        (True, False)
        >>> Standing(0.8, 1.5, 0.0).outdone(sure)
        False
        """
        as_fast = math.log(max(self.pace, _NOTHING) / max(other.pace, _NOTHING)) <= _SAME_PACE
        as_sure = doubt(other.chance) <= doubt(self.chance)
        return as_fast and as_sure and other.work <= self.work + _SAME_WORK


def front(points: Sequence[Point]) -> tuple[bool, ...]:
    """Whether no other point is at least as good in loss, speed and size, and better in one.

    Examples
    --------
    >>> from quantgate.core.estimate import Estimate
    >>> def point(loss, speed, size):
    ...     return Point("", "finalist", Estimate.exact(loss), {"parent_f32": Estimate.exact(speed)}, size)
    >>> front([point(0.1, 1.0, 0.3), point(0.01, 1.2, 0.3), point(0.0, 1.0, 1.0)])
    (False, True, True)
    """
    axes = [(point.loss.value, -point.speed, point.size) for point in points]
    return tuple(not any(_dominates(other, own) for other in axes) for own in axes)


def _dominates(other: tuple[float, ...], own: tuple[float, ...]) -> bool:
    pairs = list(zip(other, own, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def finite(value: float) -> float:
    """Bound what is compared: infinity would not be JSON."""
    return value if math.isfinite(value) else 1e9
