"""Pictures of words or lines with what they read: a label file, text files beside them, or their own names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quantgate.core.predictions import Transcript
from quantgate.core.text import composed
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files, strays_of, unlisted
from quantgate.datasets.headers import SUFFIXES
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import Listed, file_of, folder_of, read_text, relative_name
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.entries import DatasetEntry

#: How benchmarks mark what nobody can read.
ILLEGIBLE = "###"
#: ICDAR's lines: a file, a comma, the text in quotes, in which a backslash stands before quotes and backslashes.
_QUOTED = re.compile(r'(?P<file>[^,]+),\s*"(?P<text>.*)"\s*')
_ESCAPED = re.compile(r'\\(["\\])')
_SHOWN = 3


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read a label file, the images' names, or the text file beside each image.

    The first where ``annotations`` names it, the second where ``text_in_name`` says how.

    Raises
    ------
    DatasetError
        Where a line, or a name, says no text; names it.
    """
    folder = folder_of(name, entry.path, root)
    if entry.annotations is not None:
        return _from_list(name, file_of(name, entry.annotations, root), folder)
    images, others = image_files(folder)
    if entry.text_in_name is not None:
        drafts = list(_by_name(name, images, folder, entry.text_in_name))
        return Findings(drafts, strays=strays_of(folder, others))
    return _beside(name, images, (folder, others))


def _from_list(name: str, file: Path, folder: Path) -> Findings:
    listed = Listed(folder)
    drafts: list[Draft] = []
    aside: list[tuple[str, str]] = []
    # A text may hold what Python takes for the end of a line.
    for number, line in enumerate(read_text(name, file).split("\n"), start=1):
        row = line.removesuffix("\r")
        if not row.strip() or (number == 1 and _is_heading(row, listed)):
            continue
        parsed = _parse(row, listed)
        if parsed is None:
            raise DatasetError(
                f"datasets.{name}: line {number} of {file} is {row!r}; expected 'file TAB text', or "
                "'file, \"text\"'"
            )
        image, text = parsed
        path = listed.find(image)
        _put(Draft(relative_name(folder, path, image), path, _truth(text)), drafts, aside)
    strays = unlisted(folder, (draft.path for draft in drafts), f"not listed in {file.name}")
    known = {one for one, _ in aside}
    strays = tuple(stray for stray in strays if stray[0] not in known)
    return Findings(drafts, strays=(*aside, *strays), notes=_notes(name, drafts))


def _parse(row: str, listed: Listed) -> tuple[str, str] | None:
    """File and text of a line: apart by a tab, by a comma (the text in quotes, or not), or by a space."""
    if "\t" in row:
        file, _, text = row.partition("\t")
        return file.strip(), text
    quoted = _QUOTED.fullmatch(row)
    if quoted:
        return quoted["file"].strip(), _ESCAPED.sub(r"\1", quoted["text"])
    for mark in (",", " "):
        for place in (k for k, letter in enumerate(row) if letter == mark):
            file = row[:place].strip()
            if file and listed.find(file).is_file():
                return file, row[place + 1 :]
    file, comma, text = row.partition(",")
    return (file.strip(), text) if comma and _named_as_image(file) else None


def _is_heading(row: str, listed: Listed) -> bool:
    """Whether the first line names columns: filename,words."""
    parts = re.split(r"[,\t]", row)
    return (
        len(parts) == 2  # noqa: PLR2004 - file and text
        and not _named_as_image(parts[0])
        and not listed.find(parts[0].strip()).is_file()
        and parts[0].strip().lower() in {"file", "filename", "image", "path", "name", "file_name"}
    )


def _named_as_image(file: str) -> bool:
    return any(file.strip().lower().endswith(suffix) for suffix in SUFFIXES)


def _by_name(name: str, images: list[Path], folder: Path, pattern: str) -> Iterator[Draft]:
    """What a pattern finds in the name of each image, without its suffix."""
    wanted = re.compile(pattern)
    for path in images:
        found = wanted.fullmatch(path.stem)
        if found is None:
            raise DatasetError(
                f"datasets.{name}.text_in_name: {pattern!r} does not fit {path.stem!r}, the name of "
                f"{path}: the whole name without suffix has to, and its first group is the text"
            )
        yield Draft(path.relative_to(folder).as_posix(), path, _truth(found[1]))


def _beside(name: str, images: list[Path], place: tuple[Path, list[Path]]) -> Findings:
    """What the text file of the same name says of each image."""
    folder, others = place
    texts = {path.with_suffix("").as_posix(): path for path in others if path.suffix == ".txt"}
    missing = [path for path in images if path.with_suffix("").as_posix() not in texts]
    if missing and images:
        shown = ", ".join(path.name for path in missing[:_SHOWN])
        raise DatasetError(
            f"datasets.{name}: {len(missing)} of {len(images)} images in {folder} have no text file beside "
            f"them ({shown}): give datasets.{name}.annotations, a file with 'file TAB text' a line, or "
            f"datasets.{name}.text_in_name where the names say the text"
        )
    drafts: list[Draft] = []
    aside: list[tuple[str, str]] = []
    for path in images:
        text = read_text(name, texts.pop(path.with_suffix("").as_posix()))
        draft = Draft(path.relative_to(folder).as_posix(), path, _truth(text))
        _put(draft, drafts, aside)
    used = {path for path in others if path.suffix == ".txt"} - set(texts.values())
    strays = strays_of(folder, (path for path in others if path not in used))
    return Findings(drafts, strays=(*aside, *strays), notes=_notes(name, drafts))


def _truth(text: str) -> Transcript:
    return Transcript(composed(text.strip()))


def _put(draft: Draft, drafts: list[Draft], aside: list[tuple[str, str]]) -> None:
    """Keep a sample, or list it among those that nobody can read."""
    if isinstance(draft.truth, Transcript) and draft.truth.text == ILLEGIBLE:
        aside.append((draft.name, f"annotated as illegible ({ILLEGIBLE})"))
    else:
        drafts.append(draft)


def _notes(name: str, drafts: list[Draft]) -> tuple[str, ...]:
    """Say where nothing is annotated to be read."""
    empty = [d.name for d in drafts if isinstance(d.truth, Transcript) and not d.truth.text]
    if not empty:
        return ()
    shown = ", ".join(empty[:_SHOWN]) + (", …" if len(empty) > _SHOWN else "")
    return (
        f"datasets.{name}: the annotations give {len(empty)} of {len(drafts)} images an empty text ({shown})",
    )


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "text_in_name", "segments", "annotated"),
    truths={"": ("text",)},
)
