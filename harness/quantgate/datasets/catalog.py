"""Every kind of dataset that models.toml can name, in one visible place."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from quantgate.datasets import (
    coco,
    folder,
    imagenet,
    masks,
    open_images,
    pairs,
    voc,
    wider,
    yolo_txt,
)
from quantgate.datasets.assembly import assemble, without_truth
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.datasets.assembly import Findings
    from quantgate.datasets.sample import Dataset
    from quantgate.entries import DatasetEntry

#: Loaders of files by their kind in models.toml; ``digits`` is rendered instead.
FINDERS: dict[str, Callable[[str, DatasetEntry, Path], Findings]] = {
    "coco": coco.find,
    "voc": voc.find,
    "imagenet": imagenet.find,
    "folder": folder.find,
    "wider": wider.find,
    "open-images": open_images.find,
    "masks": masks.find,
    "pairs": pairs.find,
    "yolo-txt": yolo_txt.find,
}


#: Loaders that know the masks of objects, too.
MASK_FINDERS: dict[str, Callable[[str, DatasetEntry, Path], Findings]] = {
    "coco": partial(coco.find, masks=True),
}


def _instead(listed: Findings) -> str:
    """Say what is there where no image is."""
    by_reason = Counter(reason for _, reason in listed.strays)
    said = ", ".join(f"{count} × {reason}" for reason, count in by_reason.most_common())
    return f", but other files: {said}" if said else ""


def load_dataset(
    name: str, entry: DatasetEntry, root: Path, *, cache: Path | None = None, masks: bool = False
) -> Dataset:
    """Load ``[datasets.NAME]``; images are checked and digested, none is decoded.

    Parameters
    ----------
    root
        Folder of the manifest, against which the entry's paths are resolved.
    cache
        Folder for what was learnt about files and scenes, so that the next run is quick.
    masks
        Read the masks of objects as well, where the kind has them (coco, digits' scenes).

    Raises
    ------
    DatasetError
        One sentence: missing, empty, inconsistent, or above 1 % of the images unreadable.
    """
    if entry.kind == "digits":
        from quantgate.datasets.digits import load

        found = load(name, entry, cache, masks=masks)
    else:
        finders = {**FINDERS, **MASK_FINDERS} if masks else FINDERS
        listed = finders[entry.kind](name, entry, root)
        if not (listed.drafts or listed.lost):
            places = " and ".join(str(place) for place in (entry.path, entry.annotations) if place)
            raise DatasetError(
                f"datasets.{name} holds no image: none was found in {places}{_instead(listed)}"
            )
        found = assemble(name, listed, cache, annotated=entry.annotated)
    return found if entry.annotated else without_truth(found)
