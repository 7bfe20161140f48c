from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.decoders.protocol import Port
from quantgate.engine.artifact import load, save
from quantgate.engine.interface import integrity, interface_differences
from quantgate.engine.naming import model_ports
from quantgate.engine.runtime import (
    Target,
    compile_model,
)
from quantgate.errors import MeasurementError
from quantgate.pair import Pair

try:
    from openvino import opset8 as op
except ImportError:  # OpenVINO 2024 keeps it elsewhere
    from openvino.runtime import opset8 as op

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.engine.artifact import Artifact


def conv_model(*, outputs: tuple[str, ...] = ("scores",), channels: int = 4) -> Any:
    """Build image [1,3,8,8] → Convolution → one output for every name."""
    weights = np.random.default_rng(0).normal(size=(channels, 3, 3, 3)).astype(np.float32)
    image = op.parameter([1, 3, 8, 8], np.float32, name="image")
    image.output(0).set_names({"image"})
    conv = op.convolution(image, op.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])
    results = []
    for name in outputs:
        node = op.relu(conv, name=f"node_{name}")
        if name:
            node.output(0).set_names({name})
        results.append(node)
    return ov.Model(results, [image])


def kept(model: Any, folder: Path) -> Artifact:
    """Save a model as an artifact."""
    folder.mkdir(parents=True)
    save(model, folder)
    return load(folder)


def test_ports_have_names_and_shapes(tmp_path: Path) -> None:
    """Ports come in the model's order, before and after it is compiled."""
    compiled = compile_model(kept(conv_model(outputs=("b", "a")), tmp_path / "m"), Target())

    assert model_ports(compiled.inputs) == (Port("image", (1, 3, 8, 8)),)
    assert [port.name for port in model_ports(compiled.outputs)] == ["b", "a"]
    assert [port.name for port in model_ports(conv_model(outputs=("b", "a")).outputs)] == ["b", "a"]


def test_dynamic_dimensions_are_minus_one() -> None:
    """A dimension that is not known is -1."""
    node = op.parameter(ov.PartialShape([-1, 3]), np.float32, name="x")
    model = ov.Model([op.relu(node, name="y")], [node])

    assert model_ports(model.inputs) == (Port("x", (-1, 3)),)


def test_precision_is_as_asked(tmp_path: Path) -> None:
    """Asked for f32, every floating layer really executes in it; the request can be read back."""
    compiled = compile_model(kept(conv_model(), tmp_path / "m"), Target(precision="f32"))

    assert "float32" in str(compiled.get_property("INFERENCE_PRECISION_HINT"))
    executed = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    told = [{key: str(getattr(info[key], "value", info[key])) for key in info} for info in executed]
    assert {one["runtimePrecision"] for one in told if one["layerType"] != "Const"} == {"f32"}


def test_absent_device_lists_the_present_ones(tmp_path: Path) -> None:
    """A device that is not there is an error that names those that are."""
    artifact = kept(conv_model(), tmp_path / "m")

    with pytest.raises(MeasurementError, match=r"device NPU is not on this machine, found .*CPU"):
        compile_model(artifact, Target(device="NPU"))


def test_configuration_holds_only_what_was_asked() -> None:
    """What the plan leaves open is left to the device."""
    assert Target(precision="default", hint="latency").config() == {"PERFORMANCE_HINT": "LATENCY"}
    assert Target(streams=2, threads=3, requests=4).config() == {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "THROUGHPUT",
        "PERFORMANCE_HINT_NUM_REQUESTS": "4",
        "NUM_STREAMS": "2",
        "INFERENCE_NUM_THREADS": "3",
    }


def test_unquantized_model_shows_no_trace(tmp_path: Path) -> None:
    """A model against itself has the same interface and nothing quantized."""
    artifact = kept(conv_model(), tmp_path / "m")
    found = integrity(Pair(artifact, artifact))

    assert not found.trace
    assert (found.trace.fake_quantize, found.differences) == (0, ())


def test_integer_weights_are_seen() -> None:
    """Weights held in 8 bits count as quantization; integer tables that are no weights do not."""
    from quantgate.sources.quantized import quantization_trace

    x = op.parameter([1, 4], np.float32, name="x")
    weights = op.constant(np.ones((4, 4), np.int8), name="w8")
    scaled = op.multiply(op.convert(weights, "f32"), op.constant(np.float32(0.1)))
    product = op.matmul(x, scaled, transpose_a=False, transpose_b=False)
    table = op.gather(op.constant(np.ones((4, 4), np.uint8)), op.constant(0), op.constant(0))
    model = ov.Model([product, table], [x])

    assert quantization_trace(model).integer_weights == 1
    assert quantization_trace(model).first == "w8 (Constant)"


def test_interface_differences_are_named() -> None:
    """Another name, another shape and a missing output are said one by one."""
    parent = conv_model(outputs=("boxes", "scores"))

    assert interface_differences(Pair(parent, parent)) == ()
    assert interface_differences(Pair(parent, conv_model(outputs=("boxes",)))) == (
        "output 1 is missing in the optimized model, scores [1, 4, 8, 8] f32 in its parent",
    )
    wider = interface_differences(Pair(parent, conv_model(outputs=("boxes", "scores"), channels=5)))
    assert wider[0] == (
        "output 0 is boxes [1, 5, 8, 8] f32 in the optimized model, "
        "boxes [1, 4, 8, 8] f32 in its parent"
    )
