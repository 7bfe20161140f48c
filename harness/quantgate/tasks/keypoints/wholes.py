"""Objects of regions in the pixels of the images that these were cut of: there they are measured against annotations.

A region may be turned and stretched, and an image has several: errors are those of the image's pixels, and
average precision is over the images, as evaluations of poses from boxes have it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Detections, Objects
from quantgate.pair import ROLES, Pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import ImageResult
    from quantgate.core.regions import Cut
    from quantgate.tasks.detection.matching import Detected


def in_image(comparison: Detected) -> Detected:
    """Give the same objects, region by region, in pixels of the whole images; itself where nothing was cut."""
    if not comparison.cuts:
        return comparison
    return comparison.once("in image", lambda: _in_image(comparison))


def pooled(comparison: Detected) -> Detected:
    """Give the whole images, each with the objects of all its regions; itself where nothing was cut."""
    if not comparison.cuts:
        return comparison
    return comparison.once("pooled", lambda: _pooled(in_image(comparison)))


def first_regions(comparison: Detected) -> NDArray[np.int64]:
    """Index of the first region of each whole image, [whole images]."""
    wholes = [comparison.cuts[result.name].whole for result in comparison.images]
    return np.array(
        sorted({whole: k for k, whole in reversed([*enumerate(wholes)])}.values()), np.int64
    )


def _in_image(comparison: Detected) -> Detected:
    return replace(
        comparison, images=tuple(_placed(r, comparison.cuts[r.name]) for r in comparison.images)
    )


def _placed(result: ImageResult[Detections], cut: Cut) -> ImageResult[Detections]:
    truth = result.truth
    if isinstance(truth, Objects) and cut.objects is not None:
        truth = replace(_row(cut.objects, cut.row), spatial=truth.spatial)
    return replace(result, truth=truth, record=result.record.map(lambda own: _objects(own, cut)))


def _row(truth: Objects, row: int) -> Objects:
    own = slice(row, row + 1)
    return Objects(
        truth.boxes[own],
        truth.labels[own],
        truth.crowd[own],
        truth.areas[own],
        points=None if truth.points is None else truth.points[own],
    )


def _objects(found: Detections, cut: Cut) -> Detections:
    """Map objects of a region into its image; a box becomes the extent of its corners."""
    x0, y0, x1, y1 = found.boxes.T
    corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
    mapped = cut.region.to_image(corners)
    boxes = np.concatenate([mapped.min(axis=1), mapped.max(axis=1)], axis=1).astype(np.float32)
    if found.points is None:
        return replace(found, boxes=boxes)
    points = found.points.copy()
    points[..., :2] = cut.region.to_image(points[..., :2])
    return replace(found, boxes=boxes, points=points)


def _pooled(comparison: Detected) -> Detected:
    by_whole: dict[str, list[ImageResult[Detections]]] = {}
    for result in comparison.images:
        by_whole.setdefault(comparison.cuts[result.name].whole, []).append(result)
    images = tuple(
        _together(name, results, [comparison.cuts[result.name] for result in results])
        for name, results in by_whole.items()
    )
    named = comparison.segments
    segments = {
        name: named[results[0].name]
        for name, results in by_whole.items()
        if results[0].name in named
    }
    return replace(comparison, images=images, segments=segments, cuts={})


def _together(
    name: str, results: Sequence[ImageResult[Detections]], cuts: Sequence[Cut]
) -> ImageResult[Detections]:
    """Join regions of one image; annotated objects that none of them is of are set aside."""
    record = Pair(*(_joined([result.record[role] for result in results]) for role in ROLES))
    truth, annotated = results[0].truth, cuts[0].objects
    if isinstance(truth, Objects) and annotated is not None:
        crowd = np.ones(len(annotated), np.bool_)
        rows = [cut.row for cut in cuts]
        crowd[rows] = annotated.crowd[rows]
        truth = replace(annotated, crowd=crowd, spatial=None)
    return replace(results[0], name=name, truth=truth, record=record, distances=())


def _joined(found: Sequence[Detections]) -> Detections:
    """All objects of several lists, the surest first."""
    own = [one for one in found if len(one)]
    if not own:
        return Detections.empty()
    points = [one.points for one in own if one.points is not None]
    joined = Detections(
        np.concatenate([one.boxes for one in own]),
        np.concatenate([one.scores for one in own]),
        np.concatenate([one.labels for one in own]),
        points=np.concatenate(points) if len(points) == len(own) else None,
    )
    return joined.take(np.argsort(-joined.scores, kind="stable"))
