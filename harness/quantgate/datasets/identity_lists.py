"""Lists of identities and of pairs: LFW's pairs.txt, lines with two images and a label, csv with a header."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantgate.core.predictions import Identity
from quantgate.datasets.headers import SUFFIXES
from quantgate.datasets.places import read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from quantgate.datasets.places import Listed

#: What columns of a csv are called, by what they mean.
_COLUMNS = {
    "first": ("first", "image1", "image_1", "image_a", "file1", "file_1", "img1", "path1", "a", "left"),
    "second": ("second", "image2", "image_2", "image_b", "file2", "file_2", "img2", "path2", "b", "right"),
    "same": ("same", "is_same", "issame", "label", "match", "target", "genuine"),
    "fold": ("fold", "set", "split"),
    "image": ("image", "file", "filename", "file_name", "path", "name", "image_name"),
    "identity": ("identity", "id", "person", "person_id", "pid", "class", "label", "vehicle_id", "item_id"),
    "camera": ("camera", "cam", "camid", "camera_id"),
    "side": ("side", "role", "query_or_gallery", "evaluation_status", "split", "set"),
}  # fmt: skip
_SAME = {"1": True, "true": True, "same": True, "yes": True,
         "0": False, "-1": False, "false": False, "different": False, "no": False}  # fmt: skip
_SIDES = {"query": "query", "probe": "query", "gallery": "gallery", "": ""}
_PAIR, _MISMATCH, _HEAD = 3, 4, 2
#: Columns that hold nothing but identities, and lines by which a list is told from others.
_SURELY = frozenset({"identity", "person", "person_id", "pid", "vehicle_id"})
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line: an image with its identity, or two images; names as the list has them.

    ``identities`` are those of both images, where the list names them.
    """

    first: str
    second: str = ""
    same: bool = False
    fold: int = 0
    identities: tuple[str, str] | None = None
    truth: Identity = field(default_factory=lambda: Identity(""))


def read_list(name: str, file: Path, listed: Listed) -> tuple[list[Row], tuple[str, ...]]:
    """Read rows of a list, and what is to be noted of it.

    Raises
    ------
    DatasetError
        Where a line is of no known form; says its number.
    """
    lines = read_text(name, file).splitlines()
    told = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not told:
        raise DatasetError(f"datasets.{name}: {file} is empty")
    where = f"datasets.{name}: {file}"
    if _is_lfw(told):
        return _lfw(where, told, listed)
    if _columns(told[0][1]):
        return list(_table(where, "\n".join(line for _, line in told))), ()
    return list(_plain(where, told)), ()


