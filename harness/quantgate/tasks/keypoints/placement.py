"""How far key points lie from the annotations, and those of the optimized model from the parent's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.oks import SEEN
from quantgate.core.skeletons import skeleton_of
from quantgate.errors import DatasetError
from quantgate.tasks.detection import matching
from quantgate.tasks.keypoints.space import apart_in_space
from quantgate.tasks.keypoints.wholes import in_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.matching import Match
    from quantgate.core.predictions import Detections, Objects
    from quantgate.core.skeletons import Skeleton
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Pair, Role
    from quantgate.tasks.detection.matching import Detected

#: A key point is right within this share of the longer side of its object's annotated box (PCK@.1), ...
RIGHT_WITHIN = 0.1
#: ... and stays where the parent sees it within this share of the longer side of the parent's box.
SAME_WITHIN = 0.05
#: An object that is not found, and one whose key points are farther off on average, have this error.
LARGEST_ERROR = 1.0


@dataclass(frozen=True, slots=True)
class Placed:
    """Key points of all images in rows, one an object.

    Parameters
    ----------
    image
        Index of the object's image, [n].
    distances
        Of each key point, in the longer sides of the object's box, [n, points]; infinite where the object
        is not found, NaN where the key point does not count.
    longer, eyes
        Longer side of the box and distance of the eyes (NaN where unknown), px, [n].
    spatial
        Of each key point in space, about the object's root, in the unit of the model, [n, points]; NaN where
        one of both is not known.
    """

    image: NDArray[np.int64]
    distances: NDArray[np.float64]
    longer: NDArray[np.float64]
    eyes: NDArray[np.float64]
    spatial: NDArray[np.float64]


def by_image(placed: Placed, values: NDArray[np.float64], images: int) -> NDArray[np.float64]:
    """Sum one value an object, [n], over the objects of each image, [images]."""
    return np.bincount(placed.image, values, images).astype(np.float64)


def skeleton_in(comparison: Detected) -> Skeleton:
    """Say what the key points are: by the dataset, else by their number."""
    if comparison.skeleton is not None:
        return comparison.skeleton
    counts = (
        found.points.shape[1]
        for result in comparison.images
        for found in result.record
        if found.points is not None
    )
    return skeleton_of(next(counts, 0))


def against_truth(comparison: Detected, role: Role) -> Placed:
    """Measure one role's key points against every annotated object.

    Of an image with m annotated objects the role's m surest are paired with them, one to one, nearest
    first in total: a score threshold decides nothing. Of regions each is looked at by itself, in pixels of
    the image that it was cut of.

    Raises
    ------
    DatasetError
        Where no object with key points is annotated.
    """
    return comparison.once(f"placed {role}", lambda: _against_truth(in_image(comparison), role))


def _against_truth(comparison: Detected, role: Role) -> Placed:
    skeleton = skeleton_in(comparison)
    rows, image = [], []
    for index, result in enumerate(matching.checked(comparison)):
        truth = matching.objects_of(result)
        if truth.points is None:
            continue
        own = _paired(result.record[role], truth, skeleton)
        rows += own
        image += [index] * len(own)
    if not rows:
        raise DatasetError(
            f"none of {len(comparison)} images has an object with annotated key points: nothing can be "
            "measured against them; use a dataset with key points, or limits that need no annotations "
            "(min_match_rate, min_role_oks, min_keypoint_pck)"
        )
    distances, longer, eyes, spatial = zip(*rows, strict=True)
    columns = np.array(longer), np.array(eyes), np.stack(spatial)
    return Placed(np.array(image), np.stack(distances), *columns)


def _paired(
    found: Detections, truth: Objects, skeleton: Skeleton
) -> list[tuple[NDArray[np.float64], float, float, NDArray[np.float64]]]:
    """Distances of each annotated object's key points, its longer side, its eyes' distance; distances in space."""
    from scipy.optimize import linear_sum_assignment

    assert truth.points is not None
    counted = np.flatnonzero(~truth.aside)
    known = truth.points[counted].astype(np.float64)
    boxes = truth.boxes[counted].astype(np.float64)
    longer = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0), 1.0)
    missing = np.where(known[:, :, 2] > 0, np.inf, np.nan)
    partner: dict[int, int] = {}
    if len(found) and found.points is not None:
        best = np.argsort(-found.scores, kind="stable")[: len(counted)]
        points = found.points[best].astype(np.float64)
        away = np.linalg.norm(known[:, None, :, :2] - points[None, :, :, :2], axis=3)
        away = np.where(known[:, None, :, 2] > 0, away / longer[:, None, None], np.nan)
        for row, column in zip(*linear_sum_assignment(np.nanmean(away, axis=2)), strict=True):
            missing[row] = away[row, column]
            partner[int(row)] = int(best[column])
    apart, eyes = np.full(len(counted), np.nan), skeleton.eyes
    if eyes is not None:
        both = (known[:, eyes, 2] > 0).all(axis=1)
        apart[both] = np.linalg.norm(known[both, eyes[0], :2] - known[both, eyes[1], :2], axis=1)
    deep = np.full(known.shape[:2], np.nan)
    if truth.spatial is not None and (found.spatial is not None or not len(found)):
        for place, row in enumerate(counted.tolist()):
            own = partner.get(place)
            seen = None if own is None or found.spatial is None else found.spatial[own]
            deep[place] = apart_in_space(truth.spatial[row], seen, skeleton)
    return list(zip(missing, longer.tolist(), apart.tolist(), deep, strict=True))


def right(placed: Placed, within: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whether each key point is near enough, and whether it counts: [n, points] each, of 0 and 1."""
    counts = ~np.isnan(placed.distances)
    near = np.where(counts, placed.distances, np.inf) <= within
    return near.astype(np.float64), counts.astype(np.float64)


