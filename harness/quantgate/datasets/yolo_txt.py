"""YOLO text labels: beside each image a file of "class cx cy width height" in fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Objects
from quantgate.core.skeletons import skeleton_of
from quantgate.datasets.findings import Draft, Findings, make_objects
from quantgate.datasets.folder import image_files, strays_of
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import composed, folder_of, labels_of, read_text
from quantgate.datasets.quad_rows import QuadRow, quad_objects
from quantgate.datasets.yolo_points import Shape, likely_shape, points_of, said_shape
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.entries import DatasetEntry

_SIDES, _TRIPLE = 4, 3
#: A polygon needs three points.
_FEWEST_NUMBERS = 6
#: A class id beyond is a mistake.
_MOST_CLASSES = 100_000
#: Fractions may be rounded to a little above 1; numbers beyond are pixels.
_MOST = 1.01
#: Corners of polygons, such as turned boxes, may lie outside of the image: the extent ends there.
_BEYOND = 0.2
#: Images without a text file, as a share of all, from which they are told.
_MANY_BARE = 0.5
#: Text files that are no labels, as tools leave them.
_NO_LABELS = frozenset(
    {"classes.txt", "labels.txt", "train.txt", "val.txt", "test.txt", "readme.txt"}
)
_SHOWN = 60
_Box = tuple[float, float, float, float]
#: Class, edges of the box, corners of the polygon, x and y in turns (none of a box), numbers of key points.
_Row = tuple[int, _Box, tuple[float, ...], tuple[float, ...]]


def find(
    name: str, entry: DatasetEntry, root: Path, *, points: bool = False, quads: bool = False
) -> Findings:
    """Read a folder of images and the text file of the same name for each.

    A row is "class cx cy width height", or "class x y x y …" with the corners of a polygon, whose
    extent is then the box; behind a box may stand key points, which are read if requested, and so are the four
    corners of quadrilaterals (YOLO-OBB). Text files stand in ``annotations``, or in ``labels`` beside a folder
    ``images``, or beside the images. An image without a file is a background, as the format's own tools have
    it. Without ``labels`` classes are named by their numbers.

    Raises
    ------
    DatasetError
        When a line is wrong (names file and line), or no image has a text file.
    """
    folder = folder_of(name, entry.path, root)
    notes = _notes_folder(name, entry, (folder, root))
    labels = labels_of(name, entry.labels, root)
    reading = _Reading(name, said_shape(name, entry, root), asked=points, quads=quads)
    images, others = image_files(folder)
    texts = _texts(notes)
    drafts, bare = [], []
    used: set[Path | None] = set()
    for path in images:
        relative = path.relative_to(folder)
        note = texts.get(composed(relative.with_suffix(".txt").as_posix()))
        used.add(note)
        rows = [] if note is None else reading.rows(note)
        bare += [relative.as_posix()] if note is None else []
        places = tuple(f"row {k} of {note.name}" for k in range(1, 1 + len(rows))) if note else ()
        drafts.append(
            Draft(relative.as_posix(), path, reading.objects(rows), fractions=True, places=places)
        )
    if images and len(bare) == len(images):
        raise DatasetError(
            f"datasets.{name}: none of the {len(images)} images has a text file in {notes}; "
            "set datasets." + name + ".annotations"
        )
    strays = strays_of(folder, (path for path in others if path.suffix != ".txt"))
    strays += tuple(
        (text.relative_to(notes).as_posix(), "no image of its name")
        for text in texts.values()
        if text not in used and text.name not in _NO_LABELS
    )
    if labels is None:
        classes = (draft.truth.labels for draft in drafts if isinstance(draft.truth, Objects))
        labels = tuple(
            map(str, range(1 + max((int(c.max(initial=0)) for c in classes), default=0)))
        )
    if points and reading.shape is None and any(len(draft.truth or ()) for draft in drafts):  # type: ignore[arg-type] # Objects
        raise DatasetError(
            f"datasets.{name}: no row in {notes} has key points behind its box; expected "
            '"class cx cy width height x y visibility …" in fractions of the image; where key points have two '
            "numbers, set labels to a data.yaml with kpt_shape"
        )
    return Findings(
        drafts,
        labels,
        strays=strays,
        notes=tuple(_bare(name, bare, len(images))),
        skeleton=skeleton_of(reading.shape[0]) if points and reading.shape else None,
    )


def _bare(name: str, bare: list[str], images: int) -> Iterator[str]:
    if bare and len(bare) >= _MANY_BARE * images:
        yield (
            f"datasets.{name}: {len(bare)} of {images} images have no text file ({bare[0]}, …): they "
            "are taken to show nothing"
        )


def _texts(notes: Path) -> dict[str, Path]:
    """Text files below a folder by the name that their image would have."""
    found = (path for path in image_files(notes)[1] if path.suffix == ".txt")
    return {composed(path.relative_to(notes).as_posix()): path for path in found}


def _notes_folder(name: str, entry: DatasetEntry, place: tuple[Path, Path]) -> Path:
    folder, root = place
    if entry.annotations is not None:
        return folder_of(name, entry.annotations, root)
    parts = list(folder.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        beside = type(folder)(*parts[:last], "labels", *parts[last + 1 :])
        if beside.is_dir():
            return beside
    return folder


@dataclass(slots=True)
class _Reading:
    """How rows are read: the key points behind a box as data.yaml says or as the first of them has them."""

    name: str
    shape: Shape | None
    asked: bool
    quads: bool

    def rows(self, note: Path) -> list[_Row]:
        """Read one text file."""
        rows = []
        for number, line in enumerate(read_text(self.name, note).splitlines(), start=1):
            if not line.strip():
                continue
            row = self._row(line.split())
            if row is None:
                pointed = (
                    f" and {self.shape[0]} key points of {self.shape[1]} numbers"
                    if self.shape
                    else ""
                )
                raise DatasetError(
                    f"datasets.{self.name}: line {number} of {note} is {_short(line)!r}; expected "
                    f'"class cx cy width height"{pointed}, or "class x y x y x y …" of a polygon, in fractions '
                    "of the image"
                )
            rows.append(row)
        return rows

    def _row(self, words: list[str]) -> _Row | None:
        try:
            label, *numbers = map(float, words)
        except ValueError:
            return None
        if self.shape is None:
            self.shape = likely_shape(numbers, asked=self.asked)
        if self.shape and len(numbers) == _SIDES + math.prod(self.shape):
            row = _row(label, numbers[:_SIDES])
            return row and (*row[:3], tuple(numbers[_SIDES:]))
        return _row(label, numbers)

    def objects(self, rows: list[_Row]) -> Objects:
        """Make objects of rows, with key points where they are asked for."""
        if self.quads:
            return quad_objects([QuadRow(_corners(row), row[0]) for row in rows])
        found = _objects(rows)
        if not self.asked:
            return found
        known = points_of([of for *_, of in rows], self.shape or (0, _TRIPLE))
        return replace(found, points=known)


def _corners(row: _Row) -> NDArray[np.float64]:
    """Corners [points, 2] of a polygon, or of a box, in fractions of the image."""
    _, (x0, y0, x1, y1), polygon, _ = row
    return np.array(polygon or (x0, y0, x1, y0, x1, y1, x0, y1)).reshape(-1, 2)


def _row(label: float, numbers: list[float]) -> _Row | None:
    """Read a line; None where it is neither a box nor a polygon."""
    polygon = len(numbers) >= _FEWEST_NUMBERS and len(numbers) % 2 == 0
    if (
        not 0 <= label < _MOST_CLASSES
        or not label.is_integer()
        or not (len(numbers) == _SIDES or polygon)
    ):
        return None
    if polygon and all(-_BEYOND <= value <= 1 + _BEYOND for value in numbers):
        x, y = ([min(max(value, 0.0), 1.0) for value in numbers[k::2]] for k in (0, 1))
        return int(label), (min(x), min(y), max(x), max(y)), tuple(numbers), ()
    if polygon or not all(0 <= value <= _MOST for value in numbers):
        return None
    cx, cy, width, height = numbers
    box = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
    return int(label), box, (), ()


def _short(line: str) -> str:
    text = line.strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def _objects(rows: list[_Row]) -> Objects:
    areas = [(x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1), *_ in rows]
    boxes, labels = [box for _, box, *_ in rows], [label for label, *_ in rows]
    polygons = [np.array(of, np.float64).reshape(-1, 2) if of else None for _, _, of, _ in rows]
    found = make_objects(boxes, labels, [False] * len(rows), areas)
    return (
        replace(found, outlines=tuple(polygons))
        if any(of is not None for of in polygons)
        else found
    )


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "labels", "classes", "segments", "region", "annotated"),
    truths={"": ("objects", "points", "corners")},
    find_points=partial(find, points=True),
    find_quads=partial(find, quads=True),
    outlines=True,
)
