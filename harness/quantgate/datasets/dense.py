"""Maps of numbers beside images: depth, disparity, optical flow, or the colours of the images themselves."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from quantgate.datasets.beside import pairs_of
from quantgate.datasets.dense_files import READERS, dense_file, own_planes, size_of
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files, strays_of, unlisted
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import Listed, folder_of, read_text, relative_name
from quantgate.errors import DatasetError
from quantgate.store.entry import digest_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import DatasetEntry

_LISTS = frozenset({".csv", ".tsv", ".txt"})
#: Column of a list that says by what the numbers of each map are multiplied.
_SCALE = "scale"
_DELIMITERS = "\t;,"


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Pair images with their maps, by name or as a list says; or take the colours of the images.

    Raises
    ------
    DatasetError
        Where a map has no image, a line of the list no file, or a file is no map; names it.
    """
    folder = folder_of(name, entry.path, root)
    if entry.truth == "own-ab":
        images, others = image_files(folder)
        drafts = [
            Draft(path.relative_to(folder).as_posix(), path, own_planes(path, entry.unit or ""))
            for path in images
        ]
        return Findings(drafts, strays=strays_of(folder, others))
    if entry.annotations is None:
        raise DatasetError(
            f"datasets.{name}.annotations is missing; give the folder of the maps (PNG, npy, EXR, flo), a csv "
            'of images and maps, or truth = "own-ab" for the colours of the images themselves'
        )
    place = root / entry.annotations
    if place.suffix.lower() in _LISTS and place.is_file():
        return _from_list(name, entry, (folder, place))
    return _beside(name, entry, (folder, folder_of(name, entry.annotations, root)))


def _beside(name: str, entry: DatasetEntry, places: tuple[Path, Path]) -> Findings:
    images, maps = places
    pairs, unused = pairs_of(name, images, maps, entry.ending, files=map_files)
    drafts = [
        _draft(name, entry, (image.relative_to(images).as_posix(), image), truth)
        for image, truth in pairs
    ]
    used = {truth for _, truth in pairs}
    strays = tuple(
        (path.relative_to(images).as_posix(), "no map") for path in unused if path not in used
    )
    others = (path for path in image_files(images)[1] if path not in used)
    return Findings(drafts, strays=strays + strays_of(images, others))


def map_files(folder: Path) -> list[Path]:
    """Files below a folder whose suffix claims a map."""
    return sorted(
        path for found in image_files(folder) for path in found if path.suffix.lower() in READERS
    )


def _draft(
    name: str,
    entry: DatasetEntry,
    image: tuple[str, Path],
    truth: Path,
    *,
    scale: float | None = None,
) -> Draft:
    if not truth.is_file():
        raise DatasetError(f"datasets.{name}: image {image[0]}: there is no map {truth}")
    made = dense_file(truth, digest_of_file(truth), entry, scale)
    size = size_of(truth) or made.values.shape[1::-1]
    return Draft(*image, made, (size[0], size[1]), enlarged=True)


def _from_list(name: str, entry: DatasetEntry, places: tuple[Path, Path]) -> Findings:
    """Read rows of an image, its map, and perhaps by what its numbers are multiplied."""
    folder, place = places
    rows = _rows(name, place)
    listed, beside = Listed(folder), Listed(place.parent)
    header = [cell.strip().lower() for cell in rows[0][1]]
    heading = not any(path.is_file() for path in (listed.find(rows[0][1][0]),))
    scale_at = header.index(_SCALE) if heading and _SCALE in header else None
    drafts = []
    for number, row in rows[heading:]:
        if len(row) < 2:  # noqa: PLR2004 - image and map
            raise DatasetError(
                f"datasets.{name}: line {number} of {place} is {','.join(row)!r}; expected an image and its map"
            )
        image, truth = listed.find(row[0].strip()), beside.find(row[1].strip())
        truth = truth if truth.is_file() else listed.find(row[1].strip())
        scale = None if scale_at is None else _number(name, (place, number), row[scale_at:])
        draft = (relative_name(folder, image, row[0].strip()), image)
        drafts.append(_draft(name, entry, draft, truth, scale=scale))
    taken = [draft.path for draft in drafts]
    maps = {beside.find(row[1].strip()) for _, row in rows[heading:]}
    strays = unlisted(folder, (*taken, *maps), f"not listed in {place.name}")
    return Findings(drafts, strays=strays)


def _rows(name: str, place: Path) -> list[tuple[int, list[str]]]:
    """Lines of a list that say something, with their numbers."""
    text = read_text(name, place)
    first = text.split("\n", 1)[0]
    delimiter = next((mark for mark in _DELIMITERS if mark in first), " ")
    found = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = [(number, row) for number, row in enumerate(found, start=1) if any(row)]
    if not rows:
        raise DatasetError(f"datasets.{name}: {place} is empty; expected lines of image and map")
    return rows


def _number(name: str, line: tuple[Path, int], cells: list[str]) -> float:
    try:
        found = float(cells[0])
    except (IndexError, ValueError):
        found = 0.0
    if not found > 0:
        raise DatasetError(
            f"datasets.{name}: line {line[1]} of {line[0]} has no scale; expected a number above 0"
        )
    return found


KIND = DatasetKind(
    find,
    needs=("path",),
    may=(
        *("annotations", "ending", "truth", "value_scale", "invalid", "valid_range", "unit"),
        *("segments", "annotated"),
    ),
    truths={"": ("values",)},
)
