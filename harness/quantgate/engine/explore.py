"""Explore streams, batch, hint and threads: the fastest setting, and the fastest within a latency."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from quantgate.core.speed import latency_ns, throughput
from quantgate.core.timing import ArmName, Conditions
from quantgate.engine.arms import OpenVinoArms
from quantgate.engine.quiet import machine_lock, refuse_parallel
from quantgate.engine.rounds import RoundPlan, measure_rounds
from quantgate.engine.timing import DEFAULTS, Options
from quantgate.errors import MeasurementError, WorkerError
from quantgate.escaping import table_name
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.entries import Benchmark
    from quantgate.pair import Pair, Role
    from quantgate.progress import Progress

#: Rounds at each point: three compiled copies of three rounds each.
ROUNDS = 9
ARMS: Mapping[Role, ArmName] = {"parent": "parent_default", "optimized": "optimized"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of the grid; None leaves the choice to the device."""

    hint: str
    streams: int | None
    threads: int | None
    batch: int

    @property
    def key(self) -> str:
        """Stable name of the point, for resuming."""
        streams, threads = self.streams or "auto", self.threads or "auto"
        return f"{self.hint}-streams{streams}-threads{threads}-batch{self.batch}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one role does at one setting: images a second with interval, and latencies, ns."""

    rate_per_s: float
    low_per_s: float
    high_per_s: float
    p50_ns: float
    p90_ns: float


@dataclass(frozen=True, slots=True)
class Point:
    """One measured setting; ``problem`` says why one could not be measured."""

    setting: Setting
    figures: Mapping[Role, Figures]
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; :func:`point_from_dict` is the inverse."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Exploration:
    """All points, in the order of the grid, and how to choose among them."""

    points: tuple[Point, ...]

    def best(self, role: Role = "optimized", within_ns: float | None = None) -> Point | None:
        """Find the highest throughput, of those whose p90 latency is at most ``within_ns``.

        None where no point was measured or fits.
        """
        fitting = [
            point
            for point in self.points
            if role in point.figures
            and (within_ns is None or point.figures[role].p90_ns <= within_ns)
        ]
        return max(fitting, key=lambda point: point.figures[role].rate_per_s, default=None)


def point_from_dict(stored: Mapping[str, Any]) -> Point:
    """Rebuild a point from :meth:`Point.to_dict` or its JSON.

    Raises
    ------
    KeyError, TypeError
        When fields are missing or unknown: another version wrote it.
    """
    figures: dict[Role, Figures] = {
        role: Figures(**held) for role, held in stored["figures"].items()
    }
    return Point(Setting(**stored["setting"]), figures, stored["problem"])


@dataclass(frozen=True, slots=True)
class Resume:
    """How an exploration survives an interruption.

    Parameters
    ----------
    known
        Points of the one that was interrupted: they are not measured again.
    keep
        Called with every fresh point at once, so that at most one is lost.
    """

    known: Sequence[Point] = ()
    keep: Callable[[Point], None] = lambda _: None


FRESH = Resume()


def grid(
    hints: Iterable[str] = ("latency", "throughput"),
    streams: Iterable[int | None] = (None,),
    threads: Iterable[int | None] = (None,),
    batches: Iterable[int] = (1,),
) -> tuple[Setting, ...]:
    """List every combination, each once, in a stable order."""
    made = itertools.starmap(Setting, itertools.product(hints, streams, threads, batches))
    return tuple(dict.fromkeys(made))


def explore(
    settings: Sequence[Setting],
    measure: Callable[[Setting], Point],
    *,
    resume: Resume = FRESH,
    progress: Progress = SILENT,
) -> Exploration:
    """Measure every setting that is not known yet.

    Parameters
    ----------
    measure
        Measures one setting, see :func:`measure_setting`. A process that dies of it takes this point
        only; it is not kept, so that the next exploration tries it again.
    resume
        Points that are known already, and where to keep fresh ones.

    Raises
    ------
    HarnessError
        What ``measure`` raises of a kind that no other setting would mend.
    """
    found = {point.setting.key: point for point in resume.known}
    progress.start("exploring", len(settings))
    for setting in settings:
        if setting.key not in found:
            try:
                found[setting.key] = measure(setting)
            except WorkerError as error:
                found[setting.key] = Point(setting, {}, str(error))
            else:
                resume.keep(found[setting.key])
        progress.advance()
    progress.close()
    return Exploration(tuple(found[setting.key] for setting in settings))


def measure_setting(
    models: Pair[Path],
    inputs: Mapping[str, NDArray[np.generic]],
    benchmark: Benchmark,
    setting: Setting,
    *,
    options: Options = DEFAULTS,
) -> Point:
    """Measure both roles at one setting in paired rounds.

    Parameters
    ----------
    inputs
        A real preprocessed sample: input name to array [1, ...].

    Raises
    ------
    MeasurementError
        In a parallel pytest worker, or when the lock cannot be had. A setting that does not
        compile or run is a point with a problem, not an error.
    """
    refuse_parallel()
    under = _under(benchmark, setting)
    arms = OpenVinoArms(models, inputs, under, tuple(ARMS.values()), options.clock)
    with machine_lock():
        return _measure(arms, setting, options)


def _under(benchmark: Benchmark, setting: Setting) -> Benchmark:
    hint: Any = setting.hint
    return replace(
        benchmark,
        hint=hint,
        streams=setting.streams,
        threads=setting.threads,
        batch=setting.batch,
        requests=None,
    )


def _measure(arms: OpenVinoArms, setting: Setting, options: Options) -> Point:
    benchmark = arms.benchmark
    plan = RoundPlan((), options.window_s, benchmark.seconds, options.seed, rounds=ROUNDS)
    conditions = Conditions(
        benchmark.device, benchmark.hint, benchmark.batch, 0, options.seed, options.window_s * 1e3
    )
    try:
        timing = measure_rounds(arms.build, plan, conditions)
    except MeasurementError as error:
        return Point(setting, {}, str(error))
    figures: dict[Role, Figures] = {}
    for role, arm in ARMS.items():
        rate = throughput(timing, arm)
        p50, p90 = latency_ns(timing, arm, 50), latency_ns(timing, arm, 90)
        if rate is not None and p50 is not None and p90 is not None:
            figures[role] = Figures(rate.value, rate.low, rate.high, p50, p90)
    return Point(setting, figures, timing.problem)


def setting_snippet(model: str, point: Point) -> str:
    """Write a chosen point as lines of models.toml, ready to paste."""
    setting, figures = point.setting, point.figures["optimized"]
    rate = f"{figures.rate_per_s:.0f} images/s [{figures.low_per_s:.0f}, {figures.high_per_s:.0f}]"
    lines = [
        f"# {rate}, p90 {figures.p90_ns / 1e6:.2f} ms",
        f"[{table_name('models', model, 'benchmark')}]",
        f'hint = "{setting.hint}"',
    ]
    chosen = (("streams", setting.streams), ("threads", setting.threads), ("batch", setting.batch))
    lines += [f"{name} = {value}" for name, value in chosen if value is not None]
    return "\n".join(lines) + "\n"
