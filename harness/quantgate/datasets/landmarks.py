"""Landmarks of faces: WFLW's list (Wu et al. 2018, arXiv:1805.10483) and 300-W's ``.pts`` beside images."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.skeletons import skeleton_of
from quantgate.datasets.findings import Draft, Findings, make_objects
from quantgate.datasets.folder import image_files, strays_of, unlisted
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import (
    Listed,
    composed,
    file_of,
    folder_of,
    labels_of,
    read_text,
    relative_name,
)
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.predictions import Objects
    from quantgate.entries import DatasetEntry

_LABELS = ("face",)
#: Numbers behind the coordinates: none, a box, or a box and WFLW's six attributes.
_BOX, _ATTRIBUTES = 4, 6
#: Landmarks that lists have (COFW 29, AFLW 19 and 21, 300-W 68, WFLW 98, JD 106, and five).
_COUNTS = (5, 19, 21, 29, 68, 98, 106)
_FORM = '"x y x y … name", behind the coordinates also "left top right bottom" and six attributes'
_SHOWN = 60


def find_list(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read one line a face: coordinates of its landmarks in pixels, perhaps a box and attributes, the image.

    The box is the list's where it has one, else the extent of the landmarks.

    Raises
    ------
    DatasetError
        Naming the line that has another number of coordinates, or whose box is none.
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give the list of landmarks")
    folder = folder_of(name, entry.path, root)
    file = file_of(name, entry.annotations, root)
    by_image: dict[str, list[tuple[int, NDArray[np.float64], list[float]]]] = {}
    count = 0
    for number, image, points, box in _faces(name, file):
        if count and len(points) != count:
            raise _wrong(name, file, number, f"{len(points)} landmarks where others have {count}")
        count = len(points)
        by_image.setdefault(image, []).append((number, points, box))
    listed = Listed(folder)
    drafts = []
    for image, faces in by_image.items():
        path = listed.find(image)
        truth = _objects([points for _, points, _ in faces], [box for *_, box in faces])
        places = tuple(f"line {number}" for number, *_ in faces)
        drafts.append(Draft(relative_name(folder, path, image), path, truth, places=places))
    strays = unlisted(folder, (draft.path for draft in drafts), f"not listed in {file.name}")
    labels = labels_of(name, entry.labels, root) or _LABELS
    return Findings(drafts, labels, strays=strays, skeleton=skeleton_of(count))


def _faces(name: str, file: Path) -> Iterator[tuple[int, str, NDArray[np.float64], list[float]]]:
    """Number of the line, image, landmarks [points, 2] and box of each face."""
    for number, line in enumerate(read_text(name, file).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            values = [float(word) for word in words[:-1]]
        except ValueError:
            values = []
        split = _split(len(values))
        if split is None or not all(map(math.isfinite, values)):
            short = line.strip()[:_SHOWN]
            raise _wrong(name, file, number, f"{len(words)} words ({short} …)")
        points = np.array(values[:split]).reshape(-1, 2)
        box = values[split : split + _BOX]
        if box and (box[2] <= box[0] or box[3] <= box[1]):
            raise _wrong(name, file, number, f"the box {box}, whose right or bottom comes first")
        yield number, words[-1], points, box


def _split(numbers: int) -> int | None:
    """How many of so many numbers are coordinates; None where they are no landmarks."""
    for behind in (0, _BOX, _BOX + _ATTRIBUTES):
        if numbers - behind in {2 * count for count in _COUNTS}:
            return numbers - behind
    return None


def find_pts(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read the ``.pts`` of each image: beside it, or of its name below ``annotations``.

    The format counts pixels from 1, from their middles, as Matlab does. The box is the extent of the landmarks;
    images without a file are not used.

    Raises
    ------
    DatasetError
        Naming the file that is none, or has another number of landmarks, or where no image has one.
    """
    folder = folder_of(name, entry.path, root)
    notes = folder if entry.annotations is None else folder_of(name, entry.annotations, root)
    images, others = image_files(folder)
    texts = {
        composed(path.relative_to(notes).with_suffix("").as_posix()): path
        for path in image_files(notes)[1]
        if path.suffix == ".pts"
    }
    drafts: list[Draft] = []
    bare, count = [], 0
    for path in images:
        inside = path.relative_to(folder)
        note = texts.pop(composed(inside.with_suffix("").as_posix()), None)
        if note is None:
            bare.append((inside.as_posix(), "no .pts of its name"))
            continue
        points = _points(name, note)
        if count and len(points) != count:
            raise DatasetError(
                f"datasets.{name}: {note} has {len(points)} landmarks where others have {count}; keep those of "
                "one number"
            )
        count = len(points)
        drafts.append(Draft(inside.as_posix(), path, _objects([points], [[]]), places=(note.name,)))
    if images and not drafts:
        raise DatasetError(
            f"datasets.{name}: none of the {len(images)} images has a .pts of its name in {notes}; set "
            f"datasets.{name}.annotations to the folder of the .pts files"
        )
    strays = (*bare, *strays_of(folder, (path for path in others if path.suffix != ".pts")))
    lonely = tuple(
        (text.relative_to(notes).as_posix(), "no image of its name") for text in texts.values()
    )
    labels = labels_of(name, entry.labels, root) or _LABELS
    return Findings(drafts, labels, strays=(*strays, *lonely), skeleton=skeleton_of(count))


def _points(name: str, file: Path) -> NDArray[np.float64]:
    """Landmarks [points, 2] of one ``.pts``, counted from the edge of the first pixel."""
    text = read_text(name, file)
    head, brace, rest = text.partition("{")
    said = dict(line.split(":", 1) for line in head.splitlines() if ":" in line)
    try:
        values = [float(word) for word in rest.partition("}")[0].split()]
        count = int(said["n_points"])
    except (KeyError, ValueError):
        values, count = [], -1
    if not brace or len(values) != 2 * count or not all(map(math.isfinite, values)) or not count:
        raise DatasetError(
            f'datasets.{name}: {file} is no .pts: expected "n_points: N", and N lines of x and y in braces; '
            "repair it"
        )
    return np.array(values).reshape(-1, 2) - 0.5


def _objects(faces: Sequence[NDArray[np.float64]], boxes: Sequence[list[float]]) -> Objects:
    """Make faces of landmarks [points, 2] each; where a box is empty, it is their extent."""
    own = [
        box or [*points.min(axis=0), *points.max(axis=0)]
        for points, box in zip(faces, boxes, strict=True)
    ]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in own]
    found = make_objects(own, [0] * len(own), [False] * len(own), areas)
    seen = [np.column_stack([points, np.full(len(points), 2)]) for points in faces]
    return replace(found, points=np.array(seen, np.float32))


def _wrong(name: str, file: Path, line: int, found: str) -> DatasetError:
    return DatasetError(
        f"datasets.{name}: line {line} of {file} has {found}; expected {_FORM}; repair it"
    )


LIST = DatasetKind(
    find_list,
    needs=("path", "annotations"),
    may=("labels", "segments", "region", "annotated"),
    truths={"": ("points",)},
)
PTS = DatasetKind(
    find_pts,
    needs=("path",),
    may=("annotations", "labels", "segments", "region", "annotated"),
    truths={"": ("points",)},
)
