"""Timings in the JSON of pytest-benchmark, so that its compare and histogram commands read them.

Format: pytest-benchmark's storage files, version 5 (documentation, "Comparing past runs").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.looks import PLAN
from quantgate.core.speed import BASELINES, speedup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.timing import ArmName, Timing

#: Version of the format that is written.
VERSION = "5.1.0"
NS_PER_S = 1e9


def benchmark_record(timing: Timing, arm: ArmName, model: str) -> dict[str, Any]:
    """Make one record: every window of an arm is a round, its cost the round's time in seconds.

    Raises
    ------
    ValueError
        When the arm was not measured.
    """
    costs_s = timing.costs_ns(arm) / NS_PER_S
    if len(costs_s) == 0:
        raise ValueError(f"arm {arm} of {model} has no window")
    facts = timing.facts(arm)
    return {
        "group": model,
        "name": f"{model}[{arm}]",
        "fullname": f"quantgate::{model}[{arm}]",
        "params": {"arm": arm},
        "param": arm,
        "extra_info": {
            "executed": dict(facts.executed),
            "streams": facts.streams,
            "requests": facts.requests,
            "compiled_copies": len(facts.first_ns),
            **_speedups(timing, arm),
        },
        "options": {
            "disable_gc": False,
            "timer": "perf_counter",
            "min_rounds": PLAN.looks[0],
            "max_time": 0.0,
            "min_time": timing.conditions.window_ms / 1e3,
            "warmup": True,
        },
        "stats": statistics(costs_s),
    }


def _speedups(timing: Timing, arm: ArmName) -> dict[str, list[float]]:
    """Paired speedups with their intervals belong to the optimized arm."""
    if arm != "optimized":
        return {}
    found = {key.removeprefix("min_"): speedup(timing, base) for key, base in BASELINES.items()}
    return {key: [e.low, e.value, e.high] for key, e in found.items() if e is not None}


def statistics(values_s: NDArray[np.float64]) -> dict[str, Any]:
    """Compute the statistics that pytest-benchmark stores of one benchmark's rounds [n], in s."""
    q1, median, q3 = (float(value) for value in np.percentile(values_s, [25, 50, 75]))
    mean, spread = float(values_s.mean()), float(values_s.std(ddof=1)) if len(values_s) > 1 else 0.0
    fence = 1.5 * (q3 - q1)
    inside = values_s[(values_s >= q1 - fence) & (values_s <= q3 + fence)]
    beyond_sd = int((np.abs(values_s - mean) > spread).sum())
    beyond_iqr = len(values_s) - len(inside)
    return {
        "min": float(values_s.min()),
        "max": float(values_s.max()),
        "mean": mean,
        "stddev": spread,
        "rounds": len(values_s),
        "median": median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": beyond_iqr,
        "stddev_outliers": beyond_sd,
        "outliers": f"{beyond_sd};{beyond_iqr}",
        "ld15iqr": float(inside.min()),
        "hd15iqr": float(inside.max()),
        "ops": 1 / mean,
        "total": float(values_s.sum()),
        "data": [float(value) for value in values_s],
        "iterations": 1,
    }


def benchmark_file(
    records: list[dict[str, Any]],
    *,
    machine: Mapping[str, str],
    commit: Mapping[str, Any],
    date: str,
) -> dict[str, Any]:
    """Make a whole storage file of records; ``date`` is ISO 8601."""
    machine_info = {
        "node": "",
        "processor": machine.get("cpu", ""),
        "machine": machine.get("os", ""),
        "python_implementation": "CPython",
        "python_version": machine.get("python", ""),
        "system": machine.get("os", "").split(" ")[0],
        "cpu": {"brand_raw": machine.get("cpu", ""), **machine},
    }
    return {
        "machine_info": machine_info,
        "commit_info": dict(commit),
        "benchmarks": records,
        "datetime": date,
        "version": VERSION,
    }
