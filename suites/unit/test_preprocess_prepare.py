from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.engine.preprocess import prepare
from quantgate.entries import Preprocess
from quantgate.errors import PreprocessError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame


def blob(size: tuple[int, int], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A black image with one white box."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 255
    return image


def centre(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Centre of mass in pixels, whose first pixel spans 0..1."""
    weight = image[..., 0].astype(np.float64)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


@pytest.mark.parametrize(
    ("resize", "scale", "offset"),
    [
        ("stretch", (0.5, 1.0), (0.0, 0.0)),
        ("letterbox", (0.5, 0.5), (0.0, 16.0)),
        ("fit", (0.5, 0.5), (0.0, 0.0)),
        ("crop", (73 / 64, 146 / 128), (-41.0, -4.0)),
    ],
)
def test_every_resize_says_exactly_where_pixels_went(
    resize: Any, scale: tuple[float, float], offset: tuple[float, float]
) -> None:
    """A 128 x 64 image in a 64 x 64 input: the frame's scale and offset are the true ones."""
    image = blob((128, 64), (60, 24, 76, 40))
    made, frame = prepare(image, Preprocess(resize=resize, pad=0), (64, 64))
    assert made.shape == (64, 64, 3)
    assert made.flags.c_contiguous
    assert (frame.image, frame.model) == ((128, 64), (64, 64))
    assert frame.scale == pytest.approx(
        (scale[0] if resize != "crop" else 146 / 128, scale[1]), 0.01
    )
    assert frame.offset == offset
    expected = [68 * frame.scale[0] + offset[0], 32 * frame.scale[1] + offset[1]]
    assert centre(made) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("resize", ["letterbox", "fit"])
def test_padding_has_the_value_asked_for(resize: Any) -> None:
    """What the image does not cover is `pad`; letterbox centres, fit keeps the top left."""
    made, _ = prepare(blob((128, 64), (0, 0, 128, 64)), Preprocess(resize=resize, pad=7), (64, 64))
    rows = made[:, 0, 0].tolist()
    inside = [255] * 32
    assert rows == ([7] * 16 + inside + [7] * 16 if resize == "letterbox" else inside + [7] * 32)


def test_resizing_is_opencvs() -> None:
    """Pixels equal cv2.resize with the interpolation named."""
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    for name, method in (
        ("linear", cv2.INTER_LINEAR),
        ("area", cv2.INTER_AREA),
        ("cubic", cv2.INTER_CUBIC),
        ("nearest", cv2.INTER_NEAREST),
    ):
        made, _ = prepare(image, Preprocess(interpolation=name), (32, 24))  # type: ignore[arg-type]
        assert np.array_equal(made, cv2.resize(image, (32, 24), interpolation=method))


def test_an_image_of_the_right_size_is_untouched() -> None:
    """No resize is done where none is needed."""
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    made, frame = prepare(image, Preprocess(resize="letterbox"), (32, 24))
    assert np.array_equal(made, image)
    assert (frame.scale, frame.offset) == ((1.0, 1.0), (0.0, 0.0))


def test_crop_takes_the_middle_after_the_short_side() -> None:
    """Short side 256, centre crop 224: the usual classification recipe."""
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    made, frame = prepare(image, Preprocess(resize="crop", short_side=256), (224, 224))
    scaled = cv2.resize(image, (341, 256), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(made, scaled[16:240, 58:282])
    assert frame.offset == (-58.0, -16.0)
    usual, _ = prepare(image, Preprocess(resize="crop"), (224, 224))
    assert np.array_equal(usual, made)


def test_a_crop_larger_than_the_image_is_refused() -> None:
    """A short side that cannot cover the crop is an error naming all three sizes."""
    plan = Preprocess(resize="crop", short_side=200)
    with pytest.raises(
        PreprocessError, match=r"short_side 200 .* smaller than the crop of 224x224"
    ):
        prepare(blob((300, 300), (0, 0, 1, 1)), plan, (224, 224))


def test_an_absurdly_long_strip_is_refused() -> None:
    """A crop never blows an image up beyond memory."""
    with pytest.raises(PreprocessError, match="would be resized to"):
        prepare(np.zeros((1, 4000, 3), np.uint8), Preprocess(resize="crop"), (224, 224))


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "fit", "crop"])
def test_grey_models_get_one_channel(resize: Any) -> None:
    """Colour is converted before the resize, and the channel dimension stays."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[..., 1] = 200
    made, _ = prepare(image, Preprocess(resize=resize, colour="gray", pad=117), (32, 32))
    assert made.shape == (32, 32, 1)
    assert np.unique(made).tolist() == [117]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_no_images(image: Any) -> None:
    """Only uint8 [height, width, 3] with pixels is taken."""
    with pytest.raises(PreprocessError, match=r"must be uint8 \[height, width, 3\]"):
        prepare(image, Preprocess(), (8, 8))


def test_one_pixel_fills_any_input() -> None:
    """The smallest image there is can be judged too."""
    for resize in ("stretch", "letterbox", "fit", "crop"):
        made, frame = prepare(np.full((1, 1, 3), 9, np.uint8), Preprocess(resize=resize), (8, 8))
        assert np.unique(made).tolist() == [9]
        assert frame.image == (1, 1)


def corners(frame: Frame) -> list[float]:
    """The whole original image as a box in input pixels."""
    whole = np.array([[0, 0, *frame.image]], np.float32)
    found: list[float] = frame.to_model(whole)[0].tolist()
    return found


def test_extreme_ratios_keep_at_least_a_pixel() -> None:
    """A strip of 3000 x 1 becomes one row, and the frame stays exact."""
    made, frame = prepare(np.full((1, 3000, 3), 9, np.uint8), Preprocess(resize="fit"), (64, 64))
    assert made[0, :, 0].tolist() == [9] * 64
    assert corners(frame) == pytest.approx([0.0, 0.0, 64.0, 1.0], abs=1e-4)


def test_a_line_of_text_may_be_padded_by_its_edge() -> None:
    """At the input's height, its ratio kept; the last column is repeated to the right, and the way back is exact."""
    line = np.tile(np.arange(20, dtype=np.uint8)[None, :, None] * 10, (8, 1, 3))
    made, frame = prepare(line, Preprocess(resize="height", pad="edge", colour="gray"), (64, 16))
    assert made.shape == (16, 64, 1)
    assert (made[:, 40:] == made[:, 39:40]).all()
    assert (frame.scale, frame.offset) == ((2.0, 2.0), (0.0, 0.0))
    wide, frame = prepare(line, Preprocess(resize="height", pad=0), (30, 16))
    assert wide.shape == (16, 30, 3)
    assert frame.scale == (1.5, 2.0)
