"""Whether annotated objects can be of their images: what cannot is refused, what is odd is noted.

Every check looks at all objects of a dataset at once: single slips are in every set that people
made, and are noted; a share that no annotator reaches by slips is another frame, form or scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.datasets.readings import SLACK_PX, better_reading, outside, sticks_out
from quantgate.datasets.repeats import repeats
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Objects

#: Share of the objects from which a fault is no slip any more.
_NO_SLIP = 0.05
#: A box of which more lies outside of its image is not of it.
_MOSTLY = 0.5
#: Objects that have to stick out before another reading of all numbers is believed, or to be set aside before
#: all of a set are.
_FEWEST = 3
#: Objects and images from which an empty half of every image is no accident.
_MANY_OBJECTS, _MANY_IMAGES = 20, 8
#: Where fractions of an image end, and the side of an image that has no objects so small.
_FIRST_PX, _SMALL_PX = 1.5, 16
#: Boxes that do not surround their masks, as a share of all, from which one of the two is of something else.
_OTHER_OUTLINE = 0.3
#: Objects that count neither for nor against, as a share of all, from which they are told.
_MUCH_ASIDE = 0.5
#: Masks that fill their boxes, from which they are told where these are most.
_FEWEST_FILLED = 10
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Marked:
    """One image with its objects; ``places`` names each object as its file does (annotation 7)."""

    name: str
    objects: Objects
    size: tuple[int, int]
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Columns:
    """All objects: image [n], boxes [n, 4] ``xyxy``, width and height of the image [n, 2], …"""

    dataset: str
    images: Sequence[Marked]
    image: NDArray[np.int64]
    row: NDArray[np.int64]
    boxes: NDArray[np.float64]
    sides: NDArray[np.float64]
    labels: NDArray[np.int64]
    areas: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    aside: str

    def __len__(self) -> int:
        return len(self.image)

    def named(self, chosen: NDArray[np.bool_]) -> str:
        """Name the first few of the chosen objects: image, place and box."""
        rows = np.flatnonzero(chosen)
        said = [self._one(int(i)) for i in rows[:_NAMED]]
        return ", ".join(said) + (", …" if len(rows) > _NAMED else "")

    def _one(self, i: int) -> str:
        image = self.images[int(self.image[i])]
        row = int(self.row[i])
        place = f", {image.places[row]}" if row < len(image.places) else ""
        x0, y0, x1, y1 = self.boxes[i].tolist()
        width, height = image.size
        return f"{image.name}{place}: x {x0:g}..{x1:g}, y {y0:g}..{y1:g} of {width}x{height}"


def audit_objects(dataset: str, images: Sequence[Marked], aside: str) -> tuple[str, ...]:
    """Check the objects of all images against them; ``aside`` as in Findings.

    Returns
    -------
    tuple of str
        A sentence for each oddity that is no proof.

    Raises
    ------
    DatasetError
        Where the numbers cannot be boxes of these images; names objects, and what to do.
    """
    known = [image for image in images if min(image.size) > 0 and len(image.objects)]
    if not known:
        return (f"no object is annotated on any of {len(images)} images",) if images else ()
    columns = _columns(dataset, known, aside)
    checks = (_fractions, _frame, _flat, _aside, _repeats, _areas, _corner, _outlines)
    return tuple(note for check in checks for note in check(columns))


def _columns(dataset: str, images: Sequence[Marked], aside: str) -> _Columns:
    counts = [len(image.objects) for image in images]
    index = np.repeat(np.arange(len(images)), counts)
    sides = np.array([image.size for image in images], np.float64)
    return _Columns(
        dataset,
        images,
        index,
        np.concatenate([np.arange(count) for count in counts]),
        np.concatenate([image.objects.boxes for image in images]).astype(np.float64),
        sides[index],
        np.concatenate([image.objects.labels for image in images]),
        np.concatenate([image.objects.areas for image in images]).astype(np.float64),
        np.concatenate([image.objects.crowd for image in images]),
        aside,
    )


def _fractions(columns: _Columns) -> Iterator[str]:
    """Boxes within the first pixel of their images."""
    first = (columns.boxes.max(axis=1) <= _FIRST_PX) & (columns.sides.min(axis=1) >= _SMALL_PX)
    if not first.any():
        return
    said = f"{int(first.sum())} of {len(columns)} boxes lie within the first pixel ({columns.named(first)})"
    if first.mean() > _NO_SLIP:
        raise DatasetError(
            f"datasets.{columns.dataset}: {said}: they seem to be fractions of the image; write pixels"
        )
    yield said


def _frame(columns: _Columns) -> Iterator[str]:
    """Boxes that leave their images: another form or frame, or single slips."""
    out = sticks_out(columns.boxes, columns.sides)
    if not out.any():
        return
    share = outside(columns.boxes, columns.sides)
    lost = np.asarray(share > _MOSTLY)
    said = f"{int(out.sum())} of {len(columns)} boxes leave their images"
    reading = better_reading(columns.boxes, columns.sides) if out.sum() >= _FEWEST else ""
    if reading:
        raise DatasetError(
            f"datasets.{columns.dataset}: {said} ({columns.named(out)}), and none would if the "
            f"numbers were {reading}; write them as the format has them"
        )
    if lost.mean() > _NO_SLIP:
        raise DatasetError(
            f"datasets.{columns.dataset}: {int(lost.sum())} of {len(columns)} boxes lie mostly "
            f"outside of their images ({columns.named(lost)}): they are of images of another size "
            "or frame; annotate the images as they are"
        )
    yield f"{said} ({columns.named(out)})"


def _flat(columns: _Columns) -> Iterator[str]:
    flat = np.asarray((columns.boxes[:, 2:] - columns.boxes[:, :2] <= 0).any(axis=1))
    if not flat.any():
        return
    said = f"{int(flat.sum())} of {len(columns)} boxes have no area ({columns.named(flat)})"
    if flat.mean() > _NO_SLIP:
        raise DatasetError(
            f"datasets.{columns.dataset}: {said}: no detection can match them; remove or repair them"
        )
    yield said


def _aside(columns: _Columns) -> Iterator[str]:
    """Objects that count neither for nor against, such as crowds: more than any set has."""
    count = int(columns.crowd.sum())
    if count == len(columns) >= _FEWEST:
        raise DatasetError(
            f"datasets.{columns.dataset}: all {count} objects are {columns.aside}, and such count "
            f"neither for nor against: nothing is judged; clear the marks, or set "
            f"datasets.{columns.dataset}.annotated = false to judge by agreement alone"
        )
    if count > _MUCH_ASIDE * len(columns):
        yield (
            f"{count} of {len(columns)} objects are {columns.aside}: these count neither for nor against"
        )


def _repeats(columns: _Columns) -> Iterator[str]:
    table = columns.image, columns.labels, columns.boxes
    yield from repeats(columns.dataset, table, columns.named)


def _areas(columns: _Columns) -> Iterator[str]:
    boxes = (columns.boxes[:, 2:] - columns.boxes[:, :2]).prod(axis=1)
    wrong = columns.areas > 1.1 * boxes + 16
    none = (columns.areas <= 0) & (boxes > 0)
    if wrong.mean() > _NO_SLIP:
        yield (
            f"the area of {int(wrong.sum())} of {len(columns)} objects is larger than their box "
            f"({columns.named(wrong)}): accuracy by size goes by it"
        )
    if none.mean() > _NO_SLIP:
        yield (
            f"the area of {int(none.sum())} of {len(columns)} objects is 0 ({columns.named(none)}): "
            "by size they all count as small"
        )


def _outlines(columns: _Columns) -> Iterator[str]:
    """Boxes that do not surround their own masks."""
    from faster_coco_eval.core import mask as rle

    masks = [image.objects.masks for image in columns.images]
    if not all(masks):
        return
    yield from _rectangles(columns, np.concatenate([rle.area(list(own or ())) for own in masks]))
    around = np.concatenate([np.asarray(rle.toBbox(list(own or ()))) for own in masks])
    around[:, 2:] += around[:, :2]
    off = np.abs(around - columns.boxes)
    slack = SLACK_PX + 0.1 * (columns.boxes[:, 2:] - columns.boxes[:, :2]).max(axis=1)
    other = np.asarray((off > slack[:, None]).any(axis=1))
    said = (
        f"{int(other.sum())} of {len(columns)} boxes are not those of their masks "
        f"({columns.named(other)})"
    )
    if other.mean() > _OTHER_OUTLINE:
        raise DatasetError(
            f"datasets.{columns.dataset}: {said}: boxes and masks are of different frames, scales or "
            "objects; write both anew from one"
        )
    if other.mean() > _NO_SLIP:
        yield said


def _rectangles(columns: _Columns, pixels: NDArray[np.float64]) -> Iterator[str]:
    """Masks, of so many pixels [n], that are their boxes."""
    sides = columns.boxes[:, 2:] - columns.boxes[:, :2]
    large = sides.min(axis=1) >= _SMALL_PX
    # The edges of a filled box are rounded to pixels.
    full = pixels >= (sides - 1).prod(axis=1)
    filled = np.asarray(large & full)
    if filled.sum() >= _FEWEST_FILLED and filled.sum() > _MOSTLY * large.sum():
        yield (
            f"{int(filled.sum())} of {int(large.sum())} masks fill their boxes ({columns.named(filled)}): "
            "where they were made of boxes, the accuracy of masks says nothing of outlines"
        )


def _corner(columns: _Columns) -> Iterator[str]:
    """All boxes in the first quarter of their images: annotated at half the size."""
    images = len(set(columns.image.tolist()))
    if len(columns) < _MANY_OBJECTS or images < _MANY_IMAGES:
        return
    reach = float((columns.boxes[:, 2:] / columns.sides).max())
    if reach < 0.7:  # noqa: PLR2004 - of so many objects one reaches further
        yield (
            f"no box of {len(columns)} reaches beyond {reach:.0%} of its image's width or height: "
            "were the images scaled after they were annotated?"
        )
