"""Overlap of boxes."""

from __future__ import annotations

import numpy as np
import pytest

from quantgate.core.boxes import box_area, box_ioa, box_iou

_UNIT = np.array([[0, 0, 10, 10]], np.float32)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 20), 0.5),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 40, 40), 0.0),
        ((2.5, 2.5, 7.5, 7.5), 0.25),
    ],
)
def test_iou_by_hand(other: tuple[float, ...], expected: float) -> None:
    """Float boxes without the +1 pixel: touching boxes do not overlap."""
    assert box_iou(_UNIT, np.array([other], np.float32))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_overlaps_nothing(n: int, m: int) -> None:
    """Empty lists give an empty matrix of the right shape."""
    assert box_iou(np.zeros((n, 4), np.float32), np.zeros((m, 4), np.float32)).shape == (n, m)


def test_boxes_without_area_overlap_nothing() -> None:
    """A box of no width has an IoU of 0 even with itself, never NaN."""
    flat = np.array([[5, 5, 5, 9]], np.float32)

    assert box_iou(flat, flat)[0, 0] == 0.0
    assert box_ioa(flat, _UNIT)[0, 0] == 0.0


def test_a_box_turned_inside_out_has_no_area() -> None:
    """Negative sides do not multiply into a positive area."""
    assert box_area(np.array([[10, 10, 0, 0]], np.float32))[0] == 0.0


def test_share_of_a_box_inside_a_region() -> None:
    """A small box inside a large region lies in it completely; the other way it does not."""
    small = np.array([[0, 0, 5, 5]], np.float32)

    assert box_ioa(small, _UNIT)[0, 0] == 1.0
    assert box_ioa(_UNIT, small)[0, 0] == 0.25
