"""Text: the picture above both roles' strings, letter below letter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from quantgate.report.html.palette import CAPTION, CHANGES, OPTIMIZED, PAPER, PARENT, ink_on
from quantgate.report.overlays.canvas import captioned, font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from quantgate.report.picture import Picture

#: Width of a pane, most height of the picture in it, room for the rows' names, space around all.
_WIDTH, _PICTURE, _NAMES, _SPACE = 640, 150, 96, 8
#: Letters of a line and their greatest width; height of a letter, and of the marks below two.
_PLACES, _WIDEST, _ROW, _MARKS = 20, 40, 40, 20
#: Lines that are shown; of longer strings the first that changed.
_MOST_LINES = 6
#: Below what was replaced, lost and put in: the font has few signs.
_SIGNS = {"relabelled": "x", "lost": "--", "gained": "+"}
_TRACK, _FAINT = "#EEF1F4", "#5B6775"
_ANNOTATED = 3


@dataclass(frozen=True, slots=True)
class _Rows:
    """Two rows of letters and what they are called; the upper one may be missing."""

    names: tuple[str, str]
    upper: Sequence[str] | None
    lower: Sequence[str]


def text_size(image: tuple[int, int], columns: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    """Width and height of a pane without caption, for an image of ``(width, height)`` and its letters."""
    below = len(_lines(columns)) * (2 * _ROW + _MARKS + _SPACE)
    return _WIDTH, _fitted(image)[1] + 2 * _SPACE + below


def text_panes(picture: Picture, image: Image) -> tuple[Image, Image, Image]:
    """Draw what each role reads, below the annotation where there is one, and both below each other."""
    columns, lines = picture.columns, _lines(picture.columns)
    parent, optimized = ([column[k] for column in columns] for k in (-2, -1))
    known = bool(columns) and len(columns[0]) == _ANNOTATED
    truth = [column[0] for column in columns] if known else None
    first = picture.roles[0].lower()
    drawn = [
        _pane(picture, image, rows, lines)
        for rows in (
            _Rows(("annotated", first), truth, parent),
            _Rows(("annotated", "optimized"), truth, optimized),
            _Rows((first, "optimized"), parent, optimized),
        )
    ]
    return (
        captioned(drawn[0], first.upper(), PARENT),
        captioned(drawn[1], "OPTIMIZED", OPTIMIZED),
        captioned(drawn[2], "DIFF", PAPER),
    )


def _lines(columns: Sequence[tuple[str, ...]]) -> list[range]:
    """Places of each line that is shown; of very long strings those in which the roles differ."""
    count = len(columns)
    lines = [range(at, min(at + _PLACES, count)) for at in range(0, count, _PLACES)]
    if len(lines) > _MOST_LINES:
        changed = [one for one in lines if any(columns[k][-2] != columns[k][-1] for k in one)]
        lines = (changed or lines)[:_MOST_LINES]
    return lines or [range(0)]


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the image in a pane."""
    scale = min((_WIDTH - 2 * _SPACE) / size[0], _PICTURE / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _pane(picture: Picture, image: Image, rows: _Rows, lines: Sequence[range]) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageDraw

    pane = Pillow.new("RGB", picture.size, PAPER)
    size = _fitted(image.size)
    pane.paste(CAPTION, (0, 0, _WIDTH, size[1] + 2 * _SPACE))
    shown = image.convert("RGB").resize(size, Pillow.Resampling.LANCZOS)
    pane.paste(shown, ((_WIDTH - size[0]) // 2, _SPACE))
    draw, top = ImageDraw.Draw(pane), size[1] + 2 * _SPACE
    for line in lines:
        _line(draw, rows, line, top)
        top += 2 * _ROW + _MARKS + _SPACE
    return pane


def _line(draw: ImageDraw, rows: _Rows, line: range, top: float) -> None:
    """Draw two rows of letters from a height on, and signs below those that differ."""
    wide = min(_WIDEST, (_WIDTH - _NAMES - _SPACE) / max(1, len(line)))
    for row, (name, letters) in enumerate(zip(rows.names, (rows.upper, rows.lower), strict=True)):
        if letters is not None:
            draw.text((_SPACE, top + (row + 0.5) * _ROW), name, _FAINT, font(15), anchor="lm")
    for at, place in enumerate(line):
        above = None if rows.upper is None else rows.upper[place]
        below = rows.lower[place]
        change = "" if above is None else _change(above, below)
        left = _NAMES + at * wide
        if above is not None:
            _letter(draw, above, (left, top, wide), _TRACK)
        fill = CHANGES[change] if change else _TRACK
        _letter(draw, below, (left, top + _ROW, wide), fill)
        if change:
            below_both = left + wide / 2, top + 2 * _ROW + _MARKS / 2
            draw.text(below_both, _SIGNS[change], CAPTION, font(18), anchor="mm")


def _change(above: str, below: str) -> str:
    """Name what became of a letter; empty where it is the same."""
    if above == below:
        return ""
    return "relabelled" if above and below else "lost" if above else "gained"


def _letter(draw: ImageDraw, letter: str, place: tuple[float, float, float], fill: str) -> None:
    """Draw one letter in its box; one that the font does not have by its number, as browsers do."""
    left, top, wide = place
    box = (left + 1, top + 2, left + wide - 1, top + _ROW - 2)
    ink = ink_on(fill) if fill != _TRACK else CAPTION
    draw.rounded_rectangle(box, 4, fill if letter or fill != _TRACK else PAPER)
    middle = left + wide / 2, top + _ROW / 2
    if letter == " ":
        low = top + _ROW * 0.7
        draw.line((left + wide * 0.25, low, left + wide * 0.75, low), ink, 2)
    elif not letter or _has(letter):
        draw.text(middle, letter, ink, font(26), anchor="mm")
    else:
        code = f"{ord(letter[0]):04X}"
        half = (len(code) + 1) // 2
        text = f"{code[:half]}\n{code[half:]}"
        draw.multiline_text(middle, text, ink, font(13), anchor="mm", align="center", spacing=1)


@cache
def _has(letter: str) -> bool:
    """Whether the font has a letter: one that it has not looks like what is in no font."""
    own, none = (font(26).getmask(text) for text in (letter, "\uffff"))
    return own.size != none.size or bytes(own) != bytes(none)
