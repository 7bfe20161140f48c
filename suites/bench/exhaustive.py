"""Every single group of layers left in floating point, judged on the images that a search may not see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import openvino as ov

from quantgate.attribution.images import prepare_images
from quantgate.core.explained import Loss
from quantgate.core.remedy import Reading
from quantgate.core.speed import SpeedTarget, speedup
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import without
from quantgate.engine.timing import Options, time_pair
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
    """One group of one recipe: what it lacks of the worst limit, its loss, its rough speed where it meets the others.

    ``loss`` is None where the graph alone misses a limit: then no image was asked, and ``need`` is the least it can be.
    """

    title: str
    need: float
    loss: float | None
    pace: float
    model: Any

    def __str__(self) -> str:
        loss = "not asked" if self.loss is None else f"loss {self.loss:.4f}"
        return f"{self.need:8.3f} of the limit, {loss}, {self.pace:.2f}x  {self.title}"


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
    limits = {**task.limits(), **task.resources()}
    reader = _Reader(Judge(images, task.parent.path, limits, task.entry.benchmark))
    inputs = [tensor[None] for tensor in images.first(SCORED).tensors]
    attention = has_attention(Graph(reader.parent))
    for told, recipe in bases(task.recipe, transformer=attention):
        models = Pair(reader.parent, ov.Core().read_model(task.whole(recipe).path))
        groups = {"nothing": frozenset[str](), **scopes(models, inputs)}
        for title, names in groups.items():
            model = without(models, names) if names else models.optimized
            yield reader.read(f"{told}: {title}", model)


class _Reader:
    """Reads graphs on the images that judge, those alone that meet the limits on the graph."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.parent = ov.Core().read_model(judge.parent)
        self._references: dict[int, Any] = {}

    def read(self, title: str, model: Any) -> Group:
        judge, resources = self.judge, self.judge.resources(model)
        least = judge.need(Reading(0, Loss(0.0, None, 0.0), resources))
        if least > 1:
            return Group(title, least, None, 0.0, None)
        count = len(judge.images)
        answer = judge.ask(judge.compiled(model), count, self._references)
        reading = judge.reading(answer, sure=False)
        values, pace = {**reading.values, **resources}, 0.0
        lacks = judge.need(replace(reading, values=values))
        if lacks <= 1:
            image = judge.images.tensors[0][None]
            pace = judge.pace(model, self.parent, judge.benchmark, image)
            values |= {"min_speedup": pace} if "min_speedup" in judge.limits else {}
            lacks = judge.need(replace(reading, values=values))
        return Group(title, lacks, reading.loss.judged, pace, model if lacks <= 1 else None)


def against(task: Searching, group: Group, least: float, folder: Path) -> Estimate:
    """Speed of the entry's own recipe over a group's graph, both as they are deployed.

    Paired rounds are added until it is known whether that is ``least``, or their number is spent.
    """
    path = folder / "group.xml"
    ov.save_model(group.model, path, compress_to_fp16=False)
    pair = Pair(path, task.whole(task.recipe).path)
    # Not against the parent's arm in f32: what a group leaves in floating point may run in bf16 as well.
    options = Options(arms=("optimized", "parent_default"))
    targets = (SpeedTarget("parent_default", least),)
    timing = time_pair(pair, task.input(), task.entry.benchmark, targets=targets, options=options)
    found = speedup(timing, "parent_default")
    assert found is not None
    return found
