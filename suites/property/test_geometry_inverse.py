from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.engine.preprocess import prepare
from quantgate.entries import Preprocess

SIDES = st.integers(1, 4000)
RESIZES = st.sampled_from(["stretch", "letterbox", "fit", "crop", "height"])
SHARES = st.tuples(*[st.floats(0, 1)] * 4)


@settings(max_examples=60, deadline=None)
@given(
    image=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    size=st.tuples(st.integers(16, 96), st.integers(16, 96)),
    resize=RESIZES,
    shares=SHARES,
)
def test_there_and_back_is_exact(image: Any, size: Any, resize: Any, shares: Any) -> None:
    """A box inside the image returns from input pixels to within 1e-3 px, whatever the resize."""
    width, height = image
    if resize == "crop" and max(width / height, height / width) > 50:
        return
    pixels = np.zeros((height, width, 3), np.uint8)
    _, frame = prepare(pixels, Preprocess(resize=resize), size)
    x0, x1 = sorted((shares[0] * width, shares[1] * width))
    y0, y1 = sorted((shares[2] * height, shares[3] * height))
    box = np.array([[x0, y0, x1, y1]], np.float32)
    assert np.abs(frame.to_image(frame.to_model(box)) - box).max() < 1e-3


@settings(max_examples=100, deadline=None)
@given(
    image=st.tuples(st.integers(60, 300), st.integers(60, 300)),
    size=st.tuples(st.integers(40, 200), st.integers(40, 200)),
    resize=RESIZES,
    corner=st.tuples(st.floats(0.3, 0.5), st.floats(0.3, 0.5)),
)
def test_a_drawn_box_is_found_where_the_frame_says(
    image: Any, size: Any, resize: Any, corner: Any
) -> None:
    """The centre of a bright box in the prepared pixels, mapped back, is the box's own centre."""
    width, height = image
    x0, y0 = int(corner[0] * width), int(corner[1] * height)
    x1, y1 = x0 + max(8, width // 6), y0 + max(8, height // 6)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y0:y1, x0:x1] = 255
    _, probe = prepare(pixels, Preprocess(resize=resize, pad=0), size)
    if min(probe.scale) < 1 < max(probe.scale):
        return  # OpenCV's area shifts what it enlarges by up to half a pixel, its linear skips when shrinking
    method: Any = "area" if max(probe.scale) <= 1 else "linear"
    made, frame = prepare(pixels, Preprocess(resize=resize, pad=0, interpolation=method), size)
    target = frame.to_model(np.array([[x0, y0, x1, y1]], np.float32))[0]
    if target.min() < 1 or target[2] > size[0] - 1 or target[3] > size[1] - 1:
        return
    weight = made[..., 0].astype(np.float64)
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    found = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
    expected = [(target[0] + target[2]) / 2, (target[1] + target[3]) / 2]
    assert np.abs(found - expected).max() < 0.25
