"""Heads of single detectors: numbers worked out by hand, and OpenVINO's own DetectionOutput."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from faster_coco_eval.core import mask as coco

from quantgate.core.geometry import Frame
from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from quantgate.decoders.centernet import CenternetDecoder
from quantgate.decoders.nms_indices import NmsIndicesDecoder
from quantgate.decoders.priors import named_priors
from quantgate.decoders.protocol import Port
from quantgate.decoders.ssd_heads import SsdHeadsDecoder
from quantgate.decoders.ssd_raw import SsdRawDecoder
from quantgate.decoders.yolact import YolactDecoder
from quantgate.decoders.yolof import YolofDecoder
from quantgate.errors import DecoderError
from quantgate.sources.opset import opset

PLAIN = Frame((64, 64), (64, 64), (1.0, 1.0), (0.0, 0.0))


def test_priors_are_as_many_as_the_papers_say() -> None:
    """FaceBoxes has 21,824 anchors at 1024 pixels, RetinaFace's three levels 16,800 at 640."""
    assert named_priors("faceboxes", (1024, 1024)).shape == (21824, 4)
    assert named_priors("retinaface", (640, 640)).shape == (16800, 4)


def test_small_faces_are_looked_for_more_densely() -> None:
    """The first cell of FaceBoxes: 16 boxes of 32 px, row by row, 4 of 64, one of 128."""
    first = named_priors("faceboxes", (128, 256))[:21] * (128, 256, 128, 256)
    assert first[:5, :2].tolist() == [[0, 0], [8, 0], [16, 0], [24, 0], [0, 8]]
    assert first[16:, :2].tolist() == [[0, 0], [16, 0], [0, 16], [16, 16], [16, 16]]
    assert first[:, 2].tolist() == [32] * 16 + [64] * 4 + [128]
    assert first[:, 3].tolist() == first[:, 2].tolist()


@pytest.mark.parametrize("box_format", ["xywh", "yxhw"])
def test_named_priors_decode_in_either_order(box_format: Any) -> None:
    """RetinaFace at 64 x 32: the box of 16 px in the second cell, moved by a tenth and a half."""
    encoded = np.zeros((1, 84, 4), np.float32)
    encoded[0, 2] = [1, 5, 0, 0] if box_format == "xywh" else [5, 1, 0, 0]
    scores = np.zeros((1, 84, 2), np.float32)
    scores[0, 2, 1] = 0.9
    frame = Frame((64, 32), (64, 32), (1.0, 1.0), (0.0, 0.0))
    decoder = SsdRawDecoder(priors="retinaface", box_format=box_format)
    decoder.check([Port("boxes", (1, 84, 4)), Port("scores", (1, 84, 2))])
    found = decoder.decode({"boxes": encoded, "scores": scores}, frame)
    # Centre 12, 4 and a side of 16, moved by 1.6 and 8 pixels.
    assert found.boxes == pytest.approx(np.array([[5.6, 4, 21.6, 20]]), abs=1e-4)


def test_priors_of_another_input_size_are_refused() -> None:
    """As many rows as the named priors have at this size, or one sentence."""
    outputs = {
        "boxes": np.zeros((1, 10, 4), np.float32),
        "scores": np.zeros((1, 10, 2), np.float32),
    }
    with pytest.raises(DecoderError, match="retinaface holds 168 prior boxes, the model gives 10"):
        SsdRawDecoder(priors="retinaface").decode(outputs, PLAIN)


def test_selected_indices_name_boxes_and_classes() -> None:
    """Rows of image, class and box, until an image below 0; a box may be two objects."""
    outputs = {
        "boxes": np.array([[[0, 8, 16, 32], [1, 2, 3, 4]]], np.float32),
        "scores": np.array([[[0.5, 0.0], [0.9, 0.8]]], np.float32),
        "selected": np.array([[0, 1, 0], [0, 0, 0], [0, 1, 1], [-1, -1, -1], [0, 0, 0]]),
    }
    found = NmsIndicesDecoder(score_threshold=0.1).decode(outputs, PLAIN)
    assert found.labels.tolist() == [1, 1, 0]
    assert found.scores == pytest.approx(np.array([0.9, 0.8, 0.5]), abs=1e-4)
    assert found.boxes.tolist() == [[8, 0, 32, 16], [2, 1, 4, 3], [8, 0, 32, 16]]


