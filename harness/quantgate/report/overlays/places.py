"""Where a region lies: its whole image, with the region's outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.html.palette import CAPTION, PAPER
from quantgate.report.overlays.canvas import captioned, from_bgr

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


#: How much of the brightness is left of what lies outside of a region.
_OUTSIDE = 0.45


def outlined(image: NDArray[np.uint8], outline: Sequence[float], max_side: int) -> Image:
    """Draw a region's corners, x and y in turns, px, over its whole image, BGR [height, width, 3].

    What lies outside is darker, so that a region is seen where a thin line is not.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw

    whole = from_bgr(image, max_side).convert("RGB")
    scale = whole.width / image.shape[1]
    corners = [(x * scale, y * scale) for x, y in zip(outline[::2], outline[1::2], strict=True)]
    inside = Pillow.new("1", whole.size)
    ImageDraw.Draw(inside).polygon(corners, fill=1)
    dark = whole.point(lambda value: value * _OUTSIDE)
    dark.paste(whole, (0, 0), inside)
    draw, thin = ImageDraw.Draw(dark, "RGBA"), max(2, round(max(dark.size) / 160))
    for colour, width in (("#000000B0", thin + 4), (PAPER, thin)):
        # Once more along the first side: corners stay closed.
        draw.line([*corners, *corners[:2]], fill=colour, width=width, joint="curve")
    return dark


def place_pane(image: NDArray[np.uint8], outline: Sequence[float], like: tuple[int, int]) -> Image:
    """Draw the whole image [height, width, 3] as a pane as large as those beside it.

    ``like`` is their width and height without captions, px.
    """
    from PIL import Image as Pillow

    whole = outlined(image, outline, max(like))
    scale = min(like[0] / whole.width, like[1] / whole.height)
    size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
    pane = Pillow.new("RGB", like, CAPTION)
    pane.paste(whole.resize(size), ((like[0] - size[0]) // 2, (like[1] - size[1]) // 2))
    return captioned(pane, "WHOLE IMAGE", PAPER)
