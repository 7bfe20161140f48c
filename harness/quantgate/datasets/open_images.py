"""Open Images: one csv of boxes in fractions of the image (Kuznetsova et al. 2020)."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.datasets.findings import Draft, Findings, flag, make_objects
from quantgate.datasets.folder import image_files, strays_of
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import composed, file_of, folder_of, labels_of, read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.core.predictions import Objects
    from quantgate.entries import DatasetEntry

_EDGES = ("XMin", "YMin", "XMax", "YMax")
_NEEDED = ("ImageID", "LabelName", *_EDGES)
#: Fractions may be rounded to a little above 1; numbers beyond are pixels.
_MOST = 1.01
_Row = tuple[str, tuple[float, ...], bool]


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read ``*-annotations-bbox.csv``; images without a row are left out.

    Classes are the csv's ``LabelName`` (such as ``/m/01g317``), sorted, or those of ``labels``: a list,
    a text file, or ``class-descriptions-boxable.csv``, whose second column then names them.
    Boxes of groups (``IsGroupOf``) are kept as crowd regions, which neither count nor harm.

    Raises
    ------
    DatasetError
        Where a column is missing, a line is wrong (with its number), or a class is not a label.
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give the csv of boxes")
    folder = folder_of(name, entry.path, root)
    rows = _rows(name, file_of(name, entry.annotations, root))
    labels, ids = _labels(name, entry, root)
    if labels is None:
        labels = tuple(sorted({label for listed in rows.values() for label, _, _ in listed}))
    found, others = image_files(folder)
    files = {composed(path.stem): path for path in found}
    index = {label: i for i, label in enumerate(ids or labels)}
    _check_labels(name, rows, index)
    drafts = [
        Draft(
            path.relative_to(folder).as_posix(),
            path,
            _objects(listed, index),
            fractions=True,
            places=tuple(f"row {k} of its boxes" for k in range(1, 1 + len(listed))),
        )
        for key, listed in rows.items()
        if (path := files.get(composed(key))) is not None
    ]
    lost = tuple((key, "no image file of this id") for key in rows if composed(key) not in files)
    used = {draft.path for draft in drafts}
    strays = tuple(
        (path.relative_to(folder).as_posix(), "no row in the csv")
        for path in found
        if path not in used
    )
    strays += strays_of(folder, others)
    return Findings(
        drafts, labels, lost, strays, ids=ids or (), aside="marked as groups (IsGroupOf)"
    )


def _labels(
    name: str, entry: DatasetEntry, root: Path
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Names of the classes, and their ids where they have others."""
    labels = labels_of(name, entry.labels, root)
    if labels is None or not isinstance(entry.labels, Path) or entry.labels.suffix != ".csv":
        return labels, None
    pairs = [row for row in csv.reader(labels) if row]
    if any(len(row) != 2 for row in pairs):  # noqa: PLR2004 - id, name
        raise DatasetError(
            f"datasets.{name}.labels: {entry.labels} must have two columns, id and name"
        )
    pairs = pairs[1:] if pairs[0][0] == "LabelName" else pairs
    return tuple(title for _, title in pairs), tuple(key for key, _ in pairs)


def _rows(name: str, file: Path) -> dict[str, list[_Row]]:
    """Class, edges and group mark of every box by image id, in the order of the csv."""
    reader = csv.DictReader(io.StringIO(read_text(name, file)))
    missing = [column for column in _NEEDED if column not in (reader.fieldnames or ())]
    if missing:
        raise DatasetError(f"datasets.{name}: {file} has no column {', '.join(missing)}")
    rows: dict[str, list[_Row]] = {}
    for row in reader:
        try:
            edges = tuple(float(row[key]) for key in _EDGES)
        except (TypeError, ValueError):
            edges = ()
        if (
            not edges
            or not all(map(math.isfinite, edges))
            or edges[0] > edges[2]
            or edges[1] > edges[3]
            or max(edges) > _MOST
        ):
            found = ", ".join(f"{key} {row[key]}" for key in _EDGES)
            sizes = " (XMax and YMax are far edges, no width and height)" if edges else ""
            raise DatasetError(
                f"datasets.{name}: line {reader.line_num} of {file}: expected XMin, YMin, XMax, YMax in "
                f"fractions of the image{sizes}, found {found}; repair it"
            )
        mark = _group(name, file, (reader.line_num, row.get("IsGroupOf")))
        rows.setdefault(row["ImageID"], []).append((row["LabelName"], edges, mark))
    return rows


def _group(name: str, file: Path, said: tuple[int, str | None]) -> bool:
    """Whether a line is of a group; -1 is the release's word for unknown."""
    line, text = said
    mark = flag("0" if (text or "").strip() == "-1" else text)
    if mark is None:
        raise DatasetError(
            f"datasets.{name}: line {line} of {file}: expected IsGroupOf 0 or 1, found {text!r}; repair it"
        )
    return mark


def _check_labels(name: str, rows: Mapping[str, list[_Row]], index: Mapping[str, int]) -> None:
    for key, found in rows.items():
        for label, _, _ in found:
            if label not in index:
                raise DatasetError(
                    f"datasets.{name}: image {key} names the class {label!r}, which is not among the "
                    f"{len(index)} labels; complete datasets.{name}.labels"
                )


def _objects(rows: list[_Row], index: Mapping[str, int]) -> Objects:
    boxes = [list(edges) for _, edges, _ in rows]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
    return make_objects(
        boxes, [index[label] for label, _, _ in rows], [mark for _, _, mark in rows], areas
    )


KIND = DatasetKind(
    find,
    needs=("path", "annotations"),
    may=("labels", "classes", "segments", "region", "annotated"),
    truths={"": ("objects",)},
)
