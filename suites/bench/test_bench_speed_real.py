"""Speedups of the tutorials' models on this machine, against both baselines.

Needs QUANTGATE_REAL, a folder of real models; skipped without it. QUANTGATE_BENCH_YOLOV4=1 adds
YOLOv4 (architecture with random weights), which takes minutes on a small machine. Quantized on
random images: only speed is studied here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.core.speed import speedup
from harness.engine.profile import int8_share, profile
from harness.engine.timing import measure_control, time_pair
from harness.entries import Benchmark
from harness.machine import fingerprint
from harness.pair import Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

REAL = os.environ.get("QUANTGATE_REAL")
YOLOV4 = os.environ.get("QUANTGATE_BENCH_YOLOV4")
#: Parameters of YOLOv4; small positive ones keep variances positive and activations bounded.
YOLOV4_FLOATS = 64_429_405
pytestmark = pytest.mark.skipif(not REAL, reason="QUANTGATE_REAL names no folder of real models")


@dataclass(frozen=True)
class Case:
    """A model file of the real folder, and what its tutorial or its kind promises."""

    file: str
    promised: str


CASES = {
    "mobilenet-v2": Case("cls_mobilenet_v2_224/mobilenet_v2_1.0_224_dequant_f32.xml", "1.2"),
    "ssd-mobilenet-v1": Case("det_ssd_mobilenet_v1/ssd_mobilenet_v1_dequant_f32.xml", "2"),
    "squeezenet-1.1": Case("cls_squeezenet1_1/squeezenet1_1_fp32.onnx", "not told"),
    "yolox-nano": Case("det_yolox_nano/yolox_nano.onnx", "not told"),
    "yolov4": Case("darknet_cfg/yolov4.cfg", "2.4"),
}


def load(path: Path, folder: Path) -> Any:
    """Read a model; a Darknet architecture gets random weights."""
    import openvino as ov

    if path.suffix != ".cfg":
        return ov.Core().read_model(path)
    from harness.sources.darknet.importer import import_darknet

    weights = folder / "random.weights"
    values = np.random.default_rng(0).uniform(0.002, 0.005, YOLOV4_FLOATS).astype("<f4")
    weights.write_bytes(np.array([0, 2, 5, 0, 0], "<i4").tobytes() + values.tobytes())
    return import_darknet(path, weights).model


def save_pair(name: str, folder: Path) -> tuple[Pair[Path], dict[str, NDArray[np.float32]]]:
    """Write the parent and its quantized copy, and make an input for both."""
    import nncf
    import openvino as ov

    model = load(Path(str(REAL)) / "models" / CASES[name].file, folder)
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
    if name == "yolov4" and not YOLOV4:
        pytest.skip("QUANTGATE_BENCH_YOLOV4 is not set")
    models, inputs = save_pair(name, tmp_path)
    control = measure_control(models.parent, inputs, Benchmark())
    timing = time_pair(models, inputs, Benchmark(), control=control)
    share = int8_share(profile(models.optimized, "CPU", inputs))
    f32, native = speedup(timing, "parent_f32"), speedup(timing, "parent_default")
    machine = fingerprint()

    assert f32 is not None
    assert native is not None
    print(
        f"\n{name}: {f32.value:.2f} [{f32.low:.2f}, {f32.high:.2f}] over f32 (promised "
        f"{CASES[name].promised}), {native.value:.2f} [{native.low:.2f}, {native.high:.2f}] over the "
        f"default; {share.value:.0%} of the work in INT8; control {control.ratio.value:.3f}, load of "
        f"others {timing.conditions.load_during:.0%}; {machine.machine['cpu']} "
        f"({machine.machine['isa']}), openvino {machine.versions['openvino']}"
    )
    assert share.value > 0.5
