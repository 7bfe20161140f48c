"""What the harness says of a project before it judges anything, and what its parent then reaches."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.engine.artifact import parent_artifact
from quantgate.engine.evaluate import evaluate_role
from quantgate.engine.look.examine import examine
from quantgate.engine.runtime import Target, compile_model
from quantgate.errors import HarnessError
from quantgate.manifest import load_manifest
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of
from quantgate.pipeline.suspicions import told_doubts
from quantgate.store import Store
from quantgate.tasks.catalog import TASKS
from suites.lies.project import MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from suites.lies.project import Project


@dataclass(frozen=True, slots=True)
class Heard:
    """Why a project was refused, or what was noted, and the parent's metric where there is one.

    ``interval`` is that of the metric, 95 % over images drawn anew.
    """

    refused: str = ""
    notes: tuple[str, ...] = ()
    metric: float | None = None
    interval: tuple[float, float] = (math.nan, math.nan)

    @property
    def said(self) -> str:
        """Everything that was said; empty where nothing was."""
        return "; ".join(filter(None, (self.refused, *self.notes)))

    def within(self, honest: Heard) -> bool:
        """Whether the metric is one that the honest project might have had with other images."""
        low, high = honest.interval
        return self.metric is not None and low <= self.metric <= high


def hear(project: Project, store: Path, *, draws: int = 0) -> Heard:
    """Load a project's data and try its parent on them, as a gate does before it quantizes.

    ``draws`` of the images give the metric's interval.
    """
    notes: tuple[str, ...] = ()
    try:
        manifest = load_manifest(project.write())
        entry = manifest.models[MODEL]
        data = load_data(entry, manifest, store)
        notes = data.notes
        parent = parent_artifact(
            entry.source, entry.preprocess, manifest.root, Store(store), name=entry.id
        )
        bench = bench_of(entry, data.evaluation)
        look = examine(parent, bench, Target(device="CPU", precision="f32", hint="latency"))
        if look.problem:
            return Heard(look.problem, notes)
        notes += look.notes
        model = compile_model(parent, Target(device="CPU", precision="f32"))
        found = evaluate_role(model, bench)
        notes += told_doubts(entry, found, data.evaluation)
        metric = _metric(entry.task, found)
    except HarnessError as error:
        return Heard(str(error), notes)
    rng = np.random.default_rng(0)
    count = len(found.images)
    redrawn = [
        _metric(entry.task, replace(found, images=tuple(found.images[i] for i in chosen)))
        for chosen in rng.integers(0, count, (draws, count)).tolist()
    ]
    interval = np.percentile(redrawn, (2.5, 97.5)).tolist() if draws else (math.nan, math.nan)
    return Heard("", notes, metric, (interval[0], interval[1]))


def _metric(name: str, found: Comparison[Any]) -> float:
    task = TASKS[name]
    return task.metrics(found).parent[task.DEFAULT_METRIC]
