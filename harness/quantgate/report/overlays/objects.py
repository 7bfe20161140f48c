"""Boxes and masks of both roles: Parent | Optimized | Diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.html.palette import CHANGES, OPTIMIZED, PARENT, SEEN_FIRST
from quantgate.report.overlays.canvas import Canvas, captioned
from quantgate.report.words.objects import change_label, counts_sentence, seen_text

if TYPE_CHECKING:
    from PIL.Image import Image

    from quantgate.report.picture import ObjectChange, Picture, Seen

#: Kept objects are named too where there are at most this many on a pane.
_FEW = 8


def object_panes(picture: Picture, image: Image) -> tuple[Image, Image, Image]:
    """Draw the three panes, captions burned in, at the size of ``image``."""
    scale = image.width / picture.size[0]
    changes = sorted(picture.changes, key=lambda change: SEEN_FIRST.index(change.change))
    known = [[value * scale for value in flat] for flat in picture.annotated]
    ground = _annotated(image.convert("RGB"), known)
    parent = _role_pane(ground, changes, "parent", scale)
    optimized = _role_pane(ground, changes, "optimized", scale)
    told = f"   {len(known)} annotated, dotted" if known else ""
    counts = {name: sum(c.change == name for c in changes) for name in CHANGES}
    return (
        captioned(
            parent, f"{picture.roles[0].upper()}   {_objects(changes, 'parent')}{told}", PARENT
        ),
        captioned(optimized, f"OPTIMIZED   {_objects(changes, 'optimized')}", OPTIMIZED),
        captioned(
            _diff_pane(image, changes, (scale, known)),
            f"DIFF   {counts_sentence(counts)}",
            "#FFFFFF",
        ),
    )


def _objects(changes: list[ObjectChange], role: str) -> str:
    from quantgate.report.words.numbers import counted

    return counted(sum(getattr(change, role) is not None for change in changes), "objects")


def _role_pane(image: Image, changes: list[ObjectChange], role: str, scale: float) -> Image:
    pane = image.convert("RGB")
    canvas = Canvas.over(pane)
    colour = PARENT if role == "parent" else OPTIMIZED
    shown = [(c, getattr(c, role)) for c in changes if getattr(c, role) is not None]
    for change, seen in reversed(shown):
        _shape(canvas, seen, colour, scale, width=_width(pane, change))
    for change, seen in shown:
        if change.change != "kept" or len(shown) <= _FEW:
            canvas.label(_scaled(seen, scale), seen_text(seen), colour)
    return pane


def _annotated(pane: Image, known: list[list[float]]) -> Image:
    """Draw annotated quadrilaterals thin and dashed, under all that is found."""
    canvas = Canvas.over(pane)
    for corners in known:
        canvas.outline(corners, "#000000", width=2)
        canvas.outline(corners, "#FFFFFF", width=2, dashed=True)
    return pane


def _diff_pane(
    image: Image, changes: list[ObjectChange], placed: tuple[float, list[list[float]]]
) -> Image:
    scale, known = placed
    pane = image.convert("L").point(lambda value: 40 + value * 0.62).convert("RGB")
    canvas = Canvas.over(_annotated(pane, known))
    for change in reversed(changes):
        colour, width = CHANGES[change.change], _width(pane, change)
        if change.change == "moved" and change.parent is not None:
            thin = max(1, width // 2)
            _edge(canvas, change.parent, PARENT, scale, width=thin, dashed=True)
            _skeleton(canvas, change.parent, PARENT, scale, width=thin)
        seen = change.optimized or change.parent
        if seen is not None:
            _shape(canvas, seen, colour, scale, width=width, dashed=change.change == "lost")
    for change in changes:
        seen = change.optimized or change.parent
        if change.change != "kept" and seen is not None:
            canvas.label(_scaled(seen, scale), _ascii(change_label(change)), CHANGES[change.change])
    return pane


def _shape(
    canvas: Canvas, seen: Seen, colour: str, scale: float, *, width: int, dashed: bool = False
) -> None:
    if seen.rings:
        canvas.mask([[value * scale for value in ring] for ring in seen.rings], colour)
    _edge(canvas, seen, colour, scale, width=width, dashed=dashed)
    _skeleton(canvas, seen, colour, scale, width=width)


def _edge(
    canvas: Canvas, seen: Seen, colour: str, scale: float, *, width: int, dashed: bool
) -> None:
    """Draw the sides of a quadrilateral, else those of the box."""
    if seen.corners:
        corners = [value * scale for value in seen.corners]
        canvas.outline(corners, colour, width=width, dashed=dashed)
    else:
        canvas.box(_scaled(seen, scale), colour, width=width, dashed=dashed)


def _skeleton(canvas: Canvas, seen: Seen, colour: str, scale: float, *, width: int) -> None:
    bones, points = ([value * scale for value in flat] for flat in (seen.bones, seen.points))
    canvas.skeleton(bones, points, colour, width=width)


def _ascii(label: str) -> str:
    # The font that Pillow ships has no arrow.
    return label.replace("→", ">")


def _width(image: Image, change: ObjectChange) -> int:
    thin = max(2, round(max(image.size) / 400))
    return {"kept": thin, "moved": thin + 1}.get(change.change, thin * 2 + 1)


def _scaled(seen: Seen, scale: float) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (value * scale for value in seen.box)
    return (x0, y0, x1, y1)
