"""Semantic segmentation: a folder of class maps beside a folder of images (VOC, Cityscapes, …)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.datasets.beside import facts_of, pairs_of
from quantgate.datasets.findings import Draft, Findings
from quantgate.datasets.folder import image_files, strays_of
from quantgate.datasets.headers import kind_of
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.places import folder_of, labels_of
from quantgate.datasets.truths import label_map_file, matte_file
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quantgate.entries import DatasetEntry

#: Train ids of Cityscapes' ids 0..33 (Cordts et al. 2016, arXiv:1604.01685; its labels.py).
_CITYSCAPES = (
    *(-1,) * 7,
    *(0, 1, -1, -1, 2, 3, 4, -1, -1, -1, 5, -1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    *(-1, -1, 16, 17, 18),
)

#: Grey masks: black is the first label, white the second.
_BINARY = (*(0,) * 128, *(1,) * 128)
_NAMED_TABLES = {"cityscapes": _CITYSCAPES, "binary": _BINARY, "matte": _BINARY}


def find(name: str, entry: DatasetEntry, root: Path) -> Findings:
    """Pair every class map with the image of its name; images without a map are left out.

    A map is a PNG with a palette, whose indices are the classes, or with 8 bits of grey; 255 is
    ignored. Endings such as Cityscapes' ``_leftImg8bit`` and ``_gtFine_labelTrainIds`` do not count.
    Where ``class_ids`` are given, the numbers in the maps are ids that stand for labels.

    Raises
    ------
    DatasetError
        Where folders or labels are missing, or a map has no image.
    """
    if entry.annotations is None:
        raise DatasetError(f"datasets.{name}.annotations is missing; give the folder of class maps")
    images = folder_of(name, entry.path, root)
    maps = folder_of(name, entry.annotations, root)
    pairs, unused = pairs_of(name, images, maps, entry.ending)
    labels = labels_of(name, entry.labels, root)
    if labels is None:
        raise DatasetError(f"datasets.{name}.labels is missing; class maps do not name classes")
    facts = facts_of(name, [truth for _, truth in pairs])
    table = _table(entry.class_ids)
    if table is not _BINARY:
        _refuse_lossy(name, [truth for _, truth in pairs])
    drafts = [
        Draft(
            image.relative_to(images).as_posix(),
            image,
            matte_file(truth, fact.digest)
            if entry.class_ids == "matte"
            else label_map_file(truth, fact.digest, table),
            # A map's own orientation is not applied: it is numbers, no picture.
            fact.stored,
        )
        for (image, truth), fact in zip(pairs, facts, strict=True)
    ]
    strays = tuple((path.relative_to(images).as_posix(), "no class map") for path in unused)
    strays += strays_of(images, image_files(images)[1])
    return Findings(drafts, labels, strays=strays)


def _refuse_lossy(name: str, maps: Sequence[Path]) -> None:
    """JPEG blurs numbers at every edge into classes that nobody drew."""
    lossy = [path for path in maps if kind_of(path) == "jpeg"]
    if lossy:
        raise DatasetError(
            f"datasets.{name}.annotations: {len(lossy)} of {len(maps)} class maps are JPEG ({lossy[0].name}, "
            "…), which keeps no exact numbers: at every edge are classes that nobody drew; write PNG"
        )


def _table(class_ids: str | tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Label of each id; None: the ids are labels."""
    return _NAMED_TABLES[class_ids] if isinstance(class_ids, str) else class_ids


KIND = DatasetKind(
    find,
    needs=("path", "annotations", "labels"),
    may=("ending", "class_ids", "classes", "segments", "annotated"),
    truths={"": ("pixels",)},
)
