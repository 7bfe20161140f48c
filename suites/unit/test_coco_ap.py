"""COCO's average precision: equal to pycocotools, and fit to be resampled."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.average_precision import COCO_THRESHOLDS, average_precision
from quantgate.core.predictions import Detections, Objects
from quantgate.tasks.detection.average_precision import (
    STATISTICS,
    coco_flags,
    coco_scores,
    voc_by_class,
    voc_flags,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def _random_set(
    seed: int, images: int = 40, classes: int = 5
) -> tuple[list[Detections], list[Objects]]:
    """Objects of every size with crowds; detections with many tied scores; some images empty."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for index in range(images):
        n = 0 if index % 7 == 0 else int(rng.integers(1, 9))
        side = rng.choice([12.0, 50.0, 150.0], (n, 2)) * rng.uniform(0.6, 1.5, (n, 2))
        corner = rng.uniform(0, 400, (n, 2))
        boxes = np.hstack([corner, corner + side]).astype(np.float32)
        labels = rng.integers(0, classes, n)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        truth.append(Objects(boxes, labels, rng.random(n) < 0.1, area))
        again = rng.integers(0, max(n, 1), 2 * n) if n else np.zeros(0, np.int64)
        shifted = boxes[again] + rng.normal(0, 4, (len(again), 4)).astype(np.float32)
        shifted[:, 2:] = np.maximum(shifted[:, 2:], shifted[:, :2])
        noise = rng.uniform(0, 300, (6, 2)).astype(np.float32)
        noise = np.hstack([noise, noise + rng.uniform(5, 90, (6, 2)).astype(np.float32)])
        all_boxes = np.concatenate([shifted, noise]) if index % 5 else np.zeros((0, 4), np.float32)
        own = np.concatenate([labels[again], rng.integers(0, classes, 6)])[: len(all_boxes)]
        scores = np.round(rng.random(len(all_boxes)), 1).astype(np.float32)
        order = np.argsort(-scores, kind="stable")
        found.append(Detections(all_boxes[order], scores[order], own[order]))
    return found, truth


