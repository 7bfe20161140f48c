"""Images that EXIF turns: are their annotations of the upright picture, or of the pixels as they are stored?

Where no size tells, the parent does: it sees upright pictures, and finds things where they are in these.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.predictions import LabelMap, Objects
from quantgate.tasks.doubts import boxes, maps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison, ImageResult

#: Annotated objects, or images with class maps, that have to fit one frame better; by how much.
_FEWEST, _FEWEST_MAPS = 5, 3
_MORE, _TIMES = 0.2, 1.5
_NAMED = 3
#: Where a point ``(x, y)`` of the stored pixels, in fractions, is in the upright picture (EXIF 2.3, tag 0x0112).
_UPRIGHT: Mapping[int, Callable[[Any, Any], tuple[Any, Any]]] = MappingProxyType(
    {
        2: lambda x, y: (1 - x, y),
        3: lambda x, y: (1 - x, 1 - y),
        4: lambda x, y: (x, 1 - y),
        5: lambda x, y: (y, x),
        6: lambda x, y: (1 - y, x),
        7: lambda x, y: (1 - y, 1 - x),
        8: lambda x, y: (y, 1 - x),
    }
)


@dataclass(frozen=True, slots=True)
class Frames:
    """What is said of the frame of annotations, and whether the parent proves it wrong."""

    said: tuple[str, ...] = ()
    proved: bool = False


def frame_doubts(comparison: Comparison[Any], turned: Mapping[str, int]) -> Frames:
    """Compare the annotations of turned images with the parent's answers in both frames.

    Parameters
    ----------
    turned
        EXIF's orientation by the image's name, where nothing else tells the frame of its annotations.

    Returns
    -------
    Frames
        Nothing said where they are of the upright pictures; else a suspicion, or what could not be told.
    """
    images = [one for one in comparison.images if turned.get(one.name, 1) in _UPRIGHT]
    if not images:
        return Frames()
    own, other, enough = _fits(images, turned)
    if enough and own >= max(other + _MORE, other * _TIMES):
        return Frames()
    names = ", ".join(one.name for one in images[:_NAMED]) + (", …" if len(images) > _NAMED else "")
    said = f"{len(images)} images are turned by their EXIF orientation ({names})"
    if enough and other >= max(own + _MORE, own * _TIMES):
        known = (
            f"{said}, and their annotations fit what the parent finds by {own:.0%} as they are, by "
            f"{other:.0%} if they are of the pixels as stored: annotate the upright pictures, or remove "
            "the orientation from the files"
        )
        return Frames((known,), proved=True)
    unknown = (
        f"{said}, and the parent's answers do not tell whether annotations are of the upright pictures, "
        "as they are taken to be: look at some"
    )
    return Frames((unknown,))


def _fits(
    images: Sequence[ImageResult[Any]], turned: Mapping[str, int]
) -> tuple[float, float, bool]:
    """How well annotations fit as they are, and as stored; whether there are enough to tell."""
    drawn = [one for one in images if isinstance(one.truth, Objects) and len(one.truth)]
    if drawn:
        return _objects(drawn, turned)
    mapped = [one for one in images if isinstance(one.truth, LabelMap)]
    return _maps(mapped, turned) if mapped else (0.0, 0.0, False)


def _objects(
    images: Sequence[ImageResult[Any]], turned: Mapping[str, int]
) -> tuple[float, float, bool]:
    seen = boxes.seen_of(images)
    orientations = [turned[one.name] for one in images]
    sides = np.array([one.size for one in images], np.float64)
    stored = sides[:, ::-1]
    # Pixels of the stored frame were divided by the sides of the upright picture; fractions were not.
    in_pixels = seen.truth * np.tile(sides / stored, 2)[:, None]
    both = [seen.truth, np.where(_lying(orientations)[:, None, None], in_pixels, seen.truth)]
    upright = [
        np.stack([_box(each, o) for each, o in zip(truth, orientations, strict=True)])
        for truth in both
    ]
    own = boxes.hits(seen.truth, seen.found)
    other = max(boxes.hits(truth, seen.found) for truth in upright)
    return own, other, seen.count >= _FEWEST


def _lying(orientations: Sequence[int]) -> NDArray[np.bool_]:
    return np.array(orientations) > 4  # noqa: PLR2004 - EXIF's 5 to 8 exchange the sides


def _box(stored: NDArray[np.float64], orientation: int) -> NDArray[np.float64]:
    """Boxes [n, 4] of stored pixels in the upright picture."""
    first = _UPRIGHT[orientation](stored[:, 0], stored[:, 1])
    second = _UPRIGHT[orientation](stored[:, 2], stored[:, 3])
    corners = np.stack([np.stack(first, -1), np.stack(second, -1)])
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=-1)


def _maps(
    images: Sequence[ImageResult[Any]], turned: Mapping[str, int]
) -> tuple[float, float, bool]:
    truth, found = maps.thumbs_of(images)
    side = truth.shape[1]
    grid = (np.arange(side) + 0.5) / side
    upright = np.zeros_like(truth)
    for row, image in enumerate(images):
        x, y = _UPRIGHT[turned[image.name]](*np.meshgrid(grid, grid))
        at = (np.floor(y * side).astype(np.int64), np.floor(x * side).astype(np.int64))
        upright[row][at] = truth[row]
    return maps.iou(truth, found), maps.iou(upright, found), len(images) >= _FEWEST_MAPS
