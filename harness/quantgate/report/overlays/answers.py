"""What a model sees, before it is compared with anything: its input with its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.report.html.palette import PARENT
from quantgate.report.overlays.canvas import Canvas, captioned, from_bgr, grid, webp
from quantgate.report.overlays.segments import tinted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from quantgate.report.picture import ClassBar, Seen

_SIDE_PX = 480
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Answered:
    """One image as a model takes it, and what the model says of it.

    Parameters
    ----------
    name
        Of the image.
    image
        uint8 [height, width, 3], BGR: the input before colour, mean and scale.
    objects
        Boxes in pixels of the input, surest first.
    classes
        Best classes, best first.
    labels
        Class of every pixel [h, w] of the input, or None.
    text
        What the model reads.
    """

    name: str
    image: NDArray[np.uint8]
    objects: tuple[Seen, ...] = ()
    classes: tuple[ClassBar, ...] = ()
    labels: NDArray[np.uint8] | None = None
    text: str = ""


def answers_picture(answers: Sequence[Answered]) -> bytes:
    """Draw images with their answers as one WebP, two in a row."""
    return webp(grid([_pane(answer) for answer in answers], _SIDE_PX))


def answer_picture(answer: Answered) -> bytes:
    """Draw one image with its answer as a WebP."""
    return webp(_pane(answer))


def _pane(answer: Answered) -> Image:
    pane = from_bgr(answer.image, _SIDE_PX).convert("RGB")
    if answer.labels is not None:
        pane = tinted(pane, answer.labels)
    scale = pane.width / answer.image.shape[1]
    canvas = Canvas.over(pane)
    for number, seen in enumerate(answer.objects):
        x0, y0, x1, y1 = (edge * scale for edge in seen.box)
        box = (max(0.0, x0), max(0.0, y0), min(pane.width, x1), min(pane.height, y1))
        if seen.corners:
            canvas.outline([value * scale for value in seen.corners], PARENT, width=2)
        else:
            canvas.box(box, PARENT, width=2)
        bones, points = ([value * scale for value in flat] for flat in (seen.bones, seen.points))
        canvas.skeleton(bones, points, PARENT, width=2)
        if number < _NAMED:
            canvas.label(box, f"{seen.label} {seen.score:.2f}", PARENT)
    said = answer.text or ", ".join(f"{bar.label} {bar.score:.2f}" for bar in answer.classes)
    return captioned(pane, f"{answer.name}   {said}".rstrip(), PARENT)
