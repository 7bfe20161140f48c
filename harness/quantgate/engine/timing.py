"""Time a pair: the optimized model against its parent in f32 and as the device runs it by default.

Source of the design: paired interleaved rounds (Abedi and Brecht, ICPE 2017), several compiled
copies as levels of repetition (Kalibera and Jones, ISMM 2013).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quantgate.core.estimate import Estimate
from quantgate.core.limits import threshold_on
from quantgate.core.looks import PLAN
from quantgate.core.noise import between_instances, rank_autocorrelation, robust_sd, widened
from quantgate.core.ranks import hodges_lehmann, signed_rank_interval
from quantgate.core.speed import BASELINES, SpeedTarget
from quantgate.core.timing import ArmName, Conditions, Timing
from quantgate.engine.arms import OpenVinoArms
from quantgate.engine.quiet import (
    load_mark,
    machine_lock,
    other_load,
    refuse_parallel,
    wait_for_quiet,
)
from quantgate.engine.rounds import RoundPlan, measure_rounds
from quantgate.errors import MeasurementError
from quantgate.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.engine.windows import Arm
    from quantgate.entries import Benchmark, Limits
    from quantgate.progress import Progress

__all__ = ["Control", "Options", "Timing", "measure_control", "targets_of", "time_pair", "timed"]

ARMS: tuple[ArmName, ...] = ("optimized", "parent_f32", "parent_default")
#: How long a lock held by another timing is waited for.
LOCK_S = 900.0
#: How long other processes are waited for before the rounds begin.
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """What a measurement leaves open: arms, seed of the random order, clock (ns) and listener.

    ``baseline``: IR file of a released model, timed as one more arm of every round.
    """

    arms: tuple[ArmName, ...] = ARMS
    seed: int = 0
    clock: Callable[[], int] = time.perf_counter_ns
    progress: Progress | None = None
    window_s: float = 0.05
    baseline: Path | None = None


DEFAULTS = Options()


def targets_of(limits: Limits, isa: str) -> tuple[SpeedTarget, ...]:
    """List the speed limits of an entry that apply on this class of machine."""
    declared = {key: getattr(limits, key) for key in BASELINES}
    wanted = {key: threshold_on(value, isa) for key, value in declared.items() if value is not None}
    return tuple(
        SpeedTarget(BASELINES[key], value) for key, value in wanted.items() if value is not None
    )


@dataclass(frozen=True, slots=True)
class Control:
    """The session's control: the parent against a second copy of itself, through the same code.

    Parameters
    ----------
    ratio
        Measured speed ratio of two equal models, with its interval over rounds; the truth is 1.
    miss
        How far the value misses 1.
    fit
        Whether speed may be judged on this machine now: the interval meets 1 ± ``delta``.
    reason
        Why not, in one sentence; empty where it is fit.
    """

    ratio: Estimate
    miss: float
    delta: float
    noise: float
    autocorrelation: float
    instance_spread: float
    fit: bool
    reason: str
    timing: Timing


def time_pair(
    models: Pair[Path],
    inputs: Mapping[str, NDArray[np.generic]],
    benchmark: Benchmark,
    *,
    targets: Sequence[SpeedTarget] = (),
    control: Control | None = None,
    options: Options = DEFAULTS,
) -> Timing:
    """Measure a pair of IR files in paired rounds until every target is decided.

    Parameters
    ----------
    models
        IR files of both roles.
    inputs
        A real preprocessed sample, input name to array [1, ...]: random input can take other paths.
    benchmark
        Device, hint, streams, threads, requests, batch, and the seconds that the rounds may take.
    targets
        Limits to decide, see :func:`targets_of`; without any a fixed number of rounds is measured.
    control
        The session's control; where it says unfit, nothing more is measured in vain: the timing
        carries its reason as ``unfit`` and every verdict from it is UNDECIDED.

    Raises
    ------
    MeasurementError
        In a parallel pytest worker, when the lock cannot be had, or when a model does not run.
    """
    more: tuple[ArmName, ...] = () if options.baseline is None else ("baseline",)
    arms = (*options.arms, *more)
    factory = OpenVinoArms(
        models, inputs, benchmark, arms, options.clock, baseline=options.baseline
    )
    unfit = "" if control is None or control.fit else control.reason
    plan = RoundPlan(
        () if unfit else targets,
        budget_s=benchmark.seconds,
        window_s=options.window_s,
        seed=options.seed,
        control_miss=0.0 if control is None else control.miss,
    )
    timing = timed(factory.build, plan, benchmark, progress=options.progress)
    return replace(timing, native_is_f32=factory.native_is_f32, unfit=unfit)


def timed(
    build: Callable[[int], Sequence[Arm]],
    plan: RoundPlan,
    benchmark: Benchmark,
    *,
    progress: Progress | None = None,
) -> Timing:
    """Measure rounds alone on the machine: locked, after a bounded wait for quiet.

    Raises
    ------
    MeasurementError
        As :func:`time_pair`.
    """
    refuse_parallel()
    with machine_lock(LOCK_S):
        before, notes = wait_for_quiet(PATIENCE_S)
        conditions = Conditions(
            benchmark.device,
            benchmark.hint,
            benchmark.batch,
            benchmark.requests or 0,
            plan.seed,
            plan.window_s * 1e3,
            before,
            0.0,
            notes,
        )
        since = load_mark()
        timing = measure_rounds(build, plan, conditions, progress=progress)
        during = other_load(since, load_mark())
    requests = max((arm.requests for arm in timing.arms), default=0)
    return replace(timing, conditions=replace(conditions, load_during=during, requests=requests))


def measure_control(
    parent: Path,
    inputs: Mapping[str, NDArray[np.generic]],
    benchmark: Benchmark,
    options: Options = DEFAULTS,
) -> Control:
    """Measure a model against a second copy of itself: what this machine makes of the truth 1.

    ``inputs`` are a real preprocessed sample, input name to array [1, ...].

    Rounds are added look by look until the value lies within 1 ± δ. A machine is unfit when the
    interval excludes 1 ± δ: then equal models are not equal here. Noise alone does not make it
    unfit, because it widens the interval of every verdict as well.

    Raises
    ------
    MeasurementError
        As :func:`time_pair`.
    """
    names: tuple[ArmName, ...] = ("parent_f32", "parent_copy")
    factory = OpenVinoArms(Pair(parent, parent), inputs, benchmark, names, options.clock)
    plan = RoundPlan(
        (),
        options.window_s,
        benchmark.seconds,
        options.seed,
        settled=_settles,
    )
    return control_of(timed(factory.build, plan, benchmark, progress=options.progress))


def _settles(timing: Timing) -> bool:
    control = control_of(timing)
    return control.miss <= control.delta or not control.fit


def control_of(timing: Timing) -> Control:
    """Judge a timing of two equal arms.

    Raises
    ------
    MeasurementError
        When it holds no round.
    """
    ratios, copies = timing.log_ratios("parent_f32", "parent_copy")
    if len(ratios) == 0:
        raise MeasurementError("the control measured no round")
    exact = widened(signed_rank_interval(ratios, PLAN.alpha_per_look), ratios)
    interval = exact or (float(ratios.min()), hodges_lehmann(ratios), float(ratios.max()))
    low, value, high = (math.exp(bound) for bound in interval)
    ratio = Estimate(value, low, high, len(ratios), of="rounds")
    spread = between_instances(ratios, copies)
    delta = min(PLAN.guard_cap, max(PLAN.guard, spread))
    reason = timing.problem
    if ratio.low > 1 + delta or ratio.high < 1 - delta:
        reason = (
            f"this machine is unfit for speed verdicts now: a model against itself measured "
            f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], outside 1 ± {delta:.1%}; other "
            f"processes used {timing.conditions.load_during:.0%} of the cores"
        )
    return Control(
        ratio,
        abs(ratio.value - 1),
        delta,
        robust_sd(ratios),
        rank_autocorrelation(ratios),
        spread,
        not reason,
        reason,
        timing,
    )
