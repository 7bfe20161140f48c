"""Maps of numbers in false colours: what their pixels say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantgate.report.drawing import blur
from quantgate.report.overlays import panes
from quantgate.report.overlays.canvas import PANE_PX
from quantgate.report.overlays.dense import dense_size, painted
from quantgate.report.picture import Picture

SIZE = (480, 360)
PHOTO = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def ramp(shift: float = 0.0, channels: int = 1) -> Any:
    """Numbers from left to right, 1 to 9."""
    row = np.linspace(1, 9, 120, dtype=np.float32) + np.float32(shift)
    return np.repeat(np.repeat(row[None, :, None], 90, axis=0), channels, axis=2)


def test_colours_run_from_the_lowest_to_the_highest_and_leave_out_what_is_not_known() -> None:
    """Brightness rises with the numbers; NaN is the dark of no colour; beyond the ends they stop."""
    values = np.array([[0.0, 1.0, 5.0, 9.0, 99.0, np.nan]])
    colours = painted(values, (1.0, 9.0), ((0, 0, 0), (100, 100, 100), (255, 255, 255)))

    assert colours[0, :5, 0].tolist() == [0, 0, 100, 255, 255]
    assert colours[0, 5].tolist() == [40, 44, 52]


@pytest.mark.parametrize("annotated", [False, True])
def test_a_pane_has_the_size_that_the_picture_says(annotated: bool) -> None:  # noqa: FBT001
    """One map each, or two with the truth; the caption lies above."""
    size = dense_size(SIZE, annotated=annotated)
    picture = Picture("a.png", size, "numbers", "", unit="m")
    maps = [ramp(), ramp(0.5), *([ramp()] if annotated else [])]
    drawn = panes(picture, [PHOTO, *maps], PANE_PX)

    assert len({pane.size for pane in drawn}) == 1
    assert drawn[0].width == size[0]
    assert 0 < drawn[0].height - size[1] < 60


def test_the_difference_tells_its_sign() -> None:
    """Too much is orange, too little blue, none is white."""
    picture = Picture("a.png", dense_size(SIZE, annotated=False), "numbers", "")
    middle = dense_size(SIZE, annotated=False)[1] // 2
    found = []
    for shift in (0.5, -0.5):
        *_, difference = panes(picture, [PHOTO, ramp(), ramp(shift)], PANE_PX)
        red, _, blue = np.asarray(difference)[middle, 200].tolist()
        found.append(red - blue)
    assert found[0] > 100
    assert found[1] < -100
    *_, none = panes(picture, [PHOTO, ramp(), ramp()], PANE_PX)
    assert np.asarray(none)[middle, 200].min() > 230


def test_flow_is_drawn_by_its_length_and_numbers_stay_when_photographs_are_blurred() -> None:
    """Two channels make one map; blurring leaves them alone."""
    picture = Picture("a.png", dense_size(SIZE, annotated=False), "numbers", "")
    flow = ramp(channels=2)
    *_, difference = panes(picture, [PHOTO, flow, 1.1 * flow], PANE_PX)
    middle = np.asarray(difference)[difference.height // 2].astype(int)
    assert np.all(middle[:, 0] >= middle[:, 2])  # never blue: a length has no sign
    np.testing.assert_array_equal(blur(flow), flow)
    np.testing.assert_array_equal(blur(ramp()), ramp())
