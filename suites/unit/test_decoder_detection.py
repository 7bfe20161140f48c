from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.boxes_labels import BoxesLabelsDecoder
from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from quantgate.decoders.detr import DetrDecoder
from quantgate.decoders.fastestdet import FastestdetDecoder
from quantgate.decoders.nanodet import NanodetDecoder
from quantgate.decoders.protocol import Port
from quantgate.decoders.ssd import SsdDecoder
from quantgate.decoders.ssd_raw import SsdRawDecoder
from quantgate.decoders.yolo import YoloDecoder
from quantgate.decoders.yolo_rows import YoloV5Decoder, YoloV8Decoder
from quantgate.decoders.yolox import YoloxDecoder
from quantgate.engine.evaluate import check_decoder
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.predictions import Detections

#: A 200 x 100 image letterboxed into 64 x 64: scale 0.32, 16 px above and below.
FRAME = Frame((200, 100), (64, 64), (0.32, 0.32), (0.0, 16.0))
PLAIN = Frame((64, 64), (64, 64), (1.0, 1.0), (0.0, 0.0))


def table(found: Detections) -> list[tuple[int, float, list[float]]]:
    """Label, score and box of every object, rounded."""
    return [
        (int(label), round(float(score), 4), [round(float(side), 3) for side in box])
        for label, score, box in zip(found.labels, found.scores, found.boxes, strict=True)
    ]


def ssd_rows(*rows: list[float]) -> dict[str, Any]:
    """DetectionOutput of these rows."""
    return {"out": np.array(rows, np.float32).reshape(1, 1, -1, 7)}


def test_ssd_rows_end_at_the_first_negative_image_id() -> None:
    """What follows the end is leftovers of an earlier run."""
    outputs = ssd_rows(
        [0, 2, 0.5, 0.25, 0.5, 0.5, 0.75],
        [0, 1, 0.9, 0, 0.25, 1, 0.75],
        [-1, 0, 0, 0, 0, 0, 0],
        [0, 3, 0.99, 0, 0, 1, 1],
    )
    assert table(SsdDecoder().decode(outputs, FRAME)) == [
        (0, 0.9, [0.0, 0.0, 200.0, 100.0]),
        (1, 0.5, [50.0, 50.0, 100.0, 100.0]),
    ]


def test_ssd_drops_background_low_scores_and_empty_boxes() -> None:
    """Class 0, scores below the threshold and boxes outside the image are no objects."""
    outputs = ssd_rows(
        [0, 0, 0.9, 0.1, 0.3, 0.5, 0.5],
        [0, 1, 0.1, 0.1, 0.3, 0.5, 0.5],
        [0, 1, 0.9, 0.1, 0.0, 0.5, 0.2],
        [0, 1, 0.9, 0.5, 0.5, 0.5, 0.6],
    )
    assert len(SsdDecoder(score_threshold=0.2).decode(outputs, FRAME)) == 0


def test_ssd_without_background_and_with_coco_ids() -> None:
    """`label_offset` shifts class numbers, `class_ids` names labels."""
    outputs = ssd_rows([0, 12, 0.9, 0, 0, 1, 1], [0, 13, 0.8, 0, 0, 1, 1], [0, 90, 0.7, 0, 0, 1, 1])
    labels = SsdDecoder(class_ids="coco90").decode(outputs, PLAIN).labels
    assert labels.tolist() == [11, 79]
    assert SsdDecoder(label_offset=0).decode(outputs, PLAIN).labels.tolist() == [12, 13, 90]
    with pytest.raises(DecoderError, match="names 2 classes, the model found class 89"):
        SsdDecoder(class_ids=(0, 1)).decode(outputs, PLAIN)


def test_equal_scores_keep_the_order_of_the_model() -> None:
    """Sorting is stable, so that ties never move a metric."""
    rows = [[0, 1, 0.5, 0.01 * i, 0, 0.01 * i + 0.005, 1] for i in range(50)]
    found = SsdDecoder().decode(ssd_rows(*rows), PLAIN)
    assert found.boxes[:, 0].tolist() == sorted(found.boxes[:, 0].tolist())
    assert len(found) == 50


def test_no_object_anywhere_is_an_empty_prediction() -> None:
    """Nothing found is a result, not an error."""
    assert len(SsdDecoder().decode(ssd_rows([-1, 0, 0, 0, 0, 0, 0]), PLAIN)) == 0
    assert len(SsdDecoder().decode({"out": np.zeros((1, 1, 0, 7), np.float32)}, PLAIN)) == 0
    empty = {"out": np.zeros((1, 84, 85), np.float32)}
    assert len(YoloxDecoder().decode(empty, PLAIN)) == 0


