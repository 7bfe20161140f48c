"""A region of an image as an image of its own: which map brings one to the other, and the exact way back.

Coordinates count from pixel edges, as in :mod:`quantgate.core.geometry`: the first pixel spans 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.predictions import Objects

    Matrix = tuple[float, ...]
    Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """The map from an image's pixels to those of one of its regions.

    Parameters
    ----------
    matrix
        3 x 3 row by row: a homography of ``(x, y, 1)``.
    size
        ``(width, height)`` of the region, px.
    """

    matrix: Matrix
    size: Size

    def to_region(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map points [..., 2] of the image into the region.

        Examples
        --------
        >>> upright_region((10, 20, 50, 40), 1.0).to_region(np.array([[10, 20], [50, 40]])).tolist()
        [[0.0, 0.0], [40.0, 20.0]]
        """
        return _mapped(np.array(self.matrix).reshape(3, 3), points)

    def to_image(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map points [..., 2] of the region back into the image: the inverse of ``to_region``."""
        return _mapped(np.linalg.inv(np.array(self.matrix).reshape(3, 3)), points)

    @property
    def turn(self) -> NDArray[np.float64]:
        """How directions of the image are turned in the region, without its scale: the nearest rotation, [2, 2]."""
        left, _, right = np.linalg.svd(np.array(self.matrix).reshape(3, 3)[:2, :2])
        return np.asarray(left @ right)

    @property
    def corners(self) -> NDArray[np.float64]:
        """Its corners in the image, clockwise from the upper left, [4, 2]."""
        width, height = self.size
        return self.to_image(np.array([[0, 0], [width, 0], [width, height], [0, height]]))

    def area_scale(self, point: NDArray[np.floating]) -> float:
        """How much larger an area is in the region than around a point [2] of the image."""
        matrix = np.array(self.matrix).reshape(3, 3)
        depth = float(matrix[2] @ [*point, 1.0])
        return abs(float(np.linalg.det(matrix)) / depth**3)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a sample that is a region was cut of.

    Parameters
    ----------
    whole
        Name of the image.
    region
        The map into the region.
    row, objects
        The object that it was cut around, and all that are annotated in the image; None where truth is left aside.
    """

    whole: str
    region: Region
    row: int
    objects: Objects | None = None


def upright_region(
    box: tuple[float, float, float, float] | NDArray[np.floating],
    factor: float,
    ratio: float | None = None,
    size: Size | None = None,
) -> Region:
    """Cut around a box ``xyxy`` [4]: its sides times ``factor``, about its middle.

    ``ratio`` of width to height: the shorter side is enlarged to it; None keeps that of the box. Without
    ``size`` nothing is resampled, the edges are rounded to pixels; with it they are exact, and the region
    is brought to that size.
    """
    x0, y0, x1, y1 = (float(edge) for edge in box)
    width, height = (max(1.0, side * factor) for side in _sides((x1 - x0, y1 - y0), ratio))
    left, top = (x0 + x1 - width) / 2, (y0 + y1 - height) / 2
    if size is None:
        left, top, size = round(left), round(top), (round(width), round(height))
        width, height = size
    across, down = size[0] / width, size[1] / height
    return Region((across, 0.0, -left * across, 0.0, down, -top * down, 0.0, 0.0, 1.0), size)


def turned_region(
    box: tuple[float, float, float, float] | NDArray[np.floating],
    factor: float,
    up: NDArray[np.floating],
    *,
    ratio: float | None = None,
    size: Size | None = None,
) -> Region:
    """Cut a box ``xyxy`` [4] out so that the direction ``up`` [2] of the image points upwards.

    The sides are those of the box as the image shows it, times ``factor``; ``ratio`` and ``size`` as in
    :func:`upright_region`.
    """
    x0, y0, x1, y1 = (float(edge) for edge in box)
    sides = tuple(max(1.0, side * factor) for side in _sides((x1 - x0, y1 - y0), ratio))
    made = size or (round(sides[0]), round(sides[1]))
    scale = np.array(made) / (sides if size else made)
    turn = scale[:, None] * _turn(up)
    shift = np.array(made) / 2 - turn @ np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return Region(_rows(np.column_stack([turn, shift])), made)


def turned_extent(points: NDArray[np.floating], up: NDArray[np.floating]) -> NDArray[np.float64]:
    """Box ``xyxy`` [4] that, turned about its middle so that ``up`` [2] is upwards, just holds points [n, 2].

    Examples
    --------
    >>> turned_extent(np.array([[0, 0], [40, 0], [20, 10]]), np.array([1.0, 0.0])).tolist()
    [15.0, -15.0, 25.0, 25.0]
    """
    turn = _turn(up)
    placed = np.asarray(points, np.float64) @ turn.T
    low, high = placed.min(axis=0), placed.max(axis=0)
    middle, half = turn.T @ (low + high) / 2, (high - low) / 2
    return np.concatenate([middle - half, middle + half])


def _turn(up: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rotation that brings ``up`` [2] upwards: its rows are the region's x and y (downwards) in the image."""
    length = float(np.hypot(*up))
    ux, uy = (float(up[0]) / length, float(up[1]) / length) if length > 0 else (0.0, -1.0)
    return np.array([[-uy, ux], [-ux, -uy]])


def outline_region(
    outline: NDArray[np.floating],
    factor: float,
    *,
    ratio: float | None = None,
    size: Size | None = None,
) -> Region:
    """Cut the smallest rectangle around an outline [corners, 2] out, turned as it lies, by at most 45 degrees.

    ``factor``, ``ratio`` and ``size`` as in :func:`turned_region`.

    Raises
    ------
    ValueError
        Where all corners lie on one line.
    """
    middle, sides, up = _smallest_rectangle(np.asarray(outline, np.float64))
    box = np.concatenate([middle - sides / 2, middle + sides / 2])
    return turned_region(box, factor, up, ratio=ratio, size=size)


def _smallest_rectangle(
    outline: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Middle, width and height, and direction upwards, [2] each: one side lies on one of the convex hull.

    Toussaint, *Solving geometric problems with the rotating calipers* (MELECON 1983).
    """
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = outline[ConvexHull(outline).vertices]
    except QhullError as error:
        raise ValueError("its outline has no area: no rectangle is defined around it") from error
    edges = np.roll(hull, -1, axis=0) - hull
    quarter = np.pi / 2
    angles = (np.arctan2(edges[:, 1], edges[:, 0]) + quarter / 2) % quarter - quarter / 2
    cosine, sine = np.cos(angles), np.sin(angles)
    axes = np.array([[cosine, sine], [-sine, cosine]]).transpose(2, 0, 1)
    placed = hull @ axes.transpose(0, 2, 1)  # [angles, corners, along and across]
    low, high = placed.min(axis=1), placed.max(axis=1)
    best = int(np.argmin((high - low).prod(axis=1)))
    middle = (low[best] + high[best]) / 2 @ axes[best]
    return middle, high[best] - low[best], -axes[best, 1]


def clockwise(corners: NDArray[np.floating]) -> NDArray[np.float64]:
    """Corners [n, 2] in the order in which a clock's hand passes them in a picture, from the same first one.

    Examples
    --------
    >>> clockwise(np.array([[0, 0], [0, 4], [9, 4], [9, 0]])).tolist()
    [[0.0, 0.0], [9.0, 0.0], [9.0, 4.0], [0.0, 4.0]]
    """
    own = np.asarray(corners, np.float64)
    after = np.roll(own, -1, axis=0)
    turns = float((own[:, 0] * after[:, 1] - own[:, 1] * after[:, 0]).sum())
    return own if turns >= 0 else np.roll(own[::-1], 1, axis=0)


def aligned_region(
    points: NDArray[np.floating], template: NDArray[np.floating], size: Size
) -> Region:
    """Bring points [n, 2] of the image as near as a similarity can to template points [n, 2] of a region.

    Least squares over scale, rotation and shift, without mirroring (Umeyama, *Least-squares estimation of
    transformation parameters between two point patterns*, IEEE TPAMI 13, 1991).

    Raises
    ------
    ValueError
        Where all points are in one place.
    """
    own, wanted = np.asarray(points, np.float64), np.asarray(template, np.float64)
    centre, aim = own.mean(axis=0), wanted.mean(axis=0)
    a, b = own - centre, wanted - aim
    spread = float(np.square(a).sum())
    if not spread:
        raise ValueError("all points lie in one place: no alignment is defined")
    cosine, sine = float((a * b).sum()), float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())
    turn = np.array([[cosine, -sine], [sine, cosine]]) / spread
    return Region(_rows(np.column_stack([turn, aim - turn @ centre])), size)


def quad_region(corners: NDArray[np.floating], size: Size | None = None) -> Region:
    """Straighten a quadrilateral: its corners [4, 2], clockwise from the upper left, become the region's.

    Without ``size`` the region is as wide and as high as the longer of the opposite sides.

    Raises
    ------
    ValueError
        Where three corners lie on one line.
    """
    quad = np.asarray(corners, np.float64)
    if size is None:
        lengths = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
        wide, high = max(lengths[0], lengths[2]), max(lengths[1], lengths[3])
        size = max(1, round(float(wide))), max(1, round(float(high)))
    aims = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    rows, values = [], []
    for (x, y), (u, v) in zip(quad, aims, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    edges = np.roll(quad, -1, axis=0) - quad
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    if not ((turns > 0).all() or (turns < 0).all()):
        raise ValueError("the corners are no convex quadrilateral: no homography straightens it")
    solved = np.linalg.solve(np.array(rows), np.array(values))
    return Region((*map(float, solved), 1.0), size)


def _sides(sides: tuple[float, float], ratio: float | None) -> tuple[float, float]:
    width, height = sides
    if ratio is None:
        return width, height
    return max(width, height * ratio), max(height, width / ratio)


def _rows(affine: NDArray[np.float64]) -> Matrix:
    return (*map(float, affine.ravel()), 0.0, 0.0, 1.0)


def _mapped(matrix: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = np.asarray(points, np.float64).reshape(-1, 2)
    x, y, depth = matrix @ np.column_stack([flat, np.ones(len(flat))]).T
    return np.asarray(np.stack([x / depth, y / depth], axis=1).reshape(np.shape(points)))
