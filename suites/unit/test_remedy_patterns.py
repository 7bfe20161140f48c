from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.engine.quantizers import Graph
from quantgate.remedy.patterns import architecture, has_attention
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Callable


def quantized(value: Any, name: str) -> Any:
    """Round a value to a grid."""
    return opset().fake_quantize(value, *map(np.float32, (-1, 1, -1, 1)), 256, name=f"{name}/fq")


def convolved(value: Any, name: str, channels: int = 4) -> Any:
    """Convolve a rounded value with weights of one pixel."""
    inputs = value.get_partial_shape()[1].get_length()
    kernel = opset().constant(np.ones((channels, inputs, 1, 1), np.float32))
    sides = ([1, 1], [0, 0], [0, 0], [1, 1])
    return opset().convolution(quantized(value, name), kernel, *sides, name=name).output(0)


def built(make: Callable[[Any], Any], shape: tuple[int, ...] = (1, 3, 8, 8)) -> Graph:
    """Read a graph made of an input."""
    image = opset().parameter(list(shape), np.float32)
    return Graph(ov.Model([make(image.output(0))], [image]))


def silu(value: Any, name: str) -> Any:
    """An activation that multiplies its input by its sigmoid, written out."""
    gate = opset().sigmoid(quantized(value, f"{name}/in"), name=f"{name}/gate")
    return (
        opset()
        .multiply(
            quantized(value, f"{name}/left"), quantized(gate, f"{name}/right"), name=f"{name}/mul"
        )
        .output(0)
    )


def hard_swish(value: Any, name: str) -> Any:
    """X · relu6(x + 3) / 6."""
    op = opset()
    moved = op.clamp(
        op.add(quantized(value, f"{name}/in"), np.float32(3), name=f"{name}/add"), 0, 6
    )
    sixth = op.multiply(quantized(moved, f"{name}/c"), np.float32(1 / 6), name=f"{name}/sixth")
    return op.multiply(
        quantized(value, f"{name}/v"), quantized(sixth, f"{name}/s"), name=f"{name}/mul"
    ).output(0)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (silu, {"act/gate", "act/mul"}),
        (hard_swish, {"act/add", "act/sixth", "act/mul"}),
    ],
)
def test_activations_written_out_are_recognised(make: Any, expected: set[str]) -> None:
    """By structure, whatever the names are; a product of two different values is none."""
    graph = built(lambda image: convolved(make(convolved(image, "first"), "act"), "second"))
    other = built(
        lambda image: (
            opset()
            .multiply(
                quantized(convolved(image, "left"), "l"),
                opset().sigmoid(quantized(convolved(image, "right"), "r")),
            )
            .output(0)
        )
    )

    assert architecture(graph)["activations with a gate"] == expected
    assert "act/mul" not in architecture(other).get("activations with a gate", set())


def test_squeeze_and_excite_is_recognised() -> None:
    """Channels weighed by numbers made of their means: the product and what makes the numbers."""

    def make(image: Any) -> Any:
        value = convolved(image, "first")
        mean = opset().reduce_mean(value, np.array([2, 3]), True).output(0)
        gate = opset().sigmoid(convolved(mean, "excite"))
        product = opset().multiply(quantized(value, "v"), quantized(gate, "g"), name="weighed")
        return convolved(product.output(0), "last")

    assert architecture(built(make))["squeeze and excite"] == {"excite", "weighed"}


def test_attention_makes_a_transformer() -> None:
    """Products of moving values around a softmax; a softmax at the end of a classifier is none."""

    def attend(image: Any) -> Any:
        op = opset()
        rows = quantized(op.reshape(image, np.array([1, 3, 64]), False), "rows")
        product = op.matmul(rows, rows, False, True, name="product")
        return op.matmul(
            quantized(op.softmax(product, 2), "s"), rows, False, False, name="mixed"
        ).output(0)

    graph = built(attend)
    plain = built(lambda image: opset().softmax(convolved(image, "last"), 1).output(0))

    assert has_attention(graph)
    assert {"product", "mixed"} <= architecture(graph)["attention"]
    assert not has_attention(plain)


def test_first_last_and_the_arithmetic_behind_are_told_apart() -> None:
    """Boxes are computed behind the last layer with weights: that arithmetic is a part of its own."""

    def make(image: Any) -> Any:
        op = opset()
        offsets = convolved(convolved(convolved(image, "first"), "middle"), "last")
        grown = op.exp(quantized(offsets, "e"), name="exp")
        return op.multiply(quantized(grown, "m"), np.float32(8), name="stride").output(0)

    found = architecture(built(make))

    assert found["the first layers"] == {"first"}
    assert found["the last layers"] == {"last"}
    assert found["the arithmetic behind the last layers"] == {"exp", "stride"}
    assert found["everything without weights"] == {"exp", "stride"}


def test_distributions_of_box_sides_are_recognised() -> None:
    """A softmax whose mean a last convolution takes, and the arithmetic behind it."""

    def make(image: Any) -> Any:
        op = opset()
        softmax = op.softmax(quantized(convolved(image, "head", 16), "s"), 1, name="softmax")
        mean = convolved(softmax.output(0), "mean", 1)
        return op.multiply(quantized(mean, "x"), np.float32(8), name="stride").output(0)

    assert architecture(built(make))["distributions of box sides"] >= {"mean", "stride"}
