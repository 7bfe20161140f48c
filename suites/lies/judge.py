"""What the harness says of a project before it judges anything, and what its parent then reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.engine.artifact import parent_artifact
from quantgate.engine.evaluate import evaluate_role
from quantgate.engine.look.examine import examine
from quantgate.engine.runtime import Target, compile_model
from quantgate.errors import HarnessError
from quantgate.manifest import load_manifest
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of
from quantgate.store import Store
from quantgate.tasks.catalog import TASKS
from quantgate.tasks.doubts.catalog import doubts
from suites.lies.project import MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from suites.lies.project import Project


@dataclass(frozen=True, slots=True)
class Heard:
    """Why a project was refused, or what was noted, and the parent's metric where there is one."""

    refused: str = ""
    notes: tuple[str, ...] = ()
    metric: float | None = None

    @property
    def said(self) -> str:
        """Everything that was said; empty where nothing was."""
        return "; ".join(filter(None, (self.refused, *self.notes)))


def hear(project: Project, store: Path) -> Heard:
    """Load a project's data and try its parent on them, as a gate does before it quantizes."""
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
        notes += doubts(entry.task, found)
        task = TASKS[entry.task]
        metric = task.metrics(found).parent[task.DEFAULT_METRIC]
    except HarnessError as error:
        return Heard(str(error), notes)
    return Heard("", notes, metric)
