"""Which object of the parent is which object of the optimized model: one to one, and what changed.

Both roles are cut at one shared score threshold. Stage one pairs the objects that reach it; stage
two lets what is left pair with objects of the other role that miss it by at most the hysteresis;
stage three looks at what is still left without regard to class. Each stage is an assignment of
maximum total IoU among the pairs that reach the IoU threshold.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.boxes import assign, box_iou

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from quantgate.core.predictions import Detections

#: A matched object whose IoU is at least this has not moved.
KEPT_IOU = 0.9
# Among assignments of equal IoU the one with the smaller changes of score is taken; so small
# that it never outweighs a difference of IoU that float32 boxes can express.
_SCORE_TIE = 1e-9


class Change(Enum):
    """What happened to one object between the roles; the value names it in tables and files."""

    KEPT = "kept"
    MOVED = "moved"
    RELABELLED = "relabelled"
    LOST = "lost"
    GAINED = "gained"

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        return _SENTENCES[self]

    @property
    def mirrored(self) -> Change:
        """The change as seen with the roles swapped."""
        return _MIRROR.get(self, self)


_SENTENCES = {
    Change.KEPT: "Both models find it, in the same place and with the same class.",
    Change.MOVED: "Both models find it with the same class, but its outline has shifted.",
    Change.RELABELLED: "Both models find something here, but they give it different classes.",
    Change.LOST: "Only the parent model finds it.",
    Change.GAINED: "Only the optimized model finds it.",
}
_MIRROR = {Change.LOST: Change.GAINED, Change.GAINED: Change.LOST}


@dataclass(frozen=True, slots=True)
class MatchRule:
    """When two objects are the same: see ``EvaluationPlan`` for the fields' meaning."""

    score_threshold: float = 0.5
    iou_threshold: float = 0.5
    hysteresis: float = 0.05


@dataclass(frozen=True, slots=True)
class Match:
    """One object and what became of it.

    Parameters
    ----------
    parent, optimized
        Index into that role's detections, or None where the role has no such object.
    iou
        Overlap of the two, 0 for LOST and GAINED.
    score_crossed
        The pair stands on both sides of the score threshold, within the hysteresis.
    """

    parent: int | None
    optimized: int | None
    iou: float
    change: Change
    score_crossed: bool = False


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many objects (classification: images) each change happened to."""

    kept: int = 0
    moved: int = 0
    relabelled: int = 0
    lost: int = 0
    gained: int = 0
    score_crossed: int = 0

    @property
    def matches(self) -> int:
        """Objects that both roles have, class included."""
        return self.kept + self.moved

    @property
    def parent(self) -> int:
        """Objects of the parent (B in the tables)."""
        return self.matches + self.relabelled + self.lost

    @property
    def optimized(self) -> int:
        """Objects of the optimized model (A in the tables)."""
        return self.matches + self.relabelled + self.gained

    @property
    def changed(self) -> int:
        """Objects that are not simply kept."""
        return self.moved + self.relabelled + self.lost + self.gained


def count_changes(matches: Iterable[Match]) -> ChangeCounts:
    """Count matches by change."""
    listed = list(matches)
    counted = Counter(match.change for match in listed)
    crossed = sum(match.score_crossed for match in listed)
    return ChangeCounts(
        counted[Change.KEPT],
        counted[Change.MOVED],
        counted[Change.RELABELLED],
        counted[Change.LOST],
        counted[Change.GAINED],
        crossed,
    )


def match_objects(
    parent: Detections,
    optimized: Detections,
    rule: MatchRule,
    overlap: NDArray[np.float64] | None = None,
) -> tuple[Match, ...]:
    """Match the objects of one image; neither the order of objects nor that of roles matters.

    Parameters
    ----------
    parent, optimized
        Every object kept of both roles, those below the score threshold included.
    overlap
        IoU [parent, optimized] where it is not that of the boxes (masks, key points).

    Returns
    -------
    tuple of Match
        Pairs, then lost, then gained objects, each by the parent's (else the optimized) order.
    """
    iou = box_iou(parent.boxes, optimized.boxes) if overlap is None else overlap
    orders = _canonical(parent), _canonical(optimized)
    sides = tuple(
        _Side(role.labels[order], role.scores[order].astype(np.float64), order)
        for role, order in zip((parent, optimized), orders, strict=True)
    )
    sorted_iou = iou[np.ix_(*orders)]
    swap = _content(optimized, orders[1]) < _content(parent, orders[0])
    if swap:
        found = _match_sorted(sides[1], sides[0], sorted_iou.T, rule)
        found = [
            Match(m.optimized, m.parent, m.iou, m.change.mirrored, m.score_crossed) for m in found
        ]
    else:
        found = _match_sorted(sides[0], sides[1], sorted_iou, rule)
    return tuple(sorted(found, key=_listing))


@dataclass(frozen=True, slots=True)
class _Side:
    """One role in canonical order; ``order`` leads back to the caller's indices."""

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    order: NDArray[np.int64]


