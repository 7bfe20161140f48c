"""Images of identities: a folder each, query and gallery, names that say them, a list, or a list of pairs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.core.predictions import Identity
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files, strays_of, unlisted
from quantgate.datasets.identity_lists import Row, read_list
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import Listed, file_of, folder_of, relative_name
from quantgate.errors import DatasetError
from quantgate.escaping import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Literal

    from quantgate.entries import DatasetEntry

    Side = Literal["", "query", "gallery"]

#: Folders of what is sought, and of what it is sought in, by the names that published sets give them.
_QUERY = ("query", "queries", "probe", "image_query")
_GALLERY = ("gallery", "bounding_box_test", "image_test", "test")
#: Names of Market-1501, DukeMTMC-reID and VeRi: identity, camera, and what does not matter.
MARKET = r"(-?\d+)_c(\d+).*"
_MARKET = re.compile(MARKET)
#: How these call detections that are nobody, and such as count neither for nor against.
_DISTRACTOR, _JUNK = "0000", "-1"
_SHOWN = 3


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Read a list where ``annotations`` names one, else folders and names.

    Raises
    ------
    DatasetError
        Where a line, a folder or a name says no identity; names it.
    """
    folder = folder_of(name, entry.path, root)
    if entry.annotations is not None:
        return _from_list(name, file_of(name, entry.annotations, root), folder)
    sides = sides_of(folder)
    drafts: list[Draft] = []
    strays: list[tuple[str, str]] = []
    places: dict[Side, Path] = sides or {"": folder}
    for side, place in places.items():
        found, left = _from_folder(name, entry, place, folder)
        drafts += [replace(one, truth=_on(one.truth, side)) for one in found]
        strays += left
    if sides:
        used = set(sides.values())
        others = [path for path in image_files(folder)[0] if not used & set(path.parents)]
        said = "in neither the folder of queries nor the gallery"
        strays += [(path.relative_to(folder).as_posix(), said) for path in others]
    return Findings(drafts, strays=tuple(strays))


def _on(truth: object, side: Side) -> Identity:
    assert isinstance(truth, Identity)
    return replace(truth, side=side)


def are_named(folder: Path) -> bool:
    """Whether the images of a folder are named as Market-1501's."""
    images = image_files(folder)[0]
    return bool(images) and all(_MARKET.fullmatch(path.stem) for path in images)


def sides_of(folder: Path) -> dict[Side, Path]:
    """Folders of queries and gallery, where there are both."""
    below = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    query = next((below[key] for key in _QUERY if key in below), None)
    gallery = next((below[key] for key in _GALLERY if key in below), None)
    return {} if query is None or gallery is None else {"query": query, "gallery": gallery}


def _from_folder(
    name: str, entry: DatasetEntry, place: Path, folder: Path
) -> tuple[list[Draft], list[tuple[str, str]]]:
    """Identities by the name of the file where a pattern says how (Market-1501's is known), else by its folder."""
    images, others = image_files(place)
    strays = list(strays_of(folder, others))
    pattern = _pattern(name, entry, images)
    drafts: list[Draft] = []
    for path in images:
        known = _named(name, pattern, path) if pattern else _in_folder(name, path, place)
        called = path.relative_to(folder).as_posix()
        if pattern is _MARKET and known.name == _JUNK:
            strays.append((called, "marked as neither right nor wrong (-1)"))
        elif pattern is _MARKET and known.name == _DISTRACTOR:
            drafts.append(Draft(called, path, replace(known, name="")))
        else:
            drafts.append(Draft(called, path, known))
    return drafts, strays


def _pattern(name: str, entry: DatasetEntry, images: list[Path]) -> re.Pattern[str] | None:
    if entry.identity_in_name is not None:
        try:
            pattern = re.compile(entry.identity_in_name)
        except re.error as error:
            raise DatasetError(
                f"datasets.{name}.identity_in_name: {entry.identity_in_name!r} is no regular expression: {error}"
            ) from error
        if pattern.groups < 1:
            raise DatasetError(
                f"datasets.{name}.identity_in_name: {entry.identity_in_name!r} has no group; its first group is the "
                "identity, its second, where it has one, the camera: ([0-9]+)_c([0-9]+).*"
            )
        return pattern
    return _MARKET if images and all(_MARKET.fullmatch(path.stem) for path in images) else None


def _named(name: str, pattern: re.Pattern[str], path: Path) -> Identity:
    found = pattern.fullmatch(path.stem)
    if found is None or not found[1]:
        raise DatasetError(
            f"datasets.{name}.identity_in_name: {pattern.pattern!r} does not fit {path.stem!r}, the name of {path}: "
            "the whole name without suffix has to, and its first group is the identity"
        )
    return Identity(found[1], (found[2] or "") if pattern.groups > 1 else "")


def _in_folder(name: str, path: Path, place: Path) -> Identity:
    parent = path.parent.relative_to(place).as_posix()
    if parent == ".":
        raise DatasetError(
            f"datasets.{name}: {path} is in no folder of an identity: give each identity a folder, or say in "
            f"datasets.{name}.identity_in_name which part of the name it is, or list them in "
            f"datasets.{name}.annotations"
        )
    return Identity(parent)


def _from_list(name: str, file: Path, folder: Path) -> Findings:
    """Images with their identities, or pairs of images."""
    listed = Listed(folder)
    rows, notes = read_list(name, file, listed)
    drafts: dict[str, Draft] = {}
    for row in rows:
        for image in filter(None, (row.first, row.second)):
            path = listed.find(image)
            called = one_line(relative_name(folder, path, image))
            drafts.setdefault(called, Draft(called, path, Identity("")))
    names = {image: one_line(relative_name(folder, listed.find(image), image))
             for row in rows for image in (row.first, row.second) if image}  # fmt: skip
    if any(row.second for row in rows):
        truths = dict(_of_pairs(rows, names))
    else:
        truths = {names[row.first]: row.truth for row in rows}
        twice = len(rows) - len(truths)
        if twice:
            raise DatasetError(
                f"datasets.{name}: {file} lists {twice} images more than once; each has one identity"
            )
    strays = unlisted(folder, (one.path for one in drafts.values()), f"not listed in {file.name}")
    made = [replace(draft, truth=truths[called]) for called, draft in drafts.items()]
    return Findings(made, strays=strays, notes=notes)


def _of_pairs(rows: list[Row], names: dict[str, str]) -> Iterator[tuple[str, Identity]]:
    """Identities of listed pairs: by name where the list has them, else images that it calls the same are of one."""
    roots = {called: called for called in names.values()}

    def root(called: str) -> str:
        while roots[called] != called:
            roots[called] = roots[roots[called]]
            called = roots[called]
        return called

    compared: dict[str, list[tuple[str, bool, int]]] = {called: [] for called in roots}
    given: dict[str, str] = {}
    for row in rows:
        first, second = names[row.first], names[row.second]
        compared[first].append((second, row.same, row.fold))
        if row.identities is not None:
            given |= dict(zip((first, second), row.identities, strict=True))
        if row.same:
            roots[root(first)] = root(second)
    for called, listed in compared.items():
        yield called, Identity(given.get(called) or root(called), pairs=tuple(listed))


KIND = DatasetKind(
    find,
    needs=("path",),
    may=("annotations", "identity_in_name", "segments", "annotated"),
    truths={"": ("identity",)},
)
