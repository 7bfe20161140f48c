"""A dataset: images whose folder says their class, as ``0/0001.png`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.predictions import ClassLabel
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import folder_of

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import DatasetEntry


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """List the images; the name of each one's folder is its class."""
    folder = folder_of(name, entry.path, root)
    images, _ = image_files(folder)
    drafts = [
        Draft(path.relative_to(folder).as_posix(), path, ClassLabel(int(path.parent.name)))
        for path in images
    ]
    return Findings(drafts, tuple(map(str, range(10))))


KIND = DatasetKind(find, may=("annotated",), truths={"": ("class",)})