def boxes_and_scores(boxes: list[list[float]], scores: list[list[float]]) -> dict[str, Any]:
    """Outputs in the order of OMZ's face detector: scores first."""
    return {
        "scores": np.array([scores], np.float32),
        "boxes": np.array([boxes], np.float32),
    }


def test_boxes_and_scores_are_suppressed_per_class() -> None:
    """An overlapping box survives only in another class."""
    outputs = boxes_and_scores(
        [[0.1, 0.3, 0.5, 0.7], [0.1, 0.3, 0.5, 0.71], [0.1, 0.3, 0.51, 0.7], [0.6, 0.3, 0.9, 0.7]],
        [[0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.3, 0.0, 0.7], [0.4, 0.6, 0.0]],
    )
    found = BoxesScoresDecoder(background=True, score_threshold=0.1).decode(outputs, FRAME)
    assert [(label, score) for label, score, _ in table(found)] == [(0, 0.9), (1, 0.7), (0, 0.6)]
    assert table(found)[0][2] == [20.0, 10.0, 100.0, 90.0]


def test_no_row_is_no_object() -> None:
    """Where rows are data, a picture without any is read like others."""
    outputs = {
        "scores": np.zeros((1, 0, 3), np.float32),
        "boxes": np.zeros((1, 0, 4), np.float32),
    }
    for multi_label in (True, False):
        assert not len(BoxesScoresDecoder(multi_label=multi_label).decode(outputs, FRAME))


@pytest.mark.parametrize(
    ("box_format", "box"),
    [
        ("xyxy", [10, 20, 30, 50]),
        ("yxyx", [20, 10, 50, 30]),
        ("xywh", [10, 20, 20, 30]),
        ("cxcywh", [20, 35, 20, 30]),
    ],
)
def test_every_box_format_means_the_same_box(box_format: Any, box: list[float]) -> None:
    """Corners, sizes and centres are read in pixels or fractions."""
    outputs = boxes_and_scores([box], [[0.1, 0.9]])
    decoder = BoxesScoresDecoder(box_format=box_format, units="pixels", multi_label=False)
    assert table(decoder.decode(outputs, PLAIN)) == [(1, 0.9, [10.0, 20.0, 30.0, 50.0])]


def test_four_classes_need_the_outputs_named() -> None:
    """Boxes and scores of equal shape are told apart by name alone."""
    ports = [Port("s", (1, 9, 4)), Port("b", (1, 9, 4))]
    with pytest.raises(DecoderError, match="name both in `outputs`"):
        BoxesScoresDecoder().check(ports)
    BoxesScoresDecoder(outputs=("b", "s")).check(ports)


def test_ssd_priors_decode_by_the_published_formula(tmp_path: Path) -> None:
    """Offsets are divided by the scales, sizes go through exp, around the prior."""
    priors = tmp_path / "priors.npy"
    np.save(priors, np.array([[0.5, 0.25, 0.2, 0.4], [0.5, 0.5, 0.1, 0.1]]))
    outputs = {
        "boxes": np.array([[[1.0, 0.5, 5 * np.log(2.0), 0.0], [0, 0, 0, 0]]], np.float32),
        "scores": np.array([[[0.1, 0.9], [1.0, 0.0]]], np.float32),
    }
    found = SsdRawDecoder(priors).decode(outputs, PLAIN)
    # centre y 0.5 + 0.1 * 0.2 = 0.52, x 0.25 + 0.05 * 0.4 = 0.27, height 0.4, width 0.4
    assert table(found) == [(0, 0.9, [4.48, 20.48, 30.08, 46.08])]


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_raw_ssd_scores_are_activated(tmp_path: Path, activation: Any) -> None:
    """Logits become probabilities where the manifest says so."""
    np.save(tmp_path / "p.npy", np.array([[0.5, 0.5, 0.5, 0.5]]))
    outputs = {"b": np.zeros((1, 1, 4)), "s": np.array([[[0.0, np.log(3.0)]]])}
    decoder = SsdRawDecoder(tmp_path / "p.npy", activation=activation)
    assert decoder.decode(outputs, PLAIN).scores.tolist() == [pytest.approx(0.75)]