def is_told(text: str) -> bool:
    """Whether text can be nothing but the beginning of such a list; an image and a word a line may be of other kinds."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][:_LOOKED_AT]
    told = list(enumerate(lines, start=1))
    if not told:
        return False
    columns = _columns(lines[0])
    if columns:
        return "first" in columns or columns["identity"].lower() in _SURELY
    return _is_lfw(told) or all(_is_pair(line) for line in lines)


def _is_pair(line: str) -> bool:
    parts = _parts(line)
    images = sum(map(_is_image, parts))
    return images == 2 and any(part.lower() in _SAME for part in parts)  # noqa: PLR2004 - a pair


def _parts(line: str) -> list[str]:
    """Parts of a line without a header, apart by tab, comma or semicolon, else by spaces."""
    apart = r"\t|,|;" if re.search(r"[\t,;]", line) else r"\s+"
    return [part.strip() for part in re.split(apart, line)]


def _is_lfw(told: Sequence[tuple[int, str]]) -> bool:
    """Whether lines are person and numbers: Name 1 4, or Name 1 Other 4; a head of one or two numbers may be first."""
    rows = [re.split(r"\t+|\s+", line) for _, line in told]
    rows = rows[1:] if all(part.isdigit() for part in rows[0]) else rows
    return bool(rows) and all(
        (len(row) == _PAIR and row[1].isdigit() and row[2].isdigit() and not _is_image(row[0]))
        or (len(row) == _MISMATCH and row[1].isdigit() and row[3].isdigit())
        for row in rows
    )


def _lfw(
    where: str, told: Sequence[tuple[int, str]], listed: Listed
) -> tuple[list[Row], tuple[str, ...]]:
    """LFW's pairs.txt: folds and pairs of a kind in each, then all pairs of the folds, those of one person first."""
    head = [int(part) for part in told[0][1].split() if part.isdigit()]
    headed = len(head) == len(told[0][1].split())
    rows = [(number, re.split(r"\t+|\s+", line)) for number, line in told[int(headed) :]]
    folds, each = 1, len(rows)
    if headed:
        folds, of_a_kind = head if len(head) == _HEAD else (1, head[0])
        each = 2 * of_a_kind
        if folds * each != len(rows):
            raise DatasetError(
                f"{where} announces {folds} × {each} pairs in its first line and has {len(rows)}: it was cut off, or "
                "lines were added"
            )
    found = []
    for place, (_, parts) in enumerate(rows):
        other = parts[0] if len(parts) == _PAIR else parts[2]
        numbers = (parts[1], parts[2] if len(parts) == _PAIR else parts[3])
        first, second = (
            _lfw_image(person, int(number), listed)
            for person, number in zip((parts[0], other), numbers, strict=True)
        )
        same = len(parts) == _PAIR or parts[0] == other
        found.append(Row(first, second, same, place // each, (parts[0], other)))
    return found, ()


def _lfw_image(person: str, number: int, listed: Listed) -> str:
    """Find Name/Name_0001.jpg, as it is or without its folder, with whichever suffix."""
    stem = f"{person}_{number:04d}"
    for suffix in (".jpg", ".png", ".jpeg", ".bmp", ".webp"):
        for name in (f"{person}/{stem}{suffix}", f"{stem}{suffix}"):
            if listed.find(name).is_file():
                return name
    return f"{person}/{stem}.jpg"


def _is_image(text: str) -> bool:
    return any(text.lower().endswith(suffix) for suffix in SUFFIXES)


def _plain(where: str, told: Sequence[tuple[int, str]]) -> Iterator[Row]:
    """Two images and whether they show the same, which comes first or last; or an image and its identity."""
    for number, line in told:
        parts = _parts(line)
        images = [k for k, part in enumerate(parts) if _is_image(part)]
        rest = [part for k, part in enumerate(parts) if k not in images]
        if len(images) == 2 and rest and rest[0].lower() in _SAME:  # noqa: PLR2004 - a pair
            fold = int(rest[1]) if len(rest) > 1 and rest[1].isdigit() else 0
            yield Row(parts[images[0]], parts[images[1]], _SAME[rest[0].lower()], fold)
        elif len(images) == 1 and rest:
            camera = rest[1] if len(rest) > 1 else ""
            yield Row(parts[images[0]], truth=Identity(rest[0], camera))
        else:
            raise DatasetError(
                f"{where}: line {number} is {line!r}; expected LFW's lines ('Name 1 4', 'Name 1 Other 4'), two images "
                "and 1 or 0, an image and its identity, or a csv with a header (first,second,same or image,identity)"
            )


def _columns(head: str) -> dict[str, str]:
    """Which column of a csv means what; empty where the first line is no header of pairs or identities."""
    names = [part.strip().strip('"') for part in re.split(r"[,;\t]", head)]
    lower = {name.lower(): name for name in names}
    found: dict[str, str] = {}
    for meaning, options in _COLUMNS.items():
        own = next((lower[option] for option in options if option in lower), None)
        if own is not None and own not in found.values():
            found[meaning] = own
    pairs = {"first", "second", "same"} <= set(found)
    if pairs:
        return {
            key: own for key, own in found.items() if key in {"first", "second", "same", "fold"}
        }
    found = {}
    for meaning in ("image", "identity", "camera", "side"):
        own = next((lower[o] for o in _COLUMNS[meaning] if o in lower), None)
        if own is not None and own not in found.values():
            found[meaning] = own
    return found if {"image", "identity"} <= set(found) else {}


def _table(where: str, text: str) -> Iterator[Row]:
    head = text.split("\n", 1)[0]
    mark = max(",;\t", key=head.count)
    columns = _columns(head)
    make: Callable[[str, dict[str, str], int], Row] = _pair if "first" in columns else _image
    for number, cells in enumerate(csv.DictReader(io.StringIO(text), delimiter=mark), start=2):
        own = {meaning: (cells.get(column) or "").strip() for meaning, column in columns.items()}
        yield make(where, own, number)


def _pair(where: str, own: dict[str, str], number: int) -> Row:
    same = _SAME.get(own["same"].lower())
    if not own["first"] or not own["second"] or same is None:
        raise DatasetError(
            f"{where}: line {number} has {own['first']!r}, {own['second']!r} and {own['same']!r}; expected two images "
            "and whether they show the same: 1 or 0"
        )
    fold = own.get("fold", "")
    return Row(own["first"], own["second"], same, int(fold) if fold.isdigit() else 0)


def _image(where: str, own: dict[str, str], number: int) -> Row:
    side = _SIDES.get(own.get("side", "").lower())
    if not own["image"] or side is None:
        raise DatasetError(
            f"{where}: line {number} has the image {own['image']!r} and the side {own.get('side', '')!r}; expected an "
            "image, and query or gallery"
        )
    return Row(own["image"], truth=Identity(own["identity"], own.get("camera", ""), side))  # type: ignore[arg-type]
