"""Tables of attributes as people write them: csv with commas, semicolons or tabs, or columns of spaces (CelebA)."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.datasets.places import read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What the column of images is called, in small letters without spaces and underscores.
_IMAGES = frozenset(
    {"image", "images", "file", "filename", "path", "name", "img", "imageid", "imagename", "imagefile", "imagepath",
     "imgpath", "filepath", "fullpath", "id", ""}
)  # fmt: skip
#: Columns of a box: two corners, or a corner and the sides.
_CORNERS = (
    *(("x0", "y0", "x1", "y1"), ("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax")),
    *(("left", "top", "right", "bottom"), ("bboxx0", "bboxy0", "bboxx1", "bboxy1")),
    *(("bboxx1", "bboxy1", "bboxx2", "bboxy2"), ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax")),
)
_SIDES = (
    *(("x", "y", "w", "h"), ("x", "y", "width", "height"), ("x1", "y1", "width", "height")),
    *(
        ("left", "top", "width", "height"),
        ("bboxx", "bboxy", "bboxw", "bboxh"),
        ("xmin", "ymin", "width", "height"),
    ),
)
_COMMA = re.compile(r"[-+]?\d+,\d+")
_SHOWN = 60
_TWO = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Parameters
    ----------
    line
        Its number in the file.
    box
        Two corners, x and y in turns, px, where the table has boxes.
    """

    line: int
    image: str
    cells: Mapping[str, str]
    box: tuple[float, ...] | None = None


def read_rows(name: str, file: Path) -> list[Row]:
    """Read a table: a header, then one line an image (or object), one column an attribute.

    Raises
    ------
    DatasetError
        Where it is no such table, naming file and line.
    """
    titles, lines = _lines(name, file)
    images = next((k for k, title in enumerate(titles) if _bare(title) in _IMAGES), None)
    if images is None:
        raise DatasetError(
            f"datasets.{name}.annotations: no column of {file} names the images, found {', '.join(titles[:8])}; call "
            "it image"
        )
    boxes = _box_columns(titles)
    used = {images, *(boxes[0] if boxes else ())}
    rows = []
    for number, cells in lines:
        if len(cells) != len(titles):
            raise DatasetError(
                f"datasets.{name}.annotations: line {number} of {file} has {len(cells)} cells, the header {len(titles)}"
            )
        told = {title: cells[k] for k, title in enumerate(titles) if k not in used}
        box = (
            None
            if boxes is None
            else _box(name, (file, number), [cells[k] for k in boxes[0]], sides=boxes[1])
        )
        rows.append(Row(number, cells[images], told, box))
    return rows


def _lines(name: str, file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Titles, and the cells of each further line with its number."""
    text = read_text(name, file)
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.strip().isdigit():  # CelebA's: how many there are
        text, skipped = rest, 1
        first = rest.partition("\n")[0]
    mark = next((one for one in ("\t", ";", ",", "|") if one in first), None)
    if mark is None:
        listed = [(k, line.split()) for k, line in enumerate(text.splitlines(), 1 + skipped)]
    else:
        reader = csv.reader(io.StringIO(text), delimiter=mark, skipinitialspace=True)
        listed = [(reader.line_num + skipped, row) for row in reader]
    lines = [
        (number, [_cell(cell, mark) for cell in row])
        for number, row in listed
        if any(map(str.strip, row))
    ]
    if len(lines) < _TWO or max(len(row) for _, row in lines) < _TWO:
        found = repr(first[:_SHOWN]) if lines else "nothing"
        raise DatasetError(
            f"datasets.{name}.annotations: {file} must have a header, such as image,age,gender, and rows, found "
            f"{found}"
        )
    (_, titles), *others = lines
    if mark is None and len(titles) + 1 == len(others[0][1]):  # its images have no title
        titles = ["", *titles]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise DatasetError(f"datasets.{name}.annotations: {file} has two columns {twice!r}")
    return titles, others


def _cell(text: str, mark: str | None) -> str:
    """Strip a cell; where semicolons part cells, a comma in a number is its point."""
    bare = text.strip()
    return bare.replace(",", ".") if mark == ";" and _COMMA.fullmatch(bare) else bare


def _bare(title: str) -> str:
    return re.sub(r"[\s_-]+", "", title.casefold())


def _box_columns(titles: Sequence[str]) -> tuple[list[int], bool] | None:
    """Places of the four columns of a box, and whether the last two are its sides."""
    places = {_bare(title): k for k, title in enumerate(titles)}
    for sides, forms in ((False, _CORNERS), (True, _SIDES)):
        for form in forms:
            if set(form) <= places.keys():
                return [places[title] for title in form], sides
    return None


def _box(
    name: str, at: tuple[Path, int], cells: Sequence[str], *, sides: bool
) -> tuple[float, ...] | None:
    if not any(cells):
        return None
    try:
        x, y, right, bottom = map(float, cells)
    except ValueError as error:
        raise DatasetError(
            f"datasets.{name}.annotations: line {at[1]} of {at[0]} has the box {', '.join(cells)}, expected four "
            "numbers in pixels"
        ) from error
    return (x, y, x + right, y + bottom) if sides else (x, y, right, bottom)


def signed_labels(rows: Sequence[Row]) -> frozenset[str]:
    """Columns that say 1 and -1 and nothing else, as CelebA's: there -1 is no, elsewhere it is unknown."""
    columns = {title for row in rows for title in row.cells}
    said = {title: {row.cells[title] for row in rows if title in row.cells} for title in columns}
    return frozenset(title for title, cells in said.items() if cells == {"1", "-1"})
