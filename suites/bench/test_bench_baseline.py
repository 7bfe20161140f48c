"""What a baseline costs: a third model in the evaluation, and one more arm in every round of the timing.

Measured with and without it in turn on two built-in models; the baseline is a copy of the INT8 model. Evaluation is
compared by processor time, which other programs hardly change, timing by the time that its rounds take. Rounds
come from QUANTGATE_BENCH_ROUNDS (default 3).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantgate.commands.prepare import prepared
from quantgate.engine.evaluate import compare_models, compare_three
from quantgate.engine.runtime import Target, compile_model
from quantgate.engine.timing import Options, time_pair
from quantgate.pipeline.feeding import bench_of
from quantgate.pipeline.performance import real_input
from quantgate.store import store_root

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = int(os.environ.get("QUANTGATE_BENCH_ROUNDS", "3"))
#: What a third role may cost: half as much again as two.
MOST = 1.5
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["digits-mobilenet-v2", "digits-ssd-mobilenet-v2"])
def test_a_third_role_costs_at_most_half_as_much_again(name: str) -> None:
    """Evaluation and timing with a baseline take at most 1.5 times what they take without."""
    options = argparse.Namespace(model=name, manifest=ROOT / "models.toml", store=store_root())
    with prepared(options) as ready:
        artifacts, entry = ready.artifacts, ready.entry
        bench = bench_of(entry, ready.data.evaluation)
        inputs = real_input(entry, artifacts.parent, ready.data)
        pair = artifacts.map(lambda artifact: compile_model(artifact, Target()))
        three = [*pair, compile_model(artifacts.optimized, Target())]
        paths = artifacts.map(lambda artifact: artifact.path)
        evaluation = _ratio(
            lambda: compare_models(pair, bench),
            lambda: compare_three(three, bench),
            time.process_time,
        )
        timing = _ratio(
            lambda: time_pair(paths, inputs, entry.benchmark),
            lambda: time_pair(
                paths, inputs, entry.benchmark, options=Options(baseline=paths.optimized)
            ),
            time.perf_counter,
        )
    print(f"{name}: evaluation {evaluation:.2f} x, timing {timing:.2f} x (aim: at most {MOST} x)")
    assert evaluation <= MOST
    assert timing <= MOST


def _ratio(
    two: Callable[[], object], three: Callable[[], object], clock: Callable[[], float]
) -> float:
    """Cost of the second in units of the first, the median of rounds in which they take turns."""
    ratios = []
    for _ in range(ROUNDS):
        spent = []
        for work in (two, three):
            started = clock()
            work()
            spent.append(clock() - started)
        ratios.append(spent[1] / spent[0])
    return statistics.median(ratios)
