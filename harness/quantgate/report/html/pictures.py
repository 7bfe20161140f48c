"""Objects as inline SVG over one embedded photograph: sharp, small, alive without a script."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from quantgate.escaping import markup
from quantgate.report.html.palette import CHANGES, MORE_ROWS, OPTIMIZED, PARENT, SEEN_FIRST, ink_on
from quantgate.report.words import objects as object_words

if TYPE_CHECKING:
    from quantgate.pair import Role
    from quantgate.report.picture import ObjectChange, Picture, Seen

_STROKES = {"kept": 1.5, "moved": 2.25}
#: Average advance of a letter relative to its size; labels only need a background wide enough.
_ADVANCE = 0.58
#: Kept objects are named too where a picture has at most this many; a tooltip names all.
_FEW = 8


def data_uri(data: bytes, media_type: str = "image/webp") -> str:
    """Embed bytes as a data: address."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def role_svg(picture: Picture, role: Role) -> str:
    """Draw one role's objects: kept ones thin, changed ones thick and named."""
    colour = PARENT if role == "parent" else OPTIMIZED
    placer = _Placer(picture.size)
    shapes: list[str] = []
    labels: list[str] = []
    for index, change in _ordered(picture):
        seen = change.parent if role == "parent" else change.optimized
        if seen is not None:
            shapes.append(_group(change, index, _shape(seen, colour, change, dashed=False)))
            if change.change != "kept" or len(picture.changes) <= _FEW:
                label = placer.label(seen.box, object_words.seen_text(seen), colour)
                labels.append(_group(change, index, label))
    return _svg(picture, [*shapes, _annotated(picture)], labels)


def diff_svg(picture: Picture) -> str:
    """Draw what changed: lost dashed, moved with its old place, the rest of one role's objects."""
    placer = _Placer(picture.size)
    shapes: list[str] = []
    labels: list[str] = []
    for index, change in _ordered(picture):
        seen = change.optimized or change.parent
        if seen is None:
            continue
        colour = CHANGES[change.change]
        drawn = _shape(seen, colour, change, dashed=change.change == "lost")
        if change.change == "moved" and change.parent is not None:
            before = _edge(change.parent, PARENT, 1.5, dashed=True)
            drawn = before + _bones(change.parent, PARENT, 1.5, dashed=True) + drawn
        shapes.append(_group(change, index, drawn))
        if change.change != "kept":
            label = placer.label(seen.box, object_words.change_label(change), colour)
            labels.append(_group(change, index, label))
    return _svg(picture, [*shapes, _annotated(picture)], labels)


def changes_svg(picture: Picture) -> str:
    """Mark what changed and nothing else: for pictures too small for labels."""
    shapes = [
        _group(
            change,
            index,
            _shape(seen, CHANGES[change.change], change, dashed=change.change == "lost"),
        )
        for index, change in _ordered(picture)
        if change.change != "kept" and (seen := change.optimized or change.parent) is not None
    ]
    return _svg(picture, shapes, []).replace('"none"', '"xMidYMid"', 1)  # as the picture is fitted


def _ordered(picture: Picture) -> list[tuple[int, ObjectChange]]:
    """Put first what has to be seen: it is drawn on top, and its label has the choice of places."""
    return sorted(enumerate(picture.changes), key=lambda item: SEEN_FIRST.index(item[1].change))


def _svg(picture: Picture, shapes: list[str], labels: list[str]) -> str:
    """Lay labels over all shapes, and changed objects over kept ones."""
    body = "".join((*reversed(shapes), *reversed(labels)))
    width, height = picture.size
    return (
        f'<svg class="ov" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{body}</svg>'
    )


def _group(change: ObjectChange, index: int, body: str) -> str:
    title = markup(object_words.change_sentence(change))
    return f'<g class="o {change.change}" data-i="{index}"><title>{title}</title>{body}</g>'


def _shape(seen: Seen, colour: str, change: ObjectChange, *, dashed: bool) -> str:
    width = _STROKES.get(change.change, 3.5)
    box = _edge(seen, colour, width, dashed=dashed)
    return _mask(seen.rings, colour) + box + _bones(seen, colour, width, dashed=dashed)


