"""Soft maps of one object: what each role cuts out of the photograph, and where their shares differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.report.html.palette import CHANGES, OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import captioned, from_bgr
from quantgate.report.overlays.segments import contoured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

#: How much of the brightness is left where nothing is of the object.
_REST = 0.22
#: A difference of a third of a pixel is drawn in full colour.
_AMPLIFIED = 3.0


def soft_panes(
    image: NDArray[np.uint8], maps: Sequence[NDArray[np.uint8]], max_side: int, first: str
) -> tuple[Image, Image, Image]:
    """Draw both soft maps, with the contour at which they are cut, and their difference.

    Parameters
    ----------
    image
        BGR uint8 [height, width, 3].
    maps
        Class ids of parent and optimized, then their shares, 255 all of the object: uint8 [h, w].
    first
        What the caption calls the parent.
    """
    photograph = from_bgr(image, max_side).convert("RGB")
    parent, optimized, own, other = maps
    apart = np.abs(own.astype(np.int16) - other)
    mean = float(apart.mean()) / 255
    return (
        captioned(contoured(_cut_out(photograph, own), parent), first.upper(), PARENT),
        captioned(contoured(_cut_out(photograph, other), optimized), "OPTIMIZED", OPTIMIZED),
        captioned(_marked(photograph, apart), f"DIFF   {mean:.3f} of a pixel on average", PAPER),
    )


def _cut_out(photograph: Image, shares: NDArray[np.uint8]) -> Image:
    dark = photograph.point(lambda value: value * _REST)
    dark.paste(photograph, (0, 0), _large(shares, photograph))
    return dark


def _marked(photograph: Image, apart: NDArray[np.int16]) -> Image:
    from PIL import ImageColor

    grey = photograph.convert("L").point(lambda value: 40 + value * 0.62).convert("RGB")
    strong = np.clip(apart * _AMPLIFIED, 0, 255).astype(np.uint8)
    grey.paste(ImageColor.getrgb(CHANGES["lost"]), (0, 0), _large(strong, photograph))
    return grey


def _large(values: NDArray[np.uint8], photograph: Image) -> Image:
    from PIL import Image as Pillow

    return Pillow.fromarray(values, "L").resize(photograph.size, Pillow.Resampling.BILINEAR)
