"""Objects that are annotated more than once: to the pixel, or a few pixels away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.boxes import box_iou
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

#: Copies of other objects, as a share of all: from here on a whole file was annotated twice.
_TWICE = 0.3
_SAME_PX = 1.0
#: Overlap and ratio of sides from which two boxes of one class may be of one object, and the share of all
#: from which they are: people in a crowd overlap as well, but hardly ever so, and not by the dozen.
_NEAR, _ALIKE, _MANY_NEAR = 0.6, 1.25, 0.15
#: Objects nearly the same that make a file refused: fewer may be neighbours in a small set.
_LEAST_NEAR = 10


def repeats(
    dataset: str,
    objects: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    named: Callable[[NDArray[np.bool_]], str],
) -> Iterator[str]:
    """Note objects that are annotated again.

    Parameters
    ----------
    objects
        Image [n], class [n] and box [n, 4] ``xyxy`` of every object, image by image.
    named
        Names the first few of the chosen objects, [n].

    Raises
    ------
    DatasetError
        Where these are so many that everything was annotated twice.
    """
    image, labels, boxes = objects
    copies = copied(image, labels, boxes)
    near = _near(image, labels, boxes) & ~copies
    for again, least, sure, said in (
        (copies, 0.0, 0, "twice, with the same class and box"),
        (near, _MANY_NEAR, _LEAST_NEAR, "twice, with the same class and nearly the same box"),
    ):
        if again.sum() < 2 or again.mean() < least:  # noqa: PLR2004 - one may be a slip
            continue
        told = f"{int(again.sum())} of {len(again)} objects are annotated {said} ({named(again)})"
        if again.mean() > _TWICE and again.sum() >= sure:
            raise DatasetError(
                f"datasets.{dataset}: {told}: a model can find each only once; remove the copies"
            )
        yield told


def copied(
    image: NDArray[np.int64], labels: NDArray[np.int64], boxes: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether an earlier object of the same image and class has the same box to the pixel, [n]."""
    found = np.zeros(len(image), np.bool_)
    order = np.lexsort((boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], labels, image))
    # Neighbours in this order differ by at most the rounding of their first edges: looked at by pairs.
    for step in (1, 2, 3):
        first, second = order[:-step], order[step:]
        same = (image[first] == image[second]) & (labels[first] == labels[second])
        sides = np.minimum(
            *((boxes[rows, 2:] - boxes[rows, :2]).min(axis=1) for rows in (first, second))
        )
        slack = np.minimum(_SAME_PX, 0.05 * np.maximum(sides, 0))
        near = (np.abs(boxes[first] - boxes[second]) <= slack[:, None]).all(axis=1)
        hit = same & near
        found[np.maximum(first[hit], second[hit])] = True
    return found


def _near(
    image: NDArray[np.int64], labels: NDArray[np.int64], boxes: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether one earlier object of the same image and class has nearly the same box, [n]."""
    found = np.zeros(len(image), np.bool_)
    for rows in np.split(np.arange(len(image)), np.flatnonzero(np.diff(image)) + 1):
        if len(rows) < 2:  # noqa: PLR2004 - a pair
            continue
        sides = boxes[rows, 2:] - boxes[rows, :2]
        wide, high = (np.maximum(side, 1e-9) for side in sides.T)
        ratios = [np.maximum(side[:, None] / side, side / side[:, None]) for side in (wide, high)]
        pairs = (box_iou(boxes[rows], boxes[rows]) >= _NEAR) & (np.maximum(*ratios) <= _ALIKE)
        pairs &= (labels[rows][:, None] == labels[rows]) & ~np.eye(len(rows), dtype=np.bool_)
        # What has many alike beside it stands in a row or a crowd.
        single = pairs.sum(axis=1) == 1
        later = np.tril(pairs & single & single[:, None]).any(axis=1)
        found[rows[later]] = True
    return found
