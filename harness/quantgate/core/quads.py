"""Overlap of quadrilaterals: four corners in float pixels, clockwise or counter-clockwise.

One whose sides cross is taken as the hull of its corners: that is what corners in another order mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.boxes import intersection

if TYPE_CHECKING:
    from numpy.typing import NDArray


def quad_areas(quads: NDArray[np.floating]) -> NDArray[np.float64]:
    """Area in px² of quadrilaterals [n, 4, 2]; of those whose sides cross, that of their hull.

    Examples
    --------
    >>> quad_areas(np.array([[[0, 0], [4, 0], [4, 3], [0, 3]], [[0, 0], [4, 3], [4, 0], [0, 3]]])).tolist()
    [12.0, 12.0]
    """
    import shapely

    return np.asarray(shapely.area(_polygons(quads)), np.float64)


def crossed(quads: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether two sides of each quadrilateral [n, 4, 2] cross, [n].

    Examples
    --------
    >>> crossed(np.array([[[0, 0], [4, 0], [4, 3], [0, 3]], [[0, 0], [4, 0], [0, 3], [4, 3]]])).tolist()
    [False, True]
    """
    corners = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    a, b, c, d = (corners[:, k] for k in range(4))
    return np.asarray(_cross(a, b, c, d) | _cross(b, c, d, a))


def quad_iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union, [n, m], of quadrilaterals [n, 4, 2] and [m, 4, 2]; 0 where both are empty.

    Examples
    --------
    >>> upright = np.array([[[0, 0], [2, 0], [2, 2], [0, 2]]])
    >>> turned = np.array([[[1, 0], [2, 1], [1, 2], [0, 1]]])
    >>> quad_iou(upright, turned).tolist()
    [[0.5]]
    """
    common, areas, others = _common(first, second)
    union = areas[:, None] + (others[None, :] - common)
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def quad_ioa(quads: NDArray[np.floating], regions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of each quadrilateral [n, 4, 2] that lies in each region [m, 4, 2]: [n, m].

    Examples
    --------
    >>> small = np.array([[[0, 0], [2, 0], [2, 2], [0, 2]]])
    >>> quad_ioa(small, np.array([[[1, -9], [9, -9], [9, 9], [1, 9]]])).tolist()
    [[0.5]]
    """
    common, areas, _ = _common(quads, regions)
    area = np.broadcast_to(areas[:, None], common.shape)
    return np.divide(common, area, out=np.zeros_like(common), where=area > 0)


def turned_corners(
    centres: NDArray[np.floating], sides: NDArray[np.floating], angles: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Corners [n, 4, 2] of rectangles: centres and sides [n, 2], angles [n] in radians, clockwise as y points down.

    Examples
    --------
    >>> turned_corners(np.array([[5, 5]]), np.array([[4, 2]]), np.array([0.0])).tolist()
    [[[3.0, 4.0], [7.0, 4.0], [7.0, 6.0], [3.0, 6.0]]]
    """
    cos, sin = np.cos(angles, dtype=np.float64), np.sin(angles, dtype=np.float64)
    along = np.stack([cos, sin], axis=1) * (sides[:, :1] / 2)
    across = np.stack([-sin, cos], axis=1) * (sides[:, 1:] / 2)
    corners = [-along - across, along - across, along + across, across - along]
    return np.asarray(np.asarray(centres, np.float64)[:, None] + np.stack(corners, axis=1))


def boxes_around(quads: NDArray[np.floating]) -> NDArray[np.float64]:
    """Extents ``xyxy`` [n, 4] of quadrilaterals [n, 4, 2]."""
    corners = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _polygons(quads: NDArray[np.floating]) -> NDArray[Any]:
    """Polygons that overlays can be made of, [n]."""
    import shapely

    found = shapely.polygons(np.asarray(quads, np.float64).reshape(-1, 4, 2))
    bad = ~shapely.is_valid(found)
    found[bad] = shapely.convex_hull(found[bad])
    return np.asarray(found)


def _common(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Common area [n, m], and the areas of both lists, [n] and [m]."""
    import shapely

    found = [_polygons(each) for each in (first, second)]
    areas = [np.asarray(shapely.area(each), np.float64) for each in found]
    near = intersection(boxes_around(first), boxes_around(second))
    near[areas[0] <= 0] = 0.0
    near[:, areas[1] <= 0] = 0.0
    rows, columns = np.nonzero(near > 0)
    common = np.zeros_like(near)
    common[rows, columns] = shapely.area(shapely.intersection(found[0][rows], found[1][columns]))
    return common, areas[0], areas[1]


def _cross(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether the lines from a to b and from c to d, [n, 2] each, cross inside both, [n]."""

    def side(p: NDArray[np.float64], q: NDArray[np.float64], r: NDArray[np.float64]) -> Any:
        along, away = q - p, r - p
        return np.sign(along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0])

    return np.asarray((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0))
