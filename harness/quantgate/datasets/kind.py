"""What a kind of dataset is: its keys in models.toml, the truth it holds, and how it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.findings import Findings
    from quantgate.datasets.sample import Dataset
    from quantgate.entries import DatasetEntry

#: What annotations say: a class of the image, objects in boxes, their masks, a class of each pixel,
#: the picture that the model should make, key points of objects, their quadrilaterals, what a word or line reads, whom
#: an image shows, attributes by name, numbers at every pixel.
TruthKind = Literal[
    "class",
    "objects",
    "masks",
    "pixels",
    "picture",
    "points",
    "corners",
    "text",
    "identity",
    "facts",
    "values",
]
#: Arguments: name in models.toml, entry, folder of the manifest.
Find = Callable[[str, "DatasetEntry", "Path"], "Findings"]


@dataclass(frozen=True, slots=True)
class DatasetKind:
    """One kind of dataset; a plug-in's entry point in ``quantgate.datasets`` is one of these.

    Parameters
    ----------
    find
        Lists images and their truth without decoding an image; None where ``load`` is given.
    needs, may
        Keys of ``[datasets.NAME]`` that the kind must have, and that it may have besides ``kind``.
    truths
        What its annotations say, by the condition under which they do (``""``: always).
    find_masks
        As ``find``, with the masks of objects.
    find_points
        As ``find``, with the key points of objects.
    find_quads
        As ``find``, with the quadrilaterals of objects.
    outlines
        Whether its annotations may have polygons.
    metric
        By which models are judged on it, where that is not their task's own.
    load
        Makes the dataset itself, of images that are not files. Arguments: name, entry, folder for
        what is cached, whether masks are wanted.
    """

    find: Find | None
    needs: tuple[str, ...] = ("path",)
    may: tuple[str, ...] = ()
    truths: Mapping[str, tuple[TruthKind, ...]] = field(default_factory=dict)
    find_masks: Find | None = None
    find_points: Find | None = None
    find_quads: Find | None = None
    outlines: bool = False
    metric: str = ""
    load: Callable[[str, DatasetEntry, Path | None, bool], Dataset] | None = None

    def condition_of(self, entry: DatasetEntry) -> str:
        """Find the condition that an entry of this kind meets: ``subject = "scenes"``, or ``""``."""
        met = (f'{key} = "{getattr(entry, key)}"' for key in ("subject",))
        return next((one for one in met if one in self.truths), "")
