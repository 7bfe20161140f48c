"""Regions of text as ICDAR's challenges have them: a text file beside each image, or one json of all.

ICDAR 2013 and 2015, MLT (text files), LSVT and ArT (json), and PaddleOCR's lists.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import unlisted
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import Listed, file_of, folder_of, read_text, relative_name
from quantgate.datasets.quad_rows import CORNERS, QuadRow, noted_images, quad_objects
from quantgate.datasets.text import ILLEGIBLE
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.entries import DatasetEntry

LABELS = ("text",)
_NUMBERS, _SIDES = 2 * CORNERS, 4
_SHOWN = 60
#: What the corners, the text and the mark of a region that does not count are called.
_CORNER_KEYS = ("quad", "points", "poly", "polygon", "vertices")
_TEXT_KEYS = ("text", "transcription", "label")
_ASIDE_KEYS = ("ignore", "illegibility", "difficult")
#: What an image, and the list of its regions, is called in a list of images.
_FILE_KEYS = ("file", "file_name", "image", "img_name", "filename")
_REGION_KEYS = ("regions", "annotations", "instances", "polygons")


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read text files, gt_img_1.txt or img_1.txt for img_1.jpg, or one json (or PaddleOCR's list) of all images.

    A line is "x1,y1,x2,y2,x3,y3,x4,y4,text", or ICDAR 2013's "x0,y0,x1,y1,text"; texts may hold commas.
    Regions of the text ``###``, or that a json marks so, count neither for nor against.

    Raises
    ------
    DatasetError
        Where a line or region has no corners; names file and line.
    """
    if entry.annotations is not None and (root / entry.annotations).is_file():
        return _listed(
            name, file_of(name, entry.annotations, root), folder_of(name, entry.path, root)
        )
    noted = noted_images(name, entry, root, ("labels", "gt", "annotations"), prefix="gt_")
    notes = tuple(noted.notes(name))
    drafts = []
    for path, image, note in noted.images:
        rows = [] if note is None else list(_lines(name, note))
        places = tuple(f"line {k} of {note.name}" for k, _ in rows) if note else ()
        truth = quad_objects([row for _, row in rows])
        drafts.append(Draft(image, path, truth, places=places))
    strays = tuple((path.name, "no image of its name") for path in noted.others)
    return Findings(drafts, LABELS, strays=strays, notes=notes, aside=f"marked {ILLEGIBLE}")


def _lines(name: str, note: Path) -> Iterator[tuple[int, QuadRow]]:
    """Read the regions of one text file, each with the number of its line."""
    for number, line in enumerate(read_text(name, note).splitlines(), start=1):
        if line.strip():
            row = _row(line.strip())
            if row is None:
                shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]} …"
                raise DatasetError(
                    f"datasets.{name}: line {number} of {note} is {shown!r}; expected "
                    '"x1,y1,x2,y2,x3,y3,x4,y4,text" in pixels, or "x0,y0,x1,y1,text" of an upright box'
                )
            yield number, row


def _row(line: str) -> QuadRow | None:
    """Read a line; None where it has neither four corners nor two."""
    parts = line.split(",") if "," in line else line.split()
    for count in (_NUMBERS, _SIDES):
        numbers = _floats(parts[:count])
        if len(numbers) == count:
            corners = np.array(numbers).reshape(-1, 2) if count == _NUMBERS else _box(numbers)
            # Sets of several scripts name one before the text.
            text = parts[-1].strip().strip('"') if len(parts) > count else ""
            return QuadRow(corners, aside=text == ILLEGIBLE)
    return None


def _floats(words: Sequence[str]) -> list[float]:
    """Numbers of words; none where one of them is no finite number."""
    try:
        found = [float(word) for word in words]
    except ValueError:
        return []
    return found if all(map(math.isfinite, found)) else []


def _box(numbers: Sequence[float]) -> NDArray[np.float64]:
    x0, y0, x1, y1 = numbers
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _listed(name: str, file: Path, folder: Path) -> Findings:
    """Read a json, or PaddleOCR's lines of a file, a tab and a json."""
    text = read_text(name, file)
    listed = Listed(folder)
    try:
        by_image = dict(_paddle(text) if file.suffix == ".txt" else _of_json(json.loads(text)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DatasetError(f"datasets.{name}: {file} is not valid JSON: {error}") from error
    if not by_image:
        raise DatasetError(
            f"datasets.{name}: {file} lists no image; expected a table of regions by image, or a list of "
            'images, each {"file": …, "regions": [{"quad": [x1, y1, …, y4], "text": …}, …]}'
        )
    drafts = []
    for image, regions in by_image.items():
        path = _path_of(listed, image)
        rows = [
            _region(name, one, f"region {k} of {image} in {file}")
            for k, one in enumerate(regions, 1)
        ]
        places = tuple(f"region {k}" for k in range(1, 1 + len(rows)))
        named = relative_name(folder, path, image)
        drafts.append(Draft(named, path, quad_objects(rows), places=places))
    strays = unlisted(folder, (draft.path for draft in drafts), f"not listed in {file.name}")
    return Findings(drafts, LABELS, strays=strays, aside="marked not to count")


def _paddle(text: str) -> Iterator[tuple[str, list[Any]]]:
    for line in text.split("\n"):
        if line.strip():
            image, _, regions = line.partition("\t")
            yield image.strip(), json.loads(regions or "[]")


def _of_json(content: Any) -> Iterator[tuple[str, list[Any]]]:
    """Regions by image, of a table or of a list."""
    if isinstance(content, dict):
        inner = next((content[key] for key in ("data_list", "images") if key in content), None)
        if inner is not None:
            content = inner
    if isinstance(content, dict):
        yield from ((str(key), list(own)) for key, own in content.items() if isinstance(own, list))
    elif isinstance(content, list):
        for one in content:
            image = _first(one, _FILE_KEYS) if isinstance(one, dict) else None
            if image is not None:
                yield str(image), list(_first(one, _REGION_KEYS) or ())


def _path_of(listed: Listed, image: str) -> Path:
    """Path of an image; one that is named without suffix, as gt_7 or res_7 is, has that of the file there."""
    found = listed.find(image)
    if found.is_file():
        return found
    stems = {image, image.removeprefix("gt_"), image.removeprefix("res_")}
    spelled = (
        listed.find(f"{stem}{suffix}")
        for stem in sorted(stems)
        for suffix in (".jpg", ".png", ".jpeg")
    )
    return next((path for path in spelled if path.is_file()), found)


def _region(name: str, region: Any, which: str) -> QuadRow:
    """Read one region of a json."""
    said = _first(region, _CORNER_KEYS) if isinstance(region, dict) else None
    try:
        corners = np.asarray(said, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        corners = np.zeros((0, 2))
    if len(corners) < CORNERS - 1 or not np.isfinite(corners).all():
        raise DatasetError(
            f"datasets.{name}: {which} has no corners; expected quad or points, x and y of four corners in pixels"
        )
    text = str(_first(region, _TEXT_KEYS) or "")
    aside = any(bool(region.get(key)) for key in _ASIDE_KEYS) or text == ILLEGIBLE
    return QuadRow(corners, aside=aside)


def _first(table: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((table[key] for key in keys if key in table), None)


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "segments", "annotated"),
    truths={"": ("corners",)},
    metric="hmean",
)