def test_priors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """Another number of priors, a missing file and another array are each one sentence."""
    ports = [Port("b", (1, 5, 4)), Port("s", (1, 5, 3))]
    np.save(tmp_path / "four.npy", np.zeros((4, 4)))
    with pytest.raises(DecoderError, match="holds 4 prior boxes, the model gives 5"):
        SsdRawDecoder(tmp_path / "four.npy").check(ports)
    with pytest.raises(DecoderError, match=r"none\.npy cannot be read"):
        SsdRawDecoder(tmp_path / "none.npy").check(ports)
    np.save(tmp_path / "flat.npy", np.zeros(20))
    with pytest.raises(DecoderError, match=r"found \[20\]"):
        SsdRawDecoder(tmp_path / "flat.npy").check(ports)


def test_yolox_cells_decode_by_the_published_formula() -> None:
    """Centre is offset plus cell times stride, size exp times stride, score the product."""
    values = np.zeros((1, 84, 7), np.float32)
    # Cells of 64 px: 64 of stride 8, 16 of stride 16, 4 of stride 32. Row 64 + 4 * 2 + 1: (1, 2).
    values[0, 73] = [0.5, 0.25, np.log(2.0), 0.0, 0.8, 0.5, 1.0]
    found = YoloxDecoder(multi_label=True).decode({"out": values}, PLAIN)
    assert table(found) == [
        (1, 0.8, [8.0, 28.0, 40.0, 44.0]),
        (0, 0.4, [8.0, 28.0, 40.0, 44.0]),
    ]
    assert len(YoloxDecoder().decode({"out": values}, PLAIN)) == 1


def test_decoded_yolox_boxes_are_taken_as_they_are() -> None:
    """An export that decodes its boxes needs no grid."""
    values = np.array([[[20, 30, 10, 20, 1.0, 0.9]]], np.float32)
    found = YoloxDecoder(decoded=True).decode({"out": values}, PLAIN)
    assert table(found) == [(0, 0.9, [15.0, 20.0, 25.0, 40.0])]


def test_rows_that_are_not_the_cells_are_refused() -> None:
    """Strides that do not fit the output are an error with both numbers."""
    with pytest.raises(DecoderError, match=r"strides 8, 16, 32 has 84 cells, found 80 rows"):
        YoloxDecoder().decode({"out": np.zeros((1, 80, 7), np.float32)}, PLAIN)


def nanodet_outputs() -> dict[str, Any]:
    """Outputs of a 64 px NanoDet with one object at row 1, column 2 of stride 16."""
    outputs: dict[str, Any] = {}
    for stride, count in ((8, 64), (16, 16), (32, 4)):
        outputs[f"cls{stride}"] = np.zeros((1, count, 3), np.float32)
        outputs[f"dis{stride}"] = np.zeros((1, count, 32), np.float32)
    outputs["cls16"][0, 6, 2] = 0.9
    bins = outputs["dis16"][0, 6].reshape(4, 8)
    for side, distance in enumerate((1, 0, 1, 1)):
        bins[side, distance] = 100
    return outputs


def test_nanodet_distances_are_the_mean_of_their_distribution() -> None:
    """Sides lie softmax-weighted bins times stride from the middle of the cell."""
    expected = [(2, 0.9, [23.5, 23.5, 55.5, 39.5])]
    outputs = nanodet_outputs()
    assert table(NanodetDecoder().decode(outputs, PLAIN)) == expected
    shuffled = dict(sorted(outputs.items(), key=lambda item: item[0][::-1]))
    assert table(NanodetDecoder().decode(shuffled, PLAIN)) == expected


def test_nanodet_plus_is_one_table_from_the_corner() -> None:
    """Scores and distances side by side, measured from a cell's first pixel."""
    outputs = nanodet_outputs()
    cls, dis = (
        np.concatenate([outputs[f"{kind}{s}"] for s in (8, 16, 32)], axis=1)
        for kind in ("cls", "dis")
    )
    joined = {"out": np.concatenate([cls, dis], axis=2)}
    found = NanodetDecoder(centre="corner").decode(joined, PLAIN)
    assert table(found) == [(2, 0.9, [16.0, 16.0, 48.0, 32.0])]


def test_strides_that_would_fit_are_told() -> None:
    """PicoDet has four levels: the message says so where three are expected, and other decoders do."""
    shapes = [(7600, 10), (1900, 10), (475, 10), (130, 10)]
    ports = [Port(f"s{n}", (1, n, c)) for n, c in shapes]
    ports += [Port(f"d{n}", (1, n, 32)) for n, _ in shapes]
    told = r"strides 8, 16, 32 scores .*; 4 strides would fit, usually strides = \[8, 16, 32, 64\], found"
    with pytest.raises(DecoderError, match=told):
        NanodetDecoder().check(ports)
    NanodetDecoder(strides=(8, 16, 32, 64)).check(ports)
    with pytest.raises(DecoderError, match=r"decoders for detection that would fit: nanodet$"):
        check_decoder(YoloxDecoder(), ports, "detection")


