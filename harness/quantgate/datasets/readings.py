"""What boxes would be if their four numbers meant something else: the usual mix-ups, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

Boxes: TypeAlias = "NDArray[np.float64]"

#: A box may stick out by rounding: this many pixels, and this share of the image's side.
SLACK_PX, SLACK = 2.0, 0.01
_ALMOST = 950


def sticks_out(boxes: Boxes, sides: Boxes) -> NDArray[np.bool_]:
    """Whether a box [n, 4] ``xyxy`` leaves its image of [n, 2] width and height by more than rounding."""
    slack = SLACK_PX + SLACK * sides
    before = (boxes[:, :2] < -slack).any(axis=1)
    return np.asarray(before | (boxes[:, 2:] > sides + slack).any(axis=1))


def outside(boxes: Boxes, sides: Boxes) -> NDArray[np.float64]:
    """Share of each box's area that lies outside of its image, [n]; 0 for a box without area."""
    low, high = np.clip(boxes[:, :2], 0, sides), np.clip(boxes[:, 2:], 0, sides)
    whole = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    inside = (high - low).prod(axis=1)
    return np.where(whole > 0, 1 - inside / np.maximum(whole, 1e-12), 0.0)


def _corners(boxes: Boxes, _: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _sizes(boxes: Boxes, _: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _by_half(boxes: Boxes, way: float) -> Boxes:
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    return boxes + way * np.concatenate([half, half], axis=1)


def _both_corners(boxes: Boxes, _: Boxes) -> Boxes:
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def _exchanged(boxes: Boxes, _: Boxes) -> Boxes:
    return boxes[:, [1, 0, 3, 2]]


def _thousandths(boxes: Boxes, sides: Boxes) -> Boxes:
    # Of any boxes that are too large this would make small ones: believed where 1000 is reached.
    fits = _ALMOST <= boxes.max() <= 1000  # noqa: PLR2004 - thousandths
    return boxes * np.concatenate([sides, sides], axis=1) / 1000 if fits else boxes


#: Sentence of what the numbers seem to be, and the boxes ``xyxy`` that they would then be.
READINGS: Mapping[str, Callable[[Boxes, Boxes], Boxes]] = MappingProxyType(
    {
        "the far corner where the size is expected": _corners,
        "the size where the far corner is expected": _sizes,
        "the centre where the corner is expected": lambda boxes, _: _by_half(boxes, -1),
        "the corner where the centre is expected": lambda boxes, _: _by_half(boxes, 1),
        "both corners where the centre and the size are expected": _both_corners,
        "y before x": _exchanged,
        "thousandths of the image": _thousandths,
    }
)


def better_reading(boxes: Boxes, sides: Boxes) -> str:
    """Name the first other reading by which every box is one, and lies in its image; empty for none."""
    for said, read in READINGS.items():
        other = read(boxes, sides)
        proper = (other[:, 2:] > other[:, :2]).all()
        if proper and not sticks_out(other, sides).any():
            return said
    return ""
