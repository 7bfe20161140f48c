"""Classification: table, quantities and planted defects, with known answers."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import ClassLabel, ClassScores
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.classification import task as classification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.tasks.classification.record import ClassRecord

PLAN = EvaluationPlan(dataset="images")
LABELS = ("ant", "bee", "cat")
#: One image: the parent's scores, the optimized model's, the annotated class.
Row = tuple[Any, Any, "int | None"]


def _comparison(rows: Sequence[Row], labels: tuple[str, ...] = LABELS) -> Comparison[ClassRecord]:
    images = []
    for index, (parent, optimized, label) in enumerate(rows):
        truth = None if label is None else ClassLabel(label)
        scores = Pair(*(ClassScores(np.array(s, np.float32)) for s in (parent, optimized)))
        record = classification.compact(scores, truth, f"{index}.png")
        images.append(ImageResult(f"{index}.png", (8, 8), truth, record))
    return Comparison(labels, tuple(images), "digest")


ANT, BEE, CAT = (0.8, 0.15, 0.05), (0.1, 0.7, 0.2), (0.1, 0.3, 0.6)
FOUR: list[Row] = [
    (ANT, ANT, 0),  # same and right
    (ANT, BEE, 0),  # changed and now wrong
    (ANT, BEE, 1),  # changed and now right
    (ANT, BEE, 2),  # changed, wrong before and after
]


def test_each_role_has_an_interval_of_its_own() -> None:
    """The interval of a role's own accuracy is that of a share, whatever the other role says."""
    rows: list[Row] = [(ANT, BEE if i % 4 == 0 else ANT, 0) for i in range(100)]
    parent, optimized = classification.role_scores(_comparison(rows), PLAN)

    assert (parent.low, parent.value, parent.high) == (1, 1, 1)
    assert optimized.value == 0.75
    width = 1.96 * math.sqrt(0.75 * 0.25 / 100)
    assert optimized.low == pytest.approx(0.75 - width, abs=0.02)
    assert optimized.high == pytest.approx(0.75 + width, abs=0.02)


def test_the_table_of_four_images() -> None:
    """Every cell of a hand-made case, and the rows that "only erroneous" keeps."""
    (table,) = classification.tables(_comparison(FOUR), PLAN)

    assert [column.title for column in table.columns] == [
        "Image Name",
        "Class Predicted by Optimized Model",
        "Class Predicted by Parent Model",
        "Rank of Class Predicted by Parent Model in Optimized Predictions (from 1)",
        "Optimized Model Confidence in Class Predicted by Optimized Model",
        "Optimized Model Confidence in Class Predicted by Parent Model",
        "Parent Model Confidence in Class Predicted by Parent Model",
        "Class Defined in Annotations",
        "Rank of Class Defined in Annotations in Optimized Predictions (from 1)",
        "Rank of Class Defined in Annotations in Parent Predictions (from 1)",
        "Verdict",
    ]
    expected = ("1.png", "bee", "ant", 3, 0.7, 0.1, 0.8, "ant", 3, 1, "changed and now wrong")
    assert table.rows[1] == tuple(
        pytest.approx(cell, rel=1e-6) if isinstance(cell, float) else cell for cell in expected
    )
    assert [row[-1] for row in table.rows] == [
        "same",
        "changed and now wrong",
        "changed and now right",
        "changed",
    ]
    assert table.erroneous == {1, 3}
    assert table.changed == frozenset({1, 2, 3})


def test_without_annotations_the_parent_is_the_reference() -> None:
    """No annotation columns; "erroneous" means different from the parent."""
    (table,) = classification.tables(_comparison([(ANT, ANT, None), (ANT, BEE, None)]), PLAN)

    assert len(table.columns) == 8
    assert [row[-1] for row in table.rows] == ["same", "changed"]
    assert table.erroneous == {1}


def test_tied_scores_share_the_worst_rank() -> None:
    """Rank 1 therefore means equal classes; the predicted class is the first of the tied."""
    (row,) = classification.tables(_comparison([(BEE, (0.4, 0.4, 0.2), None)]), PLAN)[0].rows

    assert row[1:4] == ("ant", "bee", 2)


def test_rank_one_means_equal_classes() -> None:
    """No tie can make a different class rank 1."""
    rng = np.random.default_rng(0)
    rows = [(rng.integers(0, 3, 3) / 3, rng.integers(0, 3, 3) / 3, None) for _ in range(300)]
    (table,) = classification.tables(_comparison(rows), PLAN)

    assert all(row[1] == row[2] for row in table.rows if row[3] == 1)


