"""One arm's turn in a round: what it returns, and what one inference of it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.core.timing import ArmName

#: From this many inferences in every window of a round their median is taken.
ENOUGH_FOR_MEDIAN = 8
#: At most this many latencies are kept of one window.
KEPT_LATENCIES = 64


@dataclass(frozen=True, slots=True)
class WindowSample:
    """What an arm returns of one window.

    Parameters
    ----------
    count, elapsed_ns
        Inferences that counted, and the time they took together.
    latencies_ns
        Latency of each of them.
    alone
        Whether each inference waited for the one before it, so that latencies are costs.
    """

    count: int
    elapsed_ns: int
    latencies_ns: Sequence[int]
    alone: bool = True


def costs_ns(samples: Sequence[WindowSample]) -> list[float]:
    """Cost of one inference in each window of a round, by the same statistic in all of them.

    The median of many inferences is least disturbed by a neighbour; of a few it jumps between
    disturbed and undisturbed ones, and the mean is steadier. With several requests in flight
    latencies overlap and only the mean is a cost. Mixing the two within a round would bias it.
    """
    if all(sample.alone and sample.count >= ENOUGH_FOR_MEDIAN for sample in samples):
        return [float(np.median(sample.latencies_ns)) for sample in samples]
    return [sample.elapsed_ns / sample.count for sample in samples]


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What is known of one compiled copy of an arm, see :class:`quantgate.core.timing.ArmFacts`.

    ``compile_ns`` is None where it was made from another copy.
    """

    name: ArmName
    executed: Mapping[str, int]
    compile_ns: int | None
    first_ns: int
    streams: int = 1
    threads: int = 0
    requests: int = 1


class Arm(Protocol):
    """One compiled model, warmed up and ready to be timed."""

    @property
    def facts(self) -> CopyFacts:
        """What is known of it before the first window."""
        ...

    def run_window(self, seconds: float) -> WindowSample:
        """Infer for about ``seconds``, the first inference after the switch not counted."""
        ...


def thinned(values: Sequence[int], most: int = KEPT_LATENCIES) -> tuple[int, ...]:
    """Keep at most ``most`` values, evenly by rank, so that percentiles stay."""
    if len(values) <= most:
        return tuple(values)
    ranked = sorted(values)
    return tuple(ranked[int((i + 0.5) * len(ranked) / most)] for i in range(most))