def test_nanodet_with_as_many_classes_as_distances_needs_names() -> None:
    """32 classes look like distances: the outputs have to be named."""
    shapes = [(64, 32), (16, 32), (4, 32)]
    ports = [Port(f"{k}{n}", (1, n, c)) for k in "cd" for n, c in shapes]
    with pytest.raises(DecoderError, match="name scores, then distances"):
        NanodetDecoder().check(ports)
    NanodetDecoder(outputs=tuple(port.name for port in ports)).check(ports)


def test_fastestdet_cells_decode_by_the_published_formula() -> None:
    """Score is objectness^.6 times class^.4; boxes are fractions of the input."""
    values = np.full((1, 7, 4, 4), 0.0, np.float32)
    values[0, :, 1, 2] = [0.9, np.arctanh(0.5), 0.0, 0.0, np.log(0.25 / 0.75), 0.2, 0.8]
    found = FastestdetDecoder().decode({"out": values}, PLAIN)
    score = round(0.9**0.6 * 0.8**0.4, 4)
    # centre (2.5, 1) / 4, size 0.5 x 0.25 of 64 px
    assert table(found) == [(1, score, [24.0, 8.0, 56.0, 24.0])]


@pytest.mark.parametrize(
    ("decoder", "outputs"),
    [
        (SsdDecoder(), ssd_rows([0, 1, 0.9, 0, 0, 1, 1])),
        (BoxesScoresDecoder(), boxes_and_scores([[0, 0, 1, 1]], [[0.1, 0.9]])),
        (YoloxDecoder(), {"out": np.zeros((1, 84, 7), np.float32)}),
        (NanodetDecoder(), nanodet_outputs()),
        (FastestdetDecoder(), {"out": np.zeros((1, 7, 4, 4), np.float32)}),
        (YoloDecoder((8.0, 8.0)), {"out": np.zeros((1, 7, 4, 4), np.float32)}),
        (YoloV5Decoder(), {"out": np.zeros((1, 20, 7), np.float32)}),
        (YoloV8Decoder(), {"out": np.zeros((1, 6, 84), np.float32)}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_named(
    decoder: Any, outputs: dict[str, Any], bad: float
) -> None:
    """One NaN or infinity in any output is an error naming that output."""
    for name in outputs:
        damaged = {key: value.copy() for key, value in outputs.items()}
        damaged[name].reshape(-1)[-1] = bad
        with pytest.raises(DecoderError, match=f"output {name} holds NaN or infinity in 1 of"):
            decoder.decode(damaged, PLAIN)


def queries() -> dict[str, Any]:
    """Two queries at one place: one of class 1, one of nothing; two classes and "none"."""
    boxes = [[0.5, 0.25, 0.25, 0.5], [0.5, 0.25, 0.25, 0.5]]
    shares = np.log([[0.2, 0.7, 0.1], [0.25, 0.15, 0.6]])
    return {
        "logits": np.array([shares], np.float32),
        "boxes": np.array([boxes], np.float32),
    }


def test_detr_drops_the_class_of_nothing_and_suppresses_nothing() -> None:
    """Shares are a softmax over all classes, of which the last is none; twins both stay."""
    box = [24.0, 0.0, 40.0, 32.0]
    assert table(DetrDecoder().decode(queries(), PLAIN)) == [(1, 0.7, box), (0, 0.25, box)]


def test_detr_of_sigmoids_has_every_class_of_a_query() -> None:
    """Without a class of nothing each class stands for itself."""
    logits = np.array([[[0.0, np.log(3.0), -20.0]]], np.float32)
    outputs = {"pred_logits": logits, "pred_boxes": queries()["boxes"][:, :1]}
    found = DetrDecoder(activation="sigmoid").decode(outputs, PLAIN)
    assert [(label, score) for label, score, _ in table(found)] == [(1, 0.75), (0, 0.5)]


def test_a_count_beside_the_objects_is_passed_over() -> None:
    """Graphs that end in NMS also say how many objects there are: rows behind have no score."""
    outputs = {
        "num_dets": np.array([[1]], np.int32),
        "det_boxes": np.array([[[8, 8, 16, 24], [0, 0, 1, 1]]], np.float32),
        "det_scores": np.array([[0.5, 0.0]], np.float32),
        "det_classes": np.array([[3, 0]], np.int32),
    }
    found = BoxesLabelsDecoder().decode(outputs, PLAIN)
    assert table(found) == [(3, 0.5, [8.0, 8.0, 16.0, 24.0])]
