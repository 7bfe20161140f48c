"""Semantic segmentation: confusion, tables and planted defects, with known answers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import IGNORED, LabelMap
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.segmentation import task
from quantgate.tasks.segmentation.tables import hidden_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAN = EvaluationPlan(dataset="images")
LABELS = ("road", "car", "sky")
ROAD, CAR, SKY = range(3)


def _map(*rows: Sequence[int]) -> LabelMap:
    return LabelMap(np.array(rows, np.uint8))


def _comparison(images: Sequence[tuple[LabelMap, LabelMap, LabelMap | None]]) -> Comparison[Any]:
    results = []
    for i, (parent, optimized, truth) in enumerate(images):
        record = task.compact(Pair(parent, optimized), truth, f"{i}.png")
        results.append(ImageResult(f"{i}.png", (4, 2), truth, record))
    return Comparison(LABELS, tuple(results), "digest")


TRUTH = _map([ROAD, ROAD, CAR, CAR], [ROAD, ROAD, CAR, IGNORED])
PARENT = _map([ROAD, ROAD, CAR, CAR], [ROAD, ROAD, CAR, CAR])
# One pixel of road is taken for car, and one ignored pixel for sky.
OPTIMIZED = _map([ROAD, ROAD, CAR, CAR], [ROAD, CAR, CAR, SKY])


def _value(key: str, comparison: Comparison[Any]) -> float:
    return task.judge_quantity(key, comparison, PLAN).value


def test_mean_iou_by_hand() -> None:
    """Ignored pixels do not count; a class that occurs nowhere is no part of the mean."""
    parent, optimized = task.metrics(_comparison([(PARENT, OPTIMIZED, TRUTH)]))

    assert parent == {"miou": 1.0, "pixels": 1.0}
    assert optimized["miou"] == pytest.approx((3 / 4 + 3 / 4) / 2)
    assert optimized["pixels"] == pytest.approx(6 / 7)


def test_the_quantities_by_hand() -> None:
    """Drop of the accumulated mean IoU, and agreement over all pixels, ignored ones included."""
    comparison = _comparison([(PARENT, OPTIMIZED, TRUTH)])

    assert _value("max_accuracy_drop", comparison) == pytest.approx(0.25)
    assert _value("min_agreement", comparison) == pytest.approx(6 / 8)
    with pytest.raises(MeasurementError, match="makes no error"):
        _value("max_error_increase", comparison)
    both = _comparison([(PARENT, OPTIMIZED, TRUTH), (PARENT, PARENT, TRUTH)])
    parent, optimized = task.role_scores(both, PLAN)
    assert (parent.low, parent.value, parent.high) == (1, 1, 1)
    assert optimized.value == task.metrics(both).optimized["miou"]
    assert optimized.low == pytest.approx(0.75)
    assert optimized.high == 1


@pytest.mark.parametrize(
    ("metric", "optimized"),
    [("foreground_iou", 3 / 5), ("foreground_f1", 6 / 8), ("pixels", 6 / 8)],
)
def test_masks_are_judged_by_their_foreground(metric: str, optimized: float) -> None:
    """Of two classes the second alone, or all pixels; a tally makes the same number again."""
    truth = _map([0, 0, 1, 1], [0, 0, 1, 1])
    worse = _map([0, 1, 1, 1], [0, 0, 0, 1])
    comparison = _comparison([(truth, worse, truth), (truth, worse, truth)])
    comparison = Comparison(("background", "person"), comparison.images, "digest")
    plan = EvaluationPlan(dataset="images", metric=metric)

    drop = task.judge_quantity("max_accuracy_drop", comparison, plan)

    assert task.metrics(comparison).optimized[metric] == pytest.approx(optimized)
    assert drop.value == pytest.approx(1 - optimized)
    made = task.TALLY.tally(comparison, plan)
    assert made is not None
    back = task.TALLY.unpack(made.pack())
    scores = back.scores(np.ones((1, 2), np.int32))
    number = back.number("max_accuracy_drop", scores, scores)
    assert number is not None
    assert number[0] == pytest.approx(drop.value)


def test_a_foreground_is_of_two_classes() -> None:
    """Among three classes none is the foreground."""
    comparison = _comparison([(PARENT, OPTIMIZED, TRUTH)])
    plan = EvaluationPlan(dataset="images", metric="foreground_iou")
    with pytest.raises(DatasetError, match="there are 3 classes"):
        task.judge_quantity("max_accuracy_drop", comparison, plan)


def test_the_confusion_is_accumulated_before_it_is_divided() -> None:
    """Mean IoU is that of the set, not the mean of the images."""
    small = _map([CAR]), _map([ROAD]), _map([CAR])
    comparison = _comparison([(PARENT, OPTIMIZED, TRUTH), small])

    # Road: common 3, union 4 + 1; car: common 3, union 4 + 1.
    assert task.metrics(comparison).optimized["miou"] == pytest.approx((3 / 5 + 3 / 5) / 2)


def test_planted_swapped_classes() -> None:
    """Cars drawn as sky: the class drop is total, the whole set loses a part."""
    car, road = _map([CAR, CAR]), _map([ROAD, ROAD])
    images = [(car, _map([SKY, SKY]), car)] * 10 + [(road, road, road)] * 30
    comparison = _comparison(images)

    assert _value("max_class_drop", comparison) == 1.0
    assert task.subject("max_class_drop", comparison, PLAN) == "car"
    assert task.subject("min_agreement", comparison, PLAN) == ""
    assert _value("max_accuracy_drop", comparison) == pytest.approx(1 - 1 / 3)
    assert _value("min_agreement", comparison) == 0.75


def test_the_tables_of_two_images() -> None:
    """One row an image, one row a class that occurs."""
    comparison = _comparison([(PARENT, OPTIMIZED, TRUTH), (PARENT, PARENT, TRUTH)])

    basic, advanced = task.tables(comparison, PLAN)

    assert basic.rows[0][1] == pytest.approx((3 / 4 + 3 / 5 + 0) / 3)
    assert basic.rows[0][2:] == (0.75, 1.0, 0.75)
    assert basic.rows[1] == ("1.png", 1.0, 1.0, 1.0, 1.0)
    assert basic.erroneous == {0}
    assert [column.title for column in advanced.columns] == [
        "Class",
        "A. Pixels of Optimized Model",
        "B. Pixels of Parent Model",
        "IoU of Optimized against Parent",
        "Parent IoU",
        "Optimized IoU",
        "Drop",
    ]
    assert advanced.rows[0] == ("road", 7, 8, 7 / 8, 1.0, 7 / 8, 1 / 8)
    # Sky was drawn where nothing is annotated: there is no truth to compare it with.
    assert advanced.rows[2] == ("sky", 1, 0, 0.0, None, None, None)


def test_without_annotations_the_parent_is_the_reference() -> None:
    """No columns of accuracy, and a sentence for accuracy limits."""
    comparison = _comparison([(PARENT, OPTIMIZED, None)])

    assert [len(table.columns) for table in task.tables(comparison, PLAN)] == [3, 4]
    with pytest.raises(DatasetError, match="min_agreement"):
        _value("max_accuracy_drop", comparison)


def test_the_worst_image_comes_first() -> None:
    """By share of changed pixels, with the change that happened most."""
    half = _map([ROAD, ROAD, ROAD, ROAD], [ROAD, ROAD, ROAD, ROAD])
    comparison = _comparison(
        [
            (PARENT, PARENT, None),
            (PARENT, OPTIMIZED, None),
            (PARENT, half, None),
        ]
    )

    worst = task.worst(comparison, PLAN)

    assert [change.index for change in worst] == [2, 1]
    assert worst[0].sentence == "50.00% of the pixels changed, most of them from car to road"
    counts = task.detail("min_agreement", comparison, PLAN)
    assert (counts.kept, counts.relabelled) == (1, 2)


def test_bad_maps_are_refused() -> None:
    """Wrong type, wrong size, and classes that nobody named."""
    with pytest.raises(DecoderError, match=r"0\.png, parent model: expected a class map uint8"):
        _comparison([(LabelMap(np.zeros((2, 4), np.float32)), PARENT, None)])
    with pytest.raises(DecoderError, match=r"0\.png, optimized model: the class map is \(1, 1\)"):
        _comparison([(PARENT, _map([0]), None)])
    with pytest.raises(DecoderError, match="predicted class id 9 is outside the list of 3 labels"):
        _value(
            "min_agreement", _comparison([(PARENT, LabelMap(PARENT.labels + np.uint8(8)), None)])
        )
    with pytest.raises(DatasetError, match="annotated class id 4"):
        _value("max_accuracy_drop", _comparison([(PARENT, PARENT, _map([4] * 4, [4] * 4))]))
    with pytest.raises(MeasurementError, match="no image"):
        _value("min_agreement", Comparison(LABELS, (), "digest"))


def test_nothing_annotated_is_refused() -> None:
    """A truth that ignores every pixel defines no mean IoU."""
    with pytest.raises(DatasetError, match="no pixel"):
        task.metrics(_comparison([(PARENT, PARENT, _map([IGNORED] * 4, [IGNORED] * 4))]))


def test_records_come_back_bit_for_bit() -> None:
    """Stored and read without pickling, images of different sizes included."""
    comparison = _comparison([(PARENT, OPTIMIZED, TRUTH), (_map([SKY]), _map([CAR]), None)])
    records = [image.record.optimized for image in comparison.images]
    stored = io.BytesIO()
    arrays: dict[str, Any] = {**task.pack(records)}
    np.savez(stored, **arrays)
    stored.seek(0)

    again = task.unpack(np.load(stored, allow_pickle=False))

    assert [repr(record) for record in again] == [repr(record) for record in records]
    assert task.unpack(task.pack([])) == []


def test_previews_are_small() -> None:
    """What is kept of a large image does not grow with it."""
    large = LabelMap(np.zeros((2_000, 3_000), np.uint8))

    record = _comparison([(large, large, large)]).images[0].record.parent

    assert record.preview.shape == (200, 300)
    assert record.against_truth.counts.tolist() == [6_000_000]


def test_a_small_class_that_is_lost_is_seen_by_its_iou() -> None:
    """Nearly all pixels agree while one class is gone: IoU between the roles says so."""
    parent = np.zeros((40, 40), np.uint8)
    parent[:4, :4] = CAR
    pair = (LabelMap(parent), LabelMap(np.zeros_like(parent)), None)
    comparison = _comparison([pair] * 3)

    assert _value("min_agreement", comparison) == pytest.approx(0.99)
    assert _value("min_class_iou", comparison) == 0.0
    assert _value("min_role_iou", comparison) == pytest.approx(0.495)
    assert task.subject("min_class_iou", comparison, PLAN) == "car"
    (note,) = hidden_classes(comparison)
    assert "99.0% of the pixels, but their regions of car overlap by 0.000" in note
    assert not hidden_classes(_comparison([(PARENT, PARENT, None)]))
