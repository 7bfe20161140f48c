"""A folder of images without annotations, nested folders included."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.headers import HEAD_BYTES, SUFFIXES, image_kind
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import folder_of, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quantgate.entries import DatasetEntry

#: Suffixes of pictures that no reader here knows.
_FOREIGN = frozenset(
    {
        ".heic",
        ".heif",
        ".avif",
        ".jp2",
        ".j2k",
        ".jxl",
        ".dng",
        ".cr2",
        ".nef",
        ".arw",
        ".raw",
        ".exr",
        ".psd",
        ".svg",
    }
)

_LONGEST_LINK = 1024


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """List every image below the folder, sorted by name; other files are only listed as skipped.

    Raises
    ------
    DatasetError
        When there is no such folder.
    """
    folder = folder_of(name, entry.path, root)
    found, others = image_files(folder)
    drafts = [Draft(path.relative_to(folder).as_posix(), path) for path in found]
    return Findings(
        drafts, labels_of(name, entry.labels, root) or (), strays=strays_of(folder, others)
    )


def image_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files below a folder whose suffix claims an image, and the others.

    Linked folders are followed, each real folder once. Hidden files and folders are neither, but
    for hidden images, which are among the others.
    """
    images: list[Path] = []
    others: list[Path] = []
    seen: set[tuple[int, int]] = set()
    # Real folders first: an image is known by the name that does not lead through a link.
    waiting, linked = deque([folder]), deque[Path]()
    while waiting or linked:
        parent = (waiting or linked).popleft()
        if not _first_time(parent, seen):
            others.append(parent)
            continue
        for entry in _listed(parent):
            path, hidden = parent / entry.name, entry.name.startswith(".")
            named = path.suffix.lower() in SUFFIXES
            if _is_folder(entry):
                (linked if entry.is_symlink() else waiting).append(path)
            elif named and not hidden:
                images.append(path)
            elif named or not hidden:
                others.append(path)
    order = [(path.relative_to(folder).as_posix(), path) for path in images]
    return [path for _, path in sorted(order)], sorted(others)


def _first_time(folder: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        stat = folder.stat()
    except OSError:
        return False
    key = (stat.st_dev, stat.st_ino)
    new = key not in seen
    seen.add(key)
    return new


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """Everything in a folder but hidden folders, sorted; nothing where it cannot be read.

    Of a million files the system tells here which are folders, without a question for each.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
    return [entry for entry in found if not (entry.name.startswith(".") and _is_folder(entry))]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link round in circles
        return False


def strays_of(folder: Path, others: Iterable[Path]) -> tuple[tuple[str, str], ...]:
    """Name every file that is not used, with its reason."""
    return tuple((path.relative_to(folder).as_posix(), stray_reason(path)) for path in others)


def stray_reason(path: Path) -> str:
    """Say why a file below a folder of images is not one of them."""
    if path.is_dir():
        return "a link to a folder that is in the dataset already"
    if path.name.startswith("."):
        return "hidden"
    suffix = path.suffix.lower()
    if suffix in _FOREIGN:
        return f"{suffix[1:].upper()} is not read; convert it to JPEG or PNG"
    return _reason_by_content(path)


def _reason_by_content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_LINK)
    except OSError:
        return "cannot be read"
    if _was_link(path, head):
        return "a link to a folder that was copied as text; make it a link again"
    kind = image_kind(head[:HEAD_BYTES])
    named = "no image by its name"
    return named if kind is None else f"{named}, but a {kind.upper()} by its content; rename it"


def _was_link(path: Path, head: bytes) -> bool:
    """Whether a small file holds nothing but the place of a folder, as git writes links without links."""
    if len(head) == _LONGEST_LINK or b"\0" in head or b"\n" in head or not head.strip():
        return False
    # Any short text may be no name at all: too long a part of it, say, which pathlib raises for.
    return os.path.isdir(path.parent / os.fsdecode(head))  # noqa: PTH112


def unlisted(folder: Path, used: Iterable[Path], reason: str) -> tuple[tuple[str, str], ...]:
    """Name the images below a folder that annotations leave out."""
    known = set(used)
    return tuple(
        (path.relative_to(folder).as_posix(), reason)
        for path in image_files(folder)[0]
        if path not in known
    )


KIND = DatasetKind(find, needs=("path",), may=("labels",))
