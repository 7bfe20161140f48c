"""How bad it is what happened to the objects of one image: the order of the worst images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.matching import Change
from quantgate.core.predictions import Objects
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection import matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.core.matching import Match
    from quantgate.core.predictions import Detections
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.matching import Detected, MatchedImage

#: Of one object at full confidence and size; an object that moved weighs ``(1 - IoU)`` times its weight.
WEIGHTS: Mapping[Change, float] = {
    Change.LOST: 1.0,
    Change.RELABELLED: 1.0,
    Change.GAINED: 0.5,
    Change.MOVED: 0.25,
}
CROSSED = 0.125
#: Weight of an object without any area, against 1 of one that fills the image.
_SMALLEST = 0.5
_SHIFTS = frozenset({Change.KEPT, Change.MOVED})


@dataclass(frozen=True, slots=True)
class _Right:
    """Objects of one role that an annotation confirms, and those that it says nothing about."""

    confirmed: frozenset[int]
    excused: frozenset[int]


def severity(comparison: Detected, index: int, plan: EvaluationPlan) -> tuple[float, ...]:
    """Say how bad the changes of one image are; tuples compare from left to right, more is worse.

    1. Whether the optimized model has lost every object that the parent finds here.
    2. With annotations, what was right and is wrong now.
    3. What else was lost, relabelled or gained.
    4. What moved, or crossed the score threshold: it never outweighs an object that came or went.

    2 to 4 are sums over objects: ``WEIGHTS`` times the confidence of the role that saw it (of both, the
    higher one) times ``(1 + sqrt(area / image)) / 2``. With annotations what turned from right to wrong
    counts twice, and what was wrong before counts nothing: losing a false object is no loss.
    """
    image = matching.matched(comparison, plan)[index]
    right = _right(comparison, index, plan)
    blind, wronged, changed, shifted = _is_blind(image, right), 0.0, 0.0, 0.0
    for match in image.matches:
        weight = _weight(match, image, comparison.images[index].size)
        turned = None if right is None else _turned_wrong(match, right)
        if match.change in _SHIFTS and not turned:
            shifted += weight if turned is None else 0.0
        elif turned:
            wronged += 2 * weight
        elif turned is None:
            changed += weight
    return float(blind), wronged, changed, shifted


def _is_blind(image: MatchedImage, right: Pair[_Right] | None) -> bool:
    lost = {m.parent for m in image.matches if m.change is Change.LOST}
    everything = {m.parent for m in image.matches if m.parent is not None}
    meant = right is None or bool(lost & right.parent.confirmed)
    return bool(lost) and lost == everything and meant


def _weight(match: Match, image: MatchedImage, size: tuple[int, int]) -> float:
    seen = [
        (float(role.scores[place]), _prominence(role, place, size))
        for role, place in zip(image.objects, (match.parent, match.optimized), strict=True)
        if place is not None
    ]
    weight = WEIGHTS.get(match.change, 0.0)
    if match.change is Change.MOVED:
        weight *= 1.0 - match.iou
    if match.score_crossed:
        weight += CROSSED
    return weight * max(score for score, _ in seen) * max(prominence for _, prominence in seen)


def _prominence(found: Detections, place: int, size: tuple[int, int]) -> float:
    x0, y0, x1, y1 = (float(edge) for edge in found.boxes[place])
    share = max(0.0, x1 - x0) * max(0.0, y1 - y0) / max(1, size[0] * size[1])
    return _SMALLEST + (1.0 - _SMALLEST) * math.sqrt(min(1.0, share))


def _right(comparison: Detected, index: int, plan: EvaluationPlan) -> Pair[_Right] | None:
    """Sort both roles' objects by the annotations; None where an image has none."""
    images = comparison.images
    if not comparison.once("annotated", lambda: all(isinstance(i.truth, Objects) for i in images)):
        return None
    judged = [matching.matched_with_truth(comparison, plan, role)[index] for role in ROLES]
    return Pair(*(_of_role(one) for one in judged))


def _of_role(judged: MatchedImage) -> _Right:
    found = {m.optimized for m in judged.matches if m.optimized is not None}
    confirmed = {
        m.optimized for m in judged.matches if m.optimized is not None and matching.is_matched(m)
    }
    scores = judged.objects.optimized.scores
    return _Right(frozenset(confirmed), frozenset(range(len(scores))) - found)


def _turned_wrong(match: Match, right: Pair[_Right]) -> bool | None:
    """Whether an object was right and is wrong now; None where annotations leave it as open as before."""
    if match.parent is None:
        if match.optimized in right.optimized.excused:
            return None
        return match.optimized not in right.optimized.confirmed
    if match.parent in right.parent.excused:
        return None
    before = match.parent in right.parent.confirmed
    if match.optimized is None:
        return before
    after = match.optimized in right.optimized.confirmed
    if (before and after) or match.optimized in right.optimized.excused:
        return None
    return before and not after
