"""Small networks with quantizers put in by hand, and damage done to one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import openvino.preprocess

from quantgate.attribution.execution import in_floats
from quantgate.core.predictions import ClassLabel
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.engine.evaluate import Bench
from quantgate.engine.quantizers import Graph
from quantgate.entries import EvaluationPlan, Preprocess
from quantgate.pair import Pair
from quantgate.sources.opset import opset
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SIDE, CHANNELS = 16, 8
#: Widths of the grids that the damages make, as factors of the right one.
DAMAGES = ("narrow", "wide", "weights", "outlier")


def images(count: int = 8, seed: int = 0) -> list[NDArray[np.float32]]:
    """Make inputs, each [1, 3, SIDE, SIDE]."""
    drawn = np.random.default_rng(seed)
    return [drawn.uniform(-1, 1, (1, 3, SIDE, SIDE)).astype(np.float32) for _ in range(count)]


def network(depth: int = 6, seed: int = 0) -> Pair[ov.Model]:
    """Build convolutions with biases and activations, one after the other, a residual after the third.

    The optimized role holds integer weights, one grid a filter, and a quantizer before every
    convolution whose ends are those of the parent's values on the images.
    """
    made = _build(depth, seed, None)
    ends = _ends(made, depth)
    return Pair(made, _build(depth, seed, ends))


def damaged(model: ov.Model, layer: int, damage: str, factor: float = 8.0) -> ov.Model:
    """Damage the quantization of one layer: its range, its weights' scale, or some filters of them."""
    copy = model.clone()
    graph = Graph(copy)
    chosen = graph.layers[layer]
    if damage in {"narrow", "wide"}:
        wider = np.float32(1 / factor if damage == "narrow" else factor * 16)
        fake = graph.nodes[chosen.activations[0]]
        for index in range(1, 5):
            end = np.array(fake.input_value(index).get_node().data)
            fake.input(index).replace_source_output(opset().constant(end * wider).output(0))
        return copy
    weights = graph.nodes[chosen.weights[0]]
    scale: Any = np.array(weights.input_value(1).get_node().data)
    if damage == "weights":
        scale = scale * np.float32(factor / 5)
    else:
        scale[::4] *= np.float32(factor)
    weights.input(1).replace_source_output(opset().constant(scale).output(0))
    return copy


