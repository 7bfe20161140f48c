"""The finalists of a search: the best, looked at again, made surer where they are in doubt, and made by NNCF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.remedy import doubt
from quantgate.remedy.candidate import Candidate
from quantgate.remedy.course import SEARCHING, Finalist
from quantgate.remedy.growing import united
from quantgate.remedy.judge import TARGET
from quantgate.remedy.recipes import ignoring, unquantizing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quantgate.entries import Recipe
    from quantgate.remedy.course import Course

FINALISTS = 3
#: Candidates that are read once more on other images, before the finalists are taken of them.
AGAIN = 5
#: Least part of the multiply-accumulates that a pruned set must put back: less is gained by chance.
_GAIN = 0.01
#: What NNCF's own scope may lack more than surgery, of what it may lack at all.
_AS_GOOD = 1.1


def finalists(course: Course) -> tuple[Finalist, ...]:
    """Requantize the best cleanly, those that meet the target where there are some."""
    chosen = _looked_at_again(course) or course.readings.ranked()[:FINALISTS]
    taken: list[Candidate] = []
    found: list[Finalist] = []
    for candidate in chosen:
        if _outdone(course, candidate, taken):
            continue
        if found and course.spent() > course.job.seconds * (1 + SEARCHING) / 2:
            course.notes.append(f"time was over after {len(found)} of {FINALISTS} finalists")
            break
        found.append(_clean(course, candidate))
        taken.append(candidate)
        course.readings.mark(candidate)
    return tuple(found)


def _outdone(course: Course, one: Candidate, others: Iterable[Candidate]) -> bool:
    """Whether one of others, all looked at more closely, leaves nothing to be gained by this one.

    What was pruned outdoes none: of many sets it is the one that was lucky. Where the target is missed all that
    counts is what is lacking.
    """
    readings = course.readings
    if readings.lacks(one) > TARGET:
        return False
    own = course.standing(one)
    return any(
        own.outdone(course.standing(other))
        for other in others
        if not other.whole and readings.lacks(other) <= TARGET
    )


def _looked_at_again(course: Course) -> list[Candidate]:
    """Of those that meet the target the best finalists, after a second look; none where none does."""
    families: dict[object, Candidate] = {}
    for one in _able(course, course.readings.ranked()):
        families.setdefault(one.family, one)
    few = _again(course, [*families.values()])
    few += _surer(course, few)
    # Their true speeds come later: where these are the same, the likelier is taken, and then what costs less.
    able = _able(course, few)
    if able:
        return sorted(able[:FINALISTS], key=course.costs)
    return sorted(few, key=course.readings.best)[:FINALISTS]


def _again(course: Course, able: Sequence[Candidate]) -> list[Candidate]:
    """Look at the best again, and at what those that hold leave something to be gained by."""
    if course.job.exchange is None or len(able) <= 1:
        return [*able][:AGAIN]
    few: list[Candidate] = []
    course.job.progress.start("looking again", AGAIN)
    for one in able:
        if course.over() or (len(few) >= AGAIN and _able(course, few)):
            break
        if _outdone(course, one, few):
            continue
        course.readings.look_again(one)
        course.job.progress.advance()
        few.append(one)
    course.job.progress.close()
    if not few:
        return [*able][:AGAIN]
    read = "the best was" if len(few) == 1 else f"the best {len(few)} were"
    course.notes.append(
        f"{read} read once more with images exchanged: on those that had calibrated the model, "
        "calibrated on others"
    )
    return few


def _surer(course: Course, few: Sequence[Candidate]) -> list[Candidate]:
    """Unite the best with others of its recipe, where other images may well miss what it meets on these."""
    readings = course.readings
    best = next(iter(_able(course, few)), None)
    if best is None or not doubt(readings.chance(best)):
        return []
    every = readings.graphs.types(best.base).keys()
    sets = [one for one in readings.ranked() if one.base == best.base and not one.whole]
    unions = {
        one.layers: one
        for one in (united([best, other]) for other in sets)
        if best.layers < one.layers < every
    }
    found = []
    for one in [*unions.values()][:AGAIN]:
        if course.over():
            break
        if readings.rank(one)[0] <= TARGET:
            readings.look_again(one)
            found.append(one)
    return found


def _able(course: Course, ranked: Sequence[Candidate]) -> list[Candidate]:
    """Those that meet the target, best first; of pruned ones those that put work back into INT8."""
    readings = course.readings
    able = [
        one
        for one in ranked
        if readings.lacks(one) <= TARGET
        and (
            not one.whole
            or readings.graphs.work(one.whole) - readings.graphs.work(one.layers) >= _GAIN
        )
    ]
    return sorted(able, key=lambda one: (readings.best(one), course.costs(one)))


def _clean(course: Course, chosen: Candidate) -> Finalist:
    """Leave layers out by NNCF's own scope where it answers as surgery did, else by surgery."""
    readings = course.readings
    known = readings.lacks(chosen), readings.chance(chosen)
    if not chosen.layers:
        return Finalist(chosen.title, chosen.base, *known)
    types = readings.graphs.types(chosen.base)
    recipe = ignoring(chosen.base, chosen.layers, types)
    if not _as_good(course, chosen, recipe):
        recipe = unquantizing(chosen.base, chosen.layers, types)
    return Finalist(chosen.title, recipe, *known)


def _as_good(course: Course, chosen: Candidate, recipe: Recipe) -> bool:
    """Whether NNCF, told to leave the layers out, does what surgery did: the same quantizers, or answers as good.

    Exact bias correction looks at the whole network, so that equal quantizers say nothing of equal answers.
    """
    readings = course.readings
    if recipe.fast_bias_correction and readings.graphs.same(chosen, course.job.whole(recipe)):
        return True
    scope = f"{chosen.scope}, left out by NNCF"
    clean = Candidate(chosen.of, recipe, scope, out=len(chosen.layers))
    return readings.rank(clean)[0] <= max(TARGET, readings.lacked(chosen) * _AS_GOOD)
