"""What holds for every matching, whatever the objects."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.core.boxes import box_iou
from quantgate.core.matching import Change, Match, MatchRule, count_changes, match_objects
from quantgate.core.predictions import Detections

RULE = MatchRule()
# A coarse grid and few scores: overlaps and scores tie all the time.
_CORNER = st.integers(0, 6)
_OBJECT = st.tuples(
    _CORNER,
    _CORNER,
    st.integers(2, 5),
    st.integers(2, 5),
    st.sampled_from([0.40, 0.46, 0.48, 0.5, 0.7, 0.9]),
    st.integers(0, 1),
)


def _detections(rows: list[tuple[float, ...]]) -> Detections:
    table = np.array(rows, np.float64).reshape(-1, 6)
    boxes = np.hstack([table[:, :2], table[:, :2] + table[:, 2:4]]).astype(np.float32)
    return Detections(boxes, table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


def _objects(most: int = 7) -> st.SearchStrategy[Detections]:
    return st.lists(_OBJECT, max_size=most).map(_detections)


def _row(role: Detections, index: int | None) -> tuple[float, ...]:
    if index is None:
        return ()
    return (*role.boxes[index].tolist(), float(role.scores[index]), float(role.labels[index]))


def _described(
    matches: tuple[Match, ...], parent: Detections, optimized: Detections
) -> list[tuple[object, ...]]:
    """Matches by what was matched instead of by index."""
    return sorted(
        (_row(parent, m.parent), _row(optimized, m.optimized), m.change.value, m.score_crossed)
        for m in matches
    )


@settings(deadline=None)
@given(_objects(), _objects(), st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_matter(
    parent: Detections, optimized: Detections, random: object
) -> None:
    """Shuffled detections give the same matches."""
    shuffle = getattr(random, "sample")  # noqa: B009
    orders = [
        np.array(shuffle(range(len(role)), len(role)), np.int64) for role in (parent, optimized)
    ]
    again = parent.take(orders[0]), optimized.take(orders[1])

    assert _described(match_objects(*again, RULE), *again) == _described(
        match_objects(parent, optimized, RULE), parent, optimized
    )


@settings(deadline=None)
@given(_objects(), _objects())
def test_swapped_roles_give_the_mirror_image(parent: Detections, optimized: Detections) -> None:
    """LOST and GAINED change places; everything else stays."""
    there = _described(match_objects(parent, optimized, RULE), parent, optimized)
    back = match_objects(optimized, parent, RULE)
    mirrored = tuple(
        Match(m.optimized, m.parent, m.iou, m.change.mirrored, m.score_crossed) for m in back
    )

    assert _described(mirrored, parent, optimized) == there


@settings(deadline=None)
@given(_objects(), _objects())
def test_one_to_one_and_complete(parent: Detections, optimized: Detections) -> None:
    """Every object above the threshold appears exactly once, no object twice."""
    matches = match_objects(parent, optimized, RULE)

    for role, indices in (
        (parent, [m.parent for m in matches if m.parent is not None]),
        (optimized, [m.optimized for m in matches if m.optimized is not None]),
    ):
        assert len(indices) == len(set(indices))
        strong = set(np.flatnonzero(role.scores >= np.float32(RULE.score_threshold)).tolist())
        assert strong <= set(indices)


@settings(deadline=None)
@given(_objects(), _objects())
def test_never_more_matches_than_objects(parent: Detections, optimized: Detections) -> None:
    """Matches are at most min(A, B)."""
    counts = count_changes(match_objects(parent, optimized, RULE))

    assert counts.matches <= min(counts.parent, counts.optimized)


@settings(deadline=None)
@given(_objects())
def test_a_role_matches_itself(role: Detections) -> None:
    """The same objects in both roles: everything is kept at an IoU of 1."""
    matches = match_objects(role, role, RULE)

    assert {m.change for m in matches} <= {Change.KEPT}
    assert all(m.iou == 1.0 and not m.score_crossed for m in matches)


def _optimum(weight: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Best total over all one-to-one pairings, by trying each."""
    if weight.shape[0] > weight.shape[1]:
        weight = weight.T
    columns = range(weight.shape[1])
    return max(
        float(sum(weight[row, column] for row, column in enumerate(chosen)))
        for chosen in permutations(columns, weight.shape[0])
    )


@settings(deadline=None)
@given(_objects(5), _objects(5))
def test_the_total_overlap_is_the_brute_force_optimum(
    parent: Detections, optimized: Detections
) -> None:
    """No assignment of the strong objects of a class has a larger total IoU."""
    strong = [role.take(role.scores >= np.float32(0.5)) for role in (parent, optimized)]
    iou = box_iou(strong[0].boxes, strong[1].boxes)
    allowed = (iou >= 0.5) & (strong[0].labels[:, None] == strong[1].labels[None, :])
    matches = match_objects(strong[0], strong[1], RULE)

    total = sum(m.iou for m in matches if m.change in {Change.KEPT, Change.MOVED})

    assert total == pytest.approx(_optimum(np.where(allowed, iou, 0.0)), abs=1e-7)
