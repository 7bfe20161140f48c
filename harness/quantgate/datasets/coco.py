"""COCO's instances json (Lin et al. 2014, arXiv:1405.0312)."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.datasets.coco_categories import Categories, categories_of
from quantgate.datasets.coco_masks import MasksError, outline_of, run_lengths
from quantgate.datasets.coco_points import PointsError, points_of, skeleton_in, spatial_of
from quantgate.datasets.coco_quads import QuadsError, Unit, angle_unit, corners_of
from quantgate.datasets.findings import Draft, Findings, flag, make_objects
from quantgate.datasets.folder import unlisted
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import (
    Listed,
    file_of,
    folder_of,
    labels_of,
    read_text,
    relative_name,
)
from quantgate.datasets.quad_rows import QuadRow, quad_objects
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.predictions import Objects
    from quantgate.core.skeletons import Skeleton
    from quantgate.entries import DatasetEntry

_SIDES = 4
_Row = dict[str, Any]


def find(
    name: str,
    entry: DatasetEntry,
    root: Path,
    *,
    masks: bool = False,
    points: bool = False,
    quads: bool = False,
) -> Findings:
    """Read images and objects of one instances json, with masks, key points or quadrilaterals if requested.

    Labels are numbered 0.. in the order of category ids, which may have gaps; or as the entry's labels
    are, where these name the categories. An image without
    annotations is a background: annotated, with no object. Images that the json does not list are
    not used.

    Raises
    ------
    DatasetError
        When the json is no COCO json, or an annotation's category, box or segmentation is wrong
        (names its id).
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give the instances json")
    file = file_of(name, entry.annotations, root)
    folder = folder_of(name, entry.path, root)
    content = _parse(name, file)
    try:
        categories = categories_of(
            name, content["categories"], content["annotations"], labels_of(name, entry.labels, root)
        )
        skeleton = _skeleton(name, file, content) if points else None
        outlines = entry.region is not None and entry.region.needs_outlines
        unit = angle_unit(content["annotations"], entry.angle) if quads else None
        source = _Source(name, folder, file, masks, skeleton, outlines, quads, unit)
        return _findings(source, content, categories)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DatasetError(
            f"datasets.{name}: {file} is not COCO's instances format: {type(error).__name__} "
            f"{error} in its images, annotations or categories"
        ) from error


@dataclass(frozen=True, slots=True)
class _Source:
    """Which dataset is read, from where, whether with masks and outlines, and with which key points.

    ``quads``: with quadrilaterals, the angles of boxes of five numbers in ``unit``.
    """

    name: str
    folder: Path
    file: Path
    masks: bool
    skeleton: Skeleton | None
    outlines: bool
    quads: bool
    unit: Unit | None

    def wrong(self, annotation: _Row, found: str, remedy: str) -> DatasetError:
        """Say what is wrong with an annotation."""
        which = (
            f"annotation {annotation['id']}"
            if "id" in annotation
            else f"the annotation {annotation}"
        )
        return DatasetError(f"datasets.{self.name}: {which} {found} ({self.file}); {remedy}")


