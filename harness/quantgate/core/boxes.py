"""Overlap of boxes: ``xyxy`` in float pixels, width ``x2 - x1``, without the +1 pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def box_area(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Area in px² of boxes [n, 4]; a box turned inside out has none."""
    sides = np.maximum(boxes[:, 2:].astype(np.float64) - boxes[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def extents(
    points: NDArray[np.floating],
    size: tuple[int, int],
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Boxes [n, 4] around points [n, points, 2], clipped to an image of ``size``; ``known`` [n, points] count.

    Examples
    --------
    >>> extents(np.array([[[-2, 5], [30, 8], [10, 7]]]), (20, 20)).tolist()
    [[0.0, 5.0, 20.0, 8.0]]
    """
    # Twice as fast as clip, which is what decoding one object's key points costs.
    inside = np.minimum(np.maximum(points.astype(np.float64), 0), np.array(size, np.float64))
    least = most = inside
    if known is not None:
        least = np.where(known[..., None], inside, np.inf)
        most = np.where(known[..., None], inside, -np.inf)
    low, high = least.min(axis=1), most.max(axis=1)
    return np.concatenate([low, high], axis=1).astype(np.float32)


def intersection(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the common area in px², [n, m], of boxes [n, 4] and [m, 4]."""
    # Column by column: four [n, m] temporaries are twice as fast as one [n, m, 2].
    a = np.asarray(first, np.float64).reshape(-1, 4).T[:, :, None]
    b = np.asarray(second, np.float64).reshape(-1, 4).T[:, None, :]
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    np.maximum(width, 0.0, out=width)
    np.maximum(height, 0.0, out=height)
    width *= height
    return np.asarray(width)


def box_iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union, [n, m], of boxes [n, 4] and [m, 4]; 0 where both areas are 0.

    Examples
    --------
    >>> box_iou(np.array([[0, 0, 10, 10]]), np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]]))
    array([[1.        , 0.33333333, 0.        ]])
    """
    common = intersection(first, second)
    union = box_area(np.asarray(first).reshape(-1, 4))[:, None] + (
        box_area(np.asarray(second).reshape(-1, 4))[None, :] - common
    )
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def box_ioa(boxes: NDArray[np.floating], regions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of each box that lies in each region, [n, m]: COCO's overlap with a crowd region.

    Examples
    --------
    >>> box_ioa(np.array([[0, 0, 10, 10]]), np.array([[5, 0, 100, 100]]))
    array([[0.5]])
    """
    common = intersection(boxes, regions)
    area = np.broadcast_to(box_area(np.asarray(boxes).reshape(-1, 4))[:, None], common.shape)
    return np.divide(common, area, out=np.zeros_like(common), where=area > 0)


def assign(weight: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair rows with columns one to one at maximum total weight; a weight of 0 is no pair.

    Parameters
    ----------
    weight
        [rows, columns], not negative.

    Returns
    -------
    tuple of ndarray
        Rows and columns of the pairs. Deterministic: ties are broken by the order of the matrix.

    Examples
    --------
    >>> rows, columns = assign(np.array([[0.9, 0.8], [0.8, 0.0]]))
    >>> rows.tolist(), columns.tolist()
    ([0, 1], [1, 0])
    """
    allowed = weight > 0
    rows, columns = np.nonzero(allowed)
    if len(rows) == 0:
        return rows, columns
    # A pair without rivals is in every optimum; only the contested rest needs the assignment.
    alone = (allowed.sum(axis=1)[rows] == 1) & (allowed.sum(axis=0)[columns] == 1)
    if alone.all():
        return rows, columns
    from scipy.optimize import linear_sum_assignment

    contested_rows, contested_columns = np.unique(rows[~alone]), np.unique(columns[~alone])
    part = weight[np.ix_(contested_rows, contested_columns)]
    r, c = linear_sum_assignment(part, maximize=True)
    taken = part[r, c] > 0
    return (
        np.concatenate([rows[alone], contested_rows[r[taken]]]),
        np.concatenate([columns[alone], contested_columns[c[taken]]]),
    )
