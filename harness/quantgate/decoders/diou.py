"""Greedy suppression by DIoU: IoU minus the normalized distance of the centres.

Zheng et al. 2020 (arXiv:1911.08287): DIoU = IoU - d² / c², d the distance of the centres, c the
diagonal of the smallest box around both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Candidates that are compared with all kept boxes and with each other at once.
_BLOCK = 96
#: Which of a block come after each of it.
_LATER = np.triu(np.ones((_BLOCK, _BLOCK), np.bool_), 1)
#: Divisor in place of an empty union.
_TINY = 1e-12
#: What rounding may take from a share of two areas in float32.
_SLACK = 1e-4


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Boxes, the highest score first, with ``x0, y0, x1, y1`` as rows [4, n].

    ``shares`` is the part of its area that a box adds to what two have to share: IoU > t where the
    intersection is above t / (1 + t) of the sum of both areas. ``labels`` is None where all are alike.
    """

    corners: NDArray[np.float32]
    exact: NDArray[np.float64]
    areas: NDArray[np.float64]
    shares: NDArray[np.float32]
    labels: NDArray[np.int64] | None


def diou_nms(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], threshold: float, most: int
) -> NDArray[np.int64]:
    """Indices of the first ``most`` boxes whose DIoU with every kept one of their class is low.

    Parameters
    ----------
    boxes, labels
        ``xyxy`` [n, 4] and classes [n], the highest score first.
    """
    ranked = _ranked(boxes, labels, threshold)
    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(boxes)))
        rivals = np.concatenate([kept, np.arange(block.start, block.stop)])
        better, worse = _overlapping(ranked, rivals, block, threshold)
        # Pairs come by their better box. First those of the kept ones, whose fate is settled.
        alive = np.ones(len(rivals), np.bool_)
        alive[worse[: np.searchsorted(better, len(kept))]] = False
        unsettled = alive[better] & alive[worse]
        for i, j in zip(better[unsettled].tolist(), worse[unsettled].tolist(), strict=True):
            if alive[i]:
                alive[j] = False
        kept = rivals[alive]
        if len(kept) >= most:
            break
    return kept[:most]


def _ranked(boxes: NDArray[np.float32], labels: NDArray[np.int64], threshold: float) -> _Ranked:
    corners = np.ascontiguousarray(boxes.T)
    exact = corners.astype(np.float64)
    areas = (exact[2] - exact[0]) * (exact[3] - exact[1])
    shares = (areas * (threshold / (1 + threshold) - _SLACK)).astype(np.float32)
    alike = bool((labels == labels[:1]).all())
    return _Ranked(corners, exact, areas, shares, None if alike else labels)


def _overlapping(
    ranked: _Ranked, rivals: NDArray[np.int64], block: slice, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one class with a DIoU above the threshold, by their places among the rivals.

    The block ends the rivals; each of it is paired with those before it.
    """
    count = block.stop - block.start
    before = len(rivals) - count
    # The DIoU is at most the IoU: where that is below the threshold, no pair is looked at twice.
    shared = _intersections(ranked.corners[:, rivals], ranked.corners[:, block])
    close = shared > np.add.outer(ranked.shares[rivals], ranked.shares[block])
    if ranked.labels is not None:
        close &= ranked.labels[rivals, None] == ranked.labels[block]
    close[before:] &= _LATER[:count, :count]
    better, worse = np.divmod(np.flatnonzero(close), count)
    over = _diou(ranked, rivals[better], worse + block.start) > threshold
    return better[over], worse[over] + before


def _intersections(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shared area [n, m] of boxes [4, n] and [4, m]; none or less where they are apart."""
    width = np.minimum(a[2, :, None], b[2])
    width -= np.maximum(a[0, :, None], b[0])
    np.maximum(width, 0, out=width)
    height = np.minimum(a[3, :, None], b[3])
    height -= np.maximum(a[1, :, None], b[1])
    shared: NDArray[np.float32] = np.multiply(width, height, out=width)
    return shared


def _diou(
    ranked: _Ranked, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """DIoU of pairs of boxes by their numbers, in float64."""
    a, b = ranked.exact[:, first], ranked.exact[:, second]
    outer, inner = np.maximum(a, b), np.minimum(a, b)
    extent = np.maximum(inner[2:] - outer[:2], 0)
    shared = extent[0] * extent[1]
    union = ranked.areas[first] + ranked.areas[second] - shared
    across, down = outer[2:] - inner[:2]
    diagonal = across * across + down * down
    x, y = a[:2] + a[2:] - b[:2] - b[2:]
    apart = (x * x + y * y) / 4
    distance = apart / np.maximum(diagonal, _TINY)
    overlap: NDArray[np.float64] = shared / np.maximum(union, _TINY) - distance
    return overlap
