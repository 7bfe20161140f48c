"""The matches of every image of a comparison, made once, and the rates that rest on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.bootstrap import Counted, Resampled, bootstrap_mean, bootstrap_ratio
from quantgate.core.matching import (
    Change,
    ChangeCounts,
    Match,
    MatchRule,
    count_changes,
    match_objects,
)
from quantgate.core.predictions import Detections, Objects
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.overlap import (
    in_crowd,
    overlap,
    overlap_with_truth,
    truth_as_detections,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role

Detected: TypeAlias = "Comparison[Detections]"


@dataclass(frozen=True, slots=True)
class MatchedImage:
    """Two lists of objects of one image and what became of each object.

    ``objects.parent`` may be the truth: then LOST means missed and GAINED means false.
    """

    name: str
    objects: Pair[Detections]
    matches: tuple[Match, ...]

    @property
    def counts(self) -> ChangeCounts:
        """How often each change happened."""
        return count_changes(self.matches)


def rule_of(plan: EvaluationPlan) -> MatchRule:
    """Return the matching rule of a plan."""
    return MatchRule(plan.score_threshold, plan.iou_threshold, plan.hysteresis)


def matched(comparison: Detected, plan: EvaluationPlan) -> tuple[MatchedImage, ...]:
    """Match the parent with the optimized model on every image, in dataset order."""
    rule = rule_of(plan)
    return comparison.once(
        f"matched {rule}", lambda: tuple(match_image(r, rule) for r in checked(comparison))
    )


def match_image(result: ImageResult[Detections], rule: MatchRule) -> MatchedImage:
    """Match the two roles on one image."""
    parent, optimized = result.record
    matches = match_objects(parent, optimized, rule, overlap(parent, optimized))
    return MatchedImage(result.name, result.record, matches)


def matched_with_truth(
    comparison: Detected, plan: EvaluationPlan, role: Role
) -> tuple[MatchedImage, ...]:
    """Match one role (as ``optimized``) with the annotations (as ``parent``) on every image."""
    # Annotations have no score to stand on the other side of the threshold: no hysteresis.
    rule = MatchRule(plan.score_threshold, plan.iou_threshold, hysteresis=0.0)
    return comparison.once(
        f"truth {role} {rule}",
        lambda: tuple(_with_truth(r, rule, role) for r in checked(comparison)),
    )


def _with_truth(result: ImageResult[Detections], rule: MatchRule, role: Role) -> MatchedImage:
    truth, found = objects_of(result), result.record[role]
    annotated = truth_as_detections(truth)
    near = overlap(annotated, found)
    if truth.points is not None:
        # The annotation's own area and visibility, which a detection has no place for.
        near = overlap_with_truth(found, truth)[:, ~truth.aside].T
    matches = match_objects(annotated, found, rule, near)
    excused = in_crowd(found, truth, rule.iou_threshold)
    kept = tuple(
        m
        for m in matches
        if m.parent is not None or m.optimized is None or not excused[m.optimized]
    )
    return MatchedImage(result.name, Pair(annotated, found), kept)


def objects_of(result: ImageResult[Detections]) -> Objects:
    """Return the annotated objects of an image.

    Raises
    ------
    DatasetError
        Where the image has no annotation, or one of another task.
    """
    if not isinstance(result.truth, Objects):
        raise DatasetError(
            f"image {result.name}: accuracy needs annotated objects, found "
            f"{type(result.truth).__name__}; use an annotated dataset or limits that need none "
            "(min_match_rate, min_agreement)"
        )
    return result.truth


def checked(comparison: Detected) -> Sequence[ImageResult[Detections]]:
    """All images, once every score is finite and every label is in the list.

    Raises
    ------
    MeasurementError
        Where there is no image.
    DecoderError
        On NaN, infinity or a predicted class outside the labels, naming the image.
    DatasetError
        On an annotated class outside the labels, naming the id and the image.
    """
    return comparison.once("checked", lambda: _checked(comparison))


def _checked(comparison: Detected) -> Sequence[ImageResult[Detections]]:
    if not len(comparison):
        raise MeasurementError("the evaluation set holds no image: nothing can be compared")
    classes = len(comparison.labels)
    for result in comparison.images:
        for role in ROLES:
            _check_role(result.record[role], f"image {result.name}, {role} model", classes)
        if isinstance(result.truth, Objects):
            unknown = result.truth.labels[_outside(result.truth.labels, classes)]
            if len(unknown):
                raise DatasetError(
                    f"image {result.name}: annotated class id {unknown[0]} is outside the list of "
                    f"{classes} labels; add its name to the dataset's labels"
                )
    return comparison.images


def _outside(
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]], classes: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return (labels < 0) | ((labels >= classes) if classes else False)


def _check_role(found: Detections, where: str, classes: int) -> None:
    if not (np.isfinite(found.scores).all() and np.isfinite(found.boxes).all()):
        raise DecoderError(f"{where}: scores or boxes hold NaN or infinity")
    unknown = found.labels[_outside(found.labels, classes)]
    if len(unknown):
        raise DecoderError(
            f"{where}: predicted class id {unknown[0]} is outside the list of {classes} labels; "
            "the decoder's background or anchors, or the dataset's labels, do not fit the model"
        )


def total(images: Sequence[MatchedImage]) -> ChangeCounts:
    """Count the changes of all images together."""
    return count_changes(match for image in images for match in image.matches)


def match_rate(images: Sequence[MatchedImage]) -> Resampled:
    """``2 * matches / (parent + optimized objects)`` over all images."""
    counts = _counts(images)
    found = bootstrap_ratio(
        np.array([2 * c.matches for c in counts]),
        np.array([c.parent + c.optimized for c in counts]),
    )
    misses = sum(c.lost + c.gained + c.relabelled for c in counts)
    objects = misses + sum(c.matches for c in counts)
    return replace(found, counted=Counted(objects, misses, "objects"))


def agreement(images: Sequence[MatchedImage]) -> Resampled:
    """Share of images on which every object is matched; an image without any object agrees."""
    same = np.array([c.lost + c.gained + c.relabelled == 0 for c in _counts(images)])
    counted = Counted(len(same), int((~same).sum()), "images")
    return replace(bootstrap_mean(same.astype(np.float64)), counted=counted)


def class_precision(images: Sequence[MatchedImage]) -> tuple[int, Resampled]:
    """Find the class with the worst matches / optimized objects, and measure it."""
    _counts(images)
    found: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}
    for index, image in enumerate(images):
        for match in image.matches:
            if match.optimized is None:
                continue
            label = int(image.objects.optimized.labels[match.optimized])
            cells = found.setdefault(label, np.zeros((2, len(images))))
            cells[:, index] += is_matched(match), 1
    if not found:
        raise MeasurementError(
            "the optimized model finds no object on any image: no class has a precision; "
            "lower evaluate.score_threshold or drop limits.min_class_precision"
        )
    worst = min(sorted(found), key=lambda label: found[label][0].sum() / found[label][1].sum())
    right, all_found = (int(row.sum()) for row in found[worst])
    counted = Counted(all_found, all_found - right, "objects")
    return worst, replace(bootstrap_ratio(*found[worst]), counted=counted)


def is_matched(match: Match) -> bool:
    """Whether both roles have the object, class included."""
    return match.change is Change.KEPT or match.change is Change.MOVED


def _counts(images: Sequence[MatchedImage]) -> list[ChangeCounts]:
    counts = [image.counts for image in images]
    if not any(c.parent + c.optimized for c in counts):
        raise MeasurementError(
            f"neither model finds an object on any of {len(images)} images: no rate is defined; "
            "lower evaluate.score_threshold or check preprocess (colour, mean, scale)"
        )
    return counts