def errors(placed: Placed, *, by_eyes: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean distance of each object's key points in its longer side, or in the distance of its eyes, [n].

    At most ``LARGEST_ERROR``; with it, whether the object counts, which it does not without both eyes.
    """
    mean = np.nanmean(placed.distances, axis=1)
    counts = np.ones(len(mean), np.bool_)
    if by_eyes:
        counts = placed.eyes > 0
        ratio = np.divide(placed.longer, placed.eyes, out=np.ones_like(mean), where=counts)
        mean = mean * ratio
    return np.minimum(mean, LARGEST_ERROR), counts


def between_roles(comparison: Detected, plan: EvaluationPlan) -> Placed:
    """Measure how far the optimized model's key points lie from the parent's, of every matched object.

    Key points that neither role sees do not count; of an object of which none is seen, all do.
    """
    rule = matching.rule_of(plan)
    return comparison.once(f"moved points {rule}", lambda: _between(comparison, plan))


def _between(comparison: Detected, plan: EvaluationPlan) -> Placed:
    rows, image, longer, deep = [], [], [], []
    skeleton = skeleton_in(comparison)
    for index, found in enumerate(matching.matched(comparison, plan)):
        for match in found.matches:
            if matching.is_matched(match):
                row, side = moved_points(found.objects.parent, found.objects.optimized, match)
                rows.append(row)
                longer.append(side)
                image.append(index)
                deep.append(_apart(found.objects, match, skeleton))
    none = np.zeros((0, len(skeleton.names)))
    distances, spatial = (np.stack(one) if one else none for one in (rows, deep))
    unknown = np.full(len(rows), np.nan)
    return Placed(np.array(image, np.int64), distances, np.array(longer), unknown, spatial)


def _apart(objects: Pair[Detections], match: Match, skeleton: Skeleton) -> NDArray[np.float64]:
    """Distances in space of a matched object's key points, [points]; NaN where a role gives none."""
    parent, optimized = objects
    if parent.spatial is None or optimized.spatial is None:
        return np.full(len(skeleton.names), np.nan)
    known, found = parent.spatial[match.parent], optimized.spatial[match.optimized]
    return apart_in_space(known, found, skeleton)


def moved_points(
    parent: Detections, optimized: Detections, match: Match
) -> tuple[NDArray[np.float64], float]:
    """Distance of each key point of a matched object, [points], in its longer side; and that side, px."""
    assert parent.points is not None
    assert optimized.points is not None
    a, b = (
        role.points[place].astype(np.float64)  # type: ignore[index]
        for role, place in ((parent, match.parent), (optimized, match.optimized))
    )
    box = parent.boxes[match.parent].astype(np.float64)
    side = max(1.0, float((box[2:] - box[:2]).max()))
    seen = (a[:, 2] >= SEEN) | (b[:, 2] >= SEEN)
    away = np.linalg.norm(a[:, :2] - b[:, :2], axis=1) / side
    return np.where(seen | (not seen.any()), away, np.nan), side
