from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from faster_coco_eval.core import mask as coco

from quantgate.core.geometry import Frame
from quantgate.decoders.mask_rcnn import MaskRcnnDecoder
from quantgate.decoders.masks import Placement, encode, paste
from quantgate.decoders.protocol import Port
from quantgate.decoders.yolo_seg import YoloV8SegDecoder
from quantgate.engine.evaluate import check_decoder
from quantgate.errors import DecoderError

PLAIN = Frame((64, 48), (64, 48), (1.0, 1.0), (0.0, 0.0))
#: A 128 x 64 image letterboxed into 64 x 64.
BOXED = Frame((128, 64), (64, 64), (0.5, 0.5), (0.0, 16.0))


def pixels(rle: Any) -> np.ndarray[Any, Any]:
    """The mask of a run-length encoding."""
    found: np.ndarray[Any, Any] = coco.decode(rle)
    return found


@pytest.mark.parametrize("density", [0.0, 0.2, 0.8, 1.0])
def test_run_lengths_are_those_of_the_whole_image(density: float) -> None:
    """Encoding a window equals encoding the image around it, byte for byte."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        size = rng.integers(1, 30, 2)
        extent = [int(rng.integers(0, side + 1)) for side in size]
        corner = [int(rng.integers(0, side - e + 1)) for side, e in zip(size, extent, strict=True)]
        window = rng.random((extent[1], extent[0])) < density
        whole = np.zeros((size[1], size[0]), np.uint8, order="F")
        whole[corner[1] : corner[1] + extent[1], corner[0] : corner[0] + extent[0]] = window
        found = encode(window, (corner[0], corner[1]), (int(size[0]), int(size[1])))
        assert found == coco.encode(whole)


def test_masks_are_pasted_at_float_coordinates() -> None:
    """A full mask covers exactly the pixels whose centres lie in its box."""
    box = np.array([10.4, 20.6, 30.6, 40.4])
    place = Placement((1.0, 1.0), (-0.0, -0.0))
    rle = paste(np.ones((48, 64), np.float32), place, box, ((64, 48), 0.5))
    expected = np.zeros((48, 64), np.uint8)
    expected[21:40, 10:31] = 1
    assert np.array_equal(pixels(rle), expected)


def test_a_mask_is_interpolated_between_its_pixels() -> None:
    """The edge of a half-filled mask lies in the middle of its box, however large that is."""
    values = np.zeros((28, 28), np.float32)
    values[:, :14] = 1
    box = np.array([0.0, 0.0, 56.0, 28.0])
    rle = paste(values, Placement((0.5, 1.0), (0.0, 0.0)), box, ((64, 48), 0.5))
    assert pixels(rle)[10].tolist() == [1] * 28 + [0] * 36


@pytest.mark.parametrize("box", [[-20, -20, -5, -5], [70, 10, 90, 20], [5, 5, 5.2, 5.2]])
def test_a_box_without_a_pixel_has_an_empty_mask(box: list[float]) -> None:
    """Outside the image, or between pixel centres, nothing is drawn."""
    place = Placement((1.0, 1.0), (0.0, 0.0))
    rle = paste(np.ones((8, 8), np.float32), place, np.array(box), ((64, 48), 0.5))
    assert pixels(rle).shape == (48, 64)
    assert pixels(rle).sum() == 0


def rcnn_outputs(**changes: Any) -> dict[str, Any]:
    """Two objects of OMZ's contract, the second mask filled in its left half."""
    masks = np.ones((3, 28, 28), np.float32)
    masks[1, :, 14:] = 0
    return {
        "boxes": np.array(
            [[0, 16, 32, 48, 0.6], [32, 16, 64, 48, 0.9], [0, 0, 0, 0, 0]], np.float32
        ),
        "labels": np.array([4, 7, 0]),
        "masks": masks,
        **changes,
    }


