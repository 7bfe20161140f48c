"""Semantic segmentation: a folder of class maps beside a folder of images (VOC, Cityscapes, …)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.datasets.assembly import Draft, Findings
from harness.datasets.beside import digests_of, pairs_of
from harness.datasets.places import folder_of, labels_of
from harness.datasets.truths import LabelMapFile
from harness.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.entries import DatasetEntry


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Pair every class map with the image of its name; images without a map are left out.

    A map is a PNG with a palette, whose indices are the classes, or with 8 bits of grey; 255 is
    ignored. Endings such as Cityscapes' ``_leftImg8bit`` and ``_gtFine_labelTrainIds`` do not count.

    Raises
    ------
    DatasetError
        Where folders or labels are missing, or a map has no image.
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give the folder of class maps")
    images = folder_of(name, entry.path, root)
    pairs, unused = pairs_of(name, images, folder_of(name, entry.annotations, root))
    labels = labels_of(name, entry.labels, root)
    if labels is None:
        raise DatasetError(f"datasets.{name}.labels is missing; class maps do not name classes")
    digests = digests_of(name, [truth for _, truth in pairs])
    drafts = [
        Draft(image.relative_to(images).as_posix(), image, LabelMapFile(truth, digest))
        for (image, truth), digest in zip(pairs, digests, strict=True)
    ]
    strays = tuple((path.relative_to(images).as_posix(), "no class map") for path in unused)
    return Findings(drafts, labels, strays=strays)
