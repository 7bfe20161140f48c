"""Images with attributes: a table with one row an image, or an object in a box, or names that tell them."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from quantgate.core.predictions import Facts, Objects
from quantgate.datasets.findings import Draft, Findings, make_objects
from quantgate.datasets.folder import image_files, strays_of, unlisted
from quantgate.datasets.headers import SUFFIXES
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import Listed, file_of, folder_of, relative_name
from quantgate.datasets.table_rows import Row, read_rows, signed_labels
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from quantgate.entries import DatasetEntry


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read a table of attributes, or the images' names as ``attributes_in_name`` says.

    With ``region`` each row is an object in a box of its image; without, each is an image.

    Raises
    ------
    DatasetError
        Where neither is given, the table is none, or a name does not fit.
    """
    folder = folder_of(name, entry.path, root)
    if entry.annotations is not None:
        return _from_table(name, entry, file_of(name, entry.annotations, root), folder)
    if entry.attributes_in_name is None:
        raise DatasetError(
            f"datasets.{name}: nothing tells the attributes; give datasets.{name}.annotations, a csv with one row an "
            f"image, or datasets.{name}.attributes_in_name where the names tell them"
        )
    images, others = image_files(folder)
    drafts = list(_by_name(name, images, folder, entry.attributes_in_name))
    return Findings(drafts, strays=strays_of(folder, others))


def _by_name(name: str, images: Sequence[Path], folder: Path, pattern: str) -> Iterator[Draft]:
    """What the named groups of a pattern find in the path of each image, without its suffix."""
    wanted = re.compile(pattern)
    if not wanted.groupindex:
        raise DatasetError(
            f"datasets.{name}.attributes_in_name: {pattern!r} names no attribute; write its groups as "
            "(?P<age>[0-9]+)_(?P<gender>[01])_.*"
        )
    for path in images:
        inside = path.relative_to(folder)
        found = wanted.fullmatch(inside.with_suffix("").as_posix())
        if found is None:
            raise DatasetError(
                f"datasets.{name}.attributes_in_name: {pattern!r} does not fit {inside.with_suffix('').as_posix()!r}: "
                f"the whole path below {folder} without suffix has to"
            )
        cells = {key: text or "" for key, text in found.groupdict().items()}
        yield Draft(inside.as_posix(), path, Facts(tuple(sorted(cells.items()))))


def _from_table(name: str, entry: DatasetEntry, file: Path, folder: Path) -> Findings:
    rows, listed = read_rows(name, file), Listed(folder)
    columns = entry.columns or {}
    _check_columns(name, columns, rows)
    signed = signed_labels(rows)
    told = list(zip(rows, _facts(rows, columns, signed), strict=True))
    if entry.region is None:
        drafts = [_draft(folder, listed, row.image, facts) for row, facts in told]
    else:
        drafts = list(_of_objects(name, file, (folder, listed), told))
    strays = unlisted(folder, (draft.path for draft in drafts), f"not listed in {file.name}")
    labels = () if entry.region is None else ("object",)
    return Findings(drafts, labels, strays=strays, notes=_notes(name, entry, rows, signed))


def _draft(folder: Path, listed: Listed, image: str, truth: Facts | Objects) -> Draft:
    path = _path(listed, image)
    return Draft(relative_name(folder, path, image), path, truth)


def _path(listed: Listed, image: str) -> Path:
    """Find an image, also by its name without suffix."""
    path = listed.find(image)
    if path.is_file() or path.suffix.lower() in SUFFIXES:
        return path
    return next(
        (one for suffix in SUFFIXES if (one := listed.find(image + suffix)).is_file()), path
    )


def _facts(
    rows: Sequence[Row], columns: Mapping[str, str], signed: frozenset[str]
) -> Iterator[Facts]:
    """What each row says, by the names that the manifest gives its columns.

    Of hundreds of thousands of images most say the same in a column: it is kept once.
    """
    title = {column: head for head, column in columns.items()}
    kept: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows:
        cells = [
            (title.get(column, column), "0" if column in signed and text == "-1" else text)
            for column, text in row.cells.items()
        ]
        yield Facts(tuple(sorted(kept.setdefault(cell, cell) for cell in cells)))


def _of_objects(
    name: str, file: Path, place: tuple[Path, Listed], told: Sequence[tuple[Row, Facts]]
) -> Iterator[Draft]:
    """One draft an image, with its rows as objects."""
    by_image: dict[str, list[tuple[Row, Facts]]] = {}
    for row, facts in told:
        by_image.setdefault(row.image, []).append((row, facts))
    for image, rows in by_image.items():
        boxes = [row.box for row, _ in rows]
        bare = next((row for row, _ in rows if row.box is None), None)
        if bare is not None:
            raise DatasetError(
                f"datasets.{name}.region: line {bare.line} of {file} has no box to cut out; give it as columns x0, "
                "y0, x1, y1, or x, y, width, height, in pixels"
            )
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in boxes if box]
        found = make_objects(
            [box for box in boxes if box], [0] * len(rows), [False] * len(rows), areas
        )
        truth = Objects(
            found.boxes,
            found.labels,
            found.crowd,
            found.areas,
            facts=tuple(facts for _, facts in rows),
        )
        path = _path(place[1], image)
        lines = tuple(f"line {row.line}" for row, _ in rows)
        yield Draft(relative_name(place[0], path, image), path, truth, places=lines)


def _check_columns(name: str, columns: Mapping[str, str], rows: Sequence[Row]) -> None:
    known = list(rows[0].cells)
    for head, column in columns.items():
        if column not in known:
            near = difflib.get_close_matches(column, known, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise DatasetError(
                f"datasets.{name}.columns.{head}: there is no column {column!r}, found {', '.join(known)}{meant}"
            )


def _notes(
    name: str, entry: DatasetEntry, rows: Sequence[Row], signed: frozenset[str]
) -> tuple[str, ...]:
    said = []
    if entry.region is None and any(row.box for row in rows):
        said.append(
            f"datasets.{name}: the table has boxes, and whole images are judged; set datasets.{name}.region to cut "
            "them out"
        )
    if signed:
        shown = ", ".join(sorted(signed)[:8]) + (", …" if len(signed) > 8 else "")  # noqa: PLR2004
        said.append(
            f"datasets.{name}: -1 is read as no in columns that hold nothing but 1 and -1: {shown}"
        )
    return tuple(said)


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "attributes_in_name", "columns", "segments", "region", "annotated"),
    truths={"": ("facts",)},
)