def _listing(match: Match) -> tuple[int, int]:
    group = {Change.LOST: 1, Change.GAINED: 2}.get(match.change, 0)
    index = match.optimized if match.parent is None else match.parent
    return group, -1 if index is None else index


def _canonical(role: Detections) -> NDArray[np.int64]:
    """Order that depends on the objects alone, not on how they were listed."""
    if len(role) == 0:
        return np.zeros(0, np.int64)
    x1, y1, x2, y2 = role.boxes.T
    outlines = np.zeros(len(role), np.int64)
    if role.masks is not None:
        listed = [_outline(mask) for mask in role.masks]
        ranks = {outline: rank for rank, outline in enumerate(sorted(set(listed)))}
        outlines = np.array([ranks[outline] for outline in listed], np.int64)
    elif role.points is not None:
        outlines = np.unique(role.points.reshape(len(role), -1), axis=0, return_inverse=True)[1]
    elif role.quads is not None:
        outlines = np.unique(role.quads.reshape(len(role), -1), axis=0, return_inverse=True)[1]
    return np.lexsort((outlines, y2, x2, y1, x1, role.labels, -role.scores))


def _outline(mask: dict[str, object]) -> bytes:
    counts = mask["counts"]
    return counts if isinstance(counts, bytes) else str(counts).encode()


def _content(role: Detections, order: NDArray[np.int64]) -> tuple[int, bytes]:
    """Fix which role is the row of the assignment, so that swapped roles give the mirror image."""
    columns = (role.scores, role.labels, role.boxes)
    outlines = () if role.masks is None else tuple(_outline(role.masks[i]) for i in order)
    points = b"" if role.points is None else role.points[order].tobytes()
    points += b"" if role.quads is None else role.quads[order].tobytes()
    every = b"".join(column[order].tobytes() for column in columns) + b"".join(outlines)
    return len(role), every + points


def _match_sorted(
    row: _Side, column: _Side, iou: NDArray[np.float64], rule: MatchRule
) -> list[Match]:
    # Scores are float32: a score of 0.7 must reach a threshold of 0.7.
    threshold = float(np.float32(rule.score_threshold))
    floor = float(np.float32(rule.score_threshold - rule.hysteresis))
    strong = [side.scores >= threshold for side in (row, column)]
    weak = [(side.scores >= floor) & ~own for side, own in zip((row, column), strong, strict=True)]
    free = [own.copy() for own in strong]
    near = (iou >= rule.iou_threshold) & (iou > 0)
    same = near & (row.labels[:, None] == column.labels[None, :])
    weight = iou + _SCORE_TIE * (1.0 - np.abs(row.scores[:, None] - column.scores[None, :]))
    found: list[Match] = []
    for stage in ("strong", "crossed", "relabelled"):
        allowed = near if stage == "relabelled" else same
        if stage == "crossed":
            allowed = allowed & (np.outer(free[0], weak[1]) | np.outer(weak[0], free[1]))
        else:
            allowed = allowed & np.outer(*free)
        for r, c in zip(*assign(np.where(allowed, weight, 0.0)), strict=True):
            kept = Change.KEPT if iou[r, c] >= KEPT_IOU else Change.MOVED
            change = Change.RELABELLED if stage == "relabelled" else kept
            pair = int(row.order[r]), int(column.order[c])
            found.append(Match(*pair, float(iou[r, c]), change, stage == "crossed"))
            for side, index in zip(free, (r, c), strict=True):
                side[index] = False
    found += [Match(i, None, 0.0, Change.LOST) for i in row.order[free[0]].tolist()]
    found += [Match(None, i, 0.0, Change.GAINED) for i in column.order[free[1]].tolist()]
    return found
