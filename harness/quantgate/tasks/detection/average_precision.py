"""COCO's average precision: the value by faster-coco-eval, the spread by resampling images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from quantgate.core.average_precision import (
    COCO_MOST,
    COCO_THRESHOLDS,
    ClassFlags,
    ImageFlags,
    Interpolation,
    assign_greedily,
    average_precision,
    flag,
    merge,
)
from quantgate.core.skeletons import sigmas_of
from quantgate.tasks.detection.overlap import overlap_with_truth, plain_overlap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Detections, Objects

#: Statistics by name, in the order in which COCO summarizes them.
STATISTICS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
#: Best detections an image and class that COCO looks at, where key points are judged.
MOST_POINTED = 20
#: IoU thresholds of the metrics that can be resampled.
THRESHOLDS = {"ap": COCO_THRESHOLDS, "ap50": (0.5,), "ap75": (0.75,)}
#: The last bits of a mean depend on the order in which a library adds; nothing is judged by them.
DECIMALS = 12
Outline = Literal["bbox", "segm", "keypoints", "corners"]


@dataclass(frozen=True, slots=True)
class CocoScores:
    """AP of one role.

    Parameters
    ----------
    overall
        By statistic; one that no annotated object defines is absent.
    by_class
        Class id to ``ap``, ``ap50`` and ``ap75``, of the classes that are annotated.
    """

    overall: dict[str, float]
    by_class: dict[int, dict[str, float]]


def coco_scores(
    found: Sequence[Detections], truth: Sequence[Objects], outline: Outline = "bbox"
) -> CocoScores:
    """Score one role against the truth, image by image, exactly as pycocotools does.

    Images without any annotated object count: their detections are false. Quadrilaterals, which it does not
    know, are scored by DOTA's rules.
    """
    if outline == "corners":
        return _quad_scores(found, truth)
    from faster_coco_eval import COCO, COCOeval_faster

    columns = [item.labels for item in found] + [item.labels for item in truth]
    classes = np.unique(np.concatenate(columns)).tolist()
    if not any(len(item) for item in truth):
        return CocoScores({}, {})
    reference = COCO(_reference(truth, classes, outline), print_function=_silent)
    result = reference.loadRes(_results(found, outline)) if any(map(len, found)) else None
    if result is None:
        return _nothing_found(truth)
    judge = COCOeval_faster(reference, result, outline, print_function=_silent)
    names: Sequence[str] = STATISTICS
    if outline == "keypoints":
        names = tuple(name for name in STATISTICS if name != "ap_small")
        judge.params.kpt_oks_sigmas = sigmas_of(_points_in(truth))
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    values = [round(float(value), DECIMALS) for value in judge.stats[: len(names)]]
    overall = zip(names, values, strict=True)
    precision: NDArray[np.float64] = judge.eval["precision"][..., 0, -1]
    return CocoScores(
        {name: value for name, value in overall if value >= 0},
        {label: row for k, label in enumerate(classes) if (row := _row(precision[:, :, k]))},
    )


def _quad_scores(found: Sequence[Detections], truth: Sequence[Objects]) -> CocoScores:
    """Average precision of quadrilaterals by DOTA's rules: small, medium and large ones are not told apart."""
    once = np.ones((1, len(found)), np.int32)
    by_class: dict[int, dict[str, float]] = {}
    for label, flags in voc_flags(found, truth, COCO_THRESHOLDS).items():
        for name, thresholds in THRESHOLDS.items():
            # What is matched at one threshold has nothing to do with the others.
            rows = [COCO_THRESHOLDS.index(threshold) for threshold in thresholds]
            own = replace(flags, hit=flags.hit[rows], ignored=flags.ignored[rows])
            value = round(float(average_precision(own, once, "voc")[0]), DECIMALS)
            by_class.setdefault(label, {})[name] = value
    if not by_class:
        return CocoScores({}, {})
    names = {name: [row[name] for row in by_class.values()] for name in THRESHOLDS}
    return CocoScores({name: float(np.mean(own)) for name, own in names.items()}, by_class)


def _points_in(truth: Sequence[Objects]) -> int:
    """Key points an object."""
    return next(int(item.points.shape[1]) for item in truth if item.points is not None)


def _silent(*_: object) -> None:
    """Swallow the progress lines of faster-coco-eval."""


def _row(precision: NDArray[np.float64]) -> dict[str, float]:
    """AP of one class from its precision [thresholds, recalls]; empty where it is not annotated."""
    if (precision < 0).all():
        return {}
    return {
        "ap": round(float(precision.mean()), DECIMALS),
        "ap50": round(float(precision[0].mean()), DECIMALS),
        "ap75": round(float(precision[5].mean()), DECIMALS),
    }


def _nothing_found(truth: Sequence[Objects]) -> CocoScores:
    """All zero where there is something to find."""
    areas = np.concatenate([item.areas[~item.aside] for item in truth])
    labels = {int(label) for item in truth for label in item.labels[~item.aside]}
    if not len(areas):
        return CocoScores({}, {})
    bounds = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
    sizes = [
        f"ap_{s}" for s, (low, high) in bounds.items() if ((areas >= low) & (areas <= high)).any()
    ]
    zero = dict.fromkeys(("ap", "ap50", "ap75"), 0.0)
    return CocoScores(
        {**zero, **dict.fromkeys(sizes, 0.0)}, {label: dict(zero) for label in sorted(labels)}
    )


