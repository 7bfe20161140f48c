"""How often the speed gate is wrong on this machine, what it costs, and whether it agrees.

Gates of all cases take turns until each has been asked often enough or the time is over, so that a
run which is stopped early has told something of each. Settings come from the environment:

QUANTGATE_BENCH_MINUTES
    Time for the gates (default 1). With 30 on a quiet machine with two cores the figures of
    docs/speed.md come out: ``QUANTGATE_BENCH_MINUTES=30 pytest suites/bench/test_bench_speed.py -s``.
QUANTGATE_BENCH_KEEP
    A file to which every gate is appended at once, one JSON a line; a later run goes on from it.
QUANTGATE_BENCH_GATES, QUANTGATE_BENCH_LOADED
    Gates wanted of each quiet (default 200) and of each loaded case (default 30).
QUANTGATE_BENCH_PAIRS
    Pairs with benchmark_app (default 3).
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.speed import SpeedTarget, speedup, throughput
from quantgate.core.verdict import Outcome
from quantgate.engine.arms import OpenVinoArms
from quantgate.engine.quiet import machine_lock
from quantgate.engine.rounds import RoundPlan, measure_rounds
from quantgate.engine.timing import time_pair
from quantgate.entries import Benchmark
from quantgate.pair import Pair
from suites.bench.contest import (
    CONDITIONS,
    INPUTS,
    LAYERS,
    Case,
    Gated,
    run_gate,
    save_chain,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTES = float(os.environ.get("QUANTGATE_BENCH_MINUTES", "1"))
KEEP = os.environ.get("QUANTGATE_BENCH_KEEP")
GATES = int(os.environ.get("QUANTGATE_BENCH_GATES", "200"))
LOADED = int(os.environ.get("QUANTGATE_BENCH_LOADED", "30"))
PAIRS = int(os.environ.get("QUANTGATE_BENCH_PAIRS", "3"))
ITSELF = ("itself", "itself, 1 competitor", "itself, 2 competitors")
CASES = (
    Case(ITSELF[0], 0, 0, GATES),
    Case("5 % more layers", 2, 0, GATES),
    Case("10 % more layers", 4, 0, GATES),
    Case("20 % more layers", 8, 0, max(1, GATES // 20)),
    Case(ITSELF[1], 0, 1, LOADED),
    Case(ITSELF[2], 0, 2, LOADED),
)
#: How often the tallies so far are printed, s.
EVERY_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the model, and copies with 5, 10 and 20 % more layers."""
    folder = tmp_path_factory.mktemp("chains")
    for extra in sorted({case.extra for case in CASES}):
        save_chain(folder / f"{extra}.xml", LAYERS + extra)
    return folder


def known() -> list[Gated]:
    """Gates that an earlier run kept; a line that a kill cut off is left out."""
    if KEEP is None or not Path(KEEP).is_file():
        return []
    lines = Path(KEEP).read_text(encoding="utf-8").splitlines()
    return [Gated(**json.loads(line)) for line in lines if line.endswith("}")]


def keep(found: Gated) -> None:
    """Append a gate at once, so that stopping loses none."""
    if KEEP is not None:
        with Path(KEEP).open("a", encoding="utf-8") as file:
            file.write(json.dumps(found.to_dict()) + "\n")


def tally(case: Case, found: Sequence[Gated]) -> str:
    """Sum up the gates of a case: outcomes, speedup, cost of those that decided."""
    mine = [gate for gate in found if gate.case == case.name]
    if not mine:
        return f"{case.name}: none yet"
    counts = Counter(gate.outcome for gate in mine)
    shown = ", ".join(f"{name} {count} ({count / len(mine):.1%})" for name, count in counts.items())
    decided = [gate for gate in mine if gate.outcome != Outcome.UNDECIDED.value]
    cost = "none decided"
    if decided:
        rounds = statistics.median(gate.rounds for gate in decided)
        seconds = statistics.median(gate.seconds for gate in decided)
        cost = f"decided after {rounds:.0f} rounds and {seconds:.1f} s (medians)"
    middle = {
        name: statistics.median(getattr(gate, name) for gate in mine)
        for name in ("value", "noise", "autocorrelation", "spread", "load_of_others")
    }
    return (
        f"{case.name}, limit 1.00, {len(mine)} gates: {shown}; {cost}; speedup {middle['value']:.3f}, "
        f"noise {middle['noise']:.1%}, autocorrelation {middle['autocorrelation']:+.2f}, copies "
        f"{middle['spread']:.1%} apart, others used {middle['load_of_others']:.0%}"
    )