def test_the_quantities_of_four_images() -> None:
    """Parent right on 1 of 4... and the optimized model on 2: an improvement is a negative drop."""
    comparison = _comparison([*FOUR, (BEE, BEE, 1), (BEE, ANT, 1), (BEE, CAT, 1), (BEE, CAT, 1)])

    def value(key: str) -> float:
        return classification.judge_quantity(key, comparison, PLAN).value

    # Parent right: images 0, 1, 4, 5, 6, 7; optimized: 0, 2, 4.
    assert classification.metrics(comparison).parent["top1"] == 6 / 8
    assert classification.metrics(comparison).optimized["top1"] == 3 / 8
    assert value("max_accuracy_drop") == 3 / 8
    assert value("max_error_increase") == pytest.approx(5 / 2 - 1)
    assert value("min_agreement") == 2 / 8


def test_three_times_the_errors() -> None:
    """99.5 % to 98.5 % is a drop of one point, and an error increase of 200 %."""
    rows: list[Row] = [(BEE, BEE, 0), *[(ANT, BEE, 0)] * 2, *[(ANT, ANT, 0)] * 197]
    comparison = _comparison(rows)

    assert classification.judge_quantity(
        "max_accuracy_drop", comparison, PLAN
    ).value == pytest.approx(0.01)
    assert classification.judge_quantity("max_error_increase", comparison, PLAN).value == 2.0


def test_an_improvement_is_a_negative_drop() -> None:
    """Better than the parent never looks like worse."""
    comparison = _comparison([(BEE, ANT, 0), (ANT, ANT, 0)])

    assert classification.judge_quantity("max_accuracy_drop", comparison, PLAN).value == -0.5
    assert classification.judge_quantity("max_error_increase", comparison, PLAN).value == -1.0


def test_top5_looks_at_five_classes() -> None:
    """The sixth class does not count, ties are taken in order of class."""
    tied = np.full(7, 1 / 7)
    labels = tuple("abcdefg")
    comparison = _comparison([(tied, tied, 4), (tied, tied, 5)], labels)

    assert classification.metrics(comparison).parent == {"top1": 0.0, "top5": 0.5}


def test_swapped_classes_lower_the_class_that_was_swapped() -> None:
    """Planted: class 0 answered as class 1; its own drop is 1 while the whole set's is small."""
    rows = [(ANT, BEE, 0)] * 10 + [(BEE, BEE, 1)] * 40 + [(CAT, CAT, 2)] * 50
    comparison = _comparison(rows)

    drop = classification.judge_quantity("max_class_drop", comparison, PLAN)

    assert drop.value == 1.0
    assert classification.subject("max_class_drop", comparison, PLAN) == "ant"
    assert classification.subject("max_accuracy_drop", comparison, PLAN) == ""
    assert classification.judge_quantity(
        "max_accuracy_drop", comparison, PLAN
    ).value == pytest.approx(0.1)


def test_a_class_of_nine_images_is_not_judged_alone() -> None:
    """Fewer than ten images say nothing about a class."""
    rows: list[Row] = [(ANT, BEE, 0)] * 9
    with pytest.raises(MeasurementError, match="max_class_drop needs more images"):
        classification.judge_quantity("max_class_drop", _comparison(rows), PLAN)


def test_the_worst_image_comes_first() -> None:
    """Images now wrong, wrong in both, now right; unchanged ones are left out."""
    worst = classification.worst(_comparison(FOUR), PLAN)

    assert [change.index for change in worst] == [1, 3, 2]
    assert worst[0].sentence == ("ant 0.80 became bee 0.70; changed and now wrong, ant now ranks 3")


