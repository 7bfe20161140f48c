"""Truths in files beside the images, found by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quantgate.datasets.files import inspect_files
from quantgate.datasets.folder import image_files
from quantgate.datasets.places import composed
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quantgate.datasets.files import FileFact
#: What datasets append to a name: Cityscapes' two, and those of other sets of masks and pairs.
_ENDINGS = re.compile(
    r"(_leftImg8bit|_gt(Fine|Coarse)_label(Train)?Ids|_mask|_label|_seg|[_-]?x[234]|[_-](LR|HR|lr|hr))$"
)


def pairs_of(
    name: str, images: Path, truths: Path, ending: str | None = None
) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Find the image of every truth, by folder and name without ending; and images without one.

    Where an ending is given, files without it are no truths.

    Raises
    ------
    DatasetError
        Where a truth has no image, or two files have the same name; names them.
    """
    by_key = _by_key(name, images)
    wanted = _by_key(name, truths, ending)
    lonely = [path for key, path in wanted.items() if key not in by_key]
    if lonely or not wanted:
        found = f"{lonely[0].name} has no image of its name" if lonely else "there is no image file"
        raise DatasetError(
            f"datasets.{name}.annotations: {found} in {images if lonely else truths}"
        )
    unused = [path for key, path in by_key.items() if key not in wanted]
    return [(by_key[key], path) for key, path in wanted.items()], unused


def facts_of(name: str, files: Sequence[Path]) -> list[FileFact]:
    """Digest and check every truth's file.

    Raises
    ------
    DatasetError
        For the first that is no whole image.
    """
    facts = inspect_files(files, None)
    for path, fact in zip(files, facts, strict=True):
        if fact.reason:
            raise DatasetError(f"datasets.{name}.annotations: {path}: {fact.reason}; repair it")
    return facts


def _by_key(name: str, folder: Path, ending: str | None = None) -> dict[str, Path]:
    keys: dict[str, Path] = {}
    for path in image_files(folder)[0]:
        inside = path.relative_to(folder).with_suffix("").as_posix()
        if not inside.endswith(ending or ""):
            continue
        key = composed(_ENDINGS.sub("", inside.removesuffix(ending or "")))
        if key in keys:
            raise DatasetError(
                f"datasets.{name}: {keys[key].name} and {path.name} in {folder} stand for the same "
                f"image; choose one kind by datasets.{name}.ending, such as "
                f'"{_ending_of(path)}"'
            )
        keys[key] = path
    return keys


def _ending_of(path: Path) -> str:
    found = _ENDINGS.search(path.stem)
    return found[0] if found else path.stem
