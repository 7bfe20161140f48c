"""Basic, Advanced and by-class tables of a hand-made case, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import Detections, Objects
from quantgate.entries import EvaluationPlan
from quantgate.pair import Pair
from quantgate.tasks.detection import task as detection

if TYPE_CHECKING:
    from quantgate.core.table import Cell, Table

PLAN = EvaluationPlan(dataset="images")
LABELS = ("bear", "sheep", "dog")
BEAR, SHEEP, DOG = range(3)


def _detections(*rows: tuple[float, ...]) -> Detections:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int64),
    )


def _comparison(truth: Objects | None = None) -> Comparison[Detections]:
    """Bears matched twice; sheep moved; class lost, relabelled and crossed; nothing at all."""
    bears = ((0, 0, 40, 40, 0.75, BEAR), (50, 0, 90, 40, 0.5, BEAR))
    pairs = [
        (_detections(*bears), _detections(*bears)),
        (
            _detections((0, 0, 100, 100, 0.75, SHEEP)),
            _detections((20, 0, 120, 100, 0.625, SHEEP)),
        ),
        (
            _detections((0, 0, 40, 40, 0.75, BEAR), (50, 0, 90, 40, 0.75, SHEEP)),
            _detections((0, 0, 40, 40, 0.75, DOG)),
        ),
        (_detections((0, 0, 40, 40, 0.5, DOG)), _detections((0, 0, 40, 40, 0.46875, DOG))),
        (Detections.empty(), Detections.empty()),
    ]
    images = tuple(
        ImageResult(f"{i}.png", (200, 200), truth, detection.compact(Pair(*pair), truth))
        for i, pair in enumerate(pairs)
    )
    return Comparison(LABELS, images, "digest")


def _rows(table: Table) -> list[tuple[Cell, ...]]:
    """Rows with floats rounded, so that they can be compared as written."""
    return [tuple(round(c, 4) if isinstance(c, float) else c for c in row) for row in table.rows]


def test_basic() -> None:
    """One row an image, in dataset order, with the columns people know."""
    basic = detection.tables(_comparison(), PLAN)[0]

    assert [column.title for column in basic.columns] == [
        "Image Name",
        "A. Optimized Model Detections",
        "B. Parent Model Detections",
        "Matches between A and B",
        "Lost",
        "Gained",
        "Moved",
        "Relabelled",
        "Mean IoU of the Matches",
        "Largest Score Change",
        "Score Crossed",
    ]
    assert _rows(basic) == [
        ("0.png", 2, 2, 2, 0, 0, 0, 0, 1.0, 0.0, 0),
        ("1.png", 1, 1, 1, 0, 0, 1, 0, 0.6667, -0.125, 0),
        ("2.png", 1, 2, 0, 1, 0, 0, 1, None, None, 0),
        ("3.png", 1, 1, 1, 0, 0, 0, 0, 1.0, -0.0312, 1),
        ("4.png", 0, 0, 0, 0, 0, 0, 0, None, None, 0),
    ]
    assert basic.erroneous == {1, 2}


def test_advanced_lists_the_classes_that_were_lost_completely() -> None:
    """One row an image and class; A = 0 and B > 0 has no precision, a recall of 0, and is shown."""
    advanced = detection.tables(_comparison(), PLAN)[1]

    assert [column.title for column in advanced.columns] == [
        "Image Name",
        "Class Predicted by Optimized Model",
        "A. Optimized Model Detections of Predicted Class",
        "B. Parent Model Detections of Predicted Class",
        "Matches between A and B",
        "Moved",
        "Relabelled",
        "Predicted Class Precision",
        "Predicted Class Recall",
        "Predicted Class Average Precision",
    ]
    assert _rows(advanced) == [
        ("0.png", "bear", 2, 2, 2, 0, 0, 1.0, 1.0, 1.0),
        ("1.png", "sheep", 1, 1, 1, 1, 0, 1.0, 1.0, 1.0),
        ("2.png", "bear", 0, 1, 0, 0, 1, None, 0.0, 0.0),
        ("2.png", "sheep", 0, 1, 0, 0, 0, None, 0.0, 0.0),
        ("2.png", "dog", 1, 0, 0, 0, 1, 0.0, None, None),
        ("3.png", "dog", 1, 1, 1, 0, 0, 1.0, 1.0, 1.0),
    ]
    assert advanced.erroneous == {1, 2, 3, 4}


def test_without_annotations_there_are_two_tables() -> None:
    """Tables against the truth need a truth."""
    assert [t.name for t in detection.tables(_comparison(), PLAN)] == ["basic", "advanced"]


def _truth(crowd: tuple[bool, bool]) -> Objects:
    boxes = np.array([[0, 0, 40, 40], [45, 0, 100, 50]], np.float32)
    labels = np.array([BEAR, SHEEP])
    return Objects(boxes, labels, np.array(crowd), np.array([1600, 2750], np.float32))


def test_with_annotations_each_role_is_compared_with_them() -> None:
    """Missed and false objects of each role, and no score change, as annotations have no score."""
    tables = {t.name: t for t in detection.tables(_comparison(_truth((False, False))), PLAN)}

    assert list(tables) == [
        "basic",
        "advanced",
        "parent_basic",
        "parent_advanced",
        "optimized_basic",
        "optimized_advanced",
        "segments",
        "classes",
    ]
    parent = tables["parent_basic"]
    assert [column.title for column in parent.columns][1:6] == [
        "A. Parent Model Detections",
        "B. Annotated Objects",
        "Matches between A and B",
        "Missed",
        "False",
    ]
    # The second bear stands where a sheep is annotated.
    assert _rows(parent)[0] == ("0.png", 2, 2, 1, 0, 0, 0, 1, 1.0, None, None)
    assert _rows(parent)[2] == ("2.png", 2, 2, 2, 0, 0, 1, 0, 0.7909, None, None)
    assert parent.erroneous == {0, 1, 3, 4}
    # What both roles get wrong is no change: only these images differ between them.
    assert parent.changed == tables["basic"].erroneous == {1, 2}


def test_annotations_know_no_hysteresis() -> None:
    """An annotated object found just below the threshold is missed, whatever the other role does."""
    truth = _truth((False, False))
    weak = _detections((0, 0, 40, 40, 0.46875, BEAR))
    image = ImageResult("a.png", (200, 200), truth, Pair(weak, weak))

    tables = detection.tables(Comparison(LABELS, (image,), "digest"), PLAN)

    assert _rows(tables[2])[0][:5] == ("a.png", 0, 2, 0, 2)


def test_a_crowd_excuses_what_is_found_in_it() -> None:
    """A detection inside a crowd region of its class is neither a match nor false."""
    tables = {t.name: t for t in detection.tables(_comparison(_truth((False, True))), PLAN)}

    assert _rows(tables["parent_basic"])[2] == ("2.png", 1, 1, 1, 0, 0, 0, 0, 1.0, None, None)


def test_the_classes_table_shows_the_drop() -> None:
    """Each annotated class with its objects and both roles' AP."""
    table = detection.tables(_comparison(_truth((False, False))), PLAN)[-1]

    assert [column.title for column in table.columns] == [
        "Class",
        "Annotated Objects",
        "Parent AP@[.5:.95]",
        "Optimized AP@[.5:.95]",
        "Drop",
    ]
    assert [row[:2] for row in table.rows] == [("bear", 5), ("sheep", 5)]
    for row in table.rows:
        assert row[4] == pytest.approx(float(row[2] or 0) - float(row[3] or 0))