def test_counts_for_the_second_line() -> None:
    """How many images kept their class."""
    counts = classification.detail("min_agreement", _comparison(FOUR), PLAN)

    assert (counts.kept, counts.relabelled) == (1, 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("role", [0, 1])
def test_not_a_number_names_the_image(bad: float, role: int) -> None:
    """A broken model is an error of the harness's kind, never a low accuracy."""
    scores = [ANT, ANT]
    scores[role] = (bad, 0.1, 0.2)

    with pytest.raises(DecoderError, match=r"0\.png.*NaN or infinity"):
        _comparison([(scores[0], scores[1], 0)])


def test_an_annotated_class_the_model_does_not_know() -> None:
    """A class id outside the model's classes is named."""
    with pytest.raises(DatasetError, match="class id 3 is outside the 3 classes"):
        _comparison([(ANT, ANT, 3)])


def test_more_classes_than_labels() -> None:
    """A model with a background class that nobody removed is refused, not misnamed."""
    comparison = _comparison([(ANT, ANT, 0)], labels=("ant", "bee"))

    with pytest.raises(DatasetError, match="3 classes"):
        classification.tables(comparison, PLAN)


def test_names_that_were_gathered_do_not_bound_the_classes() -> None:
    """A class beyond names that only the images gave goes by its number; truths are judged."""
    gathered = replace(_comparison(FOUR, labels=("ant",)), labels_open=True)
    rows = [row for row in FOUR if row[2] == 0]

    found = replace(_comparison(rows, labels=("ant",)), labels_open=True)

    assert [change.sentence.split(";")[0] for change in classification.worst(found, PLAN)] == [
        "ant 0.80 became class 1 0.70"
    ]
    assert classification.metrics(found) == Pair(
        {"top1": 1.0, "top5": 1.0}, {"top1": 0.5, "top5": 1.0}
    )
    with pytest.raises(DatasetError, match="annotated class id 1 is outside"):
        classification.metrics(gathered)


def test_roles_of_different_width_are_refused() -> None:
    """The optimized model must answer the same question."""
    with pytest.raises(DecoderError, match="3 class scores, the optimized model 2"):
        _comparison([(ANT, (0.5, 0.5), None)])


def test_accuracy_needs_annotations() -> None:
    """A not-annotated image has no accuracy, and is told what it has."""
    with pytest.raises(DatasetError, match="min_agreement"):
        classification.judge_quantity("max_accuracy_drop", _comparison([(ANT, ANT, None)]), PLAN)


def test_a_perfect_parent_has_no_error_to_grow() -> None:
    """Growth from nothing is not a number."""
    with pytest.raises(MeasurementError, match="makes no error"):
        classification.judge_quantity("max_error_increase", _comparison([(ANT, BEE, 0)]), PLAN)


@pytest.mark.parametrize("key", ["min_match_rate", "min_speedup"])
def test_limits_of_other_tasks_are_refused(key: str) -> None:
    """A limit that this task cannot judge is an error that lists those it can."""
    with pytest.raises(MeasurementError, match="min_agreement"):
        classification.judge_quantity(key, _comparison(FOUR), PLAN)


def test_an_empty_set_is_refused() -> None:
    """No image, no agreement."""
    with pytest.raises(MeasurementError, match="no image"):
        classification.judge_quantity("min_agreement", Comparison(LABELS, (), "digest"), PLAN)


def test_records_come_back_bit_for_bit() -> None:
    """Stored and read without pickling, NaN of missing annotations included."""
    comparison = _comparison([*FOUR, (CAT, ANT, None)])
    records = [image.record.optimized for image in comparison.images]
    stored = io.BytesIO()
    arrays: dict[str, Any] = {**classification.pack(records)}
    np.savez(stored, **arrays)
    stored.seek(0)

    again = classification.unpack(np.load(stored, allow_pickle=False))

    assert [repr(record) for record in again] == [repr(record) for record in records]
    assert classification.unpack(classification.pack([])) == []


def test_ten_classes_are_kept_at_most() -> None:
    """A record does not grow with the number of classes, and remembers how many there were."""
    scores = np.linspace(1, 0, 1_000)
    labels = tuple(map(str, range(1_000)))

    record = _comparison([(scores, scores[::-1], 999)], labels).images[0].record

    assert record.parent.labels.tolist() == list(range(10))
    assert (record.parent.truth_rank, record.optimized.truth_rank) == (999, 0)
    assert (record.optimized.parent_rank, record.optimized.classes) == (999, 1_000)


@pytest.mark.parametrize("classes", [2, 10, 11, 400])
@pytest.mark.parametrize("steps", [1, 3, 50])
def test_the_best_classes_are_those_of_a_stable_sort(classes: int, steps: int) -> None:
    """Among equal scores the lower class comes first, also where only some of them are kept."""
    scores = np.random.default_rng(classes).integers(0, steps, classes).astype(np.float32)
    labels = tuple(map(str, range(classes)))

    record = _comparison([(scores, scores, 0)], labels).images[0].record.parent

    expected = np.argsort(-scores, kind="stable")[:10]
    assert record.labels.tolist() == expected.tolist()
    assert record.scores.tolist() == scores[expected].tolist()
