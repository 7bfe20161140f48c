"""How an entry's models are fed, and what both roles are judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset, Sample
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import ModelEntry


def prepared(entry: ModelEntry, artifact: Artifact, sample: Sample) -> NDArray[np.uint8]:
    """One sample as the model's input, uint8 [height, width, channels]."""
    from quantgate.datasets.images import read_image
    from quantgate.engine.preprocess import prepare

    return prepare(read_image(sample), entry.preprocess, input_size(entry, artifact))[0]


def input_size(entry: ModelEntry, artifact: Artifact) -> tuple[int, int]:
    """``(width, height)`` of the embedded model's input, px."""
    if entry.preprocess.size is not None:
        return entry.preprocess.size
    from quantgate.engine.artifact import input_shape

    _, height, width, _ = input_shape(artifact)
    return width, height


def bench_of(entry: ModelEntry, dataset: Dataset) -> Bench:
    """What both roles are judged on."""
    from quantgate.engine.evaluate import Bench
    from quantgate.tasks.catalog import TASKS

    return Bench(dataset, entry.preprocess, entry.decoder, TASKS[entry.task], entry.task)
