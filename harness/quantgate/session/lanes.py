"""Models on further devices: each is one more model of the run, beside the one it is of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.declared import declared_limits, limit_place
from quantgate.engine.worker.client import Step, Worker
from quantgate.entries.lane import Lane, device_of
from quantgate.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from quantgate.entries import Limits, Manifest, ModelEntry

_GIVEN = "--predictions-from"


def with_lanes(manifest: Manifest, given: Path | None) -> Manifest:
    """Put the lanes of every model behind it.

    Parameters
    ----------
    given
        Folder of a run of another machine, whose answers are lanes, too.

    Raises
    ------
    UsageError
        Where that run holds no answers of a model of this manifest.
    """
    answers = _answers_of(given) if given else {}
    models: dict[str, ModelEntry] = {}
    for model, entry in manifest.models.items():
        models[model] = entry
        own = _named(entry, {name: one for (of, name), one in answers.items() if of == model})
        for lane in _lanes(entry, own):
            made = _lane_entry(entry, lane)
            if lane.answers or declared_limits(made):
                models[lane.id] = made
    used = [entry.lane.given for entry in models.values() if entry.lane and entry.lane.given]
    if given and not used:
        held = ", ".join(sorted({model for model, _ in answers})) or "none"
        raise UsageError(
            f"{_GIVEN} {given}: expected answers of a model of this manifest, found those of {held}; a run keeps "
            "the answers of models whose evaluate.device is set"
        )
    return replace(manifest, models=models)


def refuse_absent_devices(manifest: Manifest) -> None:
    """Refuse devices that are not on this machine, before anything runs.

    Raises
    ------
    MeasurementError
        Names the path in models.toml, and what is there.
    """
    from quantgate.engine.devices import refuse_absent

    wanted = [
        (f"models.{entry.lane.model}.{key}.device", name)
        for entry in manifest.models.values()
        if entry.lane and not entry.lane.given
        for key, name in _asked(entry.lane)
    ]
    if not wanted:
        return
    worker = Worker()
    try:
        # Drivers are loaded for it, which may crash.
        worker.call(Step("looking for devices", 120.0), refuse_absent, wanted)
    finally:
        worker.close()


def _asked(lane: Lane) -> Iterator[tuple[str, str]]:
    """Say which keys name a lane; with one that is timed goes the device that it is beside."""
    if lane.answers:
        yield "evaluate", lane.name
    if lane.timed:
        yield from (("benchmark", name) for name in (lane.first, lane.name))


def _named(entry: ModelEntry, answers: Mapping[str, tuple[str, Path]]) -> dict[str, Path]:
    """Name answers as the entry does, and others by the class of their machine's instructions."""
    first = entry.benchmark.device
    return {
        name
        if (name in entry.evaluate.device and name != first) or "@" in name
        else f"{name}@{isa}": path
        for name, (isa, path) in answers.items()
    }


def _lanes(entry: ModelEntry, given: Mapping[str, Path]) -> Iterator[Lane]:
    """Give the devices of an entry and those of another machine, but for the one of ``benchmark``."""
    first = entry.benchmark.device
    others = [first]
    judged = (*entry.evaluate.device, *given)
    for name in dict.fromkeys((*judged, *entry.timed_on)):
        if name == first:
            continue
        answers, timed = name in judged, name in entry.timed_on
        yield Lane(entry.id, name, tuple(others), given.get(name), answers, timed)
        if answers:
            others.append(name)


def _lane_entry(entry: ModelEntry, lane: Lane) -> ModelEntry:
    """Make the model that a lane is: judged by the limits of answers, or of speed, on its device."""
    limits, places = _of_device(entry, lane)
    return replace(
        entry,
        id=lane.id,
        lane=lane,
        baseline=None,
        limits=limits,
        limit_places=places,
        benchmark=replace(entry.benchmark, device=device_of(lane.name)),
    )


def _of_device(entry: ModelEntry, lane: Lane) -> tuple[Limits, Mapping[str, str]]:
    """Keep the limits that are judged on a lane, in the place of which its own come; with their places."""
    scopes = {"images"} if lane.answers else set()
    scopes |= {"speed", "execution"} if lane.timed else set()
    keys = [key for key, kind in LIMITS.items() if kind.scope in scopes and not kind.to_baseline]
    own = entry.limits.devices.get(lane.name)
    said = {key: getattr(own, key, None) for key in keys if getattr(own, key, None) is not None}
    kept = {key: getattr(entry.limits, key) for key in keys} | said
    nothing = type(entry.limits)()
    places = {key: f'models.{entry.id}.limits.devices."{lane.name}".{key}' for key in said}
    here = {key: limit_place(entry, key) for key in keys}
    return replace(nothing, **kept), {**here, **places}


def _answers_of(run: Path) -> dict[tuple[str, str], tuple[str, Path]]:
    """Find the answers that a run holds: class of instructions and folder, by model and device."""
    from quantgate.pipeline.lanes import ABOUT, FOLDER, read_about

    found: dict[tuple[str, str], tuple[str, Path]] = {}
    for path in sorted((run / FOLDER).glob(f"*/{ABOUT}")):
        try:
            about = read_about(path.parent)
        except HarnessError as error:
            raise UsageError(f"{_GIVEN} {run}: {error}") from error
        place = (str(about["isa"]), path.parent.absolute())
        found[str(about["model"]), str(about["device"])] = place
    return found
