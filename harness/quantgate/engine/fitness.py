"""Is this machine fit for speed gates? Measured with a model of our own against itself."""

from __future__ import annotations

import importlib
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.noise import smallest_slowdown
from quantgate.engine.timing import DEFAULTS, Control, Options, measure_control
from quantgate.entries import Benchmark
from quantgate.machine import cpu_quota, fingerprint, quota_text

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds a gate may take, for which the smallest visible slowdown is told.
SPANS_S = (10, 30, 60)
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
INPUT = "image"
SHAPE = (1, 32, 80, 80)
LAYERS = 24


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a machine can see.

    Parameters
    ----------
    control
        A model against itself: the truth is 1.
    facts
        Stable facts of the machine, and its frequency policy.
    visible
        Seconds of a gate to the smallest slowdown (fraction) that it finds in 19 of 20 cases.
    warnings
        One sentence each: what keeps the machine from being a good one.
    """

    control: Control
    facts: Mapping[str, str]
    visible: Mapping[int, float]
    warnings: tuple[str, ...]

    @property
    def fit(self) -> bool:
        """Whether speed may be judged here now."""
        return self.control.fit


def machine_fitness(options: Options = DEFAULTS, *, device: str = "CPU") -> Fitness:
    """Measure what this machine makes of a model against itself, and what it could see.

    Raises
    ------
    MeasurementError
        In a parallel pytest worker, or when the timing lock cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="quantgate-") as folder:
        model = reference_model(Path(folder) / "reference.xml")
        inputs = {INPUT: np.random.default_rng(0).random(SHAPE, dtype=np.float32)}
        begin = time.perf_counter()
        control = measure_control(model, inputs, Benchmark(device=device), options=options)
        round_s = (time.perf_counter() - begin) / control.timing.rounds()
    visible = {
        span: smallest_slowdown(
            control.noise,
            control.instance_spread,
            int(span / round_s),
            max(0.0, control.autocorrelation),
        )
        for span in SPANS_S
    }
    facts = {**fingerprint().machine, "frequency policy": frequency_policy()}
    return Fitness(control, facts, visible, _warnings(control, facts))


def frequency_policy(path: Path = GOVERNOR) -> str:
    """Name the kernel's frequency policy; "not told" where there is none (most clouds)."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return "not told"


def _warnings(control: Control, facts: Mapping[str, str]) -> tuple[str, ...]:
    conditions = control.timing.conditions
    found = [control.reason, *conditions.notes]
    quota = cpu_quota()
    if quota is not None and quota != math.floor(quota):
        found.append(f"the CPU quota of {quota_text(quota)} throttles in the middle of a window")
    if facts["frequency policy"] == "powersave":
        found.append("the frequency policy powersave changes the clock under the measurement")
    if control.autocorrelation > 0.3:  # noqa: PLR2004
        found.append(
            f"neighbouring rounds resemble each other (autocorrelation {control.autocorrelation:.2f}): "
            "load comes in phases longer than a round"
        )
    if conditions.busy:
        found.append(f"other processes used {conditions.load_during:.0%} of the cores meanwhile")
    return tuple(filter(None, found))


def reference_model(path: Path, layers: int = LAYERS) -> Path:
    """Write a chain of equal convolutions with fixed weights: a few milliseconds on one core."""
    import openvino as ov

    ops = _operations()
    rng = np.random.default_rng(0)
    image = ops.parameter(list(SHAPE), np.float32, name=INPUT)
    image.output(0).set_names({INPUT})
    node: Any = image
    ones = [1, 1]
    for _ in range(layers):
        weights = rng.normal(0, 0.05, (SHAPE[1], SHAPE[1], 3, 3)).astype(np.float32)
        node = ops.relu(ops.convolution(node, weights, ones, ones, ones, ones))
    ov.save_model(ov.Model([node], [image], "reference"), path, compress_to_fp16=False)
    return path


def _operations() -> Any:
    """Import the operations from where this OpenVINO keeps them: it moved them once."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")
