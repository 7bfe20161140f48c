"""Joining slices of text to lines, as CTPN does: each to the surest of the next ones that are as high."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two slices are of one line where their heights overlap, and are alike, by this share.
_OVERLAP = _LIKE = 0.7


@dataclass(frozen=True, slots=True)
class Slices:
    """Boxes ``xyxy`` [n, 4] px, and scores [n]."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


def joined(slices: Slices, gap: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lines of two slices and more: boxes [lines, 4], and scores, the mean of their slices' [lines]."""
    following = _following(slices, gap)
    followed = set(following.values())
    chains = []
    for first in sorted(following):
        if first not in followed:
            chain = [first]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            chains.append(chain)
    lines = [_line(slices.boxes[chain]) for chain in chains]
    scores = [float(slices.scores[chain].mean()) for chain in chains]
    return np.array(lines, np.float64).reshape(-1, 4), np.array(scores, np.float64)


def _following(slices: Slices, gap: int) -> dict[int, int]:
    """The slice that each one goes on in, where that has none before it that is surer."""
    if not len(slices.scores):
        return {}
    columns = slices.boxes[:, 0].astype(np.int64)
    away = columns[None, :] - columns[:, None]
    near = _alike(slices.boxes) & (away > 0) & (away <= gap)
    steps = np.where(near, away, gap + 1)
    after = near & (steps == steps.min(axis=1, keepdims=True))
    before = near & (steps == steps.min(axis=0, keepdims=True))
    best = np.where(after, slices.scores[None, :], -1.0).argmax(axis=1)
    rival = np.where(before, slices.scores[:, None], -1.0).max(axis=0)
    going = after.any(axis=1) & (slices.scores >= rival[best])
    return {int(index): int(best[index]) for index in np.flatnonzero(going)}


def _alike(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether two slices may be of one line, [n, n]."""
    heights = boxes[:, 3] - boxes[:, 1]
    top = np.maximum(boxes[:, None, 1], boxes[None, :, 1])
    shared = np.minimum(boxes[:, None, 3], boxes[None, :, 3]) - top
    least = np.minimum(heights[:, None], heights[None, :])
    most = np.maximum(heights[:, None], heights[None, :])
    return np.asarray((np.maximum(shared, 0) >= _OVERLAP * least) & (least >= _LIKE * most))


def _line(boxes: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Box of a line: as high as the straight lines through the tops and bottoms of its slices [n, 4]."""
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    half = float(boxes[0, 2] - boxes[0, 0]) / 2
    ends = np.array([left + half, right - half])
    tops, bottoms = (_fitted(boxes[:, 0], boxes[:, side], ends) for side in (1, 3))
    return left, float(tops.min()), right, float(bottoms.max())


def _fitted(
    x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values [k] at x [k] of the line of least squares through points [n]."""
    centred = x - x.mean()
    power = float((centred * centred).sum())
    slope = float((centred * (y - y.mean())).sum()) / power if power else 0.0
    return np.asarray(y.mean() + slope * (at - x.mean()))
