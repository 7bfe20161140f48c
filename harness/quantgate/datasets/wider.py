"""WIDER FACE: one text file of faces for all images (Yang et al. 2016, the release's layout)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from quantgate.datasets.findings import Draft, Findings, make_objects
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
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.core.predictions import Objects
    from quantgate.entries import DatasetEntry

#: A row: x, y, width, height, blur, expression, illumination, invalid, occlusion, pose.
_SIDES, _INVALID = 4, 7
_LABELS = ("face",)


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read ``wider_face_val_bbx_gt.txt``: a file's name, the number of faces, a row for each.

    An image without a face has one row of zeros in the release. Faces marked invalid are kept as
    crowd regions, which neither count nor harm, and so are those without width or height.

    Raises
    ------
    DatasetError
        Naming the line that is no name, no number or no row.
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give wider_face_*_bbx_gt.txt")
    folder = folder_of(name, entry.path, root)
    file = file_of(name, entry.annotations, root)
    labels = labels_of(name, entry.labels, root) or _LABELS
    listed = Listed(folder)
    drafts = []
    for image, truth in _images(name, file):
        path = listed.find(image)
        places = tuple(f"face {k}" for k in range(1, 1 + len(truth)))
        drafts.append(Draft(relative_name(folder, path, image), path, truth, places=places))
    strays = unlisted(folder, (draft.path for draft in drafts), f"not listed in {file.name}")
    return Findings(drafts, labels, strays=strays, aside="marked invalid, or without area")


def _images(name: str, file: Path) -> Iterator[tuple[str, Objects]]:
    lines = [line.strip() for line in read_text(name, file).splitlines()]
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        image, count = lines[at], lines[at + 1] if at + 1 < len(lines) else ""
        if not (count.isascii() and count.isdigit()):
            raise _wrong(name, file, at + 2, f"the number of faces of {image}")
        # Where there is no face, the release writes a row of zeros all the same.
        rows = max(1, int(count)) if _is_row(lines, at + 2) else int(count)
        faces = [_row(name, file, at + 2 + i, lines) for i in range(rows)]
        yield image, _objects(faces if any(map(any, faces)) else [])
        at += 2 + rows


def _is_row(lines: list[str], at: int) -> bool:
    words = lines[at].split() if at < len(lines) else []
    return len(words) >= _SIDES and all(word.lstrip("-").isdigit() for word in words)


def _row(name: str, file: Path, at: int, lines: list[str]) -> list[float]:
    """Numbers of one row; fewer than the release's ten where only boxes are known."""
    try:
        values = [float(word) for word in lines[at].split()]
    except (ValueError, IndexError):
        values = []
    if len(values) < _SIDES or not all(map(math.isfinite, values)):
        raise _wrong(name, file, at + 1, '"x y width height …" in pixels')
    return values


def _objects(rows: list[list[float]]) -> Objects:
    boxes = [[x, y, x + max(w, 0), y + max(h, 0)] for x, y, w, h, *_ in rows]
    # A face without area is one of those that the audit counts; nobody can find it.
    ignored = [
        (len(row) > _INVALID and row[_INVALID] == 1) or min(row[2:_SIDES]) <= 0 for row in rows
    ]
    areas = [max(row[2], 0) * max(row[3], 0) for row in rows]
    return make_objects(boxes, [0] * len(rows), ignored, areas)


def _wrong(name: str, file: Path, line: int, expected: str) -> DatasetError:
    return DatasetError(f"datasets.{name}: line {line} of {file}: expected {expected}; repair it")


KIND = DatasetKind(
    find,
    needs=("path", "annotations"),
    may=("labels", "classes", "segments", "region", "annotated"),
    truths={"": ("objects",)},
)
