"""The answers that lanes are judged by, each given in a process that uses the lane's instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantgate.core.limits import LIMITS
from quantgate.entries.lane import cap_of
from quantgate.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.accuracy import Compared
    from quantgate.pipeline.data import Data
    from quantgate.run import Run
    from quantgate.session.steps import Steps


def own_answers(steps: Steps, run: Run, optimized: Artifact, data: Data) -> Path:
    """Give the answers of a lane, or of a model on its first device, and lay them into the run's folder."""
    from quantgate.pipeline.lanes import given_answers, hand_on

    entry = steps.entry
    if entry.lane and entry.lane.given:
        return given_answers(entry, optimized, data)
    name = entry.device_name
    found = _answers(steps, run, optimized, data, name=name)
    hand_on(entry, run, optimized, data, name=name, answers=found)
    return found


def note_alone(entry: ModelEntry, run: Run) -> None:
    """Note that limits between devices judge nothing where there is one device only."""
    keys = [key for key, kind in LIMITS.items() if kind.between_devices]
    left = [key for key in keys if getattr(entry.limits, key) is not None]
    lanes = (one.lane for one in run.manifest.models.values())
    of_it = (lane for lane in lanes if lane and lane.answers)
    if entry.lane or not left or any(lane.model == entry.id for lane in of_it):
        return
    said = (
        f"{', '.join(left)}: nothing to compare with {entry.benchmark.device}: name another device in "
        "evaluate.device, or give another machine's run with --predictions-from"
    )
    run.keep(entry.id, "alone", {"notes": [said]})


def compared(steps: Steps, run: Run, parent: Artifact, data: Data, *, own: Path) -> Compared:
    """Compare a lane's answers with the parent's on the CPU."""
    from quantgate.pipeline.lanes import compare_lane

    reference = _answers(steps, run, parent, data, name="CPU")
    given = (steps.entry, run, data, Pair(reference, own))
    return steps.found("comparing devices", compare_lane, *given)


def compared_with_others(
    steps: Steps, run: Run, optimized: Artifact, data: Data
) -> Mapping[str, Comparison[Any]]:
    """Compare a lane's answers with those of the devices before it."""
    from quantgate.pipeline.lanes import compare_devices

    lane = steps.entry.lane
    assert lane is not None
    own = own_answers(steps, run, optimized, data)
    lanes = {name: run.manifest.models.get(f"{lane.model}:{name}") for name in lane.others}
    others = {
        name: own_answers(steps.of(entry), run, optimized, data)
        for name, entry in lanes.items()
        if entry is not None
    }
    first = lane.others[0]
    others = {first: _answers(steps, run, optimized, data, name=first), **others}
    given = (steps.entry, run, data)
    return steps.found("comparing devices", compare_devices, *given, own=own, others=others)


def _answers(steps: Steps, run: Run, artifact: Artifact, data: Data, *, name: str) -> Path:
    from quantgate.pipeline.lanes import lane_answers

    given = (steps.entry, run, artifact, data)
    with steps.bars() as progress:
        return steps.capped(cap_of(name)).found(
            f"running on {name}", lane_answers, *given, name=name, progress=progress
        )
