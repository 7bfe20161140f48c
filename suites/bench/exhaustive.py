"""Every single group of layers left in floating point, judged on the images that a search may not see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import openvino as ov

from quantgate.attribution.images import prepare_images
from quantgate.core.speed import speedup
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import without
from quantgate.engine.timing import time_pair
from quantgate.manifest import load_manifest
from quantgate.pair import Pair
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of, input_size
from quantgate.pipeline.searching import Searching
from quantgate.remedy.judge import Judge
from quantgate.remedy.patterns import has_attention
from quantgate.remedy.recipes import bases
from quantgate.remedy.scopes import scopes
from quantgate.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.core.estimate import Estimate

#: Images on which the noise of each layer is measured, as the search does.
SCORED = 8


@dataclass(frozen=True)
class Group:
    """One group of one recipe: what it lacks of the worst limit, its loss, its rough speed where it meets the others."""

    title: str
    need: float
    loss: float
    pace: float
    model: Any


def searching(folder: Path, model: str, store: Path) -> Searching:
    """Open an entry as a search does, with another's store."""
    manifest = load_manifest(folder / "models.toml")
    entry = manifest.models[model]
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    run = Run(folder / "run", manifest=manifest, store=store, strict_sources=True, started=started)
    data = load_data(entry, manifest, store)
    parent = parent_artifact(
        entry.source, entry.preprocess, manifest.root, run.store_of(model), name=model
    )
    return Searching(entry, run, parent, data)


def every_group(task: Searching) -> Iterator[Group]:
    """Read each group of each whole recipe, quantized on all calibration images, on the evaluation images."""
    bench = bench_of(task.entry, task.data.evaluation)
    size = input_size(task.entry, task.parent)
    images = prepare_images(bench, task.entry.evaluate, task.data.evaluation.samples, size)
    judge = Judge(
        images, task.parent.path, {**task.limits(), **task.resources()}, task.entry.benchmark
    )
    parent = ov.Core().read_model(task.parent.path)
    references: dict[int, Any] = {}
    inputs = [tensor[None] for tensor in images.first(SCORED).tensors]
    for told, recipe in bases(task.recipe, transformer=has_attention(Graph(parent))):
        models = Pair(parent, ov.Core().read_model(task.whole(recipe).path))
        groups = {"nothing": frozenset[str](), **scopes(models, inputs)}
        for title, names in groups.items():
            model = without(models, names) if names else models.optimized
            answer = judge.ask(judge.compiled(model), len(images), references)
            reading = judge.reading(answer, sure=True)
            values = {**reading.values, **judge.resources(model)}
            lacks, pace = judge.need(replace(reading, values=values)), 0.0
            if lacks <= 1:
                pace = judge.pace(model, parent, judge.benchmark, inputs[0])
                values |= {"min_speedup": pace} if "min_speedup" in judge.limits else {}
                lacks = judge.need(replace(reading, values=values))
            yield Group(f"{told}: {title}", lacks, reading.loss.judged, pace, model)


def against(task: Searching, group: Group, folder: Path) -> Estimate:
    """Speed of the entry's own recipe over a group's graph, in paired rounds."""
    path = folder / "best.xml"
    ov.save_model(group.model, path, compress_to_fp16=False)
    pair = Pair(path, task.whole(task.recipe).path)
    found = speedup(time_pair(pair, task.input(), task.entry.benchmark), "parent_f32")
    assert found is not None
    return found
