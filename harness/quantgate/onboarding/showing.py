"""Both roles side by side on single images."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.datasets.files import inspect_files
from quantgate.datasets.sample import Sample
from quantgate.engine.evaluate import compare_models
from quantgate.engine.runtime import Target, compile_model
from quantgate.errors import DatasetError, UsageError
from quantgate.pipeline.feeding import bench_of
from quantgate.pipeline.pictures import loader_of, picture_of, placed
from quantgate.report.overlays import drawable, panes, with_place
from quantgate.report.overlays.canvas import beside
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.datasets.sample import Dataset
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair


@dataclass(frozen=True, slots=True)
class Sight:
    """One image in both roles: what changed, in words, and a PNG, empty where the task draws none."""

    name: str
    sentence: str
    png: bytes


def images_named(names: Sequence[str], dataset: Dataset) -> tuple[Sample, ...]:
    """Find images by path or by name in the evaluation set, whose annotations then go with them.

    Raises
    ------
    UsageError
        For what is neither a file nor in the set.
    DatasetError
        For a file that is no image.
    """
    known = {sample.name: sample for sample in dataset.samples}
    by_digest = {sample.digest: sample for sample in dataset.samples}
    return tuple(_named(name, known, by_digest) for name in names)


def _named(name: str, known: dict[str, Sample], by_digest: dict[str, Sample]) -> Sample:
    path = Path(name)
    if name in known:
        return known[name]
    if not path.is_file():
        some = ", ".join(list(known)[:3])
        raise UsageError(f"{name} is neither a file nor in the evaluation set ({some}, …)")
    (fact,) = inspect_files([path], None)
    if fact.reason:
        raise DatasetError(f"{path}: {fact.reason}: give a whole image")
    own = Sample(path.name, path, fact.digest)
    return replace(by_digest.get(fact.digest, own), name=path.name)


def sights(
    entry: ModelEntry, artifacts: Pair[Artifact], dataset: Dataset, samples: Sequence[Sample]
) -> list[Sight]:
    """Run both roles on some images, and draw them: parent, optimized, and what changed.

    Raises
    ------
    DecoderError
        Where an answer cannot be read.
    """
    task = TASKS[entry.task]
    bench = bench_of(entry, replace(dataset, samples=tuple(samples)))
    target = Target(
        device=entry.benchmark.device, precision=entry.evaluate.precision, hint="latency"
    )
    found = compare_models(artifacts.map(lambda artifact: compile_model(artifact, target)), bench)
    said = {change.index: change.sentence for change in task.worst(found, entry.evaluate)}
    made = []
    for index, result in enumerate(found.images):
        sentence, png = said.get(index, "nothing changed"), b""
        if task.PICTURE is not None:
            picture = placed(picture_of(entry, task, (found, result), sentence), samples[index])
            by_name = {sample.name: sample for sample in samples}
            others = [by_name[one.name] for one in picture.neighbours]
            images = loader_of(samples[index], result, others)()
            enough = drawable(picture, images)
            shown = with_place(picture, panes(picture, images), images) if enough else ()
            png = _png(shown) if shown else b""
        made.append(Sight(result.name, sentence, png))
    return made


def _png(shown: Sequence[object]) -> bytes:
    stream = io.BytesIO()
    beside(shown).save(stream, "PNG")  # type: ignore[arg-type] # pictures
    return stream.getvalue()
