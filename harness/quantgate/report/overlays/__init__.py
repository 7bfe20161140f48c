"""Pictures: the same image as Parent | Optimized | Diff, bounded in pixels and in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.errors import ReportError
from quantgate.report.overlays.canvas import PANE_PX
from quantgate.report.overlays.painters import PAINTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from quantgate.report.picture import Picture


def panes(
    picture: Picture, images: Sequence[NDArray[np.uint8]], max_side: int = PANE_PX
) -> tuple[Image, Image, Image]:
    """Draw one picture's three panes at equal size.

    Parameters
    ----------
    images
        The BGR image ``[height, width, 3]``, then what its painter needs besides.

    Raises
    ------
    ReportError
        Where images are missing or empty.
    """
    painter = PAINTERS[picture.kind]
    if not drawable(picture, images):
        raise ReportError(
            f"picture {picture.name}: expected {painter.images} images with pixels to draw, found "
            f"{[image.shape for image in images]}"
        )
    return painter.panes(picture, images, max_side)


def drawable(picture: Picture, images: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether the images [h, w, ...] that a picture needs are there and have pixels."""
    own = len(images) - bool(picture.outline)
    return own >= PAINTERS[picture.kind].images and all(image.size for image in images)


def with_place(
    picture: Picture, drawn: Sequence[Image], images: Sequence[NDArray[np.uint8]]
) -> tuple[Image, ...]:
    """Put the whole image [height, width, 3], the last of ``images``, behind the panes of a region."""
    from quantgate.report.overlays.places import place_pane

    if not picture.outline:
        return tuple(drawn)
    height, width = images[0].shape[:2]
    like = drawn[0].width, max(1, round(drawn[0].width * height / width))
    return (*drawn, place_pane(images[-1], picture.outline, like))
