"""Turned boxes as DOTA has them: a text file beside each image (Xia et al., arXiv:1711.10398)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quantgate.datasets.findings import Draft, Findings, flag
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import labels_of, read_text
from quantgate.datasets.quad_rows import CORNERS, QuadRow, noted_images, quad_objects
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from quantgate.entries import DatasetEntry

_NUMBERS = 2 * CORNERS
_SHOWN = 60
#: Numbers, class, and the mark of what is difficult.
_FEWEST, _MOST = _NUMBERS + 1, _NUMBERS + 2


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read a folder of images and a text file of the same name for each.

    A line is "x1 y1 x2 y2 x3 y3 x4 y4 class difficult" in pixels; what DOTA writes above (imagesource, gsd) is
    passed over. Text files stand in ``annotations``, or in ``labelTxt`` beside a folder ``images``, or beside
    the images. Without ``labels`` classes are numbered in the order of their names. Objects marked difficult
    count neither for nor against, unless ``difficult`` is set.

    Raises
    ------
    DatasetError
        When a line is wrong, or names a class outside ``labels`` (names file and line).
    """
    noted = noted_images(name, entry, root, ("labelTxt", "labels", "annfiles"))
    notes = tuple(noted.notes(name))
    rows = [list(_lines(name, note)) if note else [] for *_, note in noted.images]
    labels = labels_of(name, entry.labels, root)
    names = labels or tuple(sorted({row[1] for own in rows for row in own}))
    index = {label: k for k, label in enumerate(names)}
    drafts = []
    for (path, image, note), own in zip(noted.images, rows, strict=True):
        if note is not None:
            _check_classes(name, note, own, names)
        truth = quad_objects(
            [
                QuadRow(
                    np.array(numbers).reshape(-1, 2), index[label], hard and not entry.difficult
                )
                for _, label, numbers, hard in own
            ]
        )
        places = tuple(f"line {number} of {note.name}" for number, *_ in own) if note else ()
        drafts.append(Draft(image, path, truth, places=places))
    strays = tuple((path.name, "no image of its name") for path in noted.others)
    return Findings(
        drafts,
        names,
        strays=strays,
        notes=notes,
        labels_open=labels is None,
        aside="marked difficult",
    )


#: Number of the line, class, eight numbers, whether it is difficult.
_Line = tuple[int, str, list[float], bool]


def _lines(name: str, note: Path) -> Iterator[_Line]:
    for number, line in enumerate(read_text(name, note).splitlines(), start=1):
        text = line.strip()
        if not text or text.lower().startswith(("imagesource", "gsd")):
            continue
        row = _row(text)
        if row is None:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
            raise DatasetError(
                f"datasets.{name}: line {number} of {note} is {shown!r}; expected "
                '"x1 y1 x2 y2 x3 y3 x4 y4 class difficult" in pixels'
            )
        yield number, *row


def _row(text: str) -> tuple[str, list[float], bool] | None:
    words = text.replace(",", " ").split()
    if not _FEWEST <= len(words) <= _MOST:
        return None
    try:
        numbers = [float(word) for word in words[:_NUMBERS]]
    except ValueError:
        return None
    said = words[_FEWEST] if len(words) == _MOST else "0"
    # DOTA 1.5 and later grade difficulty up to 2.
    hard = flag("1" if said == "2" else said)
    if hard is None or not all(map(math.isfinite, numbers)):
        return None
    return words[_NUMBERS], numbers, hard


def _check_classes(name: str, note: Path, rows: Sequence[_Line], labels: Sequence[str]) -> None:
    known = set(labels)
    for number, label, *_ in rows:
        if label not in known:
            raise DatasetError(
                f"datasets.{name}: line {number} of {note} is of class {label!r}, which is none of the "
                f"{len(labels)} labels ({', '.join(labels[:3])}, …); add it to datasets.{name}.labels"
            )


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "labels", "classes", "segments", "difficult", "annotated"),
    truths={"": ("corners", "objects")},
)
