"""Greedy suppression by DIoU: the IoU less how far apart the centres lie.

Zheng et al. 2020 (arXiv:1911.08287): DIoU = IoU - d² / c², d the distance of the centres, c the
diagonal of the smallest box around both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Candidates that are compared with all kept boxes and with each other at once.
_BLOCK = 64
#: Which of a block come after each of it.
_LATER = np.triu(np.ones((_BLOCK, _BLOCK), np.bool_), 1)
#: Divisor in place of an empty union.
_TINY = 1e-12
#: What rounding may take from an IoU in float32.
_SLACK = 1e-4


def diou_nms(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], threshold: float, most: int
) -> NDArray[np.int64]:
    """Indices of the first ``most`` boxes whose DIoU with every kept one of their class is low.

    Parameters
    ----------
    boxes, labels
        ``xyxy`` [n, 4] and classes [n], the highest score first.
    """
    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(boxes)))
        rivals = np.concatenate([kept, block])
        alive = np.ones(len(rivals), np.bool_)
        better, worse = _overlapping(boxes, labels, (rivals, block), threshold)
        # Pairs come by their better box, whose own fate is therefore settled already.
        for i, j in zip(better.tolist(), worse.tolist(), strict=True):
            if alive[i]:
                alive[j] = False
        kept = rivals[alive]
        if len(kept) >= most:
            break
    return kept[:most]


def _overlapping(
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    sets: tuple[NDArray[np.int64], NDArray[np.int64]],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one class with a DIoU above the threshold, by their places among the rivals.

    ``sets`` are the rivals and the block, which ends them; each of the block is paired with those
    before it.
    """
    rivals, block = sets
    before = len(rivals) - len(block)
    # The DIoU is at most the IoU: where that is below the threshold, no pair is looked at twice.
    shared, union = _shares(boxes[rivals], boxes[block])
    close = shared > np.float32(threshold - _SLACK) * union
    close &= labels[rivals, None] == labels[block]
    close[before:] &= _LATER[: len(block), : len(block)]
    better, worse = np.nonzero(close)
    over = _diou(boxes[rivals[better]], boxes[block[worse]]) > threshold
    return better[over], worse[over] + before


def _shares(
    a: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Intersection and union [n, m] of boxes [n, 4] and [m, 4]."""
    ax0, ay0, ax1, ay1 = a.T[..., None]
    bx0, by0, bx1, by1 = b.T
    shared = np.maximum(np.minimum(ax1, bx1) - np.maximum(ax0, bx0), np.float32(0))
    shared *= np.maximum(np.minimum(ay1, by1) - np.maximum(ay0, by0), np.float32(0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - shared
    return shared, union


def _diou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """DIoU of pairs of boxes [n, 4], in float64."""
    ax0, ay0, ax1, ay1 = a.T.astype(np.float64)
    bx0, by0, bx1, by1 = b.T.astype(np.float64)
    width = np.maximum(np.minimum(ax1, bx1) - np.maximum(ax0, bx0), 0)
    height = np.maximum(np.minimum(ay1, by1) - np.maximum(ay0, by0), 0)
    shared = width * height
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - shared
    across = np.maximum(ax1, bx1) - np.minimum(ax0, bx0)
    down = np.maximum(ay1, by1) - np.minimum(ay0, by0)
    apart = ((ax0 + ax1 - bx0 - bx1) / 2) ** 2 + ((ay0 + ay1 - by0 - by1) / 2) ** 2
    distance = apart / np.maximum(across**2 + down**2, _TINY)
    overlap: NDArray[np.float64] = shared / np.maximum(union, _TINY) - distance
    return overlap
