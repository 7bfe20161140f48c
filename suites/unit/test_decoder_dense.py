"""Maps of numbers: brought back to the image, scaled, as displacement; and lightness in."""

from __future__ import annotations

import cv2
import numpy as np
import openvino as ov
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.dense_map import DenseMapDecoder
from quantgate.decoders.protocol import Port
from quantgate.decoders.ranges import dense_range
from quantgate.engine.preprocess import embed, prepare
from quantgate.entries import Preprocess
from quantgate.errors import DecoderError
from quantgate.sources.opset import opset

FRAME = Frame((60, 40), (30, 20), (0.5, 0.5), (0.0, 0.0))


@pytest.mark.parametrize("shape", [(1, 1, 20, 30), (1, 20, 30, 1), (1, 20, 30)])
def test_one_number_a_pixel_in_every_layout(shape: tuple[int, ...]) -> None:
    """Brought to the image's size as OpenCV resizes, and to the annotations' unit."""
    values = np.random.default_rng(0).uniform(0, 9, (20, 30)).astype(np.float32)
    decoder = DenseMapDecoder(factor=0.001, inverse=True, align="scale-shift")
    found = decoder.decode({"depth": values.reshape(shape)}, FRAME)
    expected = cv2.resize(values * np.float32(0.001), (60, 40), interpolation=cv2.INTER_LINEAR)

    assert found.values.shape == (40, 60, 1)
    assert np.abs(found.values[..., 0] - expected).max() < 1e-6
    assert (found.inverse, found.align) == (True, "scale-shift")


def test_a_letterbox_is_cut_off_again() -> None:
    """What lies beside the image in the input is no part of its map."""
    values = np.zeros((1, 1, 32, 32), np.float32)
    values[..., 8:24, :] = 5
    frame = Frame((64, 32), (32, 32), (0.5, 0.5), (0.0, 8.0))
    found = DenseMapDecoder(resize="nearest").decode({"d": values}, frame)

    assert found.values.shape == (32, 64, 1)
    assert set(np.unique(found.values)) == {5.0}


def test_displacements_are_of_the_image() -> None:
    """Two pixels of the input are four of an image of twice its size; planes of colour are as they are."""
    flow = np.full((1, 2, 20, 30), 2, np.float32)
    assert set(np.unique(DenseMapDecoder(vectors=True).decode({"f": flow}, FRAME).values)) == {4.0}
    assert set(np.unique(DenseMapDecoder().decode({"f": flow}, FRAME).values)) == {2.0}


def test_other_outputs_are_refused() -> None:
    """Pictures, class scores, tables and flow where one number is meant."""
    for shape in ((1, 3, 20, 30), (1, 21, 20, 30), (1, 4), (1, 400, 6), (2, 20, 30)):
        with pytest.raises(DecoderError, match="decoder dense-map expects one map"):
            DenseMapDecoder().check([Port("x", shape)])
    with pytest.raises(DecoderError, match="dense-map expects"):
        DenseMapDecoder(vectors=True).check([Port("x", (1, 1, 20, 30))])
    with pytest.raises(DecoderError, match="NaN or infinity in 600 of 600"):
        DenseMapDecoder().decode({"x": np.full((1, 1, 20, 30), np.nan, np.float32)}, FRAME)


def test_shares_and_classes_are_no_numbers() -> None:
    """A mask that is nearly cut and a map of classes are told; depth and disparity are not."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 9, (20, 30, 1)).astype(np.float32)
    assert dense_range([depth]) == []
    assert dense_range([depth / np.float32(10)]) == []
    assert "shares of an object" in dense_range([(depth > 4).astype(np.float32)])[0].sentence
    assert "all numbers are whole" in dense_range([np.rint(depth)])[0].sentence


def test_lightness_is_fed_as_opencv_computes_it() -> None:
    """L of CIE Lab from 0 to 100, within half a step of 8 bits, as one channel of the graph."""
    ops = opset()
    image = ops.parameter([1, 1, 24, 24], np.float32, name="data_l")
    image.output(0).set_names({"data_l"})
    plan = Preprocess(colour="lightness", mean=50.0)
    model = embed(ov.Model([ops.relu(image)], [image], "net"), plan)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    tensor, _ = prepare(pixels, plan, (24, 24))
    found = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
        tensor[None]
    )[0]
    wanted = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)[..., 0] - 50

    assert tensor.shape == (24, 24, 1)
    assert np.abs(found[0, 0] - np.maximum(wanted, 0)).max() < 0.4
