"""Object detection: quantities, sentences, storage and planted defects."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.matching import Change
from quantgate.core.predictions import ClassLabel, Detections, Objects
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.catalog import TASKS
from quantgate.tasks.detection import task as detection
from quantgate.tasks.detection.accuracy import resamples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quantgate.core.predictions import Truth

PLAN = EvaluationPlan(dataset="images")
LABELS = ("cat", "dog", "person")
ACCURACY = ("max_accuracy_drop", "max_error_increase", "max_class_drop")
AGREEMENT = ("min_match_rate", "min_agreement", "min_class_precision")


def _detections(*rows: tuple[float, ...]) -> Detections:
    """Each row x1, y1, x2, y2, score, class."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int64),
    )


def _truth_of(found: Detections) -> Objects:
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    nothing = np.zeros(len(found), np.bool_)
    return Objects(found.boxes, found.labels, nothing, sides[:, 0] * sides[:, 1])


def _comparison(
    pairs: Sequence[tuple[Detections, Detections]], truths: Sequence[Truth | None] | None = None
) -> Comparison[Detections]:
    given = truths or [None] * len(pairs)
    images = tuple(
        ImageResult(
            f"{i}.png", (200, 200), truth, detection.compact(Pair(*pair), truth, f"{i}.png")
        )
        for i, (pair, truth) in enumerate(zip(pairs, given, strict=True))
    )
    return Comparison(LABELS, images, "digest")


