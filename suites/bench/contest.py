"""Two models whose speed ratio is known, gated again and again: what the speed benchmarks share."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.speed import SpeedTarget, decision
from quantgate.core.timing import Conditions
from quantgate.core.verdict import Outcome
from quantgate.engine.arms import OpenVinoArms
from quantgate.engine.quiet import load_mark, machine_lock, other_load
from quantgate.engine.rounds import RoundPlan, measure_rounds
from quantgate.entries import Benchmark
from quantgate.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from quantgate.engine.windows import Arm

#: About 5 ms in f32 on two cores, so that a slowdown of 5 % is two layers more.
LAYERS, CHANNELS, SIDE = 40, 32, 48
INPUTS = {
    "image": np.random.default_rng(0).random((1, CHANNELS, SIDE, SIDE), dtype=np.float32),
}
CONDITIONS = Conditions("CPU", "latency", 1, 1, 0, 50.0)
BURSTS = (
    "import random, time\n"
    "while True:\n"
    "    end = time.perf_counter() + random.uniform(0.01, 0.5)\n"
    "    while time.perf_counter() < end: sum(range(1000))\n"
    "    time.sleep(random.uniform(0.01, 0.5))\n"
)


def operations(opset: str = "opset13") -> Any:
    """Import a set of operations from where this OpenVINO keeps it."""
    try:
        return importlib.import_module(f"openvino.{opset}")
    except ModuleNotFoundError:
        return importlib.import_module(f"openvino.runtime.{opset}")


def save_chain(path: Path, layers: int) -> Path:
    """Write a chain of equal convolutions: its cost is proportional to their number."""
    import openvino as ov

    ops = operations()
    rng = np.random.default_rng(1)
    image = ops.parameter([1, CHANNELS, SIDE, SIDE], np.float32, name="image")
    image.output(0).set_names({"image"})
    node: Any = image
    for _ in range(layers):
        weights = rng.normal(0, 0.05, (CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        node = ops.relu(ops.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    ov.save_model(ov.Model([node], [image], "chain"), path, compress_to_fp16=False)
    return path


@contextmanager
def competitors(count: int) -> Iterator[None]:
    """Keep processes that burst at random beside the body."""
    with ExitStack() as stack:
        for _ in range(count):
            started = stack.enter_context(subprocess.Popen([sys.executable, "-c", BURSTS]))
            stack.callback(started.kill)
        yield


@dataclass(slots=True)
class Renamed:
    """An arm under another name: a floating-point model that plays the optimized role."""

    arm: Arm

    @property
    def facts(self) -> Any:
        """Facts of the arm, as an optimized one."""
        return replace(self.arm.facts, name="optimized", executed={"i8": 1})

    def run_window(self, seconds: float) -> Any:
        """Run the arm's window."""
        return self.arm.run_window(seconds)


@dataclass(slots=True)
class Contest:
    """Two models in the same precision, one of which plays the optimized role."""

    parent: OpenVinoArms
    optimized: OpenVinoArms

    @classmethod
    def of(cls, parent: Path, optimized: Path) -> Contest:
        """Prepare both models."""
        made = [
            OpenVinoArms(Pair(path, path), INPUTS, Benchmark(), ("parent_f32",))
            for path in (parent, optimized)
        ]
        return cls(*made)

    def build(self, copy: int) -> Sequence[Arm]:
        """Compile one copy of each, in turns the one or the other first."""
        if copy % 2:
            return [*map(Renamed, self.optimized.build(copy)), *self.parent.build(copy)]
        return [*self.parent.build(copy), *map(Renamed, self.optimized.build(copy))]


@dataclass(frozen=True, slots=True)
class Case:
    """One question that is asked many times.

    Parameters
    ----------
    extra
        Layers that the optimized role has more than the parent.
    beside
        Bursting processes that run meanwhile.
    wanted
        Gates after which the answer is known well enough.
    """

    name: str
    extra: int
    beside: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Gated:
    """What one gate said, and what it cost."""

    case: str
    outcome: str
    value: float
    low: float
    high: float
    rounds: int
    seconds: float
    noise: float
    autocorrelation: float
    spread: float
    load_of_others: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def run_gate(folder: Path, case: Case, seed: int) -> Gated:
    """Gate a case once against the limit 1.00, with copies and order of its own.

    Nothing is kept from one gate to the next: every gate compiles anew, as the product does.
    """
    contest = Contest.of(folder / "0.xml", folder / f"{case.extra}.xml")
    target = SpeedTarget("parent_f32", 1.0)
    with machine_lock(), competitors(case.beside):
        since, begin = load_mark(), time.perf_counter()
        timing = measure_rounds(contest.build, RoundPlan((target,), seed=seed), CONDITIONS)
        seconds, during = time.perf_counter() - begin, other_load(since, load_mark())
    found = decision(timing, target)
    assert found is not None
    return Gated(
        case.name,
        (found.outcome or Outcome.UNDECIDED).value,
        found.estimate.value,
        found.estimate.low,
        found.estimate.high,
        timing.rounds(),
        seconds,
        found.noise,
        found.autocorrelation,
        found.instance_spread,
        during,
    )
