"""Annotated quadrilaterals that would fit the parent's better if they were turned otherwise where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Objects
from quantgate.core.quads import quad_iou, turned_corners
from quantgate.tasks.doubts.boxes import object_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.core.predictions import Detections

#: Images that are looked at, spread evenly; annotated objects that say something.
_IMAGES, _FEWEST = 48, 10
_IOU = 0.5
#: Another reading has to fit so much more objects, absolutely and relatively, to be believed.
_MORE, _TIMES = 0.2, 1.5


def quad_doubts(comparison: Comparison[Detections]) -> tuple[str, ...]:
    """Compare the annotated quadrilaterals with what the parent finds."""
    images = [
        one
        for one in comparison.images
        if isinstance(one.truth, Objects)
        and one.truth.quads is not None
        and one.record.parent.quads is not None
        and len(one.truth)
    ]
    places = np.unique(np.linspace(0, len(images) - 1, _IMAGES).astype(int)) if images else ()
    return _turned([images[i] for i in places]) or object_doubts(comparison)


def _turned(images: Sequence[ImageResult[Detections]]) -> tuple[str, ...]:
    truths = [one.truth for one in images if isinstance(one.truth, Objects)]
    count = sum(int((~truth.crowd).sum()) for truth in truths)
    if count < _FEWEST:
        return ()
    own = _hits(images, lambda quads: quads) / count
    wanted = max(own + _MORE, own * _TIMES)
    shares = [(_hits(images, read) / count, said) for said, read in _READINGS]
    share, said = max(shares, key=lambda one: one[0])
    if share < wanted:
        return ()
    told = (
        f"the parent finds something on {own:.0%} of {count} annotated quadrilaterals, and on {share:.0%} if "
        f"{said}: are their angles, or the decoder's, meant so?"
    )
    return (told,)


def _hits(
    images: Sequence[ImageResult[Detections]],
    read: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> int:
    """Annotated quadrilaterals, read otherwise, that one of the parent's overlaps."""
    found = 0
    for one in images:
        assert isinstance(one.truth, Objects)
        assert one.truth.quads is not None
        assert one.record.parent.quads is not None
        quads = read(one.truth.quads[~one.truth.crowd].astype(np.float64))
        # As many as are annotated, and some: thousands of guesses would hit anything.
        seen = one.record.parent.quads[: 2 * len(quads) + 2]
        found += int((quad_iou(quads, seen).max(axis=1, initial=0.0) >= _IOU).sum())
    return found


def _mirrored(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = quads.mean(axis=1, keepdims=True)
    return np.asarray((quads - middle) * np.array([-1.0, 1.0]) + middle)


def _across(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = quads.mean(axis=1, keepdims=True)
    away = quads - middle
    return np.asarray(np.stack([-away[..., 1], away[..., 0]], axis=-1) + middle)


def _as_radians(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rectangles whose angle, in degrees, was one in radians."""
    side, other = quads[:, 1] - quads[:, 0], quads[:, 2] - quads[:, 1]
    sides = np.stack([np.linalg.norm(side, axis=1), np.linalg.norm(other, axis=1)], axis=1)
    degrees = np.rad2deg(np.arctan2(side[:, 1], side[:, 0]))
    return turned_corners(quads.mean(axis=1), sides, degrees)


#: What annotations may mean otherwise, and what they would then be.
_READINGS = (
    ("they are turned the other way around (counter-clockwise for clockwise)", _mirrored),
    ("width and height are exchanged", _across),
    ("their angles are radians that were taken for degrees", _as_radians),
)