def _oracle(found: Sequence[Detections], truth: Sequence[Objects]) -> dict[str, float]:
    """The first six numbers of pycocotools to 12 decimals, fed independently of the code under test."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image, (detections, objects) in enumerate(zip(found, truth, strict=True)):
        for i in range(len(objects)):
            x1, y1, x2, y2 = map(float, objects.boxes[i])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(objects.labels[i]),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(objects.areas[i]),
                    "iscrowd": int(objects.crowd[i]),
                }
            )
        for i in range(len(detections)):
            x1, y1, x2, y2 = map(float, detections.boxes[i])
            results.append(
                {
                    "image_id": image,
                    "category_id": int(detections.labels[i]),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "score": float(detections.scores[i]),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "images": [{"id": image} for image in range(len(truth))],
            "annotations": annotations,
            "categories": [{"id": label} for label in range(5)],
        }
        reference.createIndex()
        judge = COCOeval(reference, reference.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {
        name: round(float(value), 12) for name, value in zip(STATISTICS, judge.stats, strict=False)
    }


@pytest.mark.parametrize("seed", range(4))
def test_every_statistic_equals_pycocotools(seed: int) -> None:
    """Ties, crowds, empty images and images without detections: the difference is 0.0."""
    found, truth = _random_set(seed)

    scores = coco_scores(found, truth)

    difference = [scores.overall[name] - value for name, value in _oracle(found, truth).items()]
    assert difference == [0.0] * len(STATISTICS)


@pytest.mark.parametrize("seed", range(4))
def test_resampling_starts_from_the_same_average_precision(seed: int) -> None:
    """Our own accumulation of matches gives the AP of every class that the library gives."""
    found, truth = _random_set(seed)
    flags = coco_flags(found, truth, COCO_THRESHOLDS)
    ones = np.ones((1, len(found)), np.int32)

    own = {label: average_precision(item, ones)[0] for label, item in flags.items()}

    expected = {label: row["ap"] for label, row in coco_scores(found, truth).by_class.items()}
    assert own == pytest.approx(expected, abs=1e-9)


def test_a_resample_is_the_set_of_its_images() -> None:
    """Counting an image twice is the same as having it twice (where no scores tie)."""
    found, truth = _random_set(9)
    rng = np.random.default_rng(2)
    untied = [np.sort(rng.random(len(d)).astype(np.float32))[::-1] for d in found]
    found = [Detections(d.boxes, s, d.labels) for d, s in zip(found, untied, strict=True)]
    weights = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), 1).astype(np.int32)
    flags = coco_flags(found, truth, COCO_THRESHOLDS)
    drawn = np.repeat(np.arange(40), weights[0])

    counted = {label: average_precision(item, weights)[0] for label, item in flags.items()}

    copies = coco_scores([found[i] for i in drawn], [truth[i] for i in drawn])
    assert counted == pytest.approx(
        {label: row["ap"] for label, row in copies.by_class.items()}, abs=1e-9
    )


def test_finding_nothing_scores_zero() -> None:
    """No detection at all is an AP of 0, not an error."""
    _, truth = _random_set(3)

    scores = coco_scores([Detections.empty()] * len(truth), truth)

    assert set(scores.overall.values()) == {0.0}
    assert set(scores.overall) == set(STATISTICS)


def test_nothing_annotated_scores_nothing() -> None:
    """Without a single annotated object no average precision is defined."""
    found, truth = _random_set(3)
    background = [Objects(*(column[:0] for column in _columns(item))) for item in truth]

    assert coco_scores(found, background).overall == {}


def _columns(item: Objects) -> tuple[Any, ...]:
    return item.boxes, item.labels, item.crowd, item.areas


def test_false_detections_on_background_images_cost() -> None:
    """An image without objects is not skipped: what is found there is false."""
    box = np.array([[0, 0, 10, 10]], np.float32)
    one = np.zeros(1, np.int64)
    hit = Detections(box, np.array([0.5], np.float32), one)
    false = Detections(box, np.array([0.9], np.float32), one)
    objects = Objects(box, one, np.zeros(1, np.bool_), np.array([100], np.float32))
    background = Objects(box[:0], one[:0], np.zeros(0, np.bool_), np.zeros(0, np.float32))

    assert coco_scores([hit, false], [objects, background]).overall["ap"] == 0.5


def test_among_equal_overlaps_the_last_object_is_taken() -> None:
    """COCO's rule decides whether a second detection still finds an object."""
    objects = np.array([[0, 0, 10, 8], [0, 2, 10, 10]], np.float32)
    two = np.zeros(2, np.int64)
    truth = Objects(objects, two, np.zeros(2, np.bool_), np.full(2, 80, np.float32))
    seen = np.array([[0, 0, 10, 10], [0, 0, 10, 6]], np.float32)
    found = Detections(seen, np.array([0.9, 0.8], np.float32), two)

    assert coco_flags([found], [truth], (0.75,))[0].hit.tolist() == [[True, True]]
    assert coco_scores([found], [truth]).overall["ap75"] == 1.0


def test_voc_by_hand() -> None:
    """Three objects, hits at ranks 1 and 3 of 3: areas under both of VOC's curves."""
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]], np.float32)
    zero = np.zeros(3, np.int64)
    truth = Objects(boxes, zero, np.zeros(3, np.bool_), np.full(3, 100, np.float32))
    seen = np.array([[0, 0, 10, 10], [70, 0, 80, 10], [20, 0, 30, 10]], np.float32)
    found = Detections(seen, np.array([0.9, 0.8, 0.7], np.float32), zero)

    flags = voc_flags([found], [truth])

    assert voc_by_class(flags, "voc")[0] == pytest.approx((1 + 2 / 3) / 3)
    # Recall points 0, .1, .2, .3 see precision 1; .4, .5, .6 see 2/3; the rest see nothing.
    assert voc_by_class(flags, "voc11")[0] == pytest.approx((4 + 3 * 2 / 3) / 11)


def test_voc_does_not_look_for_a_second_best_object() -> None:
    """A second detection of a taken object is false in VOC, though another object would fit."""
    objects = np.array([[0, 0, 10, 10], [0, 3, 10, 13]], np.float32)
    two = np.zeros(2, np.int64)
    truth = Objects(objects, two, np.zeros(2, np.bool_), np.full(2, 100, np.float32))
    twice = np.array([[0, 0, 10, 10], [0, 1, 10, 11]], np.float32)
    found = Detections(twice, np.array([0.9, 0.8], np.float32), two)

    assert voc_flags([found], [truth])[0].hit.sum() == 1
    assert coco_flags([found], [truth], (0.5,))[0].hit.sum() == 2
