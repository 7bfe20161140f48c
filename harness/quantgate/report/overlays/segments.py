"""Class maps of both roles over the photograph, and the pixels on which they differ."""

from __future__ import annotations

import colorsys
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from quantgate.report.html.palette import CHANGES, OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import captioned, from_bgr
from quantgate.report.words.numbers import written

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

#: How much of a pixel is its class's colour.
_OPACITY, _LINE = 0.55, 0.8
#: Turns of the colour wheel between two class ids: the golden ratio keeps neighbours apart.
_TURN = 0.618034


def segment_panes(
    image: NDArray[np.uint8],
    maps: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    max_side: int,
    first: str = "Parent",
) -> tuple[Image, Image, Image]:
    """Draw both class maps and their difference.

    Parameters
    ----------
    image
        BGR uint8 [height, width, 3].
    maps
        Class ids uint8 [h, w] of parent and optimized, any fraction of the image's size.
    first
        What the caption calls the parent.
    """
    parent, optimized = maps
    photograph = from_bgr(image, max_side)
    differs = parent != optimized
    share = written(float(differs.mean()), "percent")
    return (
        captioned(tinted(photograph, parent), first.upper(), PARENT),
        captioned(tinted(photograph, optimized), "OPTIMIZED", OPTIMIZED),
        captioned(_marked(photograph, differs), f"DIFF   {share} of the pixels", PAPER),
    )


def class_colour(label: int) -> tuple[int, int, int]:
    """Colour of a class id, RGB: the same in every picture; id 0 is dark grey."""
    if label == 0:
        return (60, 66, 76)
    red, green, blue = colorsys.hsv_to_rgb(label * _TURN % 1.0, 0.85, 0.95 - 0.25 * (label % 2))
    return (round(red * 255), round(green * 255), round(blue * 255))


def legend(
    parent: NDArray[np.uint8], optimized: NDArray[np.uint8], labels: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """List ``(class name, colour)`` of the classes that either map [h, w] shows, the largest first."""
    both = np.concatenate((parent.ravel(), optimized.ravel()))
    found, counts = np.unique(both, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(
        (
            labels[i] if i < len(labels) else f"class {i}",
            "#{:02x}{:02x}{:02x}".format(*class_colour(i)),
        )
        for i in (int(found[place]) for place in order)
    )


def tinted(photograph: Image, labels: NDArray[np.uint8]) -> Image:
    """Lay the colours of class ids [h, w] over a photograph, with a light line where classes meet."""
    from PIL import Image as Pillow

    tint = Pillow.fromarray(labels, "L").resize(photograph.size, Pillow.Resampling.NEAREST)
    tint.putpalette(_palette())
    blended = Pillow.blend(photograph.convert("RGB"), tint.convert("RGB"), _OPACITY)
    return contoured(blended, labels)


@cache
def _palette() -> bytes:
    """Colours of all class ids, one after the other."""
    return bytes(value for label in range(256) for value in class_colour(label))


def contoured(picture: Image, labels: NDArray[np.uint8]) -> Image:
    """Draw a light line over a picture where class ids [h, w] meet."""
    from PIL import Image as Pillow

    shown = Pillow.fromarray(labels, "L").resize(picture.size, Pillow.Resampling.NEAREST)
    picture.paste(PAPER, (0, 0), Pillow.fromarray(_contours(np.asarray(shown)), "L"))
    return picture


def _contours(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Opacity of the line between classes [h, w]: two pixels wide, one on each side."""
    edges = np.zeros(labels.shape, np.bool_)
    for axis in (0, 1):
        first, second = ([slice(None)] * 2 for _ in range(2))
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        differs = labels[tuple(first)] != labels[tuple(second)]
        edges[tuple(first)] |= differs
        edges[tuple(second)] |= differs
    return edges.astype(np.uint8) * np.uint8(_LINE * 255)


def _marked(photograph: Image, differs: NDArray[np.bool_]) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageColor

    grey = photograph.convert("L").point(lambda value: 40 + value * 0.62).convert("RGB")
    mask = Pillow.fromarray((differs * 255).astype(np.uint8), "L")
    mask = mask.resize(photograph.size, Pillow.Resampling.NEAREST)
    grey.paste(ImageColor.getrgb(CHANGES["lost"]), (0, 0), mask)
    return grey
