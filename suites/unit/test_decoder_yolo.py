from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.boxes import Candidates, suppress
from quantgate.decoders.protocol import Port
from quantgate.decoders.yolo import YoloDecoder
from quantgate.decoders.yolo_rows import YoloV5Decoder, YoloV8Decoder
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from quantgate.core.predictions import Detections

PLAIN = Frame((64, 64), (64, 64), (1.0, 1.0), (0.0, 0.0))
ANCHORS = (8.0, 8.0, 16.0, 8.0, 20.0, 30.0, 40.0, 20.0)


def logit(share: float) -> float:
    """Inverse of the sigmoid."""
    return float(np.log(share / (1 - share)))


def heads(*, last: bool = False) -> dict[str, Any]:
    """Two heads of two anchors and three classes with one object: stride 16, cell (1, 2), anchor 1."""
    coarse = np.full((2, 8, 2, 2), -20.0, np.float32)
    fine = np.full((2, 8, 4, 4), -20.0, np.float32)
    fine[1, :, 2, 1] = [logit(0.25), 0.0, np.log(2.0), 0.0, logit(0.8), -20, logit(0.5), -20]
    maps = {"coarse": coarse.reshape(1, 16, 2, 2), "fine": fine.reshape(1, 16, 4, 4)}
    return {name: m.transpose(0, 2, 3, 1) if last else m for name, m in maps.items()}


def table(found: Detections) -> list[tuple[int, float, list[float]]]:
    """Label, score and box of every object, rounded."""
    return [
        (int(label), round(float(score), 4), [round(float(side), 3) for side in box])
        for label, score, box in zip(found.labels, found.scores, found.boxes, strict=True)
    ]


@pytest.mark.parametrize("last", [False, True])
def test_heads_decode_by_the_published_formula(*, last: bool) -> None:
    """Centre is sigmoid plus cell, size exp times anchor, whatever the order of channels."""
    found = YoloDecoder(ANCHORS).decode(heads(last=last), PLAIN)
    # centre (1.25, 2.5) * 16 = (20, 40), size (2 * 16, 8)
    assert table(found) == [(1, 0.4, [4.0, 36.0, 36.0, 44.0])]


@pytest.mark.parametrize("order", [(0, 1, 3, 4, 2), (0, 1, 2, 3, 4)])
def test_anchors_may_have_a_dimension_of_their_own(order: tuple[int, ...]) -> None:
    """Heads of five dimensions, the numbers of a cell last or before the grid, are the same heads."""
    split = {
        name: array.reshape(1, 2, 8, *array.shape[2:]).transpose(order)
        for name, array in heads().items()
    }
    decoder = YoloDecoder(ANCHORS)
    decoder.check([Port(name, array.shape) for name, array in split.items()])
    assert table(decoder.decode(split, PLAIN)) == table(decoder.decode(heads(), PLAIN))


def test_raw_heads_of_yolo_v5_are_stated_by_its_formulas() -> None:
    """Centre is twice the sigmoid less a half plus the cell, size twice the sigmoid squared."""
    values = np.full((1, 2, 4, 4, 7), -20.0, np.float32)
    values[0, 0, 2, 1] = [logit(0.25), logit(0.75), logit(0.5), logit(0.25), 20, 20, -20]
    decoder = YoloDecoder((8.0, 4.0, 2.0, 2.0), sizes="square", scale_xy=2.0)
    found = decoder.decode({"out": values}, PLAIN)
    # centre (0.5 - 0.5 + 1, 1.5 - 0.5 + 2) * 16 = (16, 48), size (8 * 1, 4 * 0.25)
    assert table(found) == [(0, 1.0, [12.0, 47.5, 20.0, 48.5])]


def test_masks_choose_the_anchors_of_each_head() -> None:
    """Anchor numbers are given by head, the finest grid first."""
    found = YoloDecoder(ANCHORS, masks=((0, 2), (1, 3))).decode(heads(), PLAIN)
    assert table(found) == [(1, 0.4, [0.0, 25.0, 40.0, 55.0])]


def test_scale_xy_stretches_the_offset_around_the_cell() -> None:
    """Darknet's scale_x_y: sigmoid times s less (s - 1) / 2."""
    found = YoloDecoder(ANCHORS, scale_xy=(1.2, 1.0)).decode(heads(), PLAIN)
    assert table(found)[0][2] == [3.2, 36.0, 35.2, 44.0]


def test_anchors_in_cells_and_softmax_are_yolo_v2() -> None:
    """Region heads: anchors count cells, classes share one softmax."""
    region = np.zeros((1, 2, 7, 4, 4), np.float32)
    region[0, :, 4] = -20
    region[0, 0, :, 0, 0] = [0, 0, 0, 0, 20, np.log(3.0), 0]
    decoder = YoloDecoder((1.0, 1.0, 2.0, 2.0), anchor_units="cells", classes="softmax")
    found = decoder.decode({"out": region.reshape(1, 14, 4, 4)}, PLAIN)
    box = [0.0, 0.0, 16.0, 16.0]
    assert table(found) == [(0, 0.75, box), (1, 0.25, box)]


