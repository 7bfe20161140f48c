"""Attributes: the picture above a bar a head, of one role beside the annotation, or of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.html.palette import CAPTION, CHANGES, OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import captioned, font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from quantgate.report.picture import HeadBars, Picture

#: Width of a pane, most height of the picture in it, space around all, height of a head.
_WIDTH, _PICTURE, _SPACE, _ROW = 640, 220, 10, 74
#: Heads that are drawn: of more those that changed come first.
_MOST = 14
_BAR, _TRACK, _FAINT, _WRONG = 9, "#E6EAEF", "#5B6775", CHANGES["lost"]


def heads_size(image: tuple[int, int], heads: int) -> tuple[int, int]:
    """Width and height of a pane without caption, for an image of ``(width, height)`` and so many heads."""
    return _WIDTH, _fitted(image)[1] + 2 * _SPACE + min(heads, _MOST) * _ROW


def head_panes(picture: Picture, image: Image) -> tuple[Image, Image, Image]:
    """Draw what each role says beside the annotations, and both with what changed."""
    shown = sorted(picture.heads, key=lambda head: not head.changed)[:_MOST]
    heads = [head for head in picture.heads if head in shown]
    first = picture.roles[0].upper()
    return (
        captioned(_pane(picture, image, heads, "parent"), first, PARENT),
        captioned(_pane(picture, image, heads, "optimized"), "OPTIMIZED", OPTIMIZED),
        captioned(_pane(picture, image, heads, "diff"), "DIFF", PAPER),
    )


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the image in a pane."""
    scale = min((_WIDTH - 2 * _SPACE) / size[0], _PICTURE / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _pane(picture: Picture, image: Image, heads: Sequence[HeadBars], what: str) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageDraw

    pane = Pillow.new("RGB", picture.size, PAPER)
    size = _fitted(image.size)
    pane.paste(CAPTION, (0, 0, _WIDTH, size[1] + 2 * _SPACE))
    shown = image.convert("RGB").resize(size, Pillow.Resampling.LANCZOS)
    pane.paste(shown, ((_WIDTH - size[0]) // 2, _SPACE))
    draw, top = ImageDraw.Draw(pane), size[1] + 2 * _SPACE
    for head in heads:
        _head(draw, head, top, what)
        top += _ROW
    return pane


def _head(draw: ImageDraw, head: HeadBars, top: float, what: str) -> None:
    """Draw one head from a height on: its name, what is said, bars, and a mark where the annotation is."""
    said = f"{head.told[0]} > {head.told[1]}" if what == "diff" and head.changed else ""
    said = said or head.told[1 if what == "optimized" else 0]
    ink = CHANGES["relabelled"] if what == "diff" and head.changed else CAPTION
    room = _WIDTH - 3 * _SPACE - font(20).getlength(said)
    draw.text((_SPACE, top + 18), _cut(head.name, room), _FAINT, font(18), anchor="lm")
    draw.text((_WIDTH - _SPACE, top + 18), said, ink, font(20), anchor="rm")
    roles = {"parent": (0,), "optimized": (1,), "diff": (0, 1)}[what]
    for place, role in enumerate(roles):
        low = top + 33 + place * (_BAR + 2)
        _bar(draw, head.shares[role], low, (PARENT, OPTIMIZED)[role])
    if head.truth:
        wrong = any(head.wrong[role] for role in roles)
        below = top + 33 + len(roles) * (_BAR + 2) + 7
        draw.text(
            (_SPACE, below),
            f"annotated: {head.truth}",
            _WRONG if wrong else _FAINT,
            font(13),
            anchor="lm",
        )
    if head.mark is not None:
        x = _SPACE + (_WIDTH - 2 * _SPACE) * head.mark
        draw.line((x, top + 30, x, top + 33 + len(roles) * (_BAR + 2)), CAPTION, 3)


def _bar(draw: ImageDraw, share: float, top: float, colour: str) -> None:
    left, right = _SPACE, _WIDTH - _SPACE
    draw.rounded_rectangle((left, top, right, top + _BAR), _BAR / 2, _TRACK)
    end = left + (right - left) * min(1.0, max(0.0, share))
    if end - left >= 1:
        draw.rounded_rectangle((left, top, max(end, left + _BAR), top + _BAR), _BAR / 2, colour)


def _cut(text: str, room: float) -> str:
    """Shorten a name to so many pixels."""
    if font(18).getlength(text) <= room:
        return text
    while text and font(18).getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"
