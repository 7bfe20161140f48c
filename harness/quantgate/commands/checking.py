"""What ``quantgate check`` looks at besides the manifest: all that needs no quantization."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.commands.console import say
from quantgate.engine.worker.client import Step, Worker
from quantgate.errors import HarnessError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.datasets.sample import Dataset
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import Manifest, ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.run import Run

_WARM = ("cv2", "openvino", "quantgate.engine.look.examine")
#: Unreadable images that are named.
_NAMED = 3


def check_models(manifest: Manifest, reports: Path, store: Path, *, deep: bool) -> int:
    """Try every model of a manifest on its images; return how many cannot be judged as they are."""
    from quantgate.run import Run

    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    run = Run(
        reports / "check", manifest=manifest, store=store, strict_sources=False, started=started
    )
    run.open()
    worker = Worker(_WARM)
    worker.start()
    try:
        return sum(_broken(entry, run, worker, deep=deep) for entry in manifest.models.values())
    finally:
        worker.close()
        run.forget()


def _broken(entry: ModelEntry, run: Run, worker: Worker, *, deep: bool) -> bool:
    """Say all about one model; True where it cannot be judged."""
    try:
        notes = list(_findings(entry, run, worker, deep=deep))
    except SourceUnavailableError as error:
        say(f"SKIPPED  {entry.id}: {error}")
        return False
    except HarnessError as error:
        say(f"BROKEN  {entry.id}: {error}")
        return True
    for note in notes:
        say(f"NOTE  {entry.id}: {note}")
    return False


def _findings(entry: ModelEntry, run: Run, worker: Worker, *, deep: bool) -> Iterator[str]:
    from quantgate.pipeline.data import load_data
    from quantgate.pipeline.looking import look_at_parent, picture_of
    from quantgate.pipeline.suspicions import suspicions

    data = load_data(entry, run.manifest, run.store)
    yield from data.notes
    if deep:
        yield from _unreadable(data.evaluation)
        if data.calibration is not None:
            yield from _unreadable(data.calibration)
    parent = _parent(entry, run, worker)
    looking = Step("looking at the parent", entry.time_limit_s)
    yield from worker.call(looking, look_at_parent, entry, run, parent, data)
    beside = Step("comparing with annotations", entry.time_limit_s)
    yield from worker.call(beside, suspicions, entry, parent, data)
    yield from _given(entry, run, parent, worker)
    say(f"CHECKED  {entry.id}: {_told(entry, data)}, {_shown(picture_of(entry, run))}")


def _parent(entry: ModelEntry, run: Run, worker: Worker) -> Artifact:
    from quantgate.engine.artifact import parent_artifact

    place = (entry.source, entry.preprocess, run.manifest.root, run.store_of(entry.id))
    step = Step("reading the model", entry.time_limit_s)
    return worker.call(step, parent_artifact, *place, name=entry.id)


def _given(entry: ModelEntry, run: Run, parent: Artifact, worker: Worker) -> Iterator[str]:
    """Compare a ready-made optimized model's graph with its parent's."""
    if entry.optimized is None:
        return
    from quantgate.engine.artifact import given_artifact
    from quantgate.engine.interface import integrity
    from quantgate.pair import Pair

    place = (entry.optimized, entry.preprocess, run.manifest.root, run.store_of(entry.id))
    step = Step("reading the model", entry.time_limit_s)
    made = worker.call(step, given_artifact, *place, parent=parent)
    found = worker.call(
        Step("comparing the graphs", entry.time_limit_s), integrity, Pair(parent, made)
    )
    yield from found.problems
    yield from found.notes


def _told(entry: ModelEntry, data: Data) -> str:
    calibration = "" if data.calibration is None else f", {len(data.calibration)} to calibrate with"
    return f"{entry.task}, {entry.decoder.kind}, {len(data.evaluation)} images to judge on{calibration}"


def _shown(picture: Path) -> str:
    if not picture.is_file():
        return "nothing to draw"
    here = Path.cwd()
    path = picture.relative_to(here) if picture.is_relative_to(here) else picture
    return f"first answers in {path}"


def _unreadable(dataset: Dataset) -> Iterator[str]:
    """Read every image of a set, and say which cannot be."""
    from concurrent.futures import ThreadPoolExecutor

    from quantgate.datasets.images import read_image
    from quantgate.machine import logical_cores

    def reason(sample: object) -> str:
        try:
            read_image(sample)  # type: ignore[arg-type]
        except HarnessError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(logical_cores()) as pool:
        reasons = [each for each in pool.map(reason, dataset.samples) if each]
    if reasons:
        more = "; …" if len(reasons) > _NAMED else ""
        yield (
            f"datasets.{dataset.name}: {len(reasons)} of {len(dataset)} images cannot be read: "
            f"{'; '.join(reasons[:_NAMED])}{more}"
        )
