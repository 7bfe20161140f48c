"""Boxes that are annotated again under another class, of which the parent finds only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.boxes import box_iou
from quantgate.core.predictions import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import ImageResult
    from quantgate.core.predictions import Detections

#: Overlap from which two annotations are of one object, and a detection is of it.
_SAME, _FOUND = 0.8, 0.5
#: Pairs that the parent has to see, and their share of all objects, twice.
_FEWEST, _MANY = 10, 0.3
#: A class is found if its best score is such a part of the other's; sets of several classes an object
#: are made for models that find so many of both.
_BESIDE, _BOTH = 0.5, 0.3
#: The best score of each of two classes, and the classes.
_Pair: TypeAlias = "tuple[tuple[float, ...], tuple[int, ...]]"


def doubled(images: Sequence[ImageResult[Detections]], labels: Sequence[str]) -> Iterator[str]:
    """Note annotations of one object under two classes that the parent does not share.

    Sets with several classes an object (a man is a person, too) are right for models that find these.
    """
    pairs: list[_Pair] = []
    count = 0
    for image in images:
        assert isinstance(image.truth, Objects)
        count += len(image.truth)
        pairs += _pairs(image.record.parent, image.truth)
    seen = [(scores, names) for scores, names in pairs if max(scores) > 0]
    both = [min(scores) >= _BESIDE * max(scores) for scores, _ in seen]
    if len(seen) < _FEWEST or 2 * len(pairs) < _MANY * count or np.mean(both) > _BOTH:
        return
    first, second = (labels[k] if k < len(labels) else f"class {k}" for k in seen[0][1])
    yield (
        f"{2 * len(pairs)} of {count} objects share their box with one of another class ({first!r} and "
        f"{second!r}), and of {len(seen)} such pairs the parent finds both classes on {sum(both)}: is "
        "everything annotated twice?"
    )


def _pairs(found: Detections, truth: Objects) -> list[_Pair]:
    """Best score that the parent gives each class of every pair, 0 for none, and the classes."""
    other = truth.labels[:, None] != truth.labels
    first, second = np.nonzero(np.triu(box_iou(truth.boxes, truth.boxes) >= _SAME) & other)
    near = box_iou(found.boxes, truth.boxes) >= _FOUND
    pairs = []
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        names: tuple[int, ...] = (int(truth.labels[i]), int(truth.labels[j]))
        at = near[:, i] | near[:, j]
        pairs.append((tuple(_best(found.scores[at & (found.labels == k)]) for k in names), names))
    return pairs


def _best(scores: NDArray[np.float32]) -> float:
    return float(scores.max(initial=0.0))
