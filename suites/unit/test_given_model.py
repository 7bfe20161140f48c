"""A ready-made optimized model is fed, named and read as its parent is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.decoders.protocol import Port
from quantgate.engine.given import Fitted, feed_as_parent, give_back_float, name_as_parent
from quantgate.engine.naming import model_ports
from quantgate.entries import Preprocess
from quantgate.sources.opset import opset
from quantgate.sources.quantized import quantization_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino as ov
    from numpy.typing import NDArray

IMAGE = np.random.default_rng(1).integers(0, 256, (1, 4, 6, 3), np.uint8)


def model(outputs: Sequence[Any], parameter: Any) -> ov.Model:
    """A model of these outputs."""
    import openvino as ov

    return ov.Model(list(outputs), [parameter], "given")


def run(made: ov.Model, image: NDArray[Any]) -> list[NDArray[Any]]:
    """Outputs of a compiled model."""
    import openvino as ov

    found = ov.Core().compile_model(made, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(image)
    return [found[index] for index in range(len(made.outputs))]


@pytest.mark.parametrize(("kind", "less"), [(np.uint8, 0), (np.int8, 128)])
def test_an_integer_input_takes_the_pixels_in_the_parents_order(kind: type, less: int) -> None:
    """Red and blue are exchanged for both roles; mean and scale are in the integers' own scale."""
    ops = opset()
    parameter = ops.parameter([1, 4, 6, 3], kind, name="image")
    fitted = feed_as_parent(
        model([ops.convert(parameter, "f32")], parameter),
        Preprocess(colour="rgb", mean=127.5, scale=127.5),
        raw_parent=False,
    )
    (seen,) = run(fitted.model, IMAGE)
    assert np.array_equal(seen, IMAGE[..., ::-1].astype(np.float32) - less)
    assert "8-bit integers" in fitted.notes[0]


def test_two_integer_inputs_are_given_the_same_preprocessing() -> None:
    """Where the parent takes integers too, the whole plan is for both."""
    ops = opset()
    parameter = ops.parameter([1, 4, 6, 3], np.uint8, name="image")
    fitted = feed_as_parent(
        model([ops.convert(parameter, "f32")], parameter),
        Preprocess(colour="rgb", scale=2.0),
        raw_parent=True,
    )
    (seen,) = run(fitted.model, IMAGE)
    assert np.abs(seen - IMAGE[..., ::-1] / 2).max() <= 1
    assert not fitted.notes


def test_integer_outputs_are_compared_as_what_they_stand_for() -> None:
    """The range of the quantizer before the output gives the numbers back."""
    ops = opset()
    parameter = ops.parameter([1, 8], np.float32, name="image")
    low, high = ops.constant(np.float32(-2)), ops.constant(np.float32(3.1))
    ends = ops.constant(np.float32(0)), ops.constant(np.float32(255))
    coded = ops.convert(ops.fake_quantize(parameter, low, high, *ends, 256), "u8")
    coded.output(0).set_names({"out"})
    fitted = Fitted(model([coded], parameter))
    give_back_float(fitted)
    values = np.linspace(-2, 3, 8, dtype=np.float32)[None]
    (seen,) = run(fitted.model, values)
    assert np.abs(seen - values).max() < 0.011
    assert model_ports(fitted.model.outputs)[0].name == "out"


def test_outputs_take_the_parents_names_order_and_layout() -> None:
    """What TFLite calls Identity and lays out with channels last stands for the parent's output."""
    ops = opset()
    parameter = ops.parameter([1, 8, 9, 3], np.float32, name="image")
    scores = ops.reduce_mean(parameter, np.array([1, 2]), keep_dims=False)
    for node, name in ((parameter, "Identity"), (scores, "Identity_1")):
        node.output(0).set_names({name})
    same = ops.multiply(parameter, ops.constant(np.float32(1)))
    same.output(0).set_names({"Identity"})
    fitted = Fitted(model([same, scores], parameter))
    name_as_parent(fitted, (Port("scores", (1, 3)), Port("map", (1, 3, 8, 9))))
    assert [(p.name, p.shape) for p in model_ports(fitted.model.outputs)] == [
        ("scores", (1, 3)),
        ("map", (1, 3, 8, 9)),
    ]
    image = np.random.default_rng(2).normal(size=(1, 8, 9, 3)).astype(np.float32)
    mean, drawn = run(fitted.model, image)
    assert np.allclose(mean, image.mean((1, 2)), atol=1e-5)
    assert np.allclose(drawn, image.transpose(0, 3, 1, 2))
    assert "Identity" in fitted.notes[0]


def test_outputs_that_are_others_are_left_alone() -> None:
    """No name is given away where shapes do not fit: integrity then says what differs."""
    ops = opset()
    parameter = ops.parameter([1, 5], np.float32, name="image")
    fitted = Fitted(model([ops.relu(parameter)], parameter))
    name_as_parent(fitted, (Port("scores", (1, 7)),))
    assert not fitted.notes


def test_a_quantizer_around_layers_without_weights_quantizes_nothing() -> None:
    """FakeQuantize before a pooling is no layer that computes in INT8."""
    ops = opset()
    parameter = ops.parameter([1, 1, 8, 8], np.float32, name="image")
    ends = [ops.constant(np.float32(v)) for v in (0, 1, 0, 1)]
    coded = ops.fake_quantize(parameter, *ends, 256)
    pooled = ops.max_pool(coded, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2])
    trace = quantization_trace(model([pooled.output(0)], parameter))
    assert (trace.fake_quantize, trace.layers, trace.how) == (1, 0, "statically")


def test_weights_kept_as_integers_are_told_from_quantized_activations() -> None:
    """A graph whose activations stay in floating point is called that."""
    ops = opset()
    parameter = ops.parameter([1, 4], np.float32, name="image")
    weights = ops.multiply(
        ops.convert(ops.constant(np.ones((4, 2), np.int8)), "f32"), ops.constant(np.float32(0.1))
    )
    trace = quantization_trace(model([ops.matmul(parameter, weights, False, False)], parameter))
    assert (trace.how, trace.layers) == ("weights alone", 1)
    assert "activations in floating point" in trace.short
