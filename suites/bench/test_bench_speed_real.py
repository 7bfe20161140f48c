"""Speedups of the tutorials' models on this machine, against both baselines.

Architectures with random weights need nothing. QUANTGATE_REAL names a folder of real models, which
are added then; YOLOv4 (its cfg with random weights) takes minutes on a small machine and is left out
with QUANTGATE_BENCH_YOLOV4=0. Quantized on random images: only speed is studied here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable  # noqa: TC003 - read by the dataclass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.advice import advise
from quantgate.core.speed import speedup
from quantgate.engine.profile import int8_share, profile
from quantgate.engine.timing import measure_control, time_pair
from quantgate.entries import Benchmark
from quantgate.machine import fingerprint
from quantgate.pair import Pair
from suites.bench.architectures import mobilenet_v2, resnet50, ssd_mobilenet_v2

if TYPE_CHECKING:
    from numpy.typing import NDArray

REAL = os.environ.get("QUANTGATE_REAL")
YOLOV4 = os.environ.get("QUANTGATE_BENCH_YOLOV4", "1")
#: Parameters of YOLOv4; small positive ones keep variances positive and activations bounded.
YOLOV4_FLOATS = 64_429_405


@dataclass(frozen=True)
class Case:
    """An architecture, or a file of the real folder, and what its tutorial or its kind promises."""

    source: str | Callable[[], Any]
    promised: str = "not told"


CASES = {
    "mobilenet-v2": Case(mobilenet_v2, "1.2"),
    "ssd-mobilenet-v2": Case(ssd_mobilenet_v2, "2"),
    "resnet-50": Case(resnet50),
    "yolov4": Case("darknet_cfg/yolov4.cfg", "2.4"),
    "mobilenet-v2, trained": Case(
        "cls_mobilenet_v2_224/mobilenet_v2_1.0_224_dequant_f32.xml", "1.2"
    ),
    "ssd-mobilenet-v1, trained": Case("det_ssd_mobilenet_v1/ssd_mobilenet_v1_dequant_f32.xml", "2"),
    "squeezenet-1.1, trained": Case("cls_squeezenet1_1/squeezenet1_1_fp32.onnx"),
    "yolox-nano, trained": Case("det_yolox_nano/yolox_nano.onnx"),
}


def read(case: Case, folder: Path) -> Any:
    """Build an architecture, or read a file of the real folder; a test is skipped without it."""
    if not isinstance(case.source, str):
        return case.source()
    if not REAL:
        pytest.skip("QUANTGATE_REAL names no folder of real models")
    return load(Path(REAL) / "models" / case.source, folder)


def load(path: Path, folder: Path) -> Any:
    """Read a model; a Darknet architecture gets random weights."""
    import openvino as ov

    if path.suffix != ".cfg":
        return ov.Core().read_model(path)
    from quantgate.sources.darknet.importer import import_darknet

    weights = folder / "random.weights"
    values = np.random.default_rng(0).uniform(0.002, 0.005, YOLOV4_FLOATS).astype("<f4")
    weights.write_bytes(np.array([0, 2, 5, 0, 0], "<i4").tobytes() + values.tobytes())
    return import_darknet(path, weights).model


def save_pair(name: str, folder: Path) -> tuple[Pair[Path], dict[str, NDArray[np.float32]]]:
    """Write the parent and its quantized copy, and make an input for both."""
    import nncf
    import openvino as ov

    model = read(CASES[name], folder)
    port = model.inputs[0]
    shape = [size.get_length() if size.is_static else 1 for size in port.get_partial_shape()]
    rng = np.random.default_rng(0)
    images = [rng.random(shape, dtype=np.float32) for _ in range(4)]
    ov.save_model(model, folder / "parent.xml", compress_to_fp16=False)
    ov.save_model(
        nncf.quantize(model, nncf.Dataset(images), subset_size=4), folder / "optimized.xml"
    )
    return Pair(folder / "parent.xml", folder / "optimized.xml"), {"": images[0]}


@pytest.mark.parametrize("name", CASES)
def test_tutorial_model(name: str, tmp_path: Path) -> None:
    """The speedup over f32 and over the device's default are printed, each with its interval."""
    if name == "yolov4" and YOLOV4 == "0":
        pytest.skip("QUANTGATE_BENCH_YOLOV4 is 0")
    models, inputs = save_pair(name, tmp_path)
    begin = time.perf_counter()
    control = measure_control(models.parent, inputs, Benchmark())
    timing = time_pair(models, inputs, Benchmark(), control=control)
    took_s = time.perf_counter() - begin
    profiles = models.map(lambda path: profile(path, "CPU", inputs))
    share = int8_share(profiles.optimized)
    f32, native = speedup(timing, "parent_f32"), speedup(timing, "parent_default")
    machine = fingerprint()

    assert f32 is not None
    assert native is not None
    print(
        f"\n{name}: {f32.value:.2f} [{f32.low:.2f}, {f32.high:.2f}] over f32 (promised "
        f"{CASES[name].promised}), {native.value:.2f} [{native.low:.2f}, {native.high:.2f}] over the "
        f"default; {share.value:.0%} of the work in INT8; control {control.ratio.value:.3f} "
        f"[{control.ratio.low:.3f}, {control.ratio.high:.3f}], load of others "
        f"{timing.conditions.load_during:.0%}; {took_s:.0f} s; {machine.machine['cpu']} "
        f"({machine.machine['isa']}), openvino {machine.versions['openvino']}, nncf "
        f"{machine.versions['nncf']}"
    )
    for advice in advise(profiles, native):
        print(f"  {advice.with_layers}", flush=True)
    assert share.value > 0.5
