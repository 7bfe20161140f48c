"""Checks of ``[datasets.NAME]``: the keys that its kind uses, and the files it names."""

from __future__ import annotations

import dataclasses
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from quantgate.datasets.catalog import DATASETS
from quantgate.manifest.problems import KeyPath, ManifestProblem, found, meant, names, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.entries import DatasetEntry
    from quantgate.entries.data import RegionEntry

Entry = TypeVar("Entry")
_LONGEST_PATH = 1000
#: Splits of the built-in scenes.
SPLITS = ("train", "calibrate", "evaluate")


def resolved(root: Path, path: Path | str) -> Path:
    """Make a path of the manifest absolute: ``~`` is expanded, the rest is below its folder."""
    return root / os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises without a home


def check_dataset(
    entry: DatasetEntry, said: Mapping[str, object], place: KeyPath
) -> list[ManifestProblem]:
    """Check the keys of a dataset against its kind; ``said`` is its table as written."""
    needed, optional = DATASETS[entry.kind].needs, DATASETS[entry.kind].may
    problems = [
        ManifestProblem((*place, key), f'missing, expected because kind = "{entry.kind}" needs it')
        for key in needed
        if key not in said
    ]
    problems += [
        ManifestProblem(
            (*place, key),
            f'expected no such key, because kind = "{entry.kind}" uses '
            f"{names((*needed, *optional))} only",
        )
        for key in said
        if key not in {"kind", *needed, *optional} and key in _keys_of_some()
    ]
    if entry.kind == "digits" and entry.split not in {None, *SPLITS}:
        sentence = f"expected one of {names(SPLITS)}, found {found(entry.split)}"
        problems.append(ManifestProblem((*place, "split"), sentence + meant(entry.split, SPLITS)))
    if entry.region is not None:
        problems += _region_problems(entry, entry.region, (*place, "region"))
    return problems


@cache
def _keys_of_some() -> frozenset[str]:
    """Keys that belong to some kinds only."""
    return frozenset(key for kind in DATASETS.values() for key in (*kind.needs, *kind.may))


def _region_problems(
    entry: DatasetEntry, region: RegionEntry, place: KeyPath
) -> Iterator[ManifestProblem]:
    """Keys of a region that exclude each other, or need another."""
    ways = [key for key in ("up", "align", "corners") if getattr(region, key) is not None]
    ways += ['around = "polygon"'] if region.around == "polygon" else []
    if len(ways) > 1:
        say = f'expected one of up, align, corners and around = "polygon", found {names(ways)}'
        yield ManifestProblem(place, say)
    if region.needs_outlines and not DATASETS[entry.kind].outlines:
        able = names(name for name, kind in DATASETS.items() if kind.outlines)
        say = f"expected a kind whose annotations have polygons ({able}), found {entry.kind}"
        yield ManifestProblem((*place, "around" if region.corners is None else "corners"), say)
    wanted = 5 if region.align == "face-112" else len(region.align or ())
    if region.align is not None and len(region.align_points) != wanted:
        say = (
            f"expected the {wanted} key points that align places, found {len(region.align_points)}"
        )
        yield ManifestProblem((*place, "align_points"), say)


def has_truth(entry: DatasetEntry) -> bool:
    """Whether a dataset's images are used with their annotations."""
    return bool(DATASETS[entry.kind].truths) and entry.annotated


def paths_of(entry: Any) -> dict[str, Path]:
    """Paths that a dataset or a source names, by their keys."""
    keys = (field.name for field in dataclasses.fields(entry)) if entry is not None else ()
    return {key: path for key in keys if isinstance(path := getattr(entry, key), Path)}


def located(entry: Entry, root: Path) -> Entry:
    """Make the paths of a dataset or a source absolute."""
    paths: dict[str, Any] = {key: resolved(root, path) for key, path in paths_of(entry).items()}
    return dataclasses.replace(entry, **paths)  # type: ignore[type-var]


def check_files(entry: DatasetEntry, place: KeyPath) -> Iterator[ManifestProblem]:
    """Check that what a located dataset names is there."""
    if entry.path is not None and not os.path.isdir(entry.path):  # noqa: PTH112 - as in `missing`
        yield missing((*place, "path"), entry.path, "a folder")
    if entry.annotations is not None and not os.path.exists(entry.annotations):  # noqa: PTH110
        yield missing((*place, "annotations"), entry.annotations, "a file or folder")
    if entry.segments is not None and not os.path.isfile(entry.segments):  # noqa: PTH113
        yield missing((*place, "segments"), entry.segments, "a csv file")
    if isinstance(entry.labels, Path) and not os.path.isfile(entry.labels):  # noqa: PTH113
        yield missing((*place, "labels"), entry.labels, "a text file")


def missing(place: KeyPath, path: Path, expected: str) -> ManifestProblem:
    """Say that a file is not where the manifest says.

    The callers ask ``os.path``, which answers False for names that the system refuses (too long, a
    null character), where ``pathlib`` raises.
    """
    found = "a folder" if os.path.isdir(path) else "a file"  # noqa: PTH112
    there = found if os.path.exists(path) else "nothing"  # noqa: PTH110
    shown = shorten(json.dumps(str(path), ensure_ascii=False)[1:-1], _LONGEST_PATH)
    return ManifestProblem(place, f"expected {expected}, found {there} at {shown}")
