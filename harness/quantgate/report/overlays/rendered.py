"""Pictures that a model renders itself: parent, optimized, amplified difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.report.html.palette import OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import captioned, from_bgr

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

#: The largest difference is stretched to this brightness, but never more than 32-fold.
_FULL = 255.0
_MOST = 32.0


def rendered_panes(
    parent: NDArray[np.uint8],
    optimized: NDArray[np.uint8],
    max_side: int,
    first: str = "Parent",
) -> tuple[Image, Image, Image]:
    """Draw both renderings [h, w, 3] and their difference, amplified as its caption says.

    ``first`` is what the caption calls the parent.
    """
    difference, factor = amplified(parent, optimized)
    return (
        captioned(from_bgr(parent, max_side), first.upper(), PARENT),
        captioned(from_bgr(optimized, max_side), "OPTIMIZED", OPTIMIZED),
        captioned(from_bgr(difference, max_side), f"DIFFERENCE x {factor:.0f}", PAPER),
    )


def amplified(
    parent: NDArray[np.uint8], optimized: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], float]:
    """Absolute difference of two pictures [h, w, 3], stretched, with the factor."""
    difference = np.abs(parent.astype(np.int16) - optimized.astype(np.int16))
    largest = float(difference.max(initial=0))
    factor = max(1.0, min(_MOST, _FULL / largest)) if largest else 1.0
    stretched = np.clip(difference * factor, 0, _FULL).astype(np.uint8)
    return stretched, factor
