from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest

from quantgate.core.predictions import Objects
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.boxes_labels import BoxesLabelsDecoder
from quantgate.engine.evaluate import Bench
from quantgate.entries import Preprocess
from quantgate.errors import DatasetError
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
