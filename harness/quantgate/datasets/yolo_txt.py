"""YOLO text labels: beside each image a file of "class cx cy width height" in fractions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.predictions import Objects
from quantgate.datasets.assembly import Draft, Findings, make_objects
from quantgate.datasets.folder import image_files
from quantgate.datasets.images import upright_size
from quantgate.datasets.places import folder_of, labels_of, read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import DatasetEntry

_FIELDS = 5
#: Fractions may be rounded to a little above 1; numbers beyond are pixels.
_MOST = 1.01


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read a folder of images and the text file of the same name for each.

    Text files stand in ``annotations``, or in ``labels`` beside a folder ``images``, or beside the
    images. An image without a file is a background, as the format's own tools have it. Without
    ``labels`` classes are named by their numbers.

    Raises
    ------
    DatasetError
        When a line is wrong (names file and line), or no image has a text file.
    """
    folder = folder_of(name, entry.path, root)
    notes = _notes_folder(name, entry, (folder, root))
    labels = labels_of(name, entry.labels, root)
    images, _ = image_files(folder)
    drafts, read = [], 0
    for path in images:
        relative = path.relative_to(folder)
        note = notes / relative.with_suffix(".txt")
        rows = _rows(name, note) if note.is_file() else []
        read += note.is_file()
        drafts.append(Draft(relative.as_posix(), path, _objects(rows, path)))
    if images and not read:
        raise DatasetError(
            f"datasets.{name}: none of the {len(images)} images has a text file in {notes}; "
            "set datasets." + name + ".annotations"
        )
    if labels is None:
        classes = (draft.truth.labels for draft in drafts if isinstance(draft.truth, Objects))
        labels = tuple(
            map(str, range(1 + max((int(c.max(initial=0)) for c in classes), default=0)))
        )
    return Findings(drafts, labels)


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


def _rows(name: str, note: Path) -> list[tuple[int, list[float]]]:
    rows = []
    for number, line in enumerate(read_text(name, note).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            label, box = int(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            label, box = -1, []
        fits = len(words) == _FIELDS and all(0 <= v <= _MOST for v in box)
        if label < 0 or not fits:
            raise DatasetError(
                f"datasets.{name}: line {number} of {note} is {line.strip()!r}; expected "
                '"class cx cy width height" in fractions of the image'
            )
        rows.append((label, box))
    return rows


def _objects(rows: list[tuple[int, list[float]]], path: Path) -> Objects:
    if not rows:
        return make_objects([], [], [], [])
    width, height = upright_size(path)
    boxes = [
        [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        for _, (x, y, w, h) in rows
    ]
    areas = [w * width * h * height for _, (_, _, w, h) in rows]
    return make_objects(boxes, [label for label, _ in rows], [False] * len(rows), areas)
