"""Masks as outlines: few points that a page can draw, instead of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: An outline may leave the mask's edge by this many pixels.
_TOLERANCE_PX = 1.0
_MOST_RINGS = 12
_CORNERS = 3


def rings_of(mask: Mapping[str, Any]) -> tuple[tuple[float, ...], ...]:
    """Trace a COCO run-length encoded mask: flat x, y lists in px, the largest ring first.

    At most 12 rings are kept; holes are rings of their own.
    """
    from faster_coco_eval.core import mask as rle

    return rings_of_pixels(np.asarray(rle.decode(dict(mask)), np.uint8))


def rings_of_pixels(pixels: NDArray[np.uint8]) -> tuple[tuple[float, ...], ...]:
    """Trace a mask given as pixels [height, width], non-zero inside."""
    import cv2

    found, _ = cv2.findContours(pixels, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    traced = [cv2.approxPolyDP(ring, _TOLERANCE_PX, closed=True) for ring in found]
    kept = [ring.reshape(-1, 2) for ring in traced if len(ring) >= _CORNERS]
    kept.sort(key=cv2.contourArea, reverse=True)
    return tuple(tuple(float(value) for value in ring.ravel()) for ring in kept[:_MOST_RINGS])
