"""How each kind of picture is drawn, in one visible place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.report.overlays.canvas import from_bgr
from quantgate.report.overlays.classes import class_panes
from quantgate.report.overlays.dense import dense_panes
from quantgate.report.overlays.heads import head_panes
from quantgate.report.overlays.neighbours import neighbour_panes
from quantgate.report.overlays.objects import object_panes
from quantgate.report.overlays.rendered import rendered_panes
from quantgate.report.overlays.segments import legend, segment_panes
from quantgate.report.overlays.soft import soft_panes
from quantgate.report.overlays.text import text_panes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from quantgate.core.pictures import PictureKind
    from quantgate.report.picture import Picture

    Images = Sequence[NDArray[np.uint8]]
    Panes = tuple[Image, Image, Image]
    Legend = tuple[tuple[str, str], ...]

#: What the panes of a picture are called, from left to right.
PANES = ("parent", "optimized", "diff")
#: Of soft maps there are more images than these: photograph, both roles' classes, and one role's shares.
_WITH_SHARES = 4


@dataclass(frozen=True, slots=True)
class Painter:
    """How one kind of picture is drawn.

    Parameters
    ----------
    panes
        Draws the three panes of a picture from its images, at most so many pixels wide and high.
    images
        How many images it needs: the photograph [height, width, 3] first, then each role's own.
    painted
        Each role has a picture of its own; objects and classes are drawn over the photograph where they
        are shown.
    card
        Panes that the page shows before a picture is opened.
    legend
        Names and colours of what is in a picture.
    """

    panes: Callable[[Picture, Images, int], Panes]
    images: int = 1
    painted: bool = True
    card: tuple[str, ...] = PANES
    legend: Callable[[Picture, Images], Legend] | None = None


def _objects(picture: Picture, images: Images, max_side: int) -> Panes:
    return object_panes(picture, from_bgr(images[0], max_side))


def _classes(picture: Picture, images: Images, max_side: int) -> Panes:
    return class_panes(picture, from_bgr(images[0], max_side))


def _text(picture: Picture, images: Images, max_side: int) -> Panes:
    return text_panes(picture, from_bgr(images[0], max_side))


def _neighbours(picture: Picture, images: Images, _max_side: int) -> Panes:
    return neighbour_panes(picture, images)


def _heads(picture: Picture, images: Images, max_side: int) -> Panes:
    return head_panes(picture, from_bgr(images[0], max_side))


def _rendered(picture: Picture, images: Images, max_side: int) -> Panes:
    return rendered_panes(images[1], images[2], max_side, picture.roles[0])


def _dense(picture: Picture, images: Images, max_side: int) -> Panes:
    own = len(images) - bool(picture.outline)
    return dense_panes(picture, images[:own], max_side)


def _segments(picture: Picture, images: Images, max_side: int) -> Panes:
    if _has_shares(picture, images):
        return soft_panes(images[0], images[1:5], max_side, picture.roles[0])
    return segment_panes(images[0], (images[1], images[2]), max_side, picture.roles[0])


def _segments_legend(picture: Picture, images: Images) -> Legend:
    if _has_shares(picture, images):
        return ()
    return legend(images[1], images[2], picture.labels)


def _has_shares(picture: Picture, images: Images) -> bool:
    """Whether these are the images of a soft map, which has no colours of classes."""
    return len(images) - bool(picture.outline) > _WITH_SHARES


PAINTERS: dict[PictureKind, Painter] = {
    "objects": Painter(_objects, painted=False),
    "classes": Painter(_classes, painted=False),
    "segments": Painter(_segments, images=3, legend=_segments_legend),
    "rendered": Painter(_rendered, images=3),
    # Letters of three panes beside each other would be too small to read.
    "text": Painter(_text, card=("diff",)),
    "numbers": Painter(_dense, images=3),
    # The third pane has all that the others have.
    "neighbours": Painter(_neighbours, card=("diff",)),
    "heads": Painter(_heads, card=("diff",)),
}
