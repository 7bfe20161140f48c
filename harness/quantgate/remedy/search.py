"""The search: recipes first, then sets of layers by surgery, raced on few images and grown and pruned on all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.racing import race
from quantgate.core.remedy import doubt
from quantgate.engine.quantizers import Graph
from quantgate.errors import HarnessError
from quantgate.remedy.candidate import Candidate
from quantgate.remedy.course import Course, Found
from quantgate.remedy.finals import finalists
from quantgate.remedy.graphs import Graphs
from quantgate.remedy.growing import improved
from quantgate.remedy.judge import TARGET
from quantgate.remedy.patterns import has_attention
from quantgate.remedy.readings import IMPOSSIBLE, Readings
from quantgate.remedy.recipes import DECLARED, bases, refined
from quantgate.remedy.scopes import scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.remedy.course import Job

#: Selection images of the first rungs; the last rung has all of them.
RUNGS = (8, 16)
#: Images on which the noise of each layer is measured.
SCORED = 8


def search(job: Job) -> Found:
    """Search for recipes that meet the limits on the selection images.

    Raises
    ------
    HarnessError
        Where not even the declared recipe can be quantized and read.
    """
    graphs = Graphs(job.parent, job.make)
    readings = Readings(graphs, job.judge, job.keep, job.exchange)
    course = Course(job, readings, job.clock())
    recipes = _recipes(course)
    best = recipes[0]
    chosen = improved(course, _raced(course, best))
    declared = [one for one in recipes[1:] if one.of == DECLARED]
    others = [one for one in recipes[1:2] if one not in declared]
    course.tried_on([*declared, *others], chosen)
    _refined(course, best, chosen)
    found = finalists(course)
    notes = (*course.notes, *readings.notes)
    return Found(found, tuple(readings.tried.values()), notes)


def _recipes(course: Course) -> list[Candidate]:
    """Whole recipes, best first."""
    job, readings = course.job, course.readings
    attention = has_attention(Graph(readings.graphs.parent))
    listed = bases(job.declared, transformer=attention)
    job.progress.start("recipes", len(listed))
    ranked: list[tuple[tuple[float, float], int, Candidate]] = []
    for place, (title, recipe) in enumerate(listed):
        if ranked and course.over():
            break
        candidate = Candidate(title, recipe)
        ranked.append((readings.rank(candidate), place, candidate))
        if not place and ranked[0][0][0] < IMPOSSIBLE:
            readings.spare(candidate)
        job.progress.advance()
    job.progress.close()
    ranked.sort(key=lambda one: one[:2])
    if ranked[0][0][0] >= IMPOSSIBLE:
        raise HarnessError(readings.notes[0])
    return [candidate for *_, candidate in ranked]


def _raced(course: Course, base: Candidate) -> list[Candidate]:
    """Race sets of layers of one recipe; those that fit first, and the others where these leave a doubt."""
    if course.over():
        return []
    job, readings = course.job, course.readings
    inputs = [tensor[None] for tensor in job.judge.images.first(SCORED).tensors]
    candidates = [
        base.leaving(title, names)
        for title, names in scopes(readings.graphs.models(base.base), inputs).items()
    ]
    fit = [one for one in candidates if readings.fits(one)]
    spared = len(candidates) - len(fit)
    left = _race(course, fit) if fit else []
    if not spared:
        return left
    if left and _settled(course, left[0]):
        course.notes.append(
            f"{spared} of {len(candidates)} sets of layers were not read: their graphs alone miss a limit on "
            "size or on work in INT8, and another set is sure to meet all"
        )
        return left
    return _race(course, candidates)


def _settled(course: Course, best: Candidate) -> bool:
    """Whether the best meets the target, also when it is looked at again, and other images leave no doubt."""
    readings = course.readings
    if readings.rank(best)[0] > TARGET:
        return False
    readings.look_again(best)
    return readings.lacks(best) <= TARGET and not doubt(readings.chance(best))


def _race(course: Course, candidates: Sequence[Candidate]) -> list[Candidate]:
    job, readings = course.job, course.readings
    rungs = (*(count for count in RUNGS if count < readings.whole), readings.whole)

    def counted(candidate: Candidate, images: int) -> tuple[float, float]:
        job.progress.advance()
        return readings.rank(candidate, images)

    job.progress.start("racing", 2 * len(candidates))
    left = race(candidates, rungs, counted, over=course.over)
    job.progress.close()
    return left


def _refined(course: Course, best: Candidate, chosen: Sequence[Candidate]) -> None:
    """Refine the best recipe where the target is not met, with what was chosen and without."""
    readings = course.readings
    listed = list(refined(best.base, redraw=course.job.redraw))
    course.job.progress.start("refining", len(listed))
    for title, recipe in listed:
        if course.over() or readings.lacks(readings.ranked()[0]) <= TARGET:
            break
        told = title if best.of == DECLARED else f"{best.of}, {title}"
        bare = Candidate(told, recipe)
        if readings.rank(bare)[0] < IMPOSSIBLE:
            course.tried_on([bare], chosen[-1:])
        course.job.progress.advance()
    course.job.progress.close()
