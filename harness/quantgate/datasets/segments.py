"""``segments`` of a dataset: a csv that says to which groups each image belongs (night, camera, shift)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from quantgate.core.comparison import FEWEST_IN_SEGMENT
from quantgate.datasets.places import file_of, read_text, same_name
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.datasets.sample import Dataset

#: Titles under which the one column of segments needs no title before its values.
_PLAIN = frozenset({"segment", "segments", "group"})
_NAMED = 3
_SHOWN = 60


def with_segments(dataset: Dataset, file: Path, root: Path) -> Dataset:
    """Attach the segments to every image.

    The csv has a header; its first column names images as the dataset does, every other column is
    a property. An image is in the segment ``title = value`` of each of its properties, or in the
    segment ``value`` where there is one column called segment; empty cells say nothing. Further
    rows of an image add to it.

    Raises
    ------
    DatasetError
        Where the file is no such csv, or names no image of the dataset; names line and image.
    """
    by_name = _names(dataset)
    header, *rows = _rows(dataset.name, file_of(dataset.name, file, root))
    if header[0] in by_name:
        raise DatasetError(
            f"datasets.{dataset.name}.segments: the first line of {file} is of the image {header[0]}, "
            "where a header is expected, such as image,segment"
        )
    found: dict[str, dict[str, None]] = {}
    strange: list[str] = []
    for image, names in rows:
        own = by_name.get(image) or by_name.get(same_name(image))
        if own is None:
            strange.append(image)
        else:
            found.setdefault(own, {}).update(dict.fromkeys(names))
    if not found:
        raise DatasetError(
            f"datasets.{dataset.name}.segments: {file} names no image of the dataset: {rows[0][0]}, for "
            f"instance, where images are called {dataset.samples[0].name}"
        )
    segments = {image: tuple(names) for image, names in found.items()}
    if not any(segments.values()):
        raise DatasetError(
            f"datasets.{dataset.name}.segments: {file} names no segment: all cells behind the images are "
            "empty; fill them, or leave the key out"
        )
    return replace(
        dataset,
        segments=segments,
        notes=(*dataset.notes, *_gaps(dataset, segments, strange), *_sizes(dataset, segments)),
    )


def _names(dataset: Dataset) -> dict[str, str]:
    """Names of images by what a csv may call them: with folders, or without where that is one image."""
    names = [sample.name for sample in dataset.samples]
    last = Counter(same_name(PurePosixPath(name).name) for name in names)
    short = {same_name(PurePosixPath(name).name): name for name in names}
    unique = {key: name for key, name in short.items() if last[key] == 1}
    return unique | {same_name(name): name for name in names} | {name: name for name in names}


def _gaps(
    dataset: Dataset, segments: Mapping[str, tuple[str, ...]], strange: list[str]
) -> tuple[str, ...]:
    """Count the images without a row, and the rows without an image."""
    bare = [sample.name for sample in dataset.samples if sample.name not in segments]
    said = ((bare, "images have no row"), (strange, "rows are of no image of the dataset"))
    return tuple(
        f"datasets.{dataset.name}.segments: {len(names)} {what} ({', '.join(names[:_NAMED])}"
        f"{', …' if len(names) > _NAMED else ''})"
        for names, what in said
        if names
    )


def _sizes(dataset: Dataset, segments: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Say where no segment can be compared with another, or none is large enough."""
    counts = Counter(name for names in segments.values() for name in names)
    largest, most = counts.most_common(1)[0]
    if len(counts) == 1 and most == len(dataset):
        yield (
            f"datasets.{dataset.name}.segments: {largest!r} is the only one and holds all {most} images: "
            "its accuracy is that of the whole"
        )
    elif most < FEWEST_IN_SEGMENT:
        yield (
            f"datasets.{dataset.name}.segments: none of {len(counts)} has {FEWEST_IN_SEGMENT} images (most: "
            f"{largest!r}, {most}): too few to be judged"
        )


def _rows(name: str, file: Path) -> list[tuple[str, list[str]]]:
    """Image and segments of every row, the header first."""
    reader = csv.reader(io.StringIO(read_text(name, file)))
    lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if len(lines) < 2 or len(lines[0][1]) < 2:  # noqa: PLR2004 - a header and a row; an image and a property
        raise DatasetError(
            f"datasets.{name}.segments: {file} must have a header, such as image,segment, and rows, with "
            f"commas between the cells; found {_first(lines)}"
        )
    titles = [title.strip() for title in lines[0][1]]
    plain = len(titles) == 2 and titles[1].lower() in _PLAIN  # noqa: PLR2004 - as above
    found = [(titles[0], titles[1:])]
    for number, row in lines[1:]:
        if len(row) != len(titles):
            raise DatasetError(
                f"datasets.{name}.segments: line {number} of {file} has {len(row)} cells, the header "
                f"{len(titles)}"
            )
        cells = [cell.strip() for cell in row]
        named = zip(titles[1:], cells[1:], strict=True)
        found.append(
            (
                cells[0],
                [value if plain else f"{title} = {value}" for title, value in named if value],
            )
        )
    return found


def _first(lines: list[tuple[int, list[str]]]) -> str:
    if not lines:
        return "nothing"
    said = ",".join(lines[0][1])
    return f"{said[:_SHOWN]!r} as its only line" if len(lines) == 1 else repr(said[:_SHOWN])