def test_changed_thresholds_are_not_answered_from_memory() -> None:
    """What is derived once is derived per plan."""
    comparison = _comparison()
    strict = EvaluationPlan(dataset="images", iou_threshold=0.75, score_threshold=0.7)

    assert _rows(detection.tables(comparison, PLAN)[0])[1][3] == 1
    assert _rows(detection.tables(comparison, strict)[0])[1][3] == 0


def _tables_of(parent: Detections, optimized: Detections) -> list[list[tuple[Cell, ...]]]:
    """Rows of Basic and Advanced of one image."""
    record = detection.compact(Pair(parent, optimized), None)
    image = ImageResult("a.png", (400, 200), None, record)
    tables = detection.tables(Comparison(LABELS, (image,), "digest"), PLAN)
    return [_rows(table) for table in tables]


def test_eleven_detections_of_which_two_are_meant() -> None:
    """Nine weak ones of the optimized model are not there for either role: A = 2, B = 2."""
    found = ((0, 0, 40, 40, 0.75, BEAR), (50, 0, 90, 40, 0.625, BEAR))
    weak = tuple((100 + 20 * i, 0, 115 + 20 * i, 40, 0.25, BEAR) for i in range(9))

    basic, advanced = _tables_of(_detections(*found), _detections(*found, *weak))

    assert basic == [("a.png", 2, 2, 2, 0, 0, 0, 0, 1.0, 0.0, 0)]
    assert advanced == [("a.png", "bear", 2, 2, 2, 0, 0, 1.0, 1.0, 1.0)]


def test_a_duplicate_is_gained_and_costs_precision() -> None:
    """Two detections on the parent's one object match once, where Workbench counted two."""
    bear = (0, 0, 40, 40, 0.75, BEAR)

    basic, advanced = _tables_of(_detections(bear), _detections(bear, (0, 0, 40, 42, 0.625, BEAR)))

    assert basic == [("a.png", 2, 1, 1, 0, 1, 0, 0, 1.0, 0.0, 0)]
    assert advanced == [("a.png", "bear", 2, 1, 1, 0, 0, 0.5, 1.0, 1.0)]


def test_ties_are_all_matched() -> None:
    """Three objects in one place with one score are three matches, none of them moved."""
    bears = _detections(*[(0, 0, 40, 40, 0.5, BEAR)] * 3)

    basic, _ = _tables_of(bears, bears)

    assert basic == [("a.png", 3, 3, 3, 0, 0, 0, 0, 1.0, 0.0, 0)]


def test_the_class_that_lost_most_comes_first() -> None:
    """Not the one with the lowest id."""
    truth = _truth((False, False))
    parent = _detections((0, 0, 40, 40, 0.75, BEAR), (45, 0, 100, 50, 0.75, SHEEP))
    optimized = _detections((0, 0, 40, 40, 0.75, BEAR))
    image = ImageResult("a.png", (200, 200), truth, Pair(parent, optimized))

    table = detection.tables(Comparison(LABELS, (image,), "digest"), PLAN)[-1]

    assert [row[0] for row in table.rows] == ["sheep", "bear"]
    assert table.erroneous == {0}
