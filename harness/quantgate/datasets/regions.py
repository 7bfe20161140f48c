"""Samples that are regions of images: one an annotated object, cut out as the model wants to see it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import ClassLabel, Objects
from quantgate.core.regions import (
    Cut,
    Region,
    aligned_region,
    clockwise,
    outline_region,
    quad_region,
    turned_extent,
    turned_region,
    upright_region,
)
from quantgate.datasets.assembly import with_samples
from quantgate.datasets.images import read_image
from quantgate.datasets.sample import Sample
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth
    from quantgate.datasets.sample import Dataset
    from quantgate.entries.data import RegionEntry

#: Where the usual face recognizers want five points of a face, in a picture of 112 x 112 px.
FACE_112 = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
_CORNERS = 4


@dataclass(frozen=True, slots=True)
class RegionImage:
    """Pixels of a region, uint8 [height, width, 3]; outside of the image it has one value."""

    whole: Sample
    region: Region
    plan: RegionEntry

    def __call__(self) -> NDArray[np.uint8]:
        """Read the image and cut the region out: whole pixels where it is upright, else resampled."""
        import cv2

        image = read_image(self.whole)
        matrix = np.array(self.region.matrix).reshape(3, 3)
        if self.plan.counted_from == "edges":
            # OpenCV counts from the middles of pixels.
            middle = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
            matrix = middle @ matrix @ np.linalg.inv(middle)
        border = (float(self.plan.outside),) * 3
        cut: NDArray[np.uint8] = cv2.warpPerspective(
            image, matrix, self.region.size, flags=cv2.INTER_LINEAR, borderValue=border
        )
        return cut


def with_regions(dataset: Dataset, plan: RegionEntry, truth: str | None) -> Dataset:
    """Make one sample of each annotated object of a dataset; crowds are left out.

    Parameters
    ----------
    truth
        What the task is judged by: of "class" that of the object is its sample's truth, of "facts" what is
        annotated of it besides; otherwise it is the object itself, in the region's pixels, with its key points where they are asked for.

    Raises
    ------
    DatasetError
        Where nothing is annotated that a region could be cut around.
    """
    samples: list[Sample] = []
    segments: dict[str, tuple[str, ...]] = {}
    cuts: dict[str, Cut] = {}
    for whole in dataset.samples:
        for sample, cut in _regions_of(dataset.name, whole, plan, truth):
            samples.append(sample)
            cuts[sample.name] = cut
            if whole.name in dataset.segments:
                segments[sample.name] = dataset.segments[whole.name]
    if not samples:
        raise DatasetError(
            f"datasets.{dataset.name}.region: no object is annotated on its {len(dataset)} images that a "
            "region could be cut around; give annotations with " + _needed(plan)
        )
    return replace(with_samples(dataset, tuple(samples)), segments=segments, turned={}, cuts=cuts)


def _needed(plan: RegionEntry) -> str:
    if plan.needs_outlines:
        return "polygons"
    return "the key points that it names" if plan.needs_points else "boxes"


def _regions_of(
    name: str, whole: Sample, plan: RegionEntry, asked: str | None
) -> Iterator[tuple[Sample, Cut]]:
    truth = whole.truth
    if not isinstance(truth, Objects):
        raise DatasetError(
            f"datasets.{name}.region: {whole.name} has no annotated objects; regions need a dataset whose "
            "annotations have boxes"
        )
    for row in np.flatnonzero(~truth.aside).tolist():
        region = _region(f"datasets.{name}.region: {whole.name}", truth, row, plan)
        if region is None:
            continue
        told = f"{whole.digest} {region} {plan.outside} {plan.counted_from}"
        label = int(truth.labels[row])
        sample = Sample(
            f"{whole.name}#{row}",
            RegionImage(replace(whole, truth=None), region, plan),
            hashlib.blake2b(told.encode(), digest_size=16).hexdigest(),
            _truth(truth, row, region, asked),
            label,
        )
        yield (
            sample,
            Cut(whole.name, region, row, None if asked in {"class", "facts"} else truth),
        )


def _truth(truth: Objects, row: int, region: Region, asked: str | None) -> Truth | None:
    """What is true of a region: the class of its object, its attributes, or the object itself."""
    if asked == "class":
        return ClassLabel(int(truth.labels[row]))
    if asked == "facts":
        return None if truth.facts is None else truth.facts[row]
    return _inside(truth, row, region, asked)


def _region(where: str, truth: Objects, row: int, plan: RegionEntry) -> Region | None:
    """Choose the region of one object; None where a key point that it needs is not annotated."""
    points = None if truth.points is None else truth.points[row].astype(np.float64)
    try:
        if plan.needs_outlines:
            outline = None if truth.outlines is None else truth.outlines[row]
            return None if outline is None else _by_outline(outline, plan)
        if plan.needs_points:
            return None if points is None else _by_points(points, truth.boxes[row], plan)
        return upright_region(truth.boxes[row], plan.factor, plan.width_to_height, plan.size)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise DatasetError(f"{where}, object {row}: {error}") from error


def _by_outline(outline: NDArray[np.float64], plan: RegionEntry) -> Region:
    if plan.corners is None:
        ratio = plan.width_to_height
        return outline_region(outline, plan.factor, ratio=ratio, size=plan.size)
    if len(outline) != _CORNERS:
        raise ValueError(
            f'its polygon has {len(outline)} corners, expected 4: with around = "polygon" the smallest '
            "rectangle around it is cut"
        )
    return quad_region(clockwise(outline), plan.size)


def _by_points(
    points: NDArray[np.float64], box: NDArray[np.float32], plan: RegionEntry
) -> Region | None:
    aligned = plan.align_points if plan.align is not None else ()
    corners = plan.corners if isinstance(plan.corners, tuple) else ()
    named = (*aligned, *corners, *(plan.up or ()))
    if max(named, default=0) >= len(points):
        raise ValueError(
            f"names key point {max(named)}, but there are {len(points)}, counted from 0"
        )
    if named and not (points[list(named), 2] > 0).all():
        return None
    if plan.align is not None:
        template = np.array(FACE_112 if plan.align == "face-112" else plan.align)
        size = plan.size or (112, 112)
        if plan.align == "face-112":
            template = template * np.array(size) / 112
        return aligned_region(points[list(plan.align_points), :2], template, size)
    if corners:
        return quad_region(points[list(corners), :2], plan.size)
    seen = points[points[:, 2] > 0, :2]
    if plan.up is None:
        extent = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
        return upright_region(extent, plan.factor, plan.width_to_height, plan.size)
    start, end = plan.up
    up = points[end, :2] - points[start, :2]
    extent = turned_extent(seen, up) if plan.around == "points" else np.asarray(box, np.float64)
    return turned_region(extent, plan.factor, up, ratio=plan.width_to_height, size=plan.size)


def _inside(truth: Objects, row: int, region: Region, asked: str | None) -> Truth:
    """Map one object into its region."""
    x0, y0, x1, y1 = truth.boxes[row].astype(np.float64)
    corners = region.to_region(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    box = np.clip(box, 0, np.array([*region.size, *region.size]))
    scale = region.area_scale(np.array([(x0 + x1) / 2, (y0 + y1) / 2]))
    points = truth.points if asked == "points" else None
    if points is not None:
        points = points[row : row + 1].copy()
        points[0, :, :2] = np.where(
            points[0, :, 2:] > 0, region.to_region(points[0, :, :2]), 0
        ).astype(np.float32)
    spatial = (
        None if points is None or truth.spatial is None else truth.spatial[row : row + 1].copy()
    )
    if spatial is not None:
        spatial[..., :2] = spatial[..., :2] @ region.turn.T
    return Objects(
        box[None].astype(np.float32),
        truth.labels[row : row + 1],
        np.zeros(1, np.bool_),
        truth.areas[row : row + 1] * np.float32(scale),
        points=points,
        spatial=spatial,
    )