def furthest_behind(found: Sequence[Gated]) -> Case | None:
    """Choose the case of which the smallest part is done; None where all are."""
    done = Counter(gate.case for gate in found)
    case = min(CASES, key=lambda case: done[case.name] / max(1, case.wanted))
    return case if done[case.name] < case.wanted else None


def say(found: Sequence[Gated], spent_s: float) -> None:
    """Print the tallies so far."""
    print(f"\n--- after {spent_s / 60:.1f} minutes, {len(found)} gates")
    for case in CASES:
        print(tally(case, found), flush=True)


def test_wrong_verdicts_and_costs(folder: Path) -> None:
    """A model is hardly ever called slower than itself, and a real slowdown never passes."""
    found = known()
    begin = said = time.monotonic()
    while time.monotonic() - begin < MINUTES * 60:
        case = furthest_behind(found)
        if case is None:
            break
        seed = sum(gate.case == case.name for gate in found)
        found.append(run_gate(folder, case, seed))
        keep(found[-1])
        if time.monotonic() - said > EVERY_S:
            said = time.monotonic()
            say(found, said - begin)
    say(found, time.monotonic() - begin)

    for name in ITSELF:
        mine = [gate.outcome for gate in found if gate.case == name]
        assert mine.count(Outcome.FAILED.value) <= math.ceil(len(mine) / 100)
    slower = [gate for gate in found if gate.case not in ITSELF]
    assert not [gate for gate in slower if gate.outcome == Outcome.PASSED.value]


def test_clear_limits_are_decided_at_the_first_look(folder: Path, tmp_path: Path) -> None:
    """The whole gate of a quantized model, with all three arms, against limits 20 % away."""
    import nncf
    import openvino as ov

    model = ov.Core().read_model(folder / "0.xml")
    optimized = nncf.quantize(model, nncf.Dataset([INPUTS["image"]]), subset_size=1)
    ov.save_model(optimized, tmp_path / "optimized.xml")
    models = Pair(folder / "0.xml", tmp_path / "optimized.xml")
    measured = speedup(time_pair(models, INPUTS, Benchmark()), "parent_f32")
    assert measured is not None
    for limit in (measured.value / 1.2, measured.value * 1.2):
        begin = time.perf_counter()
        timing = time_pair(models, INPUTS, Benchmark(), targets=(SpeedTarget("parent_f32", limit),))
        print(
            f"\nmeasured {measured.value:.2f} [{measured.low:.2f}, {measured.high:.2f}], limit "
            f"{limit:.2f}: {timing.rounds()} rounds, {time.perf_counter() - begin:.1f} s with the "
            "wait for quiet"
        )
        assert timing.problem == ""


@pytest.mark.parametrize("hint", ["latency", "throughput"])
def test_throughput_agrees_with_benchmark_app(folder: Path, tmp_path: Path, hint: str) -> None:
    """An arm's throughput is benchmark_app's on the same settings, as median of pairs."""
    ratios = []
    for _ in range(PAIRS):
        ours = our_rate(folder / "0.xml", hint)
        ratios.append(ours / their_rate(folder / "0.xml", hint, tmp_path))
    shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)

    print(f"\n{hint}: ours / benchmark_app = {statistics.median(ratios):.3f} ({shown})")
    # Only a mistake in counting is this far off, on however busy a machine.
    assert 0.5 < statistics.median(ratios) < 2


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
