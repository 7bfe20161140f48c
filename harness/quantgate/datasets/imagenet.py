"""Classification data: a list file of "file index [name]", or one folder a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.predictions import ClassLabel
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files, strays_of, unlisted
from quantgate.datasets.headers import SUFFIXES
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import (
    Listed,
    file_of,
    folder_of,
    labels_of,
    read_text,
    relative_name,
)
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import DatasetEntry

#: A class id beyond is a mistake, such as an image number in its column.
_MOST_CLASSES = 100_000


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read a list file where ``annotations`` names one, else a folder per class.

    Class ids are the list's own numbers, or the position of a folder's name: among the labels
    where they are given, else among the sorted folders. Names that only a list gave stay open: it
    may leave classes out.

    Raises
    ------
    DatasetError
        When a line has no class id (with its number), or a folder's name is not among the labels.
    """
    folder = folder_of(name, entry.path, root)
    labels = labels_of(name, entry.labels, root)
    if entry.annotations is None:
        return _from_folders(name, folder, labels)
    return _from_list(name, file_of(name, entry.annotations, root), (folder, labels))


def _from_list(name: str, file: Path, place: tuple[Path, tuple[str, ...] | None]) -> Findings:
    folder, labels = place
    drafts: list[Draft] = []
    listed = Listed(folder)
    names: dict[int, str] = {}
    for number, line in enumerate(read_text(name, file).splitlines(), start=1):
        if not line.strip():
            continue
        parsed = _parse(line, folder)
        if parsed is None:
            raise DatasetError(
                f"datasets.{name}: line {number} of {file} is {line.strip()!r}; expected "
                '"file index" or "file index name"'
            )
        image, index, title = parsed
        if labels is not None and index >= len(labels):
            raise DatasetError(
                f"datasets.{name}: line {number} of {file} has class id {index}, the {len(labels)} "
                f"labels end at {len(labels) - 1}; complete datasets.{name}.labels"
            )
        names.setdefault(index, title)
        path = listed.find(image)
        drafts.append(Draft(relative_name(folder, path, image), path, ClassLabel(index)))
    if max(names, default=0) >= _MOST_CLASSES:
        raise DatasetError(
            f"datasets.{name}: {file} has class id {max(names)}; ids count from 0 without large "
            "gaps"
        )
    strays = unlisted(folder, (draft.path for draft in drafts), f"not listed in {file.name}")
    if labels is not None:
        return Findings(drafts, labels, strays=strays)
    gathered = tuple(names.get(i) or f"class {i}" for i in range(max(names, default=-1) + 1))
    return Findings(drafts, gathered, strays=strays, labels_open=True)


def _parse(line: str, folder: Path) -> tuple[str, int, str] | None:
    """File, class id and name; where a file's name has spaces, the split whose file exists."""
    words = line.strip().split("\t") if "\t" in line else line.strip().split(" ")
    options = [
        (" ".join(words[:i]), int(words[i]), " ".join(words[i + 1 :]).strip())
        for i in range(1, len(words))
        if words[i].isascii() and words[i].isdigit()
    ]
    there = (option for option in options if (folder / option[0]).is_file())
    return next(there, options[0] if options else None)


def _from_folders(name: str, folder: Path, labels: tuple[str, ...] | None) -> Findings:
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if not classes:
        raise DatasetError(
            f"datasets.{name}: {folder} has no folder per class, and datasets.{name}.annotations "
            "names no list file"
        )
    known = labels if labels is not None else tuple(classes)
    strange = [title for title in classes if title not in known]
    if strange:
        raise DatasetError(
            f"datasets.{name}: the folder {strange[0]} is not among the {len(known)} labels; "
            f"complete datasets.{name}.labels or remove the folder"
        )
    drafts: list[Draft] = []
    strays: list[tuple[str, str]] = []
    for title in classes:
        truth = ClassLabel(known.index(title))
        found, others = image_files(folder / title)
        drafts += [Draft(p.relative_to(folder).as_posix(), p, truth) for p in found]
        strays += strays_of(folder, others)
    loose = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES and p.is_file()]
    strays += [(path.name, "in no folder of a class") for path in loose]
    return Findings(drafts, known, strays=tuple(strays))


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "labels", "classes", "segments", "annotated"),
    truths={"": ("class",)},
)