def test_scaled_yolo_v4_squares_its_sizes() -> None:
    """Activated heads of Darknet's new_coords: (2 t)^2 times the anchor."""
    values = np.zeros((1, 2, 7, 4, 4), np.float32)
    values[0, 0, :, 1, 1] = [0.5, 0.5, 0.5, 1.0, 1.0, 0.9, 0.0]
    decoder = YoloDecoder((8.0, 4.0, 2.0, 2.0), activated=True, sizes="square")
    found = decoder.decode({"out": values.reshape(1, 14, 4, 4)}, PLAIN)
    assert table(found) == [(0, 0.9, [20.0, 16.0, 28.0, 32.0])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchors": (8.0, 8.0, 8.0)}, "pairs of width and height"),
        ({"anchors": (8.0, 8.0) * 3}, "cannot be shared evenly by 2 heads"),
        ({"anchors": ANCHORS, "masks": ((0, 1),)}, "given for 1 heads, the model has 2"),
        (
            {"anchors": ANCHORS, "masks": ((0, 1), (2, 9))},
            "masks name anchor 9, its anchors are numbered 0 to 3",
        ),
        ({"anchors": (8.0, 8.0) * 6}, "expects maps"),
    ],
)
def test_anchors_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    """Anchors and masks are checked against the outputs before anything runs."""
    ports = [Port(name, array.shape) for name, array in heads().items()]
    with pytest.raises(DecoderError, match=message):
        YoloDecoder(**options).check(ports)


def test_anchors_that_would_fit_are_told() -> None:
    """Maps of 255 channels are no heads of four anchors, but of one, three or five."""
    ports = [Port("a", (1, 255, 20, 20)), Port("b", (1, 255, 10, 10))]
    with pytest.raises(DecoderError, match="these would fit 1 or 3 or 5 anchors a head"):
        YoloDecoder((8.0, 8.0) * 8).check(ports)


def test_a_grid_that_is_none_of_the_input_is_refused() -> None:
    """Maps whose cells are not square over the input are named with their shape."""
    values = np.zeros((1, 14, 5, 4), np.float32)
    with pytest.raises(DecoderError, match=r"a head of shape \[1, 14, 5, 4\]"):
        YoloDecoder(ANCHORS[:4]).decode({"out": values}, PLAIN)


def test_diou_keeps_boxes_whose_centres_lie_apart() -> None:
    """Two boxes above the IoU threshold survive DIoU suppression if their centres differ."""
    corners = np.array([[10, 10, 30, 30], [18, 10, 38, 30], [10.5, 10, 30.5, 30]], np.float32)
    candidates = Candidates(corners, np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, np.int64))
    assert suppress(candidates, 0.4, 10, "iou")[0].tolist() == [0]
    assert suppress(candidates, 0.4, 10, "diou")[0].tolist() == [0, 1]


@pytest.mark.parametrize(("agnostic", "labels"), [(False, [2, 0]), (True, [2])])
def test_an_agnostic_suppression_crosses_classes(*, agnostic: bool, labels: list[int]) -> None:
    """Of two boxes in one place the better one is left, whatever their classes."""
    columns = np.zeros((1, 7, 84), np.float32)
    columns[0, :, :2] = np.array([[20, 30, 10, 20, 0.6, 0, 0], [20, 30, 10, 21, 0, 0, 0.7]]).T
    found = YoloV8Decoder(agnostic=agnostic).decode({"out": columns}, PLAIN)
    assert found.labels.tolist() == labels


@pytest.mark.parametrize("units", ["pixels", "relative"])
def test_yolo_v5_scores_are_products(units: Any) -> None:
    """Score is objectness times class; rows below in objectness alone are never looked at."""
    side = 1.0 if units == "pixels" else 1 / 64
    rows = [[20 * side, 30 * side, 10 * side, 20 * side, 0.5, 0.8, 0.4], [0, 0, 1, 1, 0.001, 1, 1]]
    found = YoloV5Decoder(units=units).decode({"out": np.array([rows], np.float32)}, PLAIN)
    box = [15.0, 20.0, 25.0, 40.0]
    assert table(found) == [(0, 0.4, box), (1, 0.2, box)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("multi_label", "labels"), [(True, [1, 0]), (False, [1])])
def test_yolo_v8_is_read_either_way_round(
    *, turned: bool, multi_label: bool, labels: list[int]
) -> None:
    """Boxes may be columns or rows; mask coefficients are left out."""
    columns = np.zeros((1, 9, 84), np.float32)
    columns[0, :, 5] = [20, 30, 10, 20, 0.3, 0.6, 9, 9, 9]
    outputs = {"out": columns.transpose(0, 2, 1) if turned else columns}
    found = YoloV8Decoder(coefficients=3, multi_label=multi_label).decode(outputs, PLAIN)
    assert found.labels.tolist() == labels
    assert table(found)[0] == (1, 0.6, [15.0, 20.0, 25.0, 40.0])


def test_a_segmenting_yolo_v8_has_one_table() -> None:
    """Prototypes beside the table do not disturb it; two tables do."""
    table_port = Port("table", (1, 116, 2100))
    YoloV8Decoder(coefficients=32).check([table_port, Port("prototypes", (1, 32, 80, 80))])
    with pytest.raises(DecoderError, match="decoder yolo-v8 expects one output"):
        YoloV8Decoder().check([table_port, Port("other", (1, 116, 2100))])
