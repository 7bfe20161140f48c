"""How often the speed gate is wrong on this machine, what it costs, and whether it agrees.

Counts come from the environment: QUANTGATE_BENCH_GATES (gates a case, default 6; 200 for figures),
QUANTGATE_BENCH_COMPETITORS (bursting processes beside, default 0) and QUANTGATE_BENCH_PAIRS.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.core.speed import Target, decision, throughput
from harness.core.timing import Conditions
from harness.core.verdict import Outcome
from harness.engine.arms import OpenVinoArms
from harness.engine.quiet import machine_lock
from harness.engine.rounds import RoundPlan, measure_rounds
from harness.entries import Benchmark
from harness.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.core.sequential import SpeedDecision
    from harness.engine.windows import Arm

GATES = int(os.environ.get("QUANTGATE_BENCH_GATES", "6"))
COMPETITORS = int(os.environ.get("QUANTGATE_BENCH_COMPETITORS", "0"))
PAIRS = int(os.environ.get("QUANTGATE_BENCH_PAIRS", "3"))
LAYERS = 40
INPUTS = {"image": np.random.default_rng(0).random((1, 32, 80, 80), dtype=np.float32)}
CONDITIONS = Conditions("CPU", "latency", 1, 1, 0, 50.0)
BURSTS = (
    "import random, time\n"
    "while True:\n"
    "    end = time.perf_counter() + random.uniform(0.01, 0.5)\n"
    "    while time.perf_counter() < end: sum(range(1000))\n"
    "    time.sleep(random.uniform(0.01, 0.5))\n"
)


def operations() -> Any:
    """Import opset 13 from where this OpenVINO keeps it."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")


def save_chain(path: Path, layers: int) -> Path:
    """Write a chain of equal convolutions: its cost is proportional to their number."""
    import openvino as ov

    ops = operations()

    rng = np.random.default_rng(1)
    image = ops.parameter([1, 32, 80, 80], np.float32, name="image")
    image.output(0).set_names({"image"})
    node: Any = image
    for _ in range(layers):
        weights = rng.normal(0, 0.05, (32, 32, 3, 3)).astype(np.float32)
        node = ops.relu(ops.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    ov.save_model(ov.Model([node], [image], "chain"), path, compress_to_fp16=False)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the model, and copies with 5 % and 10 % more layers."""
    folder = tmp_path_factory.mktemp("chains")
    for extra in (0, 2, 4, 8):
        save_chain(folder / f"{extra}.xml", LAYERS + extra)
    return folder


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
class Tally:
    """Outcomes of many gates, and what one cost."""

    outcomes: Counter[Outcome]
    rounds: float
    seconds: float
    median: float

    def __str__(self) -> str:
        shown = ", ".join(f"{key.value} {count}" for key, count in self.outcomes.items())
        return (
            f"{shown}; speedup {self.median:.3f}, median {self.rounds:.0f} rounds and "
            f"{self.seconds:.1f} s a gate"
        )


def gates(contest: Contest, limit: float, count: int) -> Tally:
    """Run the same gate many times, each with its own copies and order."""
    said: list[tuple[SpeedDecision, int]] = []
    spent: list[float] = []
    target = Target("parent_f32", limit)
    for seed in range(count):
        begin = time.perf_counter()
        with machine_lock():
            timing = measure_rounds(contest.build, RoundPlan((target,), seed=seed), CONDITIONS)
        spent.append(time.perf_counter() - begin)
        found = decision(timing, target)
        assert found is not None
        said.append((found, timing.rounds()))
        print(
            f"  {found.outcome.value if found.outcome else ''} {found.estimate.value:.3f} "
            f"[{found.estimate.low:.3f}, {found.estimate.high:.3f}] noise {found.noise:.1%}, "
            f"autocorrelation {found.autocorrelation:+.2f}, spread {found.instance_spread:.1%}"
        )
    return Tally(
        Counter(found.outcome or Outcome.UNDECIDED for found, _ in said),
        statistics.median(rounds for _, rounds in said),
        statistics.median(spent),
        statistics.median(found.estimate.value for found, _ in said),
    )


def test_model_against_itself(folder: Path) -> None:
    """Equal models are called slower in at most one gate in a hundred."""
    with competitors(COMPETITORS):
        tally = gates(Contest.of(folder / "0.xml", folder / "0.xml"), 1.0, GATES)

    print(f"\nA/A, limit 1.00, {COMPETITORS} competitors: {tally}")
    assert tally.outcomes[Outcome.FAILED] <= math.ceil(GATES / 100)


@pytest.mark.parametrize("extra", [2, 4, 8])
def test_planted_slowdown(folder: Path, extra: int) -> None:
    """A model with 5, 10 or 20 % more layers never passes a limit of 1."""
    with competitors(COMPETITORS):
        tally = gates(Contest.of(folder / "0.xml", folder / f"{extra}.xml"), 1.0, GATES)

    print(f"\n{extra / LAYERS:.0%} more layers, limit 1.00, {COMPETITORS} competitors: {tally}")
    assert tally.outcomes[Outcome.PASSED] == 0


@pytest.mark.parametrize("hint", ["latency", "throughput"])
def test_throughput_agrees_with_benchmark_app(folder: Path, tmp_path: Path, hint: str) -> None:
    """An arm's throughput is benchmark_app's on the same settings, as median of pairs."""
    ratios = []
    for _ in range(PAIRS):
        ours = our_rate(folder / "0.xml", hint)
        ratios.append(ours / their_rate(folder / "0.xml", hint, tmp_path))
    shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)

    print(f"\n{hint}: ours / benchmark_app = {statistics.median(ratios):.3f} ({shown})")
    assert 0.7 < statistics.median(ratios) < 1.4


def our_rate(path: Path, hint: Any) -> float:
    """Measure images a second as the gate does."""
    names: Any = ("parent_f32", "parent_copy")
    benchmark = Benchmark(hint=hint, requests=2 if hint == "throughput" else None)
    factory = OpenVinoArms(Pair(path, path), INPUTS, benchmark, names)
    with machine_lock():
        timing = measure_rounds(factory.build, RoundPlan(window_s=0.1), CONDITIONS)
    rate = throughput(timing, "parent_f32")
    assert rate is not None
    return rate.value


def their_rate(path: Path, hint: str, folder: Path) -> float:
    """Run benchmark_app for four seconds and read its report."""
    start = "from openvino.tools.benchmark.main import main; main()"
    command = [sys.executable, "-c", start, "-m", str(path), "-t", "4"]
    command += ["-hint", hint, "-infer_precision", "f32", "-json_stats"]
    command += ["-report_type", "no_counters", "-report_folder", str(folder)]
    command += ["-api", "async", "-nireq", "2"] if hint == "throughput" else ["-api", "sync"]
    with machine_lock():
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "CI": "true"})
    report = json.loads((folder / "benchmark_report.json").read_text(encoding="utf-8"))
    return float(report["execution_results"]["throughput"])
