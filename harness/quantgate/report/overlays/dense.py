"""Maps of numbers in false colours: truth, parent, optimized model and their difference, with scale bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.report.html.palette import CAPTION, OPTIMIZED, PAPER, PARENT
from quantgate.report.overlays.canvas import PANE_PX, captioned, font, from_bgr, shown_size, text_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from quantgate.report.picture import Picture

    Numbers = NDArray[np.floating]

#: Percentiles at which the colours end: a few odd pixels do not hide all others.
_ENDS = (1.0, 99.0)
_NO_NUMBER = (40, 44, 52)
#: A scale bar's and its caption's share of a pane's width.
_BAR, _GAP = 22, 6
_WITH_TRUTH = 4
#: Corners of the colours, dark to light and readable to the colour-blind (Matplotlib's cividis), and from the
#: optimized model's too little over none to its too much.
_CIVIDIS = (
    (0, 34, 78),
    (52, 70, 107),
    (102, 105, 112),
    (148, 142, 119),
    (200, 184, 102),
    (254, 232, 56),
)
_SIGNED = ((0, 114, 178), (120, 180, 220), (245, 245, 245), (240, 180, 120), (213, 94, 0))


def dense_size(image: tuple[int, int], *, annotated: bool) -> tuple[int, int]:
    """Width and height of a pane without its caption, where an image is so large."""
    width, height = shown_size(image, PANE_PX)
    return width, (1 + annotated) * _cell_height(height)


def _cell_height(height: int) -> int:
    return height + _BAR + 2 * _GAP


def dense_panes(
    picture: Picture, images: Sequence[NDArray[Any]], max_side: int
) -> tuple[Image, Image, Image]:
    """Draw both maps and their difference; above them, where it is known, truth, photograph and error.

    Parameters
    ----------
    images
        The photograph, BGR uint8 [height, width, 3], parent's and optimized model's maps, and where it is known
        the annotation's, float [h, w, channels].
    """
    photograph, (parent, optimized, *truth) = images[0], [_lengths(one) for one in images[1:]]
    apart = _lengths(np.asarray(images[2], np.float64) - images[1])
    scale = _ends([parent, optimized, *truth])
    wide = from_bgr(np.asarray(photograph, np.uint8), max_side).convert("RGB").size
    cell = _Cell(wide, picture.unit)
    rows = ([cell.coloured(parent, scale)], [cell.coloured(optimized, scale)], [cell.signed(apart)])
    captions = [picture.roles[0].upper(), "OPTIMIZED", _said(apart, picture.unit)]
    if truth:
        wanted = truth[0]
        error = _lengths(np.asarray(images[2], np.float64) - images[3])
        shown = from_bgr(np.asarray(photograph, np.uint8), max_side).convert("RGB")
        rows[0].insert(0, cell.coloured(wanted, scale))
        rows[1].insert(0, cell.padded(shown))
        rows[2].insert(0, cell.signed(error))
        captions = [
            f"TRUTH / {picture.roles[0].upper()}",
            "PHOTO / OPTIMIZED",
            f"ERROR / {_said(apart, picture.unit)}",
        ]
    accents = (PARENT, OPTIMIZED, PAPER)
    first, second, third = (
        captioned(_stacked(row), caption, accent)
        for row, caption, accent in zip(rows, captions, accents, strict=True)
    )
    return first, second, third


def _with_unit(number: float, unit: str) -> str:
    # The letters of pictures have no true minus.
    return f"{number:.3g}{f' {unit}' if unit else ''}"


def _said(apart: Numbers, unit: str) -> str:
    mean = float(np.nanmean(np.abs(apart))) if np.isfinite(apart).any() else 0.0
    return f"DIFF   {_with_unit(mean, unit)} on average"


def _lengths(values: NDArray[Any]) -> Numbers:
    """One number a pixel [h, w] of [h, w, channels]: of two channels their length."""
    numbers = np.asarray(values, np.float64)
    if numbers.shape[2] > 1:
        return np.asarray(np.sqrt(np.square(numbers).sum(axis=2)))
    return numbers[..., 0]


def _ends(maps: Sequence[Numbers]) -> tuple[float, float]:
    known = np.concatenate([one[np.isfinite(one)] for one in maps])
    low, high = np.percentile(known, _ENDS) if len(known) else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-12))


class _Cell:
    """One map with its scale bar, on a picture of a size."""

    def __init__(self, size: tuple[int, int], unit: str) -> None:
        self.size, self.unit = size, unit

    def coloured(self, values: Numbers, ends: tuple[float, float]) -> Image:
        """Draw a map [h, w] in the colours between two numbers."""
        return self._drawn(values, ends, _CIVIDIS)

    def signed(self, apart: Numbers) -> Image:
        """Draw differences [h, w]: blue where the optimized model gives less, orange where more; lengths from 0 on."""
        known = np.abs(apart[np.isfinite(apart)])
        most = float(np.percentile(known, _ENDS[1])) if len(known) else 0.0
        most = most or float(known.max(initial=0.0)) or 1e-12
        if float(np.nanmin(apart, initial=0.0)) >= 0:
            return self._drawn(apart, (0.0, most), _SIGNED[len(_SIGNED) // 2 :])
        return self._drawn(apart, (-most, most), _SIGNED)

    def padded(self, picture: Image) -> Image:
        """Leave the room of a scale bar below a photograph."""
        from PIL import Image as Pillow

        made = Pillow.new("RGB", (self.size[0], _cell_height(self.size[1])), CAPTION)
        made.paste(picture, (0, 0))
        return made

    def _drawn(
        self, values: Numbers, ends: tuple[float, float], corners: Sequence[tuple[int, int, int]]
    ) -> Image:
        from PIL import Image as Pillow

        colours = painted(values, ends, corners)
        large = Pillow.fromarray(colours, "RGB").resize(self.size, Pillow.Resampling.NEAREST)
        made = self.padded(large)
        self._bar(made, ends, corners)
        return made

    def _bar(
        self, made: Image, ends: tuple[float, float], corners: Sequence[tuple[int, int, int]]
    ) -> None:
        """Draw the colours from the lowest to the highest number, with both and their unit."""
        from PIL import Image as Pillow
        from PIL import ImageDraw

        width, top = self.size[0], self.size[1] + _GAP
        letters = font(min(text_px(made), _BAR - 4))
        draw = ImageDraw.Draw(made)
        low, high = (_with_unit(end, self.unit) for end in ends)
        left = _GAP * 2 + round(draw.textlength(low, font=letters))
        right = width - _GAP * 2 - round(draw.textlength(high, font=letters))
        ramp = painted(np.linspace(*ends, 128)[None], ends, corners)
        if right > left:
            strip = Pillow.fromarray(ramp, "RGB").resize((right - left, _BAR))
            made.paste(strip, (left, top))
        draw.text((_GAP, top + _BAR / 2), low, fill=PAPER, font=letters, anchor="lm")
        draw.text((width - _GAP, top + _BAR / 2), high, fill=PAPER, font=letters, anchor="rm")


def painted(
    values: Numbers, ends: tuple[float, float], corners: Sequence[tuple[int, int, int]]
) -> NDArray[np.uint8]:
    """Give numbers [h, w] the colours between two ends, RGB [h, w, 3]; what is not known is dark."""
    known = np.isfinite(values)
    share = np.clip((np.where(known, values, ends[0]) - ends[0]) / (ends[1] - ends[0]), 0, 1)
    steps = np.linspace(0, 1, len(corners))
    channels = [np.interp(share, steps, [corner[k] for corner in corners]) for k in range(3)]
    colours = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    colours[~known] = _NO_NUMBER
    return colours


def _stacked(cells: Sequence[Image]) -> Image:
    from PIL import Image as Pillow

    made = Pillow.new("RGB", (cells[0].width, sum(cell.height for cell in cells)), CAPTION)
    top = 0
    for cell in cells:
        made.paste(cell, (0, top))
        top += cell.height
    return made