def _bones(seen: Seen, colour: str, width: float, *, dashed: bool) -> str:
    """Draw a skeleton as one path: bones, and key points as round ends of lines without length."""
    if not seen.points:
        return ""
    bones = "".join(
        "M{:.1f},{:.1f}L{:.1f},{:.1f}".format(*seen.bones[i : i + 4])
        for i in range(0, len(seen.bones), 4)
    )
    dots = "".join(
        f"M{seen.points[i]:.1f},{seen.points[i + 1]:.1f}h0" for i in range(0, len(seen.points), 2)
    )
    dash = ' stroke-dasharray="9 6"' if dashed else ""
    line = f'fill="none" stroke="{colour}" vector-effect="non-scaling-stroke"'
    return (
        f'<path d="{bones}" {line} stroke-width="{width}"{dash}/>'
        f'<path d="{dots}" {line} stroke-width="{width + 3}" stroke-linecap="round"/>'
    )


def _edge(seen: Seen, colour: str, width: float, *, dashed: bool) -> str:
    """Draw the sides of a quadrilateral, else those of the box."""
    if not seen.corners:
        return _rect(seen, colour, width, dashed=dashed)
    dash = ' stroke-dasharray="9 6"' if dashed else ""
    return (
        f'<polygon class="b" points="{_points(seen.corners)}" fill="transparent" stroke="{colour}" '
        f'stroke-width="{width}"{dash} vector-effect="non-scaling-stroke"/>'
    )


def _annotated(picture: Picture) -> str:
    """Draw annotated quadrilaterals thin and dotted, under all that is found."""
    line = 'fill="none" vector-effect="non-scaling-stroke" stroke-width="1.5"'
    return "".join(
        f'<polygon points="{_points(corners)}" {line} stroke="{stroke}"{dash}/>'
        for corners in picture.annotated
        for stroke, dash in (("#000", ""), ("#fff", ' stroke-dasharray="3 3"'))
    )


def _rect(seen: Seen, colour: str, width: float, *, dashed: bool) -> str:
    x0, y0, x1, y1 = seen.box
    dash = ' stroke-dasharray="9 6"' if dashed else ""
    return (
        f'<rect class="b" x="{x0:.1f}" y="{y0:.1f}" width="{max(0.0, x1 - x0):.1f}" '
        f'height="{max(0.0, y1 - y0):.1f}" fill="transparent" stroke="{colour}" '
        f'stroke-width="{width}"{dash} vector-effect="non-scaling-stroke"/>'
    )


def _mask(rings: tuple[tuple[float, ...], ...], colour: str) -> str:
    """Draw outlines as one path: a ring inside a ring is a hole."""
    if not rings:
        return ""
    path = "".join(f"M{_points(ring)}Z" for ring in rings)
    return (
        f'<path d="{path}" fill="{colour}" fill-opacity=".4" fill-rule="evenodd" '
        f'stroke="{colour}" vector-effect="non-scaling-stroke"/>'
    )


def _points(ring: tuple[float, ...]) -> str:
    return " ".join(f"{ring[i]:.1f},{ring[i + 1]:.1f}" for i in range(0, len(ring) - 1, 2))


class _Placer:
    """Puts labels where no other label of the same pane lies."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.letters = max(size) / 34
        self.taken: list[tuple[float, float, float, float]] = []

    def label(self, box: tuple[float, float, float, float], text: str, colour: str) -> str:
        high = self.letters * 1.35
        wide = len(text) * self.letters * _ADVANCE + self.letters * 0.5
        x, y = self._free(box, wide, high)
        self.taken.append((x, y, x + wide, y + high))
        return (
            f'<rect class="lb" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" '
            f'fill="{colour}"/><text x="{x + self.letters * 0.25:.1f}" y="{y + self.letters:.1f}" '
            f'font-size="{self.letters:.1f}" fill="{ink_on(colour)}">{markup(text)}</text>'
        )

    def _free(
        self, box: tuple[float, float, float, float], wide: float, high: float
    ) -> tuple[float, float]:
        x0, y0, x1, y1 = box
        wished = (
            *((x0, y0 - high), (x0, y1), (x0, y0), (x1 - wide, y0 - high), (x0, y1 - high)),
            *((x0, y0 + row * high) for row in range(1, MORE_ROWS)),
        )
        places = [self._inside(x, y, wide, high) for x, y in wished]
        return next((p for p in places if not self._covered(p, wide, high)), places[0])

    def _inside(self, x: float, y: float, wide: float, high: float) -> tuple[float, float]:
        width, height = self.size
        return min(max(0.0, x), max(0.0, width - wide)), min(max(0.0, y), max(0.0, height - high))

    def _covered(self, place: tuple[float, float], wide: float, high: float) -> bool:
        x, y = place
        return any(
            x < right and left < x + wide and y < bottom and top < y + high
            for left, top, right, bottom in self.taken
        )
