"""Classification: the photograph beside the ranked classes of both roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.html.palette import CAPTION, OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import captioned, font

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from quantgate.report.picture import ClassBar, Picture

_GREY = "#5B6775"
_TRACK = "#E6EAEF"


def class_panes(picture: Picture, image: Image) -> tuple[Image, Image, Image]:
    """Draw photograph, parent's and optimized model's ranking at equal size, captions burned in."""
    square = _squared(image)
    truth = f"   annotated: {picture.truth}" if picture.truth else ""
    parent = _bars(square, picture.parent, picture.optimized, PARENT)
    optimized = _bars(square, picture.optimized, picture.parent, OPTIMIZED)
    return (
        captioned(square, f"IMAGE{truth}", PAPER),
        captioned(parent, picture.roles[0].upper(), PARENT),
        captioned(optimized, "OPTIMIZED", OPTIMIZED),
    )


def _squared(image: Image) -> Image:
    from PIL import Image as Pillow

    side = max(360, *image.size)
    paper = Pillow.new("RGB", (side, side), CAPTION)
    paper.paste(image.convert("RGB"), ((side - image.width) // 2, (side - image.height) // 2))
    return paper


def _bars(
    like: Image, ranked: tuple[ClassBar, ...], other: tuple[ClassBar, ...], colour: str
) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageDraw

    pane = Pillow.new("RGB", like.size, PAPER)
    draw = ImageDraw.Draw(pane)
    row = like.height / max(5, len(ranked))
    for place, bar in enumerate(ranked):
        rank = next((r for r, item in enumerate(other) if item.label == bar.label), None)
        _bar(draw, bar, (place * row, row, like.width), colour=colour, agrees=rank == place)
    return pane


def _bar(
    draw: ImageDraw, bar: ClassBar, where: tuple[float, float, int], *, colour: str, agrees: bool
) -> None:
    top, row, width = where
    margin, size = width * 0.05, max(12, round(width / 30))
    letters, low = font(size), top + row * 0.62
    score = f"{bar.score:.3f}"
    room = width - 2.5 * margin - letters.getlength(score)
    ink = _GREY if agrees else CAPTION
    draw.text((margin, low - 6), _fitted(bar.label, letters, room), ink, letters, anchor="ls")
    draw.text((width - margin, low - 6), score, ink, letters, anchor="rs")
    high = max(6, row * 0.14)
    draw.rounded_rectangle((margin, low, width - margin, low + high), high / 2, fill=_TRACK)
    filled = margin + (width - 2 * margin) * min(1.0, max(0.0, bar.score))
    if filled - margin >= 1:
        draw.rounded_rectangle(
            (margin, low, max(filled, margin + high), low + high), high / 2, colour
        )


def _fitted(text: str, letters: object, room: float) -> str:
    length = getattr(letters, "getlength")  # noqa: B009 - the font's own measure
    if length(text) <= room:
        return text
    while text and length(text + "…") > room:
        text = text[:-1]
    return text + "…"
