"""What decoding costs an image: it must vanish beside inference."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.core.geometry import Frame
from harness.decoders.ssd import SsdDecoder
from harness.decoders.yolo_rows import YoloV8Decoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

FRAME = Frame((640, 480), (640, 640), (1.0, 1.0), (0.0, 80.0))


def fastest_ms(function: Callable[[], Any], rounds: int = 200) -> float:
    """Milliseconds of the fastest call: what the machine's other work adds is not ours."""
    best = np.inf
    for _ in range(rounds):
        started = time.perf_counter_ns()
        function()
        best = min(best, time.perf_counter_ns() - started)
    return float(best) / 1e6


def ssd_output() -> NDArray[np.float32]:
    """DetectionOutput of a hundred objects."""
    rng = np.random.default_rng(0)
    rows = np.zeros((1, 1, 100, 7), np.float32)
    rows[..., 1] = rng.integers(1, 90, 100)
    rows[..., 2] = np.sort(rng.uniform(0.1, 1, 100))[::-1]
    rows[..., 3:5] = rng.uniform(0, 0.5, (100, 2))
    rows[..., 5:7] = rows[..., 3:5] + 0.3
    return rows


def yolo_output() -> NDArray[np.float32]:
    """A YOLO v8 table at 640 x 640: twenty objects, each seen by a dozen cells, faint noise."""
    rng = np.random.default_rng(0)
    table = (rng.random((1, 84, 8400)) ** 8 * 0.005).astype(np.float32)
    for _ in range(20):
        box = np.concatenate([rng.uniform(70, 570, 2), rng.uniform(30, 130, 2)])
        cells, label = rng.integers(0, 8400, 12), rng.integers(0, 80)
        table[0, :4, cells] = box + rng.normal(0, 3, (12, 4))
        table[0, 4 + label, cells] = rng.uniform(0.1, 0.9, 12)
    return table


CASES: dict[str, tuple[Any, Callable[[], NDArray[np.float32]], int]] = {
    "ssd": (SsdDecoder(), ssd_output, 300),
    "YOLOv8": (YoloV8Decoder(), yolo_output, 640),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_decoding_costs_little(benchmark: Any, name: str) -> None:
    """One image's detections take at most eight passes of isfinite over a YOLO v8 table."""
    decoder, make, _ = CASES[name]
    outputs = {"out": make()}
    benchmark.pedantic(decoder.decode, (outputs, FRAME), rounds=200, warmup_rounds=5)
    table = yolo_output()
    single_pass = fastest_ms(lambda: np.isfinite(table).all())
    assert fastest_ms(lambda: decoder.decode(outputs, FRAME)) < 8 * single_pass


@pytest.mark.parametrize("name", sorted(CASES))
def test_decoding_costs_half_of_openvino_model_api(tmp_path: Path, name: str) -> None:
    """The same raw outputs take Model API at least twice as long, in the same run."""
    models = pytest.importorskip("model_api.models")
    adapters = pytest.importorskip("model_api.adapters")
    import openvino as ov

    decoder, make, side = CASES[name]
    output = make()
    path = tmp_path / "constant.xml"
    ov.save_model(_constant(output, side), path, compress_to_fp16=False)
    adapter = adapters.OpenvinoAdapter(ov.Core(), str(path), device="CPU")
    wrapper = models.Model.create_model(
        adapter, model_type=name, preload=True, configuration={"confidence_threshold": 0.01}
    )
    inputs, meta = wrapper.base_preprocess(np.zeros((480, 640, 3), np.uint8))
    raw = wrapper.infer_sync(inputs)
    theirs = fastest_ms(lambda: wrapper.postprocess(raw, meta))
    ours = fastest_ms(lambda: decoder.decode({"out": output}, FRAME))
    print(f"{name}: {ours:.3f} ms, Model API {theirs:.3f} ms")
    assert ours < 0.5 * theirs


def _constant(output: NDArray[np.float32], side: int) -> Any:
    """A model whose output is always the same, whatever the image."""
    import openvino as ov
    from openvino import opset13 as ops

    image = ops.parameter([1, 3, side, side], np.float32, name="image")
    image.output(0).set_names({"image"})
    mean = ops.reduce_mean(image, ops.constant(np.arange(4)), keep_dims=False)
    nothing = ops.multiply(mean, ops.constant(np.float32(0)))
    result = ops.add(ops.constant(output), nothing)
    result.output(0).set_names({"out"})
    return ov.Model([ops.result(result)], [image], "constant")
