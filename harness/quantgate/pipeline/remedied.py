"""A search for a recipe that meets an entry's limits, from its images to the answer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.declared import declared_limits
from quantgate.errors import UsageError
from quantgate.pipeline.finalists import measured
from quantgate.pipeline.searching import Searching
from quantgate.progress import SILENT

if TYPE_CHECKING:
    from quantgate.core.remedy import Remedy
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run


def remedy_entry(
    entry: ModelEntry,
    run: Run,
    parent: Artifact,
    data: Data,
    *,
    seconds: float,
    progress: Progress = SILENT,
) -> Remedy:
    """Search a recipe that meets the limits, measure the finalists, and judge them once.

    Every candidate's reading and every quantized model are in the store: a search that was killed goes
    on where it stopped.

    Raises
    ------
    UsageError
        Where there is no recipe, or no limit that a recipe could meet.
    DatasetError
        Where too few calibration images are left to choose on.
    HarnessError
        Where the declared recipe cannot be quantized and read.
    """
    from quantgate.remedy.course import Job
    from quantgate.remedy.search import search

    began = time.monotonic()
    refuse_hopeless(entry)
    task = Searching(entry, run, parent, data)
    job = Job(
        declared=task.recipe,
        parent=parent.path,
        judge=task.judge(),
        make=task.make,
        whole=lambda recipe: task.whole(recipe).path,
        keep=task.kept,
        exchange=task.exchange(),
        redraw=task.redraw(),
        seconds=seconds,
        progress=progress,
    )
    found = search(job)
    spent = time.monotonic() - began
    answer = measured(task, found, left_s=seconds - spent, progress=progress)
    return replace(answer, seconds=time.monotonic() - began)


def refuse_hopeless(entry: ModelEntry) -> None:
    """Refuse an entry for which no recipe can be searched.

    Raises
    ------
    UsageError
        Says what it lacks.
    """
    if entry.calibrate is None:
        raise UsageError(
            f"models.{entry.id} has no `calibrate`: its optimized model is given ready-made, so that there is "
            "no recipe to change; give `calibrate` instead of `optimized`"
        )
    if not [key for key in declared_limits(entry) if LIMITS[key].scope != "memory"]:
        raise UsageError(
            f"models.{entry.id} declares no limit that a recipe could meet: set limits.max_accuracy_drop, "
            "limits.min_agreement or limits.min_speedup"
        )
