"""Truths in files beside the images, found by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quantgate.datasets.files import inspect_files
from quantgate.datasets.folder import image_files
from quantgate.datasets.places import composed
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from quantgate.datasets.files import FileFact
#: What datasets append to a name: Cityscapes' two, and those of other sets of masks and pairs.
_ENDINGS = re.compile(
    r"(_leftImg8bit|_gt(Fine|Coarse)_label(Train)?Ids|_mask|_label|_seg|[_-](depth|disparity|disp|flow)|[_-]?x[234]|[_-](LR|HR|lr|hr))$"
)


def pairs_of(
    name: str,
    images: Path,
    truths: Path,
    ending: str | None = None,
    *,
    files: Callable[[Path], list[Path]] | None = None,
) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Find the image of every truth, by folder and name without ending; and images without one.

    Where an ending is given, files without it are no truths; ``files`` lists those below a folder that may be,
    images where it is not given.

    Raises
    ------
    DatasetError
        Where a truth has no image, or two files have the same name; names them.
    """
    wanted = _by_key(name, truths, ending, files or _images)
    apart = ending is not None or files is not None
    taken = {*wanted.values()} if apart else set()
    by_key = _by_key(name, images, files=lambda folder: _others(folder, taken))
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


def _images(folder: Path) -> list[Path]:
    return image_files(folder)[0]


def _others(folder: Path, taken: set[Path]) -> list[Path]:
    """Images below a folder that are no truths themselves."""
    return [path for path in _images(folder) if path not in taken]


def _by_key(
    name: str,
    folder: Path,
    ending: str | None = None,
    files: Callable[[Path], list[Path]] = _images,
) -> dict[str, Path]:
    keys: dict[str, Path] = {}
    for path in files(folder):
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
