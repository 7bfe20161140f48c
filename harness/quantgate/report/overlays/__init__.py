"""Pictures: the same image as Parent | Optimized | Diff, bounded in pixels and in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.errors import ReportError
from quantgate.report.overlays.canvas import from_bgr

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from quantgate.report.picture import Picture

#: Longest side of one pane, px.
PANE_PX = 640
#: Of soft maps there are more images than these: photograph, both roles' classes, and one role's shares.
_WITH_SHARES = 4


def panes(
    picture: Picture, images: Sequence[NDArray[np.uint8]], max_side: int = PANE_PX
) -> tuple[Image, Image, Image]:
    """Draw one picture's three panes at equal size.

    Parameters
    ----------
    images
        The BGR image ``[height, width, 3]``; for ``kind == "rendered"`` also parent's and
        optimized model's renderings, for ``kind == "segments"`` their class ids ``[h, w]``, of soft maps also
        their shares ``[h, w]``.

    Raises
    ------
    ReportError
        Where images are missing or empty.
    """
    from quantgate.report.overlays.classes import class_panes
    from quantgate.report.overlays.objects import object_panes
    from quantgate.report.overlays.rendered import rendered_panes
    from quantgate.report.overlays.segments import segment_panes
    from quantgate.report.overlays.soft import soft_panes
    from quantgate.report.overlays.text import text_panes

    wanted = 3 if picture.kind in {"rendered", "segments"} else 1
    if len(images) < wanted or any(image.size == 0 for image in images):
        raise ReportError(
            f"picture {picture.name}: expected {wanted} images with pixels to draw, found "
            f"{[image.shape for image in images]}"
        )
    if picture.kind == "rendered":
        return rendered_panes(images[1], images[2], max_side, picture.roles[0])
    if picture.kind == "segments" and has_shares(picture, images):
        return soft_panes(images[0], images[1:5], max_side, picture.roles[0])
    if picture.kind == "segments":
        return segment_panes(images[0], (images[1], images[2]), max_side, picture.roles[0])
    draw = {"objects": object_panes, "classes": class_panes, "text": text_panes}[picture.kind]
    return draw(picture, from_bgr(images[0], max_side))


def has_shares(picture: Picture, images: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether the images [h, w, ...] of a picture are those of a soft map, which has no colours of classes."""
    return len(images) - bool(picture.outline) > _WITH_SHARES


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