def test_the_graphs_own_suppression_is_read() -> None:
    """What OpenVINO's NonMaxSuppression selects is what suppression here would keep."""
    import openvino as ov

    rng = np.random.default_rng(4)
    points = np.sort(rng.uniform(0, 64, (1, 200, 2, 2)), axis=2).reshape(1, 200, 4)
    boxes, scores = points.astype(np.float32), rng.random((1, 3, 200)).astype(np.float32)
    ops = opset()
    inputs = [ops.parameter(list(array.shape), np.float32) for array in (boxes, scores)]
    limits = [np.int64(200), np.float32(0.5), np.float32(0.6)]
    node = ops.non_max_suppression(*inputs, *map(ops.constant, limits), output_type="i32")
    model = ov.Model([node.output(0)], inputs)
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = {"boxes": boxes, "scores": scores, "selected": compiled([boxes, scores])[0]}
    found = NmsIndicesDecoder().decode(outputs, PLAIN)
    plain = BoxesScoresDecoder(
        box_format="yxyx",
        units="pixels",
        score_threshold=0.6,
        iou_threshold=0.5,
        max_detections=600,
    ).decode({"boxes": boxes, "scores": scores.transpose(0, 2, 1)}, PLAIN)
    assert 20 < len(found) == len(plain)
    assert found.labels.tolist() == plain.labels.tolist()
    assert found.boxes.tolist() == plain.boxes.tolist()


def test_indices_beyond_the_boxes_are_refused() -> None:
    """Boxes and scores in the wrong order do not end in an IndexError."""
    outputs = {
        "boxes": np.zeros((1, 5, 4), np.float32),
        "scores": np.zeros((1, 2, 5), np.float32),
        "selected": np.array([[0, 2, 1]]),
    }
    with pytest.raises(
        DecoderError, match="selected selects beyond 1 image, 2 classes and 5 boxes"
    ):
        NmsIndicesDecoder().decode(outputs, PLAIN)


def test_yolof_moves_its_anchors_from_the_corner_of_a_cell() -> None:
    """Offsets are parts of the anchor, sizes go through exp, scores through the sigmoid."""
    values = np.zeros((1, 2, 6, 2, 2), np.float32)
    values[:, :, 4:] = -20
    # The second anchor, 16 x 8, of the cell in the lower row, right: its corner is 32, 32.
    values[0, 1, :, 1, 1] = [0.5, -0.5, np.log(2), 0, -20, 2]
    outputs = {"map": values.reshape(1, 12, 2, 2)}
    found = YolofDecoder(anchors=(4, 4, 16, 8)).decode(outputs, PLAIN)
    assert found.labels.tolist() == [1]
    assert found.scores == pytest.approx(np.array([0.8808]), abs=1e-4)
    assert found.boxes == pytest.approx(np.array([[24, 24, 56, 32]]), abs=1e-4)


def test_centernet_keeps_the_peaks() -> None:
    """A cell beside a higher one is no object, one beside another class's is."""
    heat = np.full((1, 2, 4, 4), -9, np.float32)
    heat[0, 0, 1, 1], heat[0, 0, 1, 2], heat[0, 1, 2, 2] = 2, 1, 0
    sizes, offsets = np.full((1, 2, 4, 4), 2, np.float32), np.full((1, 2, 4, 4), 0.5, np.float32)
    sizes[0, 1] = 1
    outputs = {"heat": heat, "sizes": sizes, "offsets": offsets}
    found = CenternetDecoder(score_threshold=0.3).decode(outputs, PLAIN)
    assert found.labels.tolist() == [0, 1]
    assert found.scores == pytest.approx(np.array([0.8808, 0.5]), abs=1e-4)
    assert found.boxes.tolist() == [[8, 16, 40, 32], [24, 32, 56, 48]]