def _scene(seed: int) -> Detections:
    """Six objects apart from each other, two of each class."""
    rng = np.random.default_rng(seed)
    rows = []
    for cell in range(6):
        x, y = 60.0 * (cell % 3), 80.0 * (cell // 3)
        side = float(rng.integers(30, 50))
        rows.append((x, y, x + side, y + side, 0.9 - cell / 20, cell % 3))
    return _detections(*rows)


def _evaluated(damage: Callable[[Detections], Detections]) -> Comparison[Detections]:
    """A parent that is right but for one miss an image in ten, and a damaged optimized model."""
    truths = [_scene(seed) for seed in range(20)]
    parents = [scene.take(np.arange(5 if i % 10 == 0 else 6)) for i, scene in enumerate(truths)]
    pairs = [(parent, damage(parent)) for parent in parents]
    return _comparison(pairs, [_truth_of(scene) for scene in truths])


def _value(key: str, comparison: Comparison[Detections], plan: EvaluationPlan = PLAN) -> float:
    return detection.judge_quantity(key, comparison, plan).value


def test_an_undamaged_model_loses_nothing() -> None:
    """The same predictions: every drop is exactly 0 and every rate exactly 1."""
    comparison = _evaluated(lambda parent: parent)

    assert [_value(key, comparison) for key in ACCURACY] == [0.0, 0.0, 0.0]
    assert [_value(key, comparison) for key in AGREEMENT] == [1.0, 1.0, 1.0]


def _swapped(parent: Detections) -> Detections:
    labels = np.where(parent.labels == 0, 1, np.where(parent.labels == 1, 0, parent.labels))
    return Detections(parent.boxes, parent.scores, labels)


def test_planted_swapped_classes() -> None:
    """Cats and dogs exchanged: found in the same places, matched only where they are persons."""
    comparison = _evaluated(_swapped)

    counts = detection.detail("min_match_rate", comparison, PLAN)

    assert (counts.lost, counts.gained, counts.relabelled) == (0, 0, 80)
    assert _value("min_match_rate", comparison) == pytest.approx(38 / 118)
    assert _value("min_agreement", comparison) == 0.0
    assert _value("min_class_precision", comparison) == 0.0
    assert _value("max_class_drop", comparison) == 1.0
    assert detection.subject("max_class_drop", comparison, PLAN) == "cat"
    assert _value("max_accuracy_drop", comparison) == pytest.approx(2 / 3)


def _shifted(parent: Detections) -> Detections:
    return Detections(parent.boxes + np.float32(4), parent.scores, parent.labels)


def test_planted_shifted_boxes() -> None:
    """Boxes off by four pixels still match; only the strict part of AP sees it."""
    comparison = _evaluated(_shifted)

    counts = detection.detail("min_match_rate", comparison, PLAN)

    assert (counts.moved, counts.kept, counts.lost, counts.gained) == (118, 0, 0, 0)
    assert _value("min_match_rate", comparison) == 1.0
    assert _value("max_accuracy_drop", comparison) > 0.2
    assert _value("max_accuracy_drop", comparison, EvaluationPlan("images", metric="ap50")) == 0.0


def _weaker(parent: Detections) -> Detections:
    return Detections(parent.boxes, parent.scores - np.float32(0.3), parent.labels)


def test_planted_lower_scores() -> None:
    """Scores off by the same amount leave AP untouched and lose what falls below the threshold."""
    comparison = _evaluated(_weaker)

    assert _value("max_accuracy_drop", comparison) == 0.0
    assert detection.detail("min_match_rate", comparison, PLAN).lost > 0
    assert _value("min_match_rate", comparison) < 1.0
    assert _value("min_class_precision", comparison) == 1.0


def _without_the_small_ones(parent: Detections) -> Detections:
    return parent.take(parent.boxes[:, 2] - parent.boxes[:, 0] > 38)


@pytest.mark.parametrize("metric", ["ap", "ap50", "ap75", "voc", "voc11"])
def test_every_metric_can_be_judged(metric: str) -> None:
    """Value, interval and number of images, and the interval is not a point."""
    plan = EvaluationPlan("images", metric=metric)
    comparison = _evaluated(_without_the_small_ones)
    estimate = detection.judge_quantity("max_accuracy_drop", comparison, plan)
    values = detection.metrics(comparison).map(lambda role: role[metric])

    assert estimate.value == pytest.approx(values.parent - values.optimized)
    assert estimate.low < estimate.value < estimate.high
    assert estimate.n == 20
    scores = detection.role_scores(comparison, plan)
    assert scores.map(lambda role: role.value) == values
    assert scores.optimized.low < scores.optimized.value < scores.optimized.high < scores.parent.low


def test_gained_objects_cost_as_much_as_lost_ones() -> None:
    """The match rate is symmetric in the roles."""
    one, two = _detections((0, 0, 9, 9, 0.9, 0)), _scene(0)

    assert _value("min_match_rate", _comparison([(one, two)])) == _value(
        "min_match_rate", _comparison([(two, one)])
    )


def test_an_image_without_objects_agrees_and_adds_nothing() -> None:
    """Background images raise the agreement and leave the match rate alone."""
    pair = _scene(0), _scene(0).take(np.arange(3))
    nothing = Detections.empty(), Detections.empty()

    assert _value("min_agreement", _comparison([pair, nothing])) == 0.5
    assert _value("min_match_rate", _comparison([pair, nothing])) == _value(
        "min_match_rate", _comparison([pair])
    )


@pytest.mark.parametrize("key", AGREEMENT)
def test_no_object_on_any_image_is_no_agreement(key: str) -> None:
    """Two models that see nothing have not been compared."""
    nothing = Detections.empty(), Detections.empty()

    with pytest.raises(MeasurementError, match="score_threshold"):
        _value(key, _comparison([nothing, nothing]))


def test_class_precision_is_that_of_the_worst_class() -> None:
    """One false person among right cats and dogs."""
    parent = _detections((0, 0, 9, 9, 0.9, 0), (20, 0, 29, 9, 0.9, 2))
    optimized = _detections((0, 0, 9, 9, 0.9, 0), (20, 0, 29, 9, 0.9, 2), (60, 0, 69, 9, 0.8, 2))

    comparison = _comparison([(parent, optimized)])

    assert _value("min_class_precision", comparison) == 0.5
    assert detection.subject("min_class_precision", comparison, PLAN) == "person"
    assert detection.subject("min_match_rate", comparison, PLAN) == ""


def test_the_error_increase_is_relative() -> None:
    """Half of what the parent finds: the errors grow by what was lost over what was missing."""
    comparison = _evaluated(lambda parent: parent.take(parent.labels != 2))
    parent, optimized = detection.metrics(comparison)

    assert _value("max_error_increase", comparison) == pytest.approx(
        (1 - optimized["ap"]) / (1 - parent["ap"]) - 1
    )


def test_a_small_class_is_not_judged_alone() -> None:
    """Fewer than ten objects say nothing about a class."""
    scene = _scene(0)

    with pytest.raises(MeasurementError, match="max_class_drop needs more images"):
        _value("max_class_drop", _comparison([(scene, scene)], [_truth_of(scene)]))


def test_sizes_that_nothing_has_are_absent() -> None:
    """Where nothing large is annotated, there is no AP of large objects: not -1, not 0."""
    parent, optimized = detection.metrics(_evaluated(_shifted))

    assert (
        set(parent)
        == set(optimized)
        == {"ap", "ap50", "ap75", "ap_medium", "ap_small", "voc", "voc11"}
    )
    assert parent["ap50"] == parent["voc"] or parent["ap50"] == pytest.approx(
        parent["voc"], abs=0.02
    )


def test_accuracy_needs_annotated_objects() -> None:
    """No annotation, one of another task, and no object at all: each says so."""
    scene = _scene(0)
    for truths, words in (
        ([None], "found NoneType"),
        ([ClassLabel(0)], "found ClassLabel"),
        ([_truth_of(Detections.empty())], "none of 1 images holds an annotated object"),
    ):
        with pytest.raises(DatasetError, match=words):
            detection.metrics(_comparison([(scene, scene)], truths))


def test_the_worst_image_comes_first_with_a_sentence() -> None:
    """The surer object before the unsure one, lost and moved before lost; unchanged images are left out."""
    scene = _scene(0)
    pairs = [
        (scene, scene),
        (scene, _shifted(scene).take(np.arange(5))),
        (scene, scene.take(np.arange(5))),
        (_detections((0, 0, 9, 9, 0.91, 0)), _detections((0, 0, 9, 9, 0.5, 1))),
    ]

    worst = detection.worst(_comparison(pairs), PLAN)

    assert [change.index for change in worst] == [3, 1, 2]
    assert worst[0].sentence == "1 relabelled; cat 0.91 became dog 0.50"
    assert worst[1].sentence.startswith("1 lost, 5 moved; person 0.65 lost, cat 0.90 moved (IoU 0.")
    assert worst[2].sentence == "1 lost; person 0.65 lost"


def test_changes_of_one_image_for_drawing() -> None:
    """What happened to each object, by index into the record."""
    comparison = _comparison([(_scene(0), _scene(0).take(np.arange(1, 6)))])

    changes = detection.changes(comparison.images[0], PLAN)

    assert [m.change for m in changes].count(Change.KEPT) == 5
    assert [m.parent for m in changes if m.change is Change.LOST] == [0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_a_number_names_the_image(bad: float) -> None:
    """Scores and boxes that are not finite are refused when they arrive, and when they are read."""
    broken = _detections((0, 0, 9, 9, bad, 0)), _detections((0, 0, bad, 9, 0.5, 0))
    for found in broken:
        with pytest.raises(DecoderError, match=r"0\.png, optimized model"):
            _comparison([(_scene(0), found)])
        images = (ImageResult("read.png", (9, 9), None, Pair(_scene(0), found)),)
        with pytest.raises(DecoderError, match=r"read\.png, optimized model"):
            _value("min_match_rate", Comparison(LABELS, images, "digest"))


def test_classes_outside_the_labels_are_named() -> None:
    """An annotation is the dataset's fault, a prediction the decoder's."""
    scene, odd = _scene(0), _detections((0, 0, 9, 9, 0.9, 7))

    with pytest.raises(DatasetError, match="class id 7 is outside the list of 3 labels"):
        _value("min_match_rate", _comparison([(scene, scene)], [_truth_of(odd)]))
    with pytest.raises(DecoderError, match="class id 7 is outside the list of 3 labels"):
        _value("min_match_rate", _comparison([(scene, odd)]))


def test_without_labels_every_class_id_is_allowed() -> None:
    """A folder of images names no classes; the ids stand for themselves."""
    odd = _detections((0, 0, 9, 9, 0.9, 7))
    images = (ImageResult("a.png", (9, 9), None, Pair(odd, Detections.empty())),)

    worst = detection.worst(Comparison((), images, "digest"), PLAN)

    assert worst[0].sentence == "1 lost; class 7 0.90 lost"


def test_an_empty_set_is_refused() -> None:
    """No image, no match rate."""
    with pytest.raises(MeasurementError, match="no image"):
        _value("min_match_rate", Comparison(LABELS, (), "digest"))


def test_the_best_objects_are_kept_stably() -> None:
    """A record is bounded; among equal scores the order of the decoder stays."""
    rows = [(i, 0, i + 5, 5, 0.5 if i % 2 else 0.25, 0) for i in range(500)]

    record = _comparison([(_detections(*rows), Detections.empty())]).images[0].record.parent

    assert len(record) == detection.MOST_OBJECTS
    assert record.boxes[:, 0].tolist() == [*range(1, 500, 2), *range(0, 100, 2)]


@pytest.mark.parametrize("masked", [False, True])
def test_records_come_back_bit_for_bit(*, masked: bool) -> None:
    """Stored and read without pickling, empty images and masks included."""
    scenes = [_scene(1), Detections.empty(), _scene(2)]
    if masked:
        outline: dict[str, object] = {"size": [4, 6], "counts": b"\x00\xff12"}
        scenes = [Detections(s.boxes, s.scores, s.labels, (outline,) * len(s)) for s in scenes]
        scenes.append(_scene(3))
    stored = io.BytesIO()
    arrays: dict[str, Any] = {**detection.pack(scenes)}
    np.savez(stored, **arrays)
    stored.seek(0)

    again = detection.unpack(np.load(stored, allow_pickle=False))

    assert [repr(scene) for scene in again] == [repr(scene) for scene in scenes]
    assert [scene.masks for scene in again] == [scene.masks for scene in scenes]
    assert detection.unpack(detection.pack([])) == []


def test_the_number_of_resamples_follows_the_size_of_the_set() -> None:
    """By count and never by clock, so that an interval repeats; at least two hundred."""
    from quantgate.core.average_precision import ClassFlags

    def flags(cells: int) -> Pair[dict[int, ClassFlags]]:
        empty = np.zeros((10, cells), np.bool_)
        own = ClassFlags(np.zeros(cells, np.int64), empty, empty, np.ones(1, np.int64))
        return Pair({0: own}, {0: own})

    assert [resamples(flags(cells)) for cells in (10, 400_000, 4_000_000)] == [2_000, 500, 200]


def test_the_smallest_drop_that_twenty_images_can_show() -> None:
    """It says what the set can resolve, beside the verdict."""
    assert detection.smallest_drop(_evaluated(lambda parent: parent), PLAN) == pytest.approx(0.15)
    assert detection.smallest_drop(_evaluated(_swapped), PLAN) >= 0.15


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_knows_its_own_metric_and_limits(name: str) -> None:
    """The default metric is one of the metrics; the limits are the manifest's."""
    from dataclasses import fields

    from quantgate.entries import Limits

    task = TASKS[name]

    assert task.DEFAULT_METRIC in {*task.METRICS, ""}
    assert bool(task.METRICS) == bool(task.DEFAULT_METRIC)
    # Image to image is not yet a task of models.toml, so its own limit is not there either.
    assert set(task.LIMITS) - {"min_psnr_db"} <= {field.name for field in fields(Limits)}


def test_metrics_of_another_task_are_refused() -> None:
    """top1 says nothing about boxes."""
    with pytest.raises(MeasurementError, match="expected ap, ap50"):
        _value("max_accuracy_drop", _evaluated(_swapped), EvaluationPlan("images", metric="top1"))
