"""Drawing primitives: captions burned in, boxes, dashed boxes, labels that avoid each other."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from quantgate.report.html.palette import CAPTION, MORE_ROWS, PAPER, ink_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    Box = tuple[float, float, float, float]

#: Longest side of one pane, px.
PANE_PX = 640
_DASH_PX = 9
#: Smaller images are enlarged to this longest side: labels need room.
_LEAST_SIDE_PX = 360
_QUALITY = 80
#: Letters of a caption are never smaller.
_SMALLEST_PX = 9
#: How much of a masked pixel is the mask's colour.
_OPACITY = 0.4


def shown_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Width and height at which an image of a size is drawn, with at most ``max_side`` pixels a side."""
    longest = max(size)
    scale = min(max(longest, _LEAST_SIDE_PX), max_side) / longest
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def from_bgr(image: NDArray[np.uint8], max_side: int) -> Image:
    """Turn a BGR array [height, width, 3] into a picture with at most ``max_side`` pixels a side."""
    import cv2
    from PIL import Image as Pillow

    colours = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    return Pillow.fromarray(_resized(colours, shown_size((width, height), max_side)), "RGB")


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring pixels [h, w, 3] to a size of ``(width, height)``, in a tenth of the time that Pillow takes."""
    import cv2

    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels
    method = cv2.INTER_CUBIC if max(size) > max(width, height) else cv2.INTER_AREA
    found: NDArray[np.uint8] = cv2.resize(pixels, size, interpolation=method)
    return found


def webp(image: Image, quality: int = _QUALITY) -> bytes:
    """Encode as WebP in a third of the time that the usual effort of 4 takes: files are 4 to 8 % larger."""
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "WEBP", quality=quality, method=1)
    return stream.getvalue()


@lru_cache(maxsize=32)
def font(size_px: int) -> FreeTypeFont:
    """Load the font that Pillow ships at a size: the same on every machine."""
    from PIL import ImageFont

    loaded = ImageFont.load_default(size=size_px)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


def captioned(image: Image, caption: str, accent: str) -> Image:
    """Put a caption bar above a picture: viewers name their panes as they like, pixels stay."""
    from PIL import Image as Pillow

    bar = _bar(caption, accent, image.width, text_px(image))
    framed = Pillow.new("RGB", (image.width, image.height + bar.height))
    framed.paste(bar, (0, 0))
    framed.paste(image.convert("RGB"), (0, bar.height))
    return framed


@lru_cache(maxsize=64)
def _bar(caption: str, accent: str, width: int, px: int) -> Image:
    """Draw the bar above a pane, letters ``px`` high or smaller: most panes of a model share a few."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    letters, height = _fitting(caption, px, width), round(px * 1.75)
    bar = Pillow.new("RGB", (width, height), CAPTION)
    draw = ImageDraw.Draw(bar)
    draw.rectangle((0, 0, max(4, height // 5), height - 1), fill=accent)
    draw.text((height // 2, height / 2), caption, fill=PAPER, font=letters, anchor="lm")
    return bar


def _fitting(caption: str, px: int, width: int) -> FreeTypeFont:
    """Choose letters in which a caption fits beside its mark, not so small that nobody reads them."""
    while px > _SMALLEST_PX and font(px).getlength(caption) > width - 1.5 * px:
        px -= 1
    return font(px)


def text_px(image: Image) -> int:
    """Size of the letters that suits a picture."""
    return max(12, round(max(image.size) / 36))


def beside(images: Sequence[Image], gap_px: int = 6) -> Image:
    """Put pictures of equal height beside each other."""
    from PIL import Image as Pillow

    width = sum(image.width for image in images) + gap_px * (len(images) - 1)
    row = Pillow.new("RGB", (width, max(image.height for image in images)), PAPER)
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + gap_px
    return row


def grid(images: Sequence[Image], pane_px: int = 480, gap_px: int = 6) -> Image:
    """Put up to four pictures into two columns of panes ``pane_px`` wide."""
    import numpy as np
    from PIL import Image as Pillow

    high = max(round(pane_px * image.height / image.width) for image in images)
    rows = (len(images) + 1) // 2
    size = (2 * pane_px + gap_px, rows * high + (rows - 1) * gap_px)
    paper = Pillow.new("RGB", size, PAPER)
    for place, image in enumerate(images):
        own = pane_px, round(pane_px * image.height / image.width)
        small = Pillow.fromarray(_resized(np.asarray(image.convert("RGB")), own), "RGB")
        paper.paste(small, (place % 2 * (pane_px + gap_px), place // 2 * (high + gap_px)))
    return paper


@dataclass(slots=True)
class Canvas:
    """A picture being drawn on; remembers where labels lie."""

    image: Image
    draw: ImageDraw
    size: tuple[int, int]
    letters: FreeTypeFont
    taken: list[Box] = field(default_factory=list)

    @classmethod
    def over(cls, image: Image) -> Canvas:
        """Draw on a picture."""
        from PIL import ImageDraw

        return cls(image, ImageDraw.Draw(image, "RGBA"), image.size, font(text_px(image)))

    def box(self, box: Box, colour: str, *, width: int, dashed: bool = False) -> None:
        """Draw a rectangle, with a dark halo so that it shows on every background."""
        x0, y0, x1, y1 = box
        if x1 < x0 or y1 < y0:
            return
        if dashed:
            self._dashed(box, colour, width)
            return
        self.draw.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), outline="#00000066", width=width + 2)
        self.draw.rectangle(box, outline=colour, width=width)

    def outline(
        self, corners: Sequence[float], colour: str, *, width: int, dashed: bool = False
    ) -> None:
        """Draw a closed line through corners, x and y in turns, over a dark halo."""
        points = list(zip(corners[::2], corners[1::2], strict=True))
        ends = [*points[1:], points[0]]
        if not dashed:
            for begin, end in zip(points, ends, strict=True):
                self.draw.line((*begin, *end), fill="#00000066", width=width + 2)
        for begin, end in zip(points, ends, strict=True):
            for part in _dashes(begin, end, _DASH_PX + width) if dashed else [(*begin, *end)]:
                self.draw.line(part, fill=colour, width=width)

    def label(self, box: Box, text: str, colour: str) -> None:
        """Write a label at a box, above, below or inside it: the first place that is free."""
        wide, high = self.letters.getlength(text) + 8, self.letters.size * 1.3
        place = self._free(box, wide, high)
        self.taken.append(place)
        self.draw.rectangle(place, fill=colour)
        middle = (place[1] + place[3]) / 2
        self.draw.text((place[0] + 4, middle), text, ink_on(colour), self.letters, anchor="lm")

    def mask(self, rings: Sequence[Sequence[float]], colour: str) -> None:
        """Fill outlines translucently, a ring inside a ring being a hole, and draw their contours."""
        from PIL import Image as Pillow
        from PIL import ImageChops, ImageColor, ImageDraw

        inside = Pillow.new("1", self.size)
        for ring in rings:
            layer = Pillow.new("1", self.size)
            points = [(ring[i], ring[i + 1]) for i in range(0, len(ring) - 1, 2)]
            ImageDraw.Draw(layer).polygon(points, fill=1)
            inside = ImageChops.logical_xor(inside, layer)
            self.draw.line([*points, points[0]], fill=colour, width=2)
        tint = inside.convert("L").point(lambda value: value * _OPACITY)
        self.image.paste(ImageColor.getrgb(colour), (0, 0), tint)

    def skeleton(
        self, bones: Sequence[float], points: Sequence[float], colour: str, *, width: int
    ) -> None:
        """Draw bones, four numbers each, and key points, two numbers each, over a dark halo."""
        lines = [tuple(bones[i : i + 4]) for i in range(0, len(bones), 4)]
        for line in lines:
            self.draw.line(line, fill="#00000066", width=width + 2)
        for line in lines:
            self.draw.line(line, fill=colour, width=width)
        reach = width * 0.75 + 1
        for x, y in zip(points[::2], points[1::2], strict=True):
            dot = (x - reach, y - reach, x + reach, y + reach)
            self.draw.ellipse(dot, fill=colour, outline="#00000099")

    def _dashed(self, box: Box, colour: str, width: int) -> None:
        x0, y0, x1, y1 = box
        step = _DASH_PX + width
        for start in range(int(x0), int(x1), 2 * step):
            for y in (y0, y1):
                self.draw.line((start, y, min(start + step, x1), y), fill=colour, width=width)
        for start in range(int(y0), int(y1), 2 * step):
            for x in (x0, x1):
                self.draw.line((x, start, x, min(start + step, y1)), fill=colour, width=width)

    def _free(self, box: Box, wide: float, high: float) -> Box:
        x0, y0, x1, y1 = box
        wished = (
            *((x0, y0 - high), (x0, y1), (x0, y0), (x1 - wide, y0 - high), (x0, y1 - high)),
            *((x0, y0 + row * high) for row in range(1, MORE_ROWS)),
        )
        places = [self._inside(x, y, wide, high) for x, y in wished]
        return next((p for p in places if not any(_meet(p, t) for t in self.taken)), places[0])

    def _inside(self, x: float, y: float, wide: float, high: float) -> Box:
        x = min(max(0.0, x), max(0.0, self.size[0] - wide))
        y = min(max(0.0, y), max(0.0, self.size[1] - high))
        return (x, y, x + wide, y + high)


def _dashes(begin: tuple[float, float], end: tuple[float, float], step: float) -> list[Box]:
    """Every other piece of a line."""
    (x0, y0), (x1, y1) = begin, end
    long = max(math.hypot(x1 - x0, y1 - y0), 1.0)
    found = []
    for k in range(0, math.ceil(long / step), 2):
        a, b = k * step / long, min(1.0, (k + 1) * step / long)
        found.append(
            (x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0))
        )
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
