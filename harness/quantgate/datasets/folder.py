"""A folder of images without annotations, nested folders included."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.datasets.assembly import Draft, Findings
from quantgate.datasets.headers import SUFFIXES
from quantgate.datasets.places import folder_of, labels_of

if TYPE_CHECKING:
    from quantgate.entries import DatasetEntry


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
    strays = [(path.relative_to(folder).as_posix(), "no image by its name") for path in others]
    return Findings(drafts, labels_of(name, entry.labels, root) or (), strays=tuple(strays))


def image_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files below a folder whose suffix claims an image, and the others; hidden ones are neither."""
    images: list[Path] = []
    others: list[Path] = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [child for child in folders if not child.startswith(".")]
        for file in files:
            if not file.startswith("."):
                path = Path(parent, file)
                (images if path.suffix.lower() in SUFFIXES else others).append(path)
    order = [(path.relative_to(folder).as_posix(), path) for path in images]
    return [path for _, path in sorted(order)], sorted(others)
