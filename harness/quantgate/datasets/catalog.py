"""Every kind of dataset that models.toml can name, in one visible place, open to plug-ins."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from quantgate.borders import border
from quantgate.datasets.assembly import assemble, without_truth
from quantgate.datasets.classes import with_classes
from quantgate.datasets.kind import DatasetKind
from quantgate.datasets.regions import with_regions
from quantgate.datasets.segments import with_segments
from quantgate.errors import DatasetError
from quantgate.plugins import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from quantgate.datasets.findings import Findings
    from quantgate.datasets.kind import Find
    from quantgate.datasets.sample import Dataset
    from quantgate.entries import DatasetEntry


def _digits(name: str, entry: DatasetEntry, cache: Path | None, masks: bool) -> Dataset:  # noqa: FBT001 - the signature of DatasetKind.load
    from quantgate.datasets.digits import load

    return load(name, entry, cache, masks=masks)


#: Kinds by their name in models.toml.
DATASETS: Mapping[str, DatasetKind] = kinds(
    "datasets",
    {
        "coco": "coco:KIND",
        "voc": "voc:KIND",
        "imagenet": "imagenet:KIND",
        "yolo-txt": "yolo_txt:KIND",
        "wider": "wider:KIND",
        "wflw": "landmarks:LIST",
        "pts": "landmarks:PTS",
        "open-images": "open_images:KIND",
        "masks": "masks:KIND",
        "pairs": "pairs:KIND",
        "values": "dense:KIND",
        "text": "text:KIND",
        "identities": "identities:KIND",
        "table": "table:KIND",
        "icdar": "icdar:KIND",
        "dota": "dota:KIND",
        "folder": "folder:KIND",
        "digits": DatasetKind(
            None,
            needs=(),
            may=(
                "split",
                "size",
                "count",
                "seed",
                "subject",
                "classes",
                "segments",
                "region",
                "annotated",
            ),
            truths={
                'subject = "scenes"': ("objects", "masks"),
                'subject = "single"': ("class",),
                'subject = "points"': ("points",),
                'subject = "lines"': ("corners",),
                'subject = "text"': ("text",),
                'subject = "hands"': ("identity",),
                'subject = "marks"': ("facts",),
                'subject = "class-maps"': ("pixels",),
                'subject = "clean"': ("picture",),
                'subject = "depth"': ("values",),
            },
            load=_digits,
        ),
    },
)
#: Labels that annotations call by nothing but their index.
_BY_INDEX: tuple[int | str, ...] = ()


def _instead(listed: Findings) -> str:
    """Say what is there where no image is."""
    by_reason = Counter(reason for _, reason in listed.strays)
    said = ", ".join(f"{count} × {reason}" for reason, count in by_reason.most_common())
    return f", but other files: {said}" if said else ""


def load_dataset(
    name: str,
    entry: DatasetEntry,
    root: Path,
    *,
    cache: Path | None = None,
    truth: str | None = None,
) -> Dataset:
    """Load ``[datasets.NAME]``; images are checked and digested, none is decoded.

    Parameters
    ----------
    root
        Folder of the manifest, against which the entry's paths are resolved.
    cache
        Folder for what was learnt about files and scenes, so that the next run is quick.
    truth
        What is wanted of the annotations, see ``DatasetKind.truths``: of objects, ``masks`` and ``points`` are
        read only then, where the kind has them.

    Raises
    ------
    DatasetError
        One sentence: missing, empty, inconsistent, or above 1 % of the images unreadable.
    """
    places = [str(root / place) for place in (entry.path, entry.annotations) if place]
    what = f"datasets.{name}: {' and '.join(places) or entry.kind} cannot be read"
    with border(DatasetError, what, "repair it, or leave it out"):
        return _loaded(name, entry, (root, cache), truth)


def _loaded(
    name: str, entry: DatasetEntry, places: tuple[Path, Path | None], truth: str | None
) -> Dataset:
    root, cache = places
    kind = DATASETS[entry.kind]
    find = _finder(kind, entry, truth)
    if kind.load is not None:
        found, ids = kind.load(name, entry, cache, truth == "masks"), _BY_INDEX
    elif find is not None:
        listed = find(name, entry, root)
        if not (listed.drafts or listed.lost):
            said = " and ".join(str(place) for place in (entry.path, entry.annotations) if place)
            raise DatasetError(
                f"datasets.{name} holds no image: none was found in {said}{_instead(listed)}"
            )
        found, ids = assemble(name, listed, cache, annotated=entry.annotated), listed.ids
    else:
        raise DatasetError(f"datasets.{name}: nothing finds images of kind {entry.kind!r}")
    if entry.classes is not None:
        found = with_classes(found, entry.classes, ids)
    if entry.segments is not None:
        found = with_segments(found, entry.segments, root)
    if entry.region is not None:
        found = with_regions(found, entry.region, truth)
    return found if entry.annotated else without_truth(found)


def _finder(kind: DatasetKind, entry: DatasetEntry, truth: str | None) -> Find | None:
    """Choose what reads the truth that is wanted, or that regions need."""
    pointed = truth == "points" or (entry.region is not None and entry.region.needs_points)
    if pointed:
        return kind.find_points or kind.find
    found = {"masks": kind.find_masks, "corners": kind.find_quads}.get(truth or "")
    return found or kind.find
