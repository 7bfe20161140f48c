"""Instance segmentation: masks decide where boxes cannot."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from faster_coco_eval.core import mask as rle

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import Detections, Objects
from quantgate.entries import EvaluationPlan
from quantgate.errors import DecoderError
from quantgate.pair import Pair
from quantgate.tasks.detection import instance_segmentation
from quantgate.tasks.detection import task as detection
from quantgate.tasks.detection.average_precision import STATISTICS, coco_scores

PLAN = EvaluationPlan(dataset="images")
SIDE = 120


def _outline(pixels: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> dict[str, Any]:
    return dict(rle.encode(np.asfortranarray(pixels, np.uint8)))


def _diagonal(*, down: bool) -> dict[str, Any]:
    """Half of a 100-pixel square, on one side of its diagonal."""
    half = np.tri(100, dtype=np.bool_)
    pixels = np.zeros((SIDE, SIDE), np.bool_)
    pixels[:100, :100] = half if down else half.T
    return _outline(pixels)


def _one(mask: dict[str, Any]) -> Detections:
    box = np.array([[0, 0, 100, 100]], np.float32)
    return Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int64), (mask,))


def _comparison(parent: Detections, optimized: Detections, truth: Objects | None = None) -> Any:
    record = instance_segmentation.compact(Pair(parent, optimized), truth, "a.png")
    image = ImageResult("a.png", (SIDE, SIDE), truth, record)
    return Comparison(("thing",), (image,), "digest")


def _truth(mask: dict[str, Any]) -> Objects:
    found = _one(mask)
    area = np.array([rle.area(mask)], np.float32)
    return Objects(found.boxes, found.labels, np.zeros(1, np.bool_), area, (mask,))


def test_equal_boxes_with_different_masks_do_not_match() -> None:
    """Two halves of one square share a box and hardly a pixel."""
    comparison = _comparison(_one(_diagonal(down=True)), _one(_diagonal(down=False)))

    counts = instance_segmentation.detail("min_match_rate", comparison, PLAN)

    assert (counts.matches, counts.lost, counts.gained) == (0, 1, 1)


def test_planted_wrong_masks_lower_mask_ap_and_leave_box_ap() -> None:
    """Both are reported, so that a broken mask head shows."""
    right, wrong = _diagonal(down=True), _diagonal(down=False)
    comparison = _comparison(_one(right), _one(wrong), _truth(right))

    parent, optimized = instance_segmentation.metrics(comparison)

    assert (parent["ap"], parent["box_ap"]) == (1.0, 1.0)
    assert (optimized["ap"], optimized["box_ap"]) == (0.0, 1.0)
    drop = instance_segmentation.judge_quantity("max_accuracy_drop", comparison, PLAN)
    assert drop.value == 1.0


def test_objects_without_masks_are_refused() -> None:
    """The sentence names the image and the way out."""
    bare = Detections(
        *(getattr(_one(_diagonal(down=True)), c) for c in ("boxes", "scores", "labels"))
    )

    with pytest.raises(DecoderError, match=r"a\.png, optimized model: objects without masks"):
        _comparison(_one(_diagonal(down=True)), bare)


def test_finding_nothing_has_no_masks_and_is_no_error() -> None:
    """An optimized model that finds nothing has lost everything."""
    mask = _diagonal(down=True)
    comparison = _comparison(_one(mask), Detections.empty(), _truth(mask))

    assert instance_segmentation.detail("min_match_rate", comparison, PLAN).lost == 1
    assert instance_segmentation.metrics(comparison).optimized["ap"] == 0.0


def test_detection_on_annotated_masks_is_judged_by_boxes() -> None:
    """A detector without masks on COCO's masks: the boxes count."""
    truth = _truth(_diagonal(down=True))
    bare = Detections(truth.boxes, np.array([0.9], np.float32), truth.labels)
    image = ImageResult("a.png", (SIDE, SIDE), truth, Pair(bare, bare))

    metrics = detection.metrics(Comparison(("thing",), (image,), "digest"))

    assert metrics.parent["ap"] == 1.0


def _random_masks(seed: int) -> tuple[list[Detections], list[Objects]]:
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for index in range(12):
        n = index % 4
        corner, side = rng.integers(0, 60, (n, 2)), rng.integers(8, 58, (n, 2))
        boxes = np.hstack([corner, corner + side]).astype(np.float32)
        truth.append(_objects(boxes, rng.integers(0, 2, n), rng.random(n) < 0.2))
        off = np.maximum(boxes + rng.integers(-6, 7, boxes.shape), 0).astype(np.float32)
        off[:, 2:] = np.maximum(off[:, 2:], off[:, :2] + 1)
        scores = np.sort(np.round(rng.random(n), 1))[::-1].astype(np.float32)
        masks = tuple(_blob(box) for box in off)
        found.append(Detections(off, scores, rng.integers(0, 2, n), masks))
    return found, truth


def _blob(box: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> dict[str, Any]:
    """Put an ellipse into a box."""
    x1, y1, x2, y2 = (float(edge) for edge in box)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = ((2 * x - x1 - x2) / (x2 - x1)) ** 2 + ((2 * y - y1 - y2) / (y2 - y1)) ** 2 <= 1
    return _outline(inside)


def _objects(boxes: Any, labels: Any, crowd: Any) -> Objects:
    masks = tuple(_blob(box) for box in boxes)
    areas = np.array([rle.area(mask) for mask in masks], np.float32)
    return Objects(boxes, labels, crowd, areas, masks)


@pytest.mark.parametrize("seed", range(3))
def test_mask_ap_equals_pycocotools(seed: int) -> None:
    """Every statistic by masks, ties and crowds included: the difference is 0.0."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    found, truth = _random_masks(seed)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image, (detections, objects) in enumerate(zip(found, truth, strict=True)):
        for i, mask in enumerate(objects.masks or ()):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(objects.labels[i]),
                    "segmentation": dict(mask),
                    "bbox": [0, 0, 0, 0],
                    "area": float(objects.areas[i]),
                    "iscrowd": int(objects.crowd[i]),
                }
            )
        for i, mask in enumerate(detections.masks or ()):
            results.append(
                {
                    "image_id": image,
                    "category_id": int(detections.labels[i]),
                    "segmentation": dict(mask),
                    "score": float(detections.scores[i]),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "images": [{"id": i, "width": SIDE, "height": SIDE} for i in range(len(truth))],
            "annotations": annotations,
            "categories": [{"id": 0}, {"id": 1}],
        }
        reference.createIndex()
        judge = COCOeval(reference, reference.loadRes(results), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()

    scores = coco_scores(found, truth, "segm").overall

    expected = zip(STATISTICS, judge.stats, strict=False)
    assert scores == {name: round(float(v), 12) for name, v in expected if v >= 0}
