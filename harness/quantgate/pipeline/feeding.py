"""How an entry's models are fed, and what both roles are judged on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset, Sample
    from quantgate.decoders.protocol import Decoder
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import EvaluationPlan, ModelEntry


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

    decoder = reaching(entry.decoder, entry.evaluate)
    return Bench(dataset, entry.preprocess, decoder, TASKS[entry.task], entry.task)


def reaching(decoder: Decoder, plan: EvaluationPlan) -> Decoder:
    """Let a decoder keep what the comparison's hysteresis looks for.

    An object whose score falls a little below the judge's threshold still matches, which nothing
    could do that the decoder dropped before.
    """
    floor = max(0.0, plan.score_threshold - plan.hysteresis)
    own = getattr(decoder, "score_threshold", None)
    if own is None or own <= floor:
        return decoder
    lowered: Any = dataclasses.replace(decoder, score_threshold=floor)  # type: ignore[type-var]
    return cast("Decoder", lowered)
