"""Fetching a part of a public set of images, ready for models.toml."""

from __future__ import annotations

import fnmatch
import json
import tarfile
import zipfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from quantgate.borders import reason_of
from quantgate.entries import DatasetEntry
from quantgate.errors import SourceError, UsageError
from quantgate.onboarding.downloads import drawn
from quantgate.onboarding.public import PUBLIC_SETS
from quantgate.report.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quantgate.onboarding.downloads import Downloads
    from quantgate.onboarding.public import PublicSet

#: Label of a pet's trimap: 1 pet, 2 background, 3 the border between, which does not count.
_TRIMAP = (-1, 1, 0, -1)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A part of a set on this machine: its entry, with absolute paths, and what its pictures may be used for."""

    entry: DatasetEntry
    images: int
    licences: str


def chosen(text: str) -> tuple[PublicSet, int | None]:
    """Read NAME or NAME:N.

    Raises
    ------
    UsageError
        For an unknown name, with the known ones, and for another number than one above 0.
    """
    name, colon, count = text.partition(":")
    if name not in PUBLIC_SETS:
        near = get_close_matches(name, PUBLIC_SETS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(
            f"--dataset {text}: expected one of {', '.join(PUBLIC_SETS)}, found {name!r}{hint}"
        )
    if colon and not (count.isascii() and count.isdigit() and int(count)):
        raise UsageError(
            f"--dataset {text}: expected {name}:N with a number of images, found {count!r}"
        )
    return PUBLIC_SETS[name], int(count) if colon else None


def fetch_set(wanted: PublicSet, count: int | None, seed: int, downloads: Downloads) -> Fetched:
    """Fetch a set, or as many images as were asked for, drawn by seed.

    Raises
    ------
    SourceError, SourceUnavailableError
        Where something cannot be fetched, is damaged, or is not what was pinned.
    """
    folder = downloads.folder / wanted.name
    archives = [
        downloads.get(address, downloads.folder / "archives" / PurePosixPath(address).name)
        for address in wanted.archives
    ]
    try:
        if wanted.images:
            return _coco(wanted, (count, seed), folder, (archives[0], downloads))
        if wanted.classes:
            return _classes(wanted, (count, seed), folder, archives[0])
        return _maps(wanted, (count, seed), folder, archives)
    finally:
        downloads.keep()


def _coco(
    wanted: PublicSet, draw: tuple[int | None, int], folder: Path, given: tuple[Path, Downloads]
) -> Fetched:
    archive, downloads = given
    (pattern,) = wanted.members
    with _opened(archive) as members:
        document = json.loads(next(members.read([pattern]))[1])
    by_name = {image["file_name"]: image for image in document["images"]}
    names = drawn(list(by_name), *draw)
    for name in names:
        downloads.get(f"{wanted.images}/{name}", folder / "images" / name)
    ids = {by_name[name]["id"] for name in names}
    part = {
        **document,
        "images": [by_name[name] for name in names],
        "annotations": [row for row in document["annotations"] if row["image_id"] in ids],
    }
    truth = folder / f"instances-{len(names)}-{draw[1]}.json"
    write_atomic(truth, json.dumps(part).encode())
    _leave_only(folder / "images", names)
    entry = DatasetEntry(kind="coco", path=folder / "images", annotations=truth)
    return Fetched(entry, len(names), _licences(part))


def _licences(document: Mapping[str, Any]) -> str:
    """Count the photographs by licence."""
    titles = {row["id"]: row["name"] for row in document.get("licenses", ())}
    counted = Counter(titles.get(image.get("license"), "unknown") for image in document["images"])
    return ", ".join(f"{count} × {name}" for name, count in counted.most_common())


def _classes(
    wanted: PublicSet, draw: tuple[int | None, int], folder: Path, archive: Path
) -> Fetched:
    (pattern,) = wanted.members
    with _opened(archive) as members:
        names = drawn(members.named(pattern), *draw)
        for name, data in members.read(names):
            target = folder / "images" / PurePosixPath(name).parent.name / PurePosixPath(name).name
            write_atomic(target, data)
    kept = [PurePosixPath(*PurePosixPath(name).parts[-2:]) for name in names]
    rows = [(path, *wanted.classes[path.parent.name]) for path in kept]
    truth = folder / "labels.txt"
    text = "".join(f"{path} {index} {title}\n" for path, index, title in rows)
    write_atomic(truth, text.encode())
    _leave_only(folder / "images", [str(path) for path in kept])
    entry = DatasetEntry(kind="imagenet", path=folder / "images", annotations=truth)
    return Fetched(entry, len(rows), wanted.licence)


def _maps(
    wanted: PublicSet, draw: tuple[int | None, int], folder: Path, archives: Sequence[Path]
) -> Fetched:
    of_images, of_maps = wanted.members
    with _opened(archives[0]) as images, _opened(archives[1]) as maps:
        by_stem = {PurePosixPath(name).stem: name for name in maps.named(of_maps)}
        both = [name for name in images.named(of_images) if PurePosixPath(name).stem in by_stem]
        names = drawn(both, *draw)
        for name, data in images.read(names):
            write_atomic(folder / "images" / PurePosixPath(name).name, data)
        for name, data in maps.read([by_stem[PurePosixPath(name).stem] for name in names]):
            write_atomic(folder / "maps" / PurePosixPath(name).name, data)
    _leave_only(folder / "images", [PurePosixPath(name).name for name in names])
    _leave_only(folder / "maps", [f"{PurePosixPath(name).stem}.png" for name in names])
    entry = DatasetEntry(
        kind="masks",
        path=folder / "images",
        annotations=folder / "maps",
        labels=("background", "pet"),
        class_ids=_TRIMAP,
    )
    return Fetched(entry, len(names), wanted.licence)


def _leave_only(folder: Path, names: Sequence[str]) -> None:
    """Remove what an earlier, larger draw left: the folder is the set."""
    kept = {folder / name for name in names}
    for path in folder.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


@dataclass(frozen=True, slots=True)
class _Members:
    """Files of an archive, by their paths in it; only what is asked for is read."""

    opened: zipfile.ZipFile | tarfile.TarFile

    def named(self, pattern: str) -> list[str]:
        """List the files that fit a pattern."""
        if isinstance(self.opened, zipfile.ZipFile):
            names = self.opened.namelist()
        else:
            names = [info.name for info in self.opened if info.isfile()]
        return [name for name in names if fnmatch.fnmatchcase(name, pattern)]

    def read(self, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of files, named or by pattern, in the archive's order: tar goes but forwards."""
        names = set(wanted)
        fits = [one for one in wanted if "*" in one]
        if isinstance(self.opened, zipfile.ZipFile):
            for name in self.opened.namelist():
                if name in names or any(fnmatch.fnmatchcase(name, one) for one in fits):
                    yield name, self.opened.read(name)
            return
        for info in self.opened:
            if info.isfile() and info.name in names:
                content: IO[bytes] | None = self.opened.extractfile(info)
                assert content is not None  # of a regular file
                yield info.name, content.read()


@contextmanager
def _opened(path: Path) -> Iterator[_Members]:
    """Open an archive.

    Raises
    ------
    SourceError
        Where it is damaged, or does not hold what it should.
    """
    try:
        opened: zipfile.ZipFile | tarfile.TarFile = (
            zipfile.ZipFile(path) if path.suffix == ".zip" else tarfile.open(path)  # noqa: SIM115 - closed below
        )
        with opened:
            yield _Members(opened)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        StopIteration,
        KeyError,
        ValueError,
    ) as error:
        raise SourceError(
            f"{path}: is not the archive that is expected ({reason_of(error)}): remove it, and its line in the lock file"
        ) from error
