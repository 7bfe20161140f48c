"""COCO's instances json (Lin et al. 2014, arXiv:1405.0312)."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from quantgate.core.predictions import Objects
from quantgate.datasets.assembly import Draft, Findings, make_objects
from quantgate.datasets.places import file_of, folder_of, labels_of, read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from quantgate.entries import DatasetEntry

_SIDES = 4


def find(name: str, entry: DatasetEntry, root: Path, *, masks: bool = False) -> Findings:
    """Read images and objects of one instances json, with their masks if asked for.

    Labels are numbered 0.. in the order of category ids, which may have gaps. An image without
    annotations is a background: annotated, with no object.

    Raises
    ------
    DatasetError
        When the json is no COCO json, or an annotation's category or box is wrong (names its id).
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give the instances json")
    file = file_of(name, entry.annotations, root)
    folder = folder_of(name, entry.path, root)
    content = _parse(name, file)
    try:
        found = _findings(name, content, folder, labels_of(name, entry.labels, root))
        return _with_masks(name, content, found) if masks else found
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DatasetError(
            f"datasets.{name}: {file} is not COCO's instances format: {type(error).__name__} "
            f"{error} in its images, annotations or categories"
        ) from error


def _parse(name: str, file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(name, file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DatasetError(f"datasets.{name}: {file} is not valid JSON: {error}") from error
    if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= set(content):
        raise DatasetError(
            f"datasets.{name}: {file} must hold the lists images, annotations and categories"
        )
    return content


def _findings(
    name: str, content: dict[str, Any], folder: Path, labels: tuple[str, ...] | None
) -> Findings:
    categories = sorted(content["categories"], key=lambda c: int(c["id"]))
    index = {int(category["id"]): label for label, category in enumerate(categories)}
    if labels is None:
        labels = tuple(str(category["name"]) for category in categories)
    by_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    _check_ids(name, content["images"])
    lost: dict[Any, int] = {}
    for annotation in content["annotations"]:
        _check_category(name, annotation, index, len(labels))
        if annotation["image_id"] in by_image:
            by_image[annotation["image_id"]].append(annotation)
        else:
            lost[annotation["image_id"]] = lost.get(annotation["image_id"], 0) + 1
    drafts = [
        Draft(
            PurePosixPath(image["file_name"]).as_posix(),
            folder / image["file_name"],
            _objects(name, by_image[image["id"]], index),
            (int(image.get("width") or 0), int(image.get("height") or 0)),
        )
        for image in content["images"]
    ]
    absent = tuple(
        (f"image id {key}", f"{count} annotations but no entry in images")
        for key, count in lost.items()
    )
    return Findings(drafts, labels, absent)


def _with_masks(name: str, content: dict[str, Any], found: Findings) -> Findings:
    """Add every object's mask as run lengths; polygons are never drawn densely."""
    by_image: dict[Any, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    drafts = []
    for image, draft in zip(content["images"], found.drafts, strict=True):
        size = (int(image["height"]), int(image["width"]))
        encoded = tuple(_mask(name, one, size) for one in by_image.get(image["id"], ()))
        assert isinstance(draft.truth, Objects)
        drafts.append(replace(draft, truth=replace(draft.truth, masks=encoded)))
    return replace(found, drafts=drafts)


def _mask(name: str, annotation: dict[str, Any], size: tuple[int, int]) -> dict[str, object]:
    from faster_coco_eval.core import mask as rle

    shape = annotation.get("segmentation")
    encoded: dict[str, object] | None = None
    try:
        if isinstance(shape, list) and shape:
            encoded = rle.merge(rle.frPyObjects(shape, *size))
        elif isinstance(shape, dict) and isinstance(shape["counts"], list):
            encoded = rle.frPyObjects(shape, *size)
        elif isinstance(shape, dict) and isinstance(shape["counts"], str):
            encoded = {"size": list(size), "counts": shape["counts"].encode()}
    except (RuntimeError, KeyError, TypeError, ValueError):
        shape = "damaged"
    if encoded is not None:
        return encoded
    raise DatasetError(
        f"datasets.{name}: annotation {annotation['id']} has "
        f"{'a damaged' if shape else 'no'} segmentation; instance segmentation needs polygons or "
        "run lengths"
    )


def _check_ids(name: str, images: list[dict[str, Any]]) -> None:
    for number, count in Counter(image["id"] for image in images).most_common(1):
        if count > 1:
            files = [str(image["file_name"]) for image in images if image["id"] == number]
            raise DatasetError(
                f"datasets.{name}: the image id {number} stands for {' and '.join(files[:2])}: "
                "which one its annotations mean cannot be told; give every image its own id"
            )


def _check_category(
    name: str, annotation: dict[str, Any], index: dict[int, int], labels: int
) -> None:
    category = annotation["category_id"]
    if category not in index:
        raise DatasetError(
            f"datasets.{name}: annotation {annotation['id']} has category id {category}, which the "
            f"{len(index)} categories do not hold; add the category or remove the annotation"
        )
    if index[category] >= labels:
        raise DatasetError(
            f"datasets.{name}: annotation {annotation['id']} has category id {category}, label "
            f"index {index[category]}, but only {labels} labels are given; complete "
            f"datasets.{name}.labels"
        )


def _objects(name: str, annotations: list[dict[str, Any]], index: dict[int, int]) -> Objects:
    boxes, areas = [], []
    for annotation in annotations:
        box = [float(side) for side in annotation["bbox"]]
        if len(box) != _SIDES or not all(map(math.isfinite, box)) or min(box[2:]) < 0:
            raise DatasetError(
                f"datasets.{name}: annotation {annotation['id']} has the bbox "
                f"{annotation['bbox']}; expected [x, y, width, height] in pixels"
            )
        x, y, width, height = box
        boxes.append([x, y, x + width, y + height])
        areas.append(float(annotation.get("area", width * height)))
    labels = [index[annotation["category_id"]] for annotation in annotations]
    crowd = [bool(annotation.get("iscrowd", 0)) for annotation in annotations]
    return make_objects(boxes, labels, crowd, areas)
