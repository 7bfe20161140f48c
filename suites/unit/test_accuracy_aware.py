from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest

from quantgate.attribution.answers import Answer
from quantgate.core.predictions import Objects, Transcript
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.boxes_labels import BoxesLabelsDecoder
from quantgate.decoders.ctc import CtcDecoder
from quantgate.engine.evaluate import Bench, compare_models
from quantgate.entries import EvaluationPlan, Preprocess
from quantgate.errors import DatasetError
from quantgate.pair import Pair
from quantgate.pipeline.optimize import measuring
from quantgate.progress import SILENT
from quantgate.sources.opset import opset
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 16


def finder() -> ov.CompiledModel:
    """Build a detector that finds one object of class 0 in every image, at the same place."""
    op = opset()
    image = op.parameter([1, SIDE, SIDE, 3], np.uint8, name="image")
    nothing = op.multiply(op.reduce_mean(op.convert(image, "f32"), [0, 1, 2, 3]), np.float32(0))
    boxes = op.add(nothing, op.constant([[2.0, 2.0, 10.0, 10.0, 0.9]], np.float32), name="boxes")
    labels = op.convert(op.add(nothing, op.constant([0.0], np.float32)), "i64", name="labels")
    for node, name in ((boxes, "boxes"), (labels, "labels")):
        node.output(0).set_names({name})
    return ov.Core().compile_model(ov.Model([boxes, labels], [image]), "CPU")


def sample(name: str, boxes: list[list[float]]) -> Sample:
    """Make a grey picture with annotated objects of class 0."""
    found = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(found)
    areas = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    truth = Objects(found, np.zeros(count, np.int64), np.zeros(count, np.bool_), areas)
    return Sample(name, grey, name, truth)


def grey() -> NDArray[np.uint8]:
    """Give the picture."""
    return np.full((SIDE, SIDE, 3), 128, np.uint8)


def bench_of(*samples: Sample) -> Bench:
    """Judge detection on samples."""
    dataset = Dataset("grey", samples, ("thing",), "digest")
    return Bench(dataset, Preprocess(), BoxesLabelsDecoder(), TASKS["detection"], "detection")


def reader(text: str) -> ov.CompiledModel:
    """Build a recognizer that reads one text of the letters a to d in every image."""
    op = opset()
    image = op.parameter([1, SIDE, SIDE, 3], np.uint8, name="image")
    nothing = op.multiply(op.reduce_mean(op.convert(image, "f32"), [0, 1, 2, 3]), np.float32(0))
    shares = np.zeros((1, 8, 5), np.float32)
    shares[0, :, 0] = 0.5
    for step, letter in enumerate(text):
        shares[0, step, 1 + "abcd".index(letter)] = 0.9
    out = op.add(nothing, op.constant(shares))
    out.output(0).set_names({"out"})
    return ov.Core().compile_model(ov.Model([out], [image]), "CPU")


def test_an_error_is_measured_so_that_more_is_better() -> None:
    """Whoever puts layers back keeps what scores higher: of an error, and of what it loses, the sign is turned."""
    read = Sample("read.png", grey, "read", Transcript("abcd"))
    empty = Sample("empty.png", grey, "empty", Transcript(""))
    dataset = Dataset("grey", (read, empty), (), "digest")
    bench = Bench(dataset, Preprocess(), CtcDecoder(alphabet="abcd"), TASKS["text"], "text")
    measure = measuring(bench, "cer", SILENT)

    assert measure(reader("abcd"), [read]) == 0
    assert measure(reader("abc"), [read]) == -0.25
    assert measure(reader("abc"), [empty]) == 0
    both = compare_models(Pair(reader("abcd"), reader("abc")), replace(bench, dataset=lone(read)))
    answer = Answer(both, 0.1, EvaluationPlan("grey", metric="cer"), bench)
    assert answer.drop() == 0.25


def lone(one: Sample) -> Dataset:
    """Make a dataset of one image."""
    return Dataset("grey", (one,), (), "digest")


class Heard:
    """Keeps what a progress is told."""

    def __init__(self) -> None:
        self.passes: list[str] = []
        self.steps = 0

    def start(self, name: str, total: int) -> None:
        """Keep the name."""
        self.passes.append(f"{name} of {total}")

    def advance(self, steps: int = 1) -> None:
        """Count."""
        self.steps += steps

    def close(self) -> None:
        """Nothing is shown."""


def test_an_image_without_objects_loses_nothing() -> None:
    """Layers are ranked image by image: one without objects counts the same for every model."""
    full, empty = sample("full.png", [[2, 2, 10, 10]]), sample("empty.png", [])
    measure = measuring(bench_of(full, empty), "ap", SILENT)
    model = finder()

    assert measure(model, [empty]) == 0
    assert measure(model, [full]) > 0.9
    assert measure(model, [full, empty]) > 0.4


def test_no_object_at_all_cannot_be_aimed_at() -> None:
    """Where not one image holds an object there is nothing to hold on to, and that is said."""
    empty = [sample(f"{number}.png", []) for number in range(2)]

    with pytest.raises(DatasetError, match="annotated object"):
        measuring(bench_of(*empty), "ap", SILENT)(finder(), empty)


def test_the_search_tells_its_passes() -> None:
    """One by one or all together, each round of the images is a pass."""
    samples = [sample(f"{number}.png", [[2, 2, 10, 10]]) for number in range(3)]
    heard = Heard()
    measure, model = measuring(bench_of(*samples), "ap", heard), finder()

    measure(model, samples)
    for one in samples:
        measure(model, [one])

    assert heard.passes == ["accuracy-aware, pass 1 of 3", "accuracy-aware, pass 2 of 3"]
    assert heard.steps == 6