def test_mask_rcnn_stretches_masks_over_their_boxes() -> None:
    """Boxes and masks come back to the original image, best first."""
    found = MaskRcnnDecoder().decode(rcnn_outputs(), BOXED)
    assert found.labels.tolist() == [7, 4]
    assert found.boxes.tolist() == [[64.0, 0.0, 128.0, 64.0], [0.0, 0.0, 64.0, 64.0]]
    assert found.masks is not None
    left, whole = pixels(found.masks[0]), pixels(found.masks[1])
    # The border of the mask fades into nothing: half of its outermost pixel is lost.
    assert left[32, 70:90].all()
    assert not left[32, 97:].any()
    assert whole[4:60, 4:60].all()
    assert not whole[:, 64:].any()


def test_mask_rcnn_of_several_classes_takes_the_objects_own() -> None:
    """Rows of seven with masks [N, classes, h, w] are TensorFlow's form."""
    masks = np.zeros((2, 3, 15, 15), np.float32)
    masks[1, 2] = 1
    rows = np.array([[0, 1, 0.5, 0, 0, 0.5, 0.5], [0, 3, 0.9, 0.5, 0.5, 1, 1]], np.float32)
    outputs = {"reshape": rows.reshape(1, 1, 2, 7), "masks": masks}
    found = MaskRcnnDecoder().decode(outputs, PLAIN)
    assert found.labels.tolist() == [2, 0]
    assert found.masks is not None
    assert pixels(found.masks[0])[36, 48] == 1
    assert pixels(found.masks[1]).sum() == 0


def test_mask_rcnn_refuses_what_does_not_fit() -> None:
    """Missing masks, too few masks and NaN are each one sentence."""
    ports = [Port("boxes", (100, 5)), Port("labels", (100,))]
    with pytest.raises(DecoderError, match=r"and masks \[N,h,w\].*boxes-labels"):
        check_decoder(MaskRcnnDecoder(), ports, "detection")
    MaskRcnnDecoder().check([*ports, Port("masks", (100, 28, 28))])
    with pytest.raises(DecoderError, match="holds 1 masks for 3 objects"):
        MaskRcnnDecoder().decode(rcnn_outputs(masks=np.ones((1, 28, 28))), BOXED)
    with pytest.raises(DecoderError, match="output masks holds NaN"):
        MaskRcnnDecoder().decode(rcnn_outputs(masks=np.full((3, 28, 28), np.nan)), BOXED)


@pytest.mark.parametrize("last", [False, True])
def test_yolo_masks_are_weighed_prototypes_cut_to_their_box(*, last: bool) -> None:
    """A mask is where the weighed prototypes are above 0, inside the box."""
    table = np.zeros((1, 4 + 2 + 3, 84), np.float32)
    table[0, :, 7] = [32, 24, 32, 24, 0.0, 0.9, 1.0, -1.0, 0.0]
    prototypes = np.zeros((1, 12, 16, 3), np.float32)
    prototypes[..., 1] = 1
    prototypes[:, :, :8, 0] = 3
    outputs = {
        "table": table,
        "prototypes": prototypes if last else prototypes.transpose(0, 3, 1, 2),
    }
    found = YoloV8SegDecoder().decode(outputs, PLAIN)
    assert found.labels.tolist() == [1]
    assert found.masks is not None
    mask = pixels(found.masks[0])
    assert mask[12:36, 16:32].all()
    assert mask.sum() <= 24 * 20
    assert not mask[:, 36:].any()


def test_yolo_masks_need_both_outputs() -> None:
    """The table alone is no segmentation."""
    with pytest.raises(
        DecoderError, match=r"yolo-v8-seg expects .*; decoders for detection that would fit"
    ):
        check_decoder(YoloV8SegDecoder(), [Port("table", (1, 116, 2100))], "detection")
    YoloV8SegDecoder().check([Port("t", (1, 116, 2100)), Port("p", (1, 80, 80, 32))])
