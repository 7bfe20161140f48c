"""A paired timing as a frozen value: windows, arms and conditions, and the numbers read from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: ``parent_f32``: the parent with f32 demanded; ``parent_default``: as the device runs it by
#: default; ``parent_copy``: a second copy of the parent in f32, which only the control measures;
#: ``baseline``: the released model, where an entry names one.
ArmName = Literal["optimized", "parent_f32", "parent_default", "parent_copy", "baseline"]
Baseline = Literal["parent_f32", "parent_default", "parent_copy", "baseline"]
#: Share of all cores that others use, from which on they are told of.
BUSY = 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """One arm's turn in one round.

    Parameters
    ----------
    round, instance, position
        Number of the round, of the compiled copy, and place in the round's random order; from 0.
    count, elapsed_ns
        Inferences that counted and the time they took together.
    cost_ns
        Time of one inference as it enters the ratio: the median where every window of the round
        holds enough single inferences, else elapsed / count.
    latencies_ns
        Latency of each inference, thinned evenly where there were many.
    """

    arm: ArmName
    round: int
    instance: int
    position: int
    count: int
    elapsed_ns: int
    cost_ns: float
    latencies_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """What is known of an arm besides its windows.

    Parameters
    ----------
    executed
        Layers that do the multiplying by the precision they really ran in, {"i8": 52}.
    compile_ns, first_ns
        Time of every compilation from the model, and of the first inference of every copy.
    streams, threads, requests
        As the compiled model says.
    """

    name: ArmName
    executed: Mapping[str, int]
    compile_ns: tuple[int, ...]
    first_ns: tuple[int, ...]
    streams: int
    threads: int
    requests: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which conditions the rounds were measured.

    Parameters
    ----------
    window_ms
        Intended length of a window.
    load_before, load_during
        Share (0..1) of all cores that other processes kept busy before and during the rounds.
    notes
        Sentences about the conditions: what was waited for, who else was running.
    """

    device: str
    hint: str
    batch: int
    requests: int
    seed: int
    window_ms: float
    load_before: float = 0.0
    load_during: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether other processes used enough of the cores to be told of."""
        return self.load_during > BUSY


@dataclass(frozen=True, slots=True)
class Timing:
    """Everything measured about the speed of one pair, ready to be judged and stored as JSON.

    Parameters
    ----------
    native_is_f32
        The device runs the parent in f32 by default: both baselines are one measurement.
    control_miss
        How far the session's control missed 1, in fractions.
    problem
        Why no speed verdict may be given: an arm executed otherwise than declared; empty otherwise.
    unfit
        Why this machine may give none now, as the session's control found; empty otherwise.
    """

    arms: tuple[ArmFacts, ...]
    windows: tuple[Window, ...]
    conditions: Conditions
    native_is_f32: bool = False
    control_miss: float = 0.0
    problem: str = ""
    unfit: str = ""

    def arm_names(self) -> tuple[ArmName, ...]:
        """Names of the arms that were measured."""
        return tuple(arm.name for arm in self.arms)

    def facts(self, name: ArmName) -> ArmFacts:
        """Find an arm's facts; ``parent_default`` is ``parent_f32`` where the two are one.

        Raises
        ------
        KeyError
            When the arm was not measured.
        """
        wanted = self.resolved(name)
        for arm in self.arms:
            if arm.name == wanted:
                return arm
        raise KeyError(name)

    def resolved(self, name: ArmName) -> ArmName:
        """Return the arm whose windows represent ``name``."""
        return "parent_f32" if name == "parent_default" and self.native_is_f32 else name

    def rounds(self) -> int:
        """How many rounds were measured."""
        return len({window.round for window in self.windows})

    def log_ratios(
        self, against: Baseline, subject: ArmName = "optimized"
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """log(rate of subject / rate of baseline) of every round, and its compiled copy: [rounds] both.

        Rounds in which one of the two is missing do not count. Divided inside the round: pooling
        first would keep the noise that both arms of a round share.
        """
        costs: dict[int, dict[str, Window]] = {}
        for window in self.windows:
            costs.setdefault(window.round, {})[window.arm] = window
        base = self.resolved(against)
        both = [costs[key] for key in sorted(costs) if {base, subject} <= set(costs[key])]
        ratios = [np.log(turn[base].cost_ns / turn[subject].cost_ns) for turn in both]
        copies = [turn[subject].instance for turn in both]
        return np.array(ratios, dtype=np.float64), np.array(copies, dtype=np.int64)

    def costs_ns(self, name: ArmName) -> NDArray[np.float64]:
        """Time of one inference in every window of an arm, ns [windows], in the order measured."""
        wanted = self.resolved(name)
        return np.array([item.cost_ns for item in self.windows if item.arm == wanted])

    def latencies_ns(self, name: ArmName) -> NDArray[np.float64]:
        """All latency samples of an arm, ns [samples]."""
        wanted = self.resolved(name)
        found = [item.latencies_ns for item in self.windows if item.arm == wanted]
        return np.array([value for part in found for value in part], dtype=np.float64)

    def records(self) -> list[dict[str, Any]]:
        """One flat row a window, for CSV and JSON; latencies are left to :meth:`to_dict`."""
        kept = [field.name for field in fields(Window) if field.name != "latencies_ns"]
        return [{name: getattr(window, name) for name in kept} for window in self.windows]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; :func:`timing_from_dict` is the inverse."""
        return asdict(self)


def timing_from_dict(stored: Mapping[str, Any]) -> Timing:
    """Rebuild a Timing from :meth:`Timing.to_dict` or its JSON.

    Raises
    ------
    KeyError, TypeError
        When fields are missing or unknown: another version wrote it.
    """
    arms = tuple(
        ArmFacts(
            **{**arm, "compile_ns": tuple(arm["compile_ns"]), "first_ns": tuple(arm["first_ns"])}
        )
        for arm in stored["arms"]
    )
    windows = tuple(
        Window(**{**window, "latencies_ns": tuple(window["latencies_ns"])})
        for window in stored["windows"]
    )
    conditions = stored["conditions"]
    held = Conditions(**{**conditions, "notes": tuple(conditions["notes"])})
    return Timing(**{**stored, "arms": arms, "windows": windows, "conditions": held})