def test_yolact_cuts_masks_on_the_grid_of_the_prototypes() -> None:
    """A mask reaches one cell beyond its box, and ends in the middle of the fading cell."""
    outputs = {
        "boxes": np.array([[[0.25, 0.5, 0.75, 0.75], [0, 0, 1, 1]]], np.float32),
        "scores": np.array([[[0, 0.9], [1, 0]]], np.float32),
        "coefficients": np.array([[[4.0], [4.0]]], np.float32),
        "prototypes": np.ones((1, 16, 16, 1), np.float32),
    }
    found = YolactDecoder().decode(outputs, PLAIN)
    assert found.masks is not None
    mask = coco.decode(found.masks[0])
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    assert (found.labels.tolist(), found.boxes.tolist()) == ([0], [[16, 32, 48, 48]])
    assert (rows[[0, -1]].tolist(), columns[[0, -1]].tolist()) == ([28, 51], [12, 51])


def detection_output(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    """OpenVINO's own operation on offsets, scores and priors."""
    import openvino as ov

    ops = opset()
    inputs = [ops.parameter(list(array.shape), np.float32) for array in arrays]
    node = ops.detection_output(*inputs, attributes)
    model = ov.Model([node], inputs)
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(arrays)[0]


def test_ssd_heads_are_decoded_as_openvino_does() -> None:
    """The same boxes, scores and classes as DetectionOutput gives, suppression included."""
    rng = np.random.default_rng(2)
    count, classes = 300, 4
    points = np.sort(rng.uniform(0, 1, (count, 2, 2)), axis=1).reshape(-1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], count)
    scores = rng.dirichlet(np.full(classes, 0.3), count)
    outputs = {
        "offsets": rng.normal(0, 1, (1, 4 * count)).astype(np.float32),
        "scores": scores.reshape(1, -1).astype(np.float32),
        "priors": np.stack([points, variances])[None].astype(np.float32),
    }
    attributes = {
        "num_classes": classes,
        "background_label_id": 0,
        "keep_top_k": [200],
        "top_k": 400,
        "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
        "nms_threshold": 0.45,
        "confidence_threshold": 0.3,
        "share_location": True,
        "normalized": True,
    }
    rows = detection_output(list(outputs.values()), attributes).reshape(-1, 7)
    rows = rows[: int(np.argmax(rows[:, 0] < 0)) or len(rows)]
    clipped = np.clip(rows[:, 3:], 0, 1)
    real = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    rows, clipped = rows[real], clipped[real] * 64
    found = SsdHeadsDecoder(score_threshold=0.3).decode(outputs, PLAIN)
    order = np.argsort(-rows[:, 2], kind="stable")
    assert 100 < len(found) == len(rows)
    assert found.labels.tolist() == (rows[order, 1].astype(int) - 1).tolist()
    np.testing.assert_allclose(found.scores, rows[order, 2], atol=1e-6)
    np.testing.assert_allclose(found.boxes, clipped[order], atol=1e-3)


@pytest.mark.parametrize(
    "decoder",
    [NmsIndicesDecoder(), YolofDecoder(), CenternetDecoder(), YolactDecoder(), SsdHeadsDecoder()],
    ids=lambda decoder: decoder.kind,
)
def test_other_outputs_are_refused(decoder: Any) -> None:
    """A table of YOLO is none of theirs, named or not."""
    ports = [Port("out", (1, 84, 8400))]
    with pytest.raises(DecoderError, match=f"decoder {decoder.kind} expects"):
        decoder.check(ports)
    with pytest.raises(DecoderError, match=f"decoder {decoder.kind} expects"):
        dataclasses.replace(decoder, outputs=("out",)).check(ports)
