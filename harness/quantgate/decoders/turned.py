"""Turned boxes in decoders: their overlap, suppression, and the way back to the original image.

A package decodes with this very code, and brings no library of polygons: rectangles are convex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.boxes import extents, intersection
from quantgate.core.predictions import Detections

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame

#: Boxes whose pairs are looked at together: bounds memory, and spares boxes that nobody keeps.
_LEAST_WINDOW, _WINDOW = 64, 256


def turned_detections(
    quads: NDArray[np.floating],
    scores: NDArray[np.floating],
    labels: NDArray[np.int64],
    frame: Frame,
) -> Detections:
    """Map quadrilaterals [n, 4, 2] in pixels of the input to the original image, the surest first.

    Those that lie outside of the image are dropped.
    """
    order = np.argsort(-scores, kind="stable")
    corners = frame.points_to_image(quads[order].astype(np.float32))
    boxes = extents(corners, frame.image)
    real = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    order = order[real]
    return Detections(
        boxes[real],
        scores[order].astype(np.float32),
        labels[order].astype(np.int64),
        quads=corners[real],
    )


def turned_nms(
    quads: NDArray[np.float64],
    scores: NDArray[np.floating],
    labels: NDArray[np.int64],
    rule: tuple[float, int],
) -> NDArray[np.int64]:
    """Greedy NMS of convex quadrilaterals [n, 4, 2] of one direction, class by class: indices of survivors, by score.

    Parameters
    ----------
    rule
        IoU above which a worse one is dropped, and most survivors.
    """
    threshold, most = rule
    order = np.argsort(-scores, kind="stable")
    ranked = _Ranked(quads[order].astype(np.float64), labels[order])
    kept: list[int] = []
    start, window = 0, _LEAST_WINDOW
    while start < len(order) and len(kept) < most:
        own = np.arange(start, min(start + window, len(order)))
        _, covered = ranked.overlapping(np.array(kept, np.int64), own, threshold)
        left = own[~np.isin(own, covered)]
        kept += _greedy(ranked, left, threshold)
        start += len(own)
        # Where most are new, more are looked at together; where most are covered, few.
        window = min(2 * window, _WINDOW) if 2 * len(left) > len(own) else _LEAST_WINDOW
    return order[np.array(kept[:most], np.int64)]


class _Ranked:
    """Quadrilaterals by their score, their extents and classes."""

    def __init__(self, quads: NDArray[np.float64], kinds: NDArray[np.int64]) -> None:
        self.quads, self.kinds = quads, kinds
        self.boxes = np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)

    def overlapping(
        self, first: NDArray[np.int64], second: NDArray[np.int64], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of one class, the first the better one, whose IoU is above a threshold: [pairs] twice."""
        near = intersection(self.boxes[first], self.boxes[second]) > 0
        near &= self.kinds[first][:, None] == self.kinds[second][None, :]
        rows, columns = np.nonzero(near & (first[:, None] < second[None, :]))
        a, b = first[rows], second[columns]
        over = convex_iou(self.quads[a], self.quads[b]) > threshold
        return a[over], b[over]


def _greedy(ranked: _Ranked, own: NDArray[np.int64], threshold: float) -> list[int]:
    """Keep each that no better one kept overlaps too much."""
    rivals: dict[int, list[int]] = {}
    for better, worse in zip(*map(list, ranked.overlapping(own, own, threshold)), strict=True):
        rivals.setdefault(int(better), []).append(int(worse))
    dropped: set[int] = set()
    kept = []
    for index in own.tolist():
        if index not in dropped:
            kept.append(index)
            dropped.update(rivals.get(index, ()))
    return kept


def convex_iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of pairs of convex quadrilaterals, [n, 4, 2] twice, that run one way around: [n].

    Examples
    --------
    >>> square = np.array([[[0.0, 0], [2, 0], [2, 2], [0, 2]]])
    >>> convex_iou(square, square + [1, 0]).round(6).tolist(), convex_iou(square, square).tolist()
    ([0.333333], [1.0])
    """
    # Coordinates from a corner of their own: products of far ones would round.
    origin = first[:, :1]
    a, b = first - origin, second - origin
    common = np.maximum(_along(a, b, within=True) + _along(b, a, within=False), 0.0)
    union = _area(a) + _area(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _area(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area [n], negative of those that run counter-clockwise on a screen."""
    x, y = quads[..., 0], quads[..., 1]
    doubled = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)
    return np.asarray(doubled / 2)


def _along(
    quads: NDArray[np.float64], others: NDArray[np.float64], *, within: bool
) -> NDArray[np.float64]:
    """What the sides of quadrilaterals, as far as they lie in the others, add to the area of the common part, [n].

    Green's theorem: half of x dy - y dx along its border. Sides that lie on one of the others' count only
    ``within``, so that they count once, and where both run one way: else the two are beside each other.
    """
    start = quads[:, :, None]
    side = np.roll(quads, -1, axis=1)[:, :, None] - start
    corner = others[:, None]
    edge = np.roll(others, -1, axis=1)[:, None] - corner
    # How far inside of each edge a side begins, and how that grows along it.
    away = edge[..., 0] * (start - corner)[..., 1] - edge[..., 1] * (start - corner)[..., 0]
    slope = edge[..., 0] * side[..., 1] - edge[..., 1] * side[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        meets = -away / slope
    low = np.where(slope > 0, meets, 0.0).max(axis=2, initial=0.0)
    high = np.where(slope < 0, meets, 1.0).min(axis=2, initial=1.0)
    against = (edge * side).sum(axis=-1) <= 0
    beside = (slope == 0) & ((away < 0) | ((away == 0) & (against | (not within))))
    high = np.where(beside.any(axis=2), low, np.maximum(high, low))
    begin, step = quads, side[:, :, 0]
    turned = begin[..., 0] * step[..., 1] - begin[..., 1] * step[..., 0]
    return np.asarray((turned * (high - low)).sum(axis=1) / 2)