def _reference(
    truth: Sequence[Objects], classes: Sequence[int], outline: Outline
) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for image, item in enumerate(truth, start=1):
        images.append({"id": image, **_size(item)})
        boxes = _xywh(item.boxes)
        for i, label in enumerate(item.labels.tolist()):
            annotations.append(
                {
                    # Id 0 would read as "unmatched".
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": label + 1,
                    "bbox": boxes[i],
                    "area": float(item.areas[i]),
                    "iscrowd": int(item.crowd[i]),
                    **_segmentation(item, i, outline),
                }
            )
    categories = [{"id": label + 1, "name": str(label)} for label in classes]
    return {"images": images, "annotations": annotations, "categories": categories}


def _size(item: Objects) -> dict[str, int]:
    if not item.masks:
        return {"width": 0, "height": 0}
    height, width = cast("Sequence[int]", item.masks[0]["size"])
    return {"width": int(width), "height": int(height)}


def _segmentation(item: Detections | Objects, index: int, outline: Outline) -> dict[str, Any]:
    if outline == "keypoints" and item.points is not None:
        points = item.points[index].astype(np.float64)
        return {
            "keypoints": points.ravel().tolist(),
            "num_keypoints": int((points[:, 2] > 0).sum()),
        }
    if outline != "segm" or item.masks is None:
        return {}
    return {"segmentation": item.masks[index]}


def _results(found: Sequence[Detections], outline: Outline) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for image, item in enumerate(found, start=1):
        boxes, scores = _xywh(item.boxes), item.scores.tolist()
        for i, label in enumerate(item.labels.tolist()):
            own = _segmentation(item, i, outline) or {"bbox": boxes[i]}
            results.append({"image_id": image, "category_id": label + 1, "score": scores[i], **own})
    return results


def _xywh(boxes: NDArray[np.float32]) -> list[list[float]]:
    wide = boxes.astype(np.float64)
    wide[:, 2:] -= wide[:, :2]
    listed: list[list[float]] = wide.tolist()
    return listed


def coco_flags(
    found: Sequence[Detections],
    truth: Sequence[Objects],
    thresholds: Sequence[float],
    most: int = COCO_MOST,
) -> dict[int, ClassFlags]:
    """Match every annotated class by COCO's rules, ready to be resampled."""
    by_class: dict[int, list[tuple[int, ImageFlags]]] = {}
    for index, (detections, objects) in enumerate(zip(found, truth, strict=True)):
        iou = overlap_with_truth(detections, objects)
        for label, rows, columns in classes_of(detections, objects, most):
            aside, crowd = objects.aside[columns], objects.crowd[columns]
            near = iou[rows[:, None], columns]
            chosen = assign_greedily(near, aside, thresholds, shared=crowd)
            flags = flag(detections.scores[rows], chosen, aside)
            by_class.setdefault(label, []).append((index, flags))
    return _annotated(by_class, len(found), len(thresholds))


def classes_of(
    found: Detections, truth: Objects, most: int | None = None
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Each class of an image with its detections [n], the ``most`` best by score, and its annotated objects [m]."""
    best = np.argsort(-found.scores, kind="stable")
    order = best[np.argsort(found.labels[best], kind="stable")]
    classes = np.union1d(found.labels, truth.labels)
    starts = np.searchsorted(found.labels[order], classes, "left").tolist()
    ends = np.searchsorted(found.labels[order], classes, "right").tolist()
    for label, start, end in zip(classes.tolist(), starts, ends, strict=True):
        yield label, order[start:end][:most], np.flatnonzero(truth.labels == label)


def _annotated(
    by_class: dict[int, list[tuple[int, ImageFlags]]], images: int, thresholds: int
) -> dict[int, ClassFlags]:
    """Join the flags of each class over all images; classes that are not annotated are left out."""
    merged = {label: merge(own, images, thresholds) for label, own in sorted(by_class.items())}
    return {label: flags for label, flags in merged.items() if flags.positives.any()}


VOC_IOU = 0.5


def interpolation_of(metric: str, outline: Outline) -> Interpolation:
    """By whose rules a metric that can be resampled is made of matches: COCO's, or VOC's, which are DOTA's."""
    if metric in THRESHOLDS:
        return "voc" if outline == "corners" else "coco"
    return cast("Interpolation", metric)


def voc_flags(
    found: Sequence[Detections],
    truth: Sequence[Objects],
    thresholds: Sequence[float] = (VOC_IOU,),
) -> dict[int, ClassFlags]:
    """Match every annotated class by VOC's rules: one look at the best object, no second."""
    by_class: dict[int, list[tuple[int, ImageFlags]]] = {}
    for index, (detections, objects) in enumerate(zip(found, truth, strict=True)):
        iou = plain_overlap(detections, objects)
        for label, rows, columns in classes_of(detections, objects):
            aside = objects.crowd[columns]
            near = iou[rows[:, None], columns]
            chosen = assign_greedily(near, aside, thresholds, rivals=False)
            flags = flag(detections.scores[rows], chosen, aside)
            by_class.setdefault(label, []).append((index, flags))
    return _annotated(by_class, len(found), len(thresholds))


def voc_by_class(flags: dict[int, ClassFlags], interpolation: Interpolation) -> dict[int, float]:
    """Average precision of every annotated class."""
    return {
        label: float(
            average_precision(own, np.ones((1, len(own.positives)), np.int32), interpolation)[0]
        )
        for label, own in flags.items()
    }
