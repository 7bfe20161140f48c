"""The arithmetic of YOLO's anchor heads: which cells pass, their scores, their boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from quantgate.decoders.boxes import (
    LARGEST_EXPONENT,
    Candidates,
    above,
    centre_to_corners,
    sigmoid,
    softmax,
)
from quantgate.decoders.priors import cells
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HEAD = 5
_SPLIT_RANK = 5
#: Scores are compared before their sigmoid, whose rounding this allows for.
_LOGIT_SLACK = 1e-3


@dataclass(frozen=True, slots=True)
class HeadForm:
    """How one head is read: its anchors in input pixels (or cells), and its activations."""

    anchors: tuple[tuple[float, float], ...]
    in_cells: bool
    classes: Literal["sigmoid", "softmax"]
    activated: bool
    scale_xy: float
    squared: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A head as [anchors, 5 + classes, cells] over a grid of ``(columns, rows)``."""

    values: NDArray[np.float32]
    grid: tuple[int, int]


def as_head(array: NDArray[np.float32], anchors: int, size: tuple[int, int]) -> Head:
    """View a map [1, channels, h, w] or [1, h, w, channels] as a head over an input ``(width, height)``.

    A map of five dimensions has one for the anchors, and the numbers of a cell first or last.

    Raises
    ------
    DecoderError
        When neither order gives ``anchors · (5 + classes)`` channels over a grid of square cells.
    """
    if array.ndim == _SPLIT_RANK:
        array = _joined(array, anchors, size)
    images, first, second, third = array.shape
    if images == 1 and _is_head(first, (third, second), (anchors, size)):
        return Head(array.reshape(anchors, first // anchors, -1), (third, second))
    if images == 1 and _is_head(third, (second, first), (anchors, size)):
        table = array.reshape(first * second, anchors, third // anchors)
        return Head(table.transpose(1, 2, 0), (second, first))
    raise DecoderError(
        f"a head of shape {list(array.shape)} is no grid of {anchors} anchors over an input of "
        f"{size[0]}x{size[1]}; set the decoder's anchors and masks"
    )


def _joined(array: NDArray[np.float32], anchors: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """[1, anchors, rows, columns, numbers], or with the numbers before the rows, as a map."""
    images, count, first, second, third = array.shape
    if count == anchors and _is_head(anchors * third, (second, first), (anchors, size)):
        array = array.transpose(0, 1, 4, 2, 3)
        return array.reshape(images, anchors * third, first, second)
    return array.reshape(images, count * first, second, third)


def _is_head(channels: int, grid: tuple[int, int], place: tuple[int, tuple[int, int]]) -> bool:
    anchors, (width, height) = place
    columns, rows = grid
    square = width * rows == height * columns and width % columns == 0 and columns < width
    return square and channels % anchors == 0 and channels // anchors > HEAD


def head_candidates(
    heads: Sequence[tuple[Head, HeadForm]], size: tuple[int, int], selection: tuple[float, bool]
) -> Candidates:
    """Candidates of all heads in input pixels; ``selection`` is threshold and multi-label."""
    threshold, multi_label = selection
    form = heads[0][1]
    least = threshold if form.activated else _logit(threshold)
    parts = [_passing(head, head_form, size, least) for head, head_form in heads]
    rows = np.concatenate([numbers for numbers, _ in parts])
    places = np.concatenate([places for _, places in parts])
    if multi_label or form.classes == "softmax":
        scores = _scores(rows, form)
        picked, labels = above(scores, threshold, multi_label=multi_label)
        return Candidates(
            _boxes(rows[picked], places[picked], form), scores[picked, labels], labels
        )
    # A sigmoid changes no order: only that of the best class is needed.
    labels = rows[:, HEAD:].argmax(axis=1)
    best = rows[np.arange(len(rows)), HEAD + labels, None]
    scores = _scores(np.concatenate([rows[:, :HEAD], best], axis=1), form)
    picked, _ = above(scores, threshold, multi_label=False)
    return Candidates(_boxes(rows[picked], places[picked], form), scores[picked, 0], labels[picked])


def _passing(
    head: Head, form: HeadForm, size: tuple[int, int], least: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Numbers [n, 5 + classes] of the cells whose objectness passes, and their places [n, 6]."""
    index = np.flatnonzero(head.values[:, 4, :] >= least)
    anchor, cell = np.divmod(index, head.values.shape[2])
    return head.values[anchor, :, cell], _places(head.grid, form, size)[index]


@lru_cache(maxsize=64)
def _places(grid: tuple[int, int], form: HeadForm, size: tuple[int, int]) -> NDArray[np.float32]:
    """Where a head's cells lie, [anchors * cells, 6].

    A box's centre is the first two plus the next two times the encoded shift; its extent is the last
    two times the encoded scale.
    """
    stride = size[0] // grid[0]
    corner = (cells(size, (stride,))[:, :2].astype(np.float64) - (form.scale_xy - 1) / 2) * stride
    anchors = np.asarray(form.anchors) * (stride if form.in_cells else 1)
    cell = np.concatenate([corner, np.full_like(corner, stride * form.scale_xy)], axis=1)
    count = len(anchors)
    found = np.concatenate([np.tile(cell, (count, 1)), np.repeat(anchors, len(cell), axis=0)], 1)
    found = found.astype(np.float32)
    found.flags.writeable = False
    return found


def _logit(threshold: float) -> float:
    if threshold <= 0:
        return -math.inf
    if threshold >= 1:
        return 0.0
    return math.log(threshold / (1 - threshold)) - _LOGIT_SLACK


def _scores(rows: NDArray[np.float32], form: HeadForm) -> NDArray[np.float32]:
    if form.activated:
        return rows[:, HEAD:] * rows[:, 4:HEAD]
    if form.classes == "sigmoid":
        return sigmoid(rows[:, HEAD:]) * sigmoid(rows[:, 4:HEAD])
    return softmax(rows[:, HEAD:]) * sigmoid(rows[:, 4:HEAD])


def _boxes(
    encoded: NDArray[np.float32], places: NDArray[np.float32], form: HeadForm
) -> NDArray[np.float32]:
    shift, scale = encoded[:, :2], encoded[:, 2:4]
    if not form.activated:
        shift = sigmoid(shift)
    if form.squared:
        scale = (2 * (scale if form.activated else sigmoid(scale))) ** 2
    else:
        scale = np.exp(np.minimum(scale, LARGEST_EXPONENT))
    centre = places[:, :2] + shift * places[:, 2:4]
    return centre_to_corners(np.concatenate([centre, scale * places[:, 4:]], axis=1))