def _parse(name: str, file: Path) -> _Row:
    try:
        content = json.loads(read_text(name, file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DatasetError(f"datasets.{name}: {file} is not valid JSON: {error}") from error
    if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= set(content):
        raise DatasetError(
            f"datasets.{name}: {file} must hold the lists images, annotations and categories"
        )
    return content


def _skeleton(name: str, file: Path, content: _Row) -> Skeleton | None:
    try:
        return skeleton_in(content)
    except PointsError as error:
        raise DatasetError(
            f"datasets.{name}: {error} ({file}); keep those of one category"
        ) from error


def _findings(source: _Source, content: _Row, categories: Categories) -> Findings:
    _check_ids(source.name, content["images"])
    by_image: dict[str, list[_Row]] = {_key(image["id"]): [] for image in content["images"]}
    lost: Counter[str] = Counter()
    for annotation in content["annotations"]:
        key = _key(_field(source, annotation, "image_id"))
        if key in by_image:
            by_image[key].append(annotation)
        else:
            lost[key] += 1
    listed = Listed(source.folder)
    drafts = [
        _draft(source, listed, image, (by_image[_key(image["id"])], categories))
        for image in content["images"]
    ]
    absent = tuple(
        (f"image id {key}", f"{count} annotations but no entry in images")
        for key, count in lost.items()
    )
    strays = unlisted(
        source.folder, (draft.path for draft in drafts), f"not listed in {source.file.name}"
    )
    return Findings(
        drafts,
        categories.labels,
        absent,
        strays,
        ids=categories.ids,
        notes=(*categories.notes, *_angles(source)),
        skeleton=source.skeleton,
        aside="marked iscrowd",
    )


def _angles(source: _Source) -> Iterator[str]:
    """Say how angles are read, which no file tells."""
    if source.unit is not None:
        way = "" if source.unit.startswith("counter") else ", clockwise"
        yield (
            f"datasets.{source.name}: boxes of five numbers are read as centre, size and angle in "
            f"{source.unit}{way}; set datasets.{source.name}.angle where that is not so"
        )


def _draft(
    source: _Source, listed: Listed, image: _Row, truth: tuple[Sequence[_Row], Categories]
) -> Draft:
    annotations, categories = truth
    said = str(image["file_name"])
    path = listed.find(said)
    size = (int(image.get("width") or 0), int(image.get("height") or 0))
    return Draft(
        relative_name(source.folder, path, said),
        path,
        _objects(source, annotations, categories.index, size),
        size if all(size) else None,
        places=tuple(f"annotation {one.get('id', '?')}" for one in annotations),
    )


def _key(identity: object) -> str:
    """Spell an id so that 7, 7.0 and "7" are one."""
    whole = isinstance(identity, float) and identity.is_integer()
    return str(int(identity)) if whole else str(identity)  # type: ignore[call-overload] # a float


def _field(source: _Source, annotation: _Row, key: str) -> Any:
    if not isinstance(annotation, dict) or key not in annotation:
        raise source.wrong(annotation, f"has no {key}", "add it, or remove the annotation")
    return annotation[key]


def _check_ids(name: str, images: Sequence[_Row]) -> None:
    for number, count in Counter(_key(image["id"]) for image in images).most_common(1):
        if count > 1:
            files = [str(image["file_name"]) for image in images if _key(image["id"]) == number]
            raise DatasetError(
                f"datasets.{name}: the image id {number} stands for {' and '.join(files[:2])}: "
                "which one its annotations mean is unclear; give every image its own id"
            )


def _objects(
    source: _Source, rows: Sequence[_Row], index: Mapping[int, int], size: tuple[int, int]
) -> Objects:
    if source.quads:
        return quad_objects(
            [
                QuadRow(_corners(source, row), index[int(row["category_id"])], _crowd(source, row))
                for row in rows
            ]
        )
    boxes = [_box(source, row) for row in rows]
    areas = [_area(source, row, box) for row, box in zip(rows, boxes, strict=True)]
    labels = [index[int(row["category_id"])] for row in rows]
    found = make_objects(boxes, labels, [_crowd(source, row) for row in rows], areas)
    if source.outlines:
        found = replace(found, outlines=tuple(_outline(source, row, size) for row in rows))
    if source.skeleton is not None:
        return replace(
            found,
            points=_points(source, rows, "keypoints", points_of),
            spatial=_points(source, rows, "keypoints_3d", spatial_of)
            if any(row.get("keypoints_3d") for row in rows)
            else None,
        )
    if not source.masks:
        return found
    if rows and not all(size):
        raise source.wrong(
            rows[0], "is of an image without width and height", "give them: masks are of that size"
        )
    return replace(found, masks=tuple(_mask(source, row, size) for row in rows))


def _box(source: _Source, row: _Row) -> list[float]:
    said = _field(source, row, "bbox")
    try:
        box = [float(side) for side in said]
    except (TypeError, ValueError):
        box = []
    if len(box) != _SIDES or not all(map(math.isfinite, box)) or min(box[2:]) < 0:
        raise source.wrong(row, f"has the bbox {said}", "expected [x, y, width, height] in pixels")
    x, y, width, height = box
    return [x, y, x + width, y + height]


def _corners(source: _Source, row: _Row) -> NDArray[np.float64]:
    try:
        return corners_of(row, source.unit)
    except QuadsError as error:
        raise source.wrong(row, str(error), "give it corners, or remove it") from error


def _area(source: _Source, row: _Row, box: Sequence[float]) -> float:
    said = row.get("area")
    try:
        area = (box[2] - box[0]) * (box[3] - box[1]) if said is None else float(said)
    except (TypeError, ValueError):
        area = math.nan
    if not math.isfinite(area) or area < 0:
        raise source.wrong(row, f"has the area {said!r}", "expected a number of square pixels")
    return area


def _crowd(source: _Source, row: _Row) -> bool:
    said = row.get("iscrowd")
    crowd = flag(said)
    if crowd is None:
        raise source.wrong(row, f"has the iscrowd {said!r}", "expected 0 or 1")
    return crowd


def _mask(source: _Source, row: _Row, size: tuple[int, int]) -> dict[str, object]:
    try:
        return run_lengths(row.get("segmentation"), (size[1], size[0]))
    except MasksError as error:
        raise source.wrong(
            row, str(error), "instance segmentation needs polygons or run lengths"
        ) from error


def _outline(source: _Source, row: _Row, size: tuple[int, int]) -> NDArray[np.float64] | None:
    try:
        return outline_of(row.get("segmentation"), (size[1], size[0]))
    except MasksError as error:
        raise source.wrong(row, str(error), "the region is cut around its polygon") from error


def _points(
    source: _Source, rows: Sequence[_Row], key: str, read: Callable[[Any, int], NDArray[np.float32]]
) -> NDArray[np.float32]:
    assert source.skeleton is not None
    count = len(source.skeleton.names)
    found = np.zeros((len(rows), count, 3), np.float32)
    for place, row in enumerate(rows):
        try:
            found[place] = read(row.get(key), count)
        except PointsError as error:
            raise source.wrong(
                row, str(error), "give three numbers a key point, 0, 0, 0 where there is none"
            ) from error
    return found


KIND = DatasetKind(
    find,
    needs=("path", "annotations"),
    may=("labels", "classes", "segments", "region", "angle", "annotated"),
    truths={"": ("objects", "masks", "points", "corners")},
    find_masks=partial(find, masks=True),
    find_points=partial(find, points=True),
    find_quads=partial(find, quads=True),
    outlines=True,
)
