"""What was timed and executed of one model, as frozen plain values: a part of run.json."""

from __future__ import annotations

# The codec reads the annotations at run time, so nothing here may hide behind TYPE_CHECKING.
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass

from quantgate.core.estimate import Estimate  # noqa: TC001

#: Low and high end of an interval.
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TimedArm:
    """One compiled model as it was timed; None means "not measured".

    ``rate_range_per_s`` and the ranges of the latency percentiles are 98 % intervals over rounds.
    """

    name: str
    precision: str
    rate_per_s: float | None = None
    p50_ns: float | None = None
    p90_ns: float | None = None
    p99_ns: float | None = None
    rate_range_per_s: Range | None = None
    p50_range_ns: Range | None = None
    p90_range_ns: Range | None = None
    p99_range_ns: Range | None = None
    first_ns: float | None = None
    compile_ns: float | None = None
    size_bytes: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Speedup:
    """A paired speed ratio and its rounds, for the strip chart.

    ``rounds`` are ratios optimized / parent, in the order measured; ``limit`` is None where no
    limit was declared; ``note`` is a sentence (noise, control, autocorrelation) or empty.
    """

    title: str
    estimate: Estimate
    rounds: tuple[float, ...] = ()
    limit: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What one role really executed: share (0..1) of the work by precision, e.g. {"i8": 0.93}."""

    role: str
    of: str
    by_precision: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Explored:
    """One role at one setting of an exploration; a rate a second with its interval, times in ns.

    ``snippet`` is the lines of models.toml that choose this setting; ``problem`` says why one could
    not be measured, and then all figures are None.
    """

    role: str
    setting: str
    rate_per_s: float | None = None
    rate_range_per_s: Range | None = None
    p50_ns: float | None = None
    p90_ns: float | None = None
    snippet: str = ""
    problem: str = ""
