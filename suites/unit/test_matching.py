"""Matching of objects between the roles: hand-made cases with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from quantgate.core.matching import Change, Match, MatchRule, count_changes, match_objects
from quantgate.core.predictions import Detections

RULE = MatchRule(score_threshold=0.5, iou_threshold=0.5, hysteresis=0.05)
CAT, DOG = 0, 1


def _objects(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Each row x1, y1, x2, y2, score, class."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int64),
    )


def _changes(parent: Detections, optimized: Detections) -> list[Change]:
    return [match.change for match in match_objects(parent, optimized, RULE)]


def test_two_bears_are_matched_twice() -> None:
    """Two objects of a class side by side are two matches."""
    bears = _objects((0, 0, 40, 40, 0.9, CAT), (50, 0, 90, 40, 0.8, CAT))

    assert _changes(bears, bears) == [Change.KEPT, Change.KEPT]


def test_a_shifted_sheep_has_moved() -> None:
    """A match below an IoU of 0.9 is MOVED, not lost and gained."""
    matches = match_objects(
        _objects((0, 0, 100, 100, 0.9, CAT)), _objects((20, 0, 120, 100, 0.9, CAT)), RULE
    )

    assert [m.change for m in matches] == [Change.MOVED]
    assert matches[0].iou == pytest.approx(80 / 120)


def test_one_threshold_for_both_roles() -> None:
    """Eleven detections of which nine are below the threshold read A = 2, B = 2."""
    strong = [(0, 0, 40, 40, 0.9, CAT), (50, 0, 90, 40, 0.8, CAT)]
    weak = [(100 + 20 * i, 0, 110 + 20 * i, 10, 0.2, CAT) for i in range(9)]

    counts = count_changes(match_objects(_objects(*strong), _objects(*strong, *weak), RULE))

    assert (counts.optimized, counts.parent, counts.matches) == (2, 2, 2)


def test_duplicates_match_once() -> None:
    """Two detections on one object are one match and one gained object."""
    one = _objects((0, 0, 40, 40, 0.9, CAT))
    two = _objects((0, 0, 40, 40, 0.9, CAT), (1, 0, 41, 40, 0.8, CAT))

    assert _changes(one, two) == [Change.KEPT, Change.GAINED]
    assert _changes(two, one) == [Change.KEPT, Change.LOST]


def test_another_class_in_the_same_place_is_relabelled() -> None:
    """What differs in class only is neither lost nor gained."""
    cat, dog = _objects((0, 0, 40, 40, 0.9, CAT)), _objects((2, 0, 42, 40, 0.7, DOG))

    counts = count_changes(match_objects(cat, dog, RULE))

    assert (counts.relabelled, counts.lost, counts.gained, counts.matches) == (1, 0, 0, 0)
    assert (counts.parent, counts.optimized) == (1, 1)


def test_a_match_of_the_class_goes_before_a_better_overlap_of_another() -> None:
    """Relabelled objects are looked for only among what no class-aware match took."""
    parent = _objects((0, 0, 40, 40, 0.9, CAT))
    optimized = _objects((0, 0, 40, 40, 0.9, DOG), (4, 0, 44, 40, 0.6, CAT))

    assert _changes(parent, optimized) == [Change.MOVED, Change.GAINED]


@pytest.mark.parametrize(("score", "found"), [(0.46, True), (0.44, False)])
def test_score_crossed_within_the_hysteresis(score: float, *, found: bool) -> None:
    """An object that falls below the threshold by at most the hysteresis is kept, and marked."""
    parent, optimized = (
        _objects((0, 0, 40, 40, 0.51, CAT)),
        _objects((0, 0, 40, 40, score, CAT)),
    )

    (match,) = match_objects(parent, optimized, RULE)

    assert match.change is (Change.KEPT if found else Change.LOST)
    assert match.score_crossed is found


def test_hysteresis_works_in_both_directions() -> None:
    """An object just below the threshold in the parent is not gained."""
    parent, optimized = _objects((0, 0, 9, 9, 0.46, CAT)), _objects((0, 0, 9, 9, 0.6, CAT))

    counts = count_changes(match_objects(parent, optimized, RULE))

    assert (counts.kept, counts.gained, counts.score_crossed) == (1, 0, 1)
    assert (counts.parent, counts.optimized) == (1, 1)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6, 0.7])
def test_a_score_equal_to_the_threshold_reaches_it(threshold: float) -> None:
    """Scores are float32, thresholds are not: 0.7 is not below 0.7."""
    rule = MatchRule(score_threshold=threshold, hysteresis=0.0)
    found = _objects((0, 0, 9, 9, threshold, CAT))

    assert [m.change for m in match_objects(found, found, rule)] == [Change.KEPT]


def test_two_weak_objects_are_nothing() -> None:
    """Objects below the threshold in both roles are not seen at all."""
    weak = _objects((0, 0, 9, 9, 0.47, CAT))

    assert match_objects(weak, weak, RULE) == ()


def test_a_weak_object_takes_no_match_from_a_strong_one() -> None:
    """The better overlap of an object below the threshold does not make a strong one gained."""
    parent = _objects((0, 0, 40, 40, 0.9, CAT))
    optimized = _objects((3, 0, 43, 40, 0.9, CAT), (0, 0, 40, 40, 0.47, CAT))

    (match,) = match_objects(parent, optimized, RULE)

    assert (match.parent, match.optimized, match.score_crossed) == (0, 0, False)


def test_total_overlap_decides_not_the_first_come() -> None:
    """Greedy matching would leave one object without a partner here."""
    parent = _objects((0, 0, 10, 10, 0.9, CAT), (4, 0, 14, 10, 0.9, CAT))
    optimized = _objects((2, 0, 12, 10, 0.9, CAT), (-2.5, 0, 7.5, 10, 0.9, CAT))

    matches = match_objects(parent, optimized, RULE)

    assert {(m.parent, m.optimized) for m in matches} == {(0, 1), (1, 0)}


def test_among_equal_overlaps_the_scores_decide() -> None:
    """Three boxes in one place are paired by score: no score has changed."""
    parent = _objects(*[(0, 0, 9, 9, score, CAT) for score in (0.9, 0.7, 0.6)])
    optimized = _objects(*[(0, 0, 9, 9, score, CAT) for score in (0.6, 0.9, 0.7)])

    pairs = {(m.parent, m.optimized) for m in match_objects(parent, optimized, RULE)}

    assert pairs == {(0, 1), (1, 2), (2, 0)}


def test_of_equal_objects_the_one_without_a_like_score_is_lost() -> None:
    """Three boxes in one place against two: the two whose scores stayed are kept."""
    parent = _objects(*[(0, 0, 9, 9, score, CAT) for score in (0.9, 0.7, 0.6)])
    optimized = _objects(*[(0, 0, 9, 9, score, CAT) for score in (0.7, 0.6)])

    matches = match_objects(parent, optimized, RULE)

    assert [(m.parent, m.optimized) for m in matches] == [(1, 0), (2, 1), (0, None)]


def test_nothing_matches_nothing() -> None:
    """No object in either role is no change."""
    assert match_objects(Detections.empty(), Detections.empty(), RULE) == ()


def test_everything_is_lost_where_the_optimized_model_finds_nothing() -> None:
    """One role empty: every object of the other one is listed."""
    found = _objects((0, 0, 9, 9, 0.9, CAT), (20, 0, 29, 9, 0.8, DOG))

    assert _changes(found, Detections.empty()) == [Change.LOST, Change.LOST]
    assert _changes(Detections.empty(), found) == [Change.GAINED, Change.GAINED]


def test_an_iou_threshold_of_zero_still_asks_for_overlap() -> None:
    """Objects that do not touch are never the same."""
    rule = MatchRule(iou_threshold=0.0)
    apart = _objects((0, 0, 9, 9, 0.9, CAT)), _objects((50, 0, 59, 9, 0.9, CAT))

    assert [m.change for m in match_objects(*apart, rule)] == [Change.LOST, Change.GAINED]


def test_the_overlap_can_be_given() -> None:
    """Masks replace boxes: the matrix passed decides."""
    same = _objects((0, 0, 40, 40, 0.9, CAT))

    assert match_objects(same, same, RULE, np.array([[0.6]])) == (Match(0, 0, 0.6, Change.MOVED),)


def test_swapped_roles_pair_the_same_objects_among_equal_totals() -> None:
    """Several assignments of this overlap are best; which one is taken depends on no role."""
    overlap = np.array([[1, 2, 1, 2], [0, 2, 1, 1], [0, 0, 1, 1], [0, 2, 0, 1]]) * 0.4
    rule = MatchRule(iou_threshold=0.3)
    parent = _objects(*[(20 * i, 0, 20 * i + 9, 9, 0.9, CAT) for i in range(4)])
    optimized = _objects(*[(20 * i, 50, 20 * i + 9, 59, 0.9, CAT) for i in range(4)])

    there = match_objects(parent, optimized, rule, overlap)
    back = match_objects(optimized, parent, rule, overlap.T)

    assert {(m.parent, m.optimized) for m in there} == {(m.optimized, m.parent) for m in back}


def test_every_change_has_its_sentence() -> None:
    """The report prints a sentence for each change; no two say the same."""
    sentences = [change.sentence for change in Change]

    assert len(set(sentences)) == len(Change)
    assert all(sentence.endswith(".") for sentence in sentences)
