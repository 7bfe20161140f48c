"""Annotations beside the parent's answers on some images, where nothing has compared all of them yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantgate.core.comparison import Comparison
    from quantgate.datasets.sample import Dataset
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data

#: Images on which annotations are compared: few enough for seconds, enough to tell.
SOME = 32


def suspicions(entry: ModelEntry, parent: Artifact, data: Data) -> tuple[str, ...]:
    """Suspect annotations that do not fit what the parent answers on some images.

    Raises
    ------
    DecoderError
        Where an answer cannot be read.
    """
    from quantgate.datasets.selection import subset
    from quantgate.engine.evaluate import evaluate_role
    from quantgate.engine.runtime import Target, compile_model
    from quantgate.pipeline.feeding import bench_of

    some = subset(data.evaluation, SOME, 0, together=True).dataset
    target = Target(
        device=entry.benchmark.device, precision=entry.evaluate.precision, hint="latency"
    )
    found = evaluate_role(compile_model(parent, target), bench_of(entry, some))
    return told_doubts(entry, found, some)


def told_doubts(entry: ModelEntry, found: Comparison[Any], dataset: Dataset) -> tuple[str, ...]:
    """Suspect annotations that do not fit the parent's answers, naming their dataset."""
    from quantgate.tasks.doubts.suspected import doubts

    told = doubts(entry.task, found, dataset.turned)
    return tuple(f"datasets.{dataset.name}: {said}" for said in told)
