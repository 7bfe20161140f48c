"""What a loader returns: drafts of samples, and the objects of their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Objects, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quantgate.core.skeletons import Skeleton


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample before its file was looked at; ``name`` as in Sample.

    Parameters
    ----------
    size
        Width and height of the image where the annotations say them: truth in the pixels of
        another size would be misread in silence.
    enlarged
        ``size`` may be a multiple of the image's: that of a target picture.
    fractions
        The boxes of the truth, and its areas, are fractions of the image.
    places
        What the annotations call each object of the truth, as in "annotation 7".
    """

    name: str
    path: Path
    truth: Truth | None = None
    size: tuple[int, int] | None = None
    enlarged: bool = False
    fractions: bool = False
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What a loader found: drafts in order, class names, entries without a file, other files.

    ``lost`` counts towards the share of faulty images; ``strays``, other files that are not used,
    are only listed. ``labels_open`` as in Dataset. ``ids`` are what the annotations call the
    labels, where that is not their index; ``notes`` are sentences about oddities; ``skeleton`` says what
    key points are, where they are annotated. ``aside`` is how the annotations mark objects that count
    neither for nor against: "marked difficult".
    """

    drafts: Sequence[Draft]
    labels: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
    strays: tuple[tuple[str, str], ...] = ()
    labels_open: bool = False
    ids: tuple[int | str, ...] = ()
    notes: tuple[str, ...] = ()
    skeleton: Skeleton | None = None
    aside: str = "marked to be left aside"


#: What tools write for a mark that is set or not.
_FLAGS = {"0": False, "false": False, "no": False, "": False, "1": True, "true": True, "yes": True}


def flag(said: object) -> bool | None:
    """Read a mark such as ``iscrowd``: a number, a word, or nothing; None where it is neither 0 nor 1."""
    if said is None:
        return False
    text = f"{said:g}" if isinstance(said, int | float) else str(said)
    return _FLAGS.get(text.strip().lower())


def make_objects(
    boxes: Sequence[Sequence[float]],
    labels: Sequence[int],
    crowd: Sequence[bool],
    areas: Sequence[float],
) -> Objects:
    """Columns of annotated objects from rows of ``xyxy`` boxes."""
    return Objects(
        np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(labels, dtype=np.int64),
        np.asarray(crowd, dtype=np.bool_),
        np.asarray(areas, dtype=np.float32),
    )