def run(model: ov.Model, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """First outputs of a graph in f32, [images, ...]."""
    config = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = ov.Core().compile_model(model, "CPU", config)
    return np.stack([np.array(compiled(one)[0], np.float64) for one in inputs])


def _build(depth: int, seed: int, ends: list[tuple[float, float]] | None) -> ov.Model:
    op, drawn = opset(), np.random.default_rng(seed)
    image = op.parameter([1, 3, SIDE, SIDE], np.float32, name="image")
    image.output(0).set_names({"image"})
    value, residual = image.output(0), None
    for number in range(depth):
        inputs = value.get_partial_shape()[1].get_length()
        weights = drawn.normal(0, (9 * inputs) ** -0.5, (CHANNELS, inputs, 3, 3)).astype(np.float32)
        bias = drawn.normal(0, 0.2, (1, CHANNELS, 1, 1)).astype(np.float32)
        fed = value if ends is None else _quantized(value, ends[number], f"block{number}/fq")
        kernel = (
            op.constant(weights)
            if ends is None
            else _integers(weights, f"block{number}/fq_weights")
        )
        sides = ([1, 1], [1, 1], [1, 1], [1, 1])
        conv = op.convolution(fed, kernel, *sides, name=f"block{number}/conv")
        added = op.add(conv, op.constant(bias), name=f"block{number}/bias")
        value = op.relu(added, name=f"block{number}/relu").output(0)
        if number == 2:
            residual = value
        if number == 3 and residual is not None:
            value = op.add(value, residual, name="residual").output(0)
    pooled = op.reduce_mean(value, [2, 3], name="pooled")
    pooled.output(0).set_names({"pooled"})
    return ov.Model([pooled], [image])


def _ends(model: ov.Model, depth: int) -> list[tuple[float, float]]:
    """Ends of every convolution's input on the images."""
    graph = Graph(model.clone())
    sources = [
        graph.nodes[graph.source(node, 0)].output(0)
        for node in graph.nodes
        if node.get_type_name() == "Convolution"
    ]
    found = []
    for source in sources[:depth]:
        values = run(ov.Model([source], graph.model.get_parameters()), images())
        found.append((float(values.min()), float(values.max())))
    return found


def _quantized(value: Any, ends: tuple[float, float], name: str) -> Any:
    low, high = ends
    if low < 0:
        high = max(-low, high)
        low = -high
    values = [np.float32(low), np.float32(high)] * 2
    return opset().fake_quantize(value, *values, 256, name=name)


def _integers(weights: NDArray[np.float32], name: str) -> Any:
    op = opset()
    scale = np.abs(weights).reshape(len(weights), -1).max(axis=1).reshape(-1, 1, 1, 1) / 127
    held = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    return op.multiply(op.convert(op.constant(held), "f32"), op.constant(scale), name=name)


@dataclass(frozen=True, slots=True)
class Bed:
    """A pair of networks as files, and what they are judged on."""

    models: Pair[ov.Model]
    paths: Pair[Path]
    bench: Bench
    plan: EvaluationPlan = field(default_factory=lambda: EvaluationPlan("noise"))

    def saved(self, optimized: ov.Model, folder: Path) -> Pair[Path]:
        """Paths with another optimized model."""
        return Pair(self.paths.parent, _saved(optimized, folder / "other.xml"))


def bed(folder: Path, models: Pair[ov.Model], count: int = 24, *, annotated: bool = True) -> Bed:
    """Save networks with their preprocessing inside, with pictures whose class is the parent's answer."""
    embedded = models.map(_embedded)
    paths = Pair(
        _saved(embedded.parent, folder / "parent.xml"),
        _saved(embedded.optimized, folder / "optimized.xml"),
    )
    pictures = [picture(index) for index in range(count)]
    answers = (
        run(embedded.parent, [one[None] for one in pictures]).reshape(count, -1).argmax(axis=1)
    )
    samples = tuple(
        Sample(
            f"{index:03}.png",
            partial(picture, index),
            f"digest {index}",
            ClassLabel(int(answers[index])) if annotated else None,
        )
        for index in range(count)
    )
    labels = tuple(f"class {number}" for number in range(CHANNELS))
    dataset = Dataset("noise", samples, labels, "digest of noise")
    preprocess, task = Preprocess(resize="stretch"), TASKS["classification"]
    bench = Bench(dataset, preprocess, ClassScoresDecoder(), task, "classification")
    return Bed(embedded, paths, bench)


def picture(index: int) -> NDArray[np.uint8]:
    """Make one picture, [SIDE, SIDE, 3]."""
    drawn = np.random.default_rng(1000 + index)
    base = drawn.integers(0, 255, (1, 1, 3)) + drawn.integers(-60, 60, (SIDE, SIDE, 3))
    return np.asarray(np.clip(base, 0, 255), np.uint8)


def misexecuting(quantizer: str, factor: float = 1.6) -> Callable[[ov.Model], ov.CompiledModel]:
    """Execute graphs as a device whose kernel behind one quantizer computes something else.

    Where the quantizer is not a FakeQuantize any more all is well, as it is with a real kernel of INT8.
    """
    return lambda model: in_floats(altered(model, quantizer, factor))


def altered(model: ov.Model, quantizer: str, factor: float = 1.6) -> ov.Model:
    """Copy a graph that goes wrong behind one quantizer, as long as that is a FakeQuantize."""
    copy = model.clone()
    for node in copy.get_ops():
        if node.get_type_name() == "FakeQuantize" and node.get_friendly_name() == quantizer:
            readers = list(node.output(0).get_target_inputs())
            wrong = opset().multiply(node.output(0), np.float32(factor))
            for reader in readers:
                reader.replace_source_output(wrong.output(0))
    return copy


def _embedded(model: ov.Model) -> ov.Model:
    """Let a network take pictures: uint8, [1, height, width, 3]."""
    made = ov.preprocess.PrePostProcessor(model.clone())
    taken = made.input()
    taken.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    taken.preprocess().convert_element_type(ov.Type.f32).mean(127.5).scale(127.5)
    taken.model().set_layout(ov.Layout("NCHW"))
    return made.build()


def _saved(model: ov.Model, path: Path) -> Path:
    ov.save_model(model, path, compress_to_fp16=False)
    return path
