"""The finalists of a search: quantized cleanly, timed in pairs, and judged once on the evaluation images."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.estimate import Estimate
from quantgate.core.remedy import Point, Remedy, doubt, front, need, worth
from quantgate.core.speed import speedup
from quantgate.declared import declared_limits, limit_for
from quantgate.errors import HarnessError
from quantgate.pipeline.made import made_by
from quantgate.pipeline.points import loss_name, native_points, point_of

if TYPE_CHECKING:
    from quantgate.pipeline.made import Made
    from quantgate.pipeline.searching import Searching
    from quantgate.progress import Progress
    from quantgate.remedy.course import Finalist, Found


def measured(task: Searching, found: Found, *, left_s: float, progress: Progress) -> Remedy:
    """Measure the finalists; the winner is chosen before an evaluation image is opened.

    Parameters
    ----------
    left_s
        Time that is left; the first finalist and the declared recipe are measured in any case.
    """
    progress.start("finalists", 2 * len(found.finalists) + 2)
    made, notes = _all_made(task, found, left_s, progress)
    winner = _chosen(task, made)
    declared = _declared(task, made)
    progress.advance()
    points = [*_points(task, made, winner, progress), *_others(task, declared, made)]
    points = [replace(one, optimal=best) for one, best in zip(points, front(points), strict=True)]
    progress.close()
    calibrating, choosing = task.split()
    return Remedy(
        model=task.entry.id,
        of=loss_name(task),
        calibrated_on=len(calibrating),
        chosen_on=len(choosing),
        judged_on=len(task.data.evaluation),
        points=tuple(points),
        tried=found.tried,
        limits=_thresholds(task),
        notes=(*found.notes, *_one_draw(task), *notes),
        machine=_measured_where(),
    )


def _all_made(
    task: Searching, found: Found, left_s: float, progress: Progress
) -> tuple[list[Made], list[str]]:
    """Make and time the finalists as long as there is time, the first in any case; also say what was left out."""
    made: list[Made] = []
    notes: list[str] = []
    clock = _Clock(left_s)
    for finalist in found.finalists:
        if made and clock.over():
            notes.append(
                f"time was over after {len(made)} of {len(found.finalists)} finalists: --minutes sets it"
            )
            break
        try:
            made.append(_made(task, finalist))
        except HarnessError as error:
            notes.append(f"{finalist.title} could not be measured: {error}")
        progress.advance()
    return made, notes


def _one_draw(task: Searching) -> list[str]:
    """Say that a gate demands more of a recipe than was measured here."""
    repeats = task.recipe.repeats
    if repeats == 1:
        return []
    return [
        (
            f"calibrate.repeats has a gate judge the worst of {repeats} draws; the search measured the first one"
        )
    ]


class _Clock:
    def __init__(self, left_s: float) -> None:
        import time

        self._now, self._end = time.monotonic, time.monotonic() + left_s

    def over(self) -> bool:
        return self._now() > self._end


def _made(task: Searching, finalist: Finalist) -> Made:
    found = made_by(task, finalist.title, finalist.recipe, finalist.need)
    return replace(found, chance=finalist.chance)


def _declared(task: Searching, made: list[Made]) -> Made | None:
    """The recipe as it stands, unless it is a finalist."""
    plain = replace(task.recipe, method="default", max_drop=None)
    if any(one.recipe == plain for one in made):
        return None
    return made_by(task, "as declared", plain, None)


def _chosen(task: Searching, made: list[Made]) -> Made | None:
    """Of what lacks nothing the best by its speed and chance; of those as fast within their intervals the likeliest.

    Where these are as likely too, what comes first changes less.
    """
    if not made:
        return None
    best = min(made, key=lambda one: _choice(task, one))
    lacks, fastest = _choice(task, best)[0], speedup(best.timing, "parent_f32")
    for one in made:
        fast = speedup(one.timing, "parent_f32")
        if (
            fast
            and fastest
            and fast.high >= fastest.low
            and doubt(one.chance) <= doubt(best.chance)
            and _choice(task, one)[0] <= lacks
        ):
            return one
    return best


def _choice(task: Searching, one: Made) -> tuple[float, float]:
    """Sort key of finalists: what their worst limit lacks, of answers chosen on and of resources measured."""
    from quantgate.machine import isa_class

    lacks = [one.lacks or 0.0]
    for key, found in one.resources(task.parent).items():
        limit = limit_for(task.entry, key, isa_class())
        if limit is not None and limit.threshold is not None:
            lacks.append(need(found.value, limit.threshold, smallest=limit.relation == "min"))
    fast, most = speedup(one.timing, "parent_f32"), max(1.0, *lacks)
    if most > 1:
        return most, 0.0  # finalists that miss a limit come with the least noise first
    return most, -(0.0 if fast is None else worth(fast.value, one.chance))


def _points(
    task: Searching, made: list[Made], winner: Made | None, progress: Progress
) -> list[Point]:
    found = []
    for one in made:
        found.append(point_of(task, one, "winner" if one is winner else "finalist"))
        progress.advance()
    return sorted(found, key=lambda point: point.role != "winner")


def _others(task: Searching, declared: Made | None, made: list[Made]) -> list[Point]:
    """The recipe as declared, the parent in f32, and the parent as the device runs it by default."""
    found = [] if declared is None else [point_of(task, declared, "declared")]
    timings = [one.timing for one in (*made, *([declared] if declared else []))]
    if not timings:
        return found
    one = Estimate.exact(1.0, 1, of="models")
    none = Estimate.exact(0.0, len(task.data.evaluation))
    native = native_points(task, timings[0])
    return [*found, Point("the parent in f32", "parent", none, {"parent_f32": one}, 1.0), *native]


def _thresholds(task: Searching) -> dict[str, float]:
    from quantgate.machine import isa_class

    found = {key: limit_for(task.entry, key, isa_class()) for key in declared_limits(task.entry)}
    return {
        key: limit.threshold
        for key, limit in found.items()
        if limit is not None and limit.threshold is not None and math.isfinite(limit.threshold)
    }


def _measured_where() -> str:
    from quantgate.machine import fingerprint, isa_class

    facts = fingerprint()
    versions = ", ".join(f"{name} {facts.versions[name]}" for name in ("openvino", "nncf"))
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return f"{today} on {facts.machine['cpu']} ({isa_class()}), {versions}"
