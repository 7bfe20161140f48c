"""Embeddings: an image beside what each role finds nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.html.palette import CAPTION, CHANGES, OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import captioned, font, from_bgr

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from quantgate.report.picture import Neighbour, Picture

#: Side of a cell, space around it, height of the lines below it, and of one of them.
_CELL, _SPACE, _LINE = 208, 8, 20
_CELLS, _LINES = 3, 4
_FAINT, _LETTER = "#5B6775", 14
_RIGHT, _WRONG = CHANGES["gained"], CHANGES["lost"]

#: A pane without its caption, px.
SIZE = (_CELLS * _CELL + (_CELLS + 1) * _SPACE, _CELL + 2 * _SPACE + _LINES * _LINE)


def neighbour_panes(
    picture: Picture, images: Sequence[NDArray[np.uint8]]
) -> tuple[Image, Image, Image]:
    """Draw the image [height, width, 3] beside the parent's nearest, the optimized model's, and all three."""
    shown = [from_bgr(one, _CELL) for one in images[: 1 + len(picture.neighbours)]]
    first = picture.roles[0]
    sought = (shown[0], ("sought", picture.name, picture.truth), None)
    found = [
        (image, (f"nearest to {role.lower()}", *_said(one)), one.right)
        for image, role, one in zip(shown[1:], picture.roles, picture.neighbours, strict=False)
    ]
    panes = [_pane([sought, *cells]) for cells in (found[:1], found[1:], found)]
    return (
        captioned(panes[0], first.upper(), PARENT),
        captioned(panes[1], "OPTIMIZED", OPTIMIZED),
        captioned(panes[2], "DIFF", PAPER),
    )


def _said(one: Neighbour) -> tuple[str, str, str]:
    return one.name, one.identity, f"similarity {one.similarity:.4f}"


def _pane(cells: Sequence[tuple[Image, tuple[str, ...], bool | None]]) -> Image:
    """Put pictures beside each other with lines below: a frame tells right from wrong, where that is known."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageOps

    pane = Pillow.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(pane)
    for place, (image, lines, right) in enumerate(cells):
        left = _SPACE + place * (_CELL + _SPACE)
        box = (left, _SPACE, left + _CELL - 1, _SPACE + _CELL - 1)
        draw.rectangle(box, fill=CAPTION)
        small = ImageOps.contain(image.convert("RGB"), (_CELL - 8, _CELL - 8))
        middle = left + _CELL // 2, _SPACE + _CELL // 2
        pane.paste(small, (middle[0] - small.width // 2, middle[1] - small.height // 2))
        told = [line for line in lines if line]
        if right is not None:
            draw.rectangle(box, outline=_RIGHT if right else _WRONG, width=4)
            told[0] = f"{told[0]}: {'right' if right else 'wrong'}"
        for row, line in enumerate(told[:_LINES]):
            at = (left, _SPACE + _CELL + 4 + row * _LINE)
            draw.text(at, _short(line), CAPTION if row else _FAINT, font(_LETTER))
    return pane


def _short(line: str) -> str:
    """Cut a line to the width of a cell, at its start: the ends of paths differ."""
    letters = font(_LETTER)
    if letters.getlength(line) <= _CELL:
        return line
    while line and letters.getlength(f"…{line}") > _CELL:
        line = line[1:]
    return f"…{line}"
