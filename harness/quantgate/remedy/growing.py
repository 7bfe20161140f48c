"""Sets of layers that grow until they meet the target, and lose again what they do not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.racing import grown, pruned
from quantgate.remedy.candidate import Candidate
from quantgate.remedy.judge import TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.remedy.course import Course

#: Least part of the multiply-accumulates for which it is worth trying whether a layer need be in float.
_WORK = 0.001


def improved(course: Course, sets: Sequence[Candidate]) -> list[Candidate]:
    """Grow the best sets of a recipe until they meet the target, and leave out what the best does not need."""
    readings = course.readings

    def union(names: frozenset[str]) -> Candidate:
        return united([one for one in sets if one.layers <= names])

    def lacks(names: frozenset[str]) -> float:
        # With nothing left in INT8 it is the parent, which the answer holds anyway.
        if course.over() or names >= readings.graphs.types(sets[0].base).keys():
            return float("inf")
        return readings.rank(union(names))[0]

    if not sets:
        return []
    course.job.progress.start("growing and pruning", 1)
    kept = [union(one) for one in grown([one.layers for one in sets], lacks, TARGET)]
    best = min([*sets, *kept], key=lambda one: (readings.rank(one), course.costs(one)))
    smaller = _pruned(course, best)
    course.job.progress.close()
    return [*([smaller] if smaller else []), best]


def united(sets: Sequence[Candidate]) -> Candidate:
    """Leave out all that some sets of one recipe leave out."""
    parts = dict.fromkeys(one.scope for one in sets)
    layers = frozenset[str]().union(*(one.layers for one in sets))
    return sets[0].leaving(" + ".join(parts), layers)


def _pruned(course: Course, best: Candidate) -> Candidate | None:
    """Put work back into INT8 that need not be in float; None where none can be.

    Layers without multiply-accumulates stay out together: putting some of them back gains nothing and spends
    accuracy on rounding.
    """
    readings = course.readings
    types, enough = readings.graphs.types(best.base), readings.rank(best)
    heavy = [name for name in best.layers if readings.graphs.work([name]) >= _WORK]
    heavy.sort(key=lambda name: (types[name], name))
    light = best.layers.difference(heavy)

    def smaller(names: Sequence[str]) -> Candidate:
        left = light.union(names)
        scope = f"{len(left)} layers of: {best.scope}"
        return Candidate(best.of, best.base, scope, left, whole=best.layers)

    def holds(names: Sequence[str]) -> bool:
        return not course.over() and readings.rank(smaller(names)) <= enough

    left = pruned(heavy, holds, least=0 if light else 1)
    return smaller(left) if len(left) < len(heavy) else None
