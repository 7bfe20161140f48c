"""Regions of images: the way there and back, for whatever shape they are cut to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quantgate.core.regions import (
    Region,
    aligned_region,
    clockwise,
    outline_region,
    quad_region,
    turned_extent,
    turned_region,
    upright_region,
)

PLACES = st.floats(-50, 4000)
POINTS = st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=6)
BOXES = st.tuples(PLACES, PLACES, st.floats(1, 2000), st.floats(1, 2000))
FACTORS = st.floats(0.5, 3)
RATIOS = st.none() | st.floats(0.3, 3)


def there_and_back(region: Region, points: Any) -> None:
    """Map points into the region and back."""
    known = np.array(points, np.float64)
    assert np.abs(region.to_image(region.to_region(known)) - known).max() < 1e-3


@settings(max_examples=80, deadline=None)
@given(box=BOXES, factor=FACTORS, ratio=RATIOS, points=POINTS, angle=st.floats(0, 7))
def test_boxes_go_there_and_back(
    *, box: Any, factor: float, ratio: Any, points: Any, angle: float
) -> None:
    """Upright or turned, every point returns to within 1e-3 px, and the box's middle is the region's."""
    x, y, width, height = box
    corners = (x, y, x + width, y + height)
    up = np.array([np.cos(angle), np.sin(angle)])
    upright = upright_region(corners, factor, ratio)
    turned = turned_region(corners, factor, up, ratio=ratio)
    middle = np.array([x + width / 2, y + height / 2])
    for region, within in ((upright, 1.01), (turned, 0.01)):
        there_and_back(region, points)
        assert np.abs(region.to_region(middle) - np.array(region.size) / 2).max() < within
    pointed = turned.to_region(middle + 10 * up) - turned.to_region(middle)
    np.testing.assert_allclose(pointed, [0, -10], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(points=POINTS, angle=st.floats(0, 7))
def test_a_turned_extent_just_holds_its_points(points: Any, angle: float) -> None:
    """Cut without a margin, every point lies in the region, and some on each of its four sides."""
    up, known = np.array([np.cos(angle), np.sin(angle)]), np.array(points, np.float64)
    region = turned_region(turned_extent(known, up), 1.0, up, size=(100, 100))
    placed = region.to_region(known)
    spread = np.ptp(placed, axis=0) > 1
    assert (placed > -0.1).all()
    assert (placed < 100.1).all()
    wide = np.ptp(known @ np.array([[-up[1], up[0]], [-up[0], -up[1]]]).T, axis=0) > 1
    np.testing.assert_allclose(placed.min(axis=0)[spread & wide], 0, atol=0.1)


@settings(max_examples=80, deadline=None)
@given(
    angle=st.floats(-3, 3),
    scale=st.floats(0.2, 8),
    shift=st.tuples(PLACES, PLACES),
    points=POINTS,
    seed=st.integers(0, 99),
)
def test_an_alignment_finds_the_similarity(
    *, angle: float, scale: float, shift: Any, points: Any, seed: int
) -> None:
    """Template points that were turned, scaled and moved come back to their template."""
    template = np.random.default_rng(seed).uniform(10, 100, (5, 2))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = template @ turn.T + np.array(shift)

    region = aligned_region(placed, template, (112, 112))

    np.testing.assert_allclose(region.to_region(placed), template, atol=1e-6)
    assert region.area_scale(placed[0]) == pytest.approx(1 / scale**2, rel=1e-6)
    there_and_back(region, points)


@settings(max_examples=80, deadline=None)
@given(
    corner=st.tuples(PLACES, PLACES),
    sides=st.tuples(st.floats(20, 900), st.floats(20, 900)),
    bent=st.lists(st.floats(-0.2, 0.2), min_size=8, max_size=8),
    inside=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5),
)
def test_a_quadrilateral_is_straightened(corner: Any, sides: Any, bent: Any, inside: Any) -> None:
    """Its corners become the region's, and points within return to within 1e-3 px."""
    (x, y), (width, height) = corner, sides
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    quad = (square + np.reshape(bent, (4, 2))) * (width, height) + (x, y)
    region = quad_region(clockwise(np.roll(quad[::-1], 1, axis=0)))
    wide, high = region.size
    np.testing.assert_allclose(
        region.to_region(quad), [[0, 0], [wide, 0], [wide, high], [0, high]], atol=1e-4
    )
    u, v = np.array(inside).T[..., None]
    within = (1 - v) * ((1 - u) * quad[0] + u * quad[1]) + v * ((1 - u) * quad[3] + u * quad[2])
    there_and_back(region, within)


@settings(max_examples=80, deadline=None)
@given(
    corner=st.tuples(PLACES, PLACES),
    sides=st.tuples(st.floats(20, 900), st.floats(20, 900)),
    angle=st.floats(-0.75, 0.75),
    within=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=6),
    points=POINTS,
)
def test_a_polygon_is_cut_by_its_smallest_rectangle(
    *, corner: Any, sides: Any, angle: float, within: Any, points: Any
) -> None:
    """Corners of a turned rectangle become the region's, whatever else lies inside, and points return to 1e-3 px."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], *within], np.float64)
    outline = square * sides @ turn + corner
    region = outline_region(outline, 1.0, size=(200, 100))
    corners = region.to_region(outline[:4])
    np.testing.assert_allclose(corners, [[0, 0], [200, 0], [200, 100], [0, 100]], atol=1e-3)
    there_and_back(region, points)
    wider = outline_region(outline, 2.0, size=(200, 100)).to_region(outline[:4])
    np.testing.assert_allclose(wider, corners / 2 + [50, 25], atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(outline=st.lists(st.tuples(PLACES, PLACES), min_size=3, max_size=9, unique=True))
def test_no_rectangle_around_an_outline_is_smaller(outline: Any) -> None:
    """All of it lies inside, and no rectangle of 90 other directions has less area."""
    known = np.array(outline, np.float64)
    assume(np.linalg.svd(known - known.mean(axis=0), compute_uv=False)[1] > 1)
    region = outline_region(known, 1.0, size=(100, 100))
    inside = region.to_region(known)
    assert inside.min() > -1e-3
    assert inside.max() < 100 + 1e-3
    area = 100 * 100 / region.area_scale(known[0])
    for angle in np.radians(np.arange(90)):
        axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert area <= np.ptp(known @ axes, axis=0).prod() * (1 + 1e-6) or area < 4


def test_shapes_that_no_map_straightens_are_refused() -> None:
    """Points in one place, and corners that cross or lie on one line."""
    with pytest.raises(ValueError, match="one place"):
        aligned_region(np.ones((3, 2)), np.eye(3, 2), (8, 8))
    for quad in ([[0, 0], [9, 9], [9, 0], [0, 9]], [[0, 0], [4, 0], [9, 0], [0, 9]]):
        with pytest.raises(ValueError, match="convex"):
            quad_region(np.array(quad, np.float64))
    with pytest.raises(ValueError, match="no area"):
        outline_region(np.array([[0, 0], [4, 4], [9, 9]]), 1.0)
