from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from quantgate.decoders.catalog import DECODER_TASKS, DECODERS, AnyDecoder, fitting_kinds
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.fields import CLASS_ID_LISTS
from quantgate.decoders.nanodet import NanodetDecoder
from quantgate.decoders.protocol import Port
from quantgate.decoders.ssd import SsdDecoder
from quantgate.decoders.yolox import YoloxDecoder
from quantgate.engine.evaluate import check_decoder
from quantgate.errors import DecoderError
from quantgate.tasks.catalog import TASKS

NANODET = [
    *(Port(f"cls{n}", (1, n, 80)) for n in (1600, 400, 100)),
    *(Port(f"dis{n}", (1, n, 32)) for n in (1600, 400, 100)),
]
CONTRACTS = {
    "class-scores": [Port("out", (1, 1000, 1, 1))],
    "ssd": [Port("out", (1, 1, 100, 7))],
    "boxes-scores": [Port("scores", (1, 4420, 2)), Port("boxes", (1, 4420, 4))],
    "ssd-raw": [Port("boxes", (1, 1917, 4)), Port("scores", (1, 1917, 91))],
    "ssd-heads": [
        Port("priors", (1, 2, 17200)),
        Port("scores", (1, 8600)),
        Port("offsets", (1, 17200)),
    ],
    "yolox": [Port("out", (1, 3549, 85))],
    "detr": [Port("logits", (1, 100, 92)), Port("boxes", (1, 100, 4))],
    "nanodet": NANODET,
    "fastestdet": [Port("out", (1, 85, 22, 22))],
    "yolo": [Port("a", (1, 255, 20, 20)), Port("b", (1, 255, 10, 10))],
    "yolo-v5": [Port("out", (1, 25200, 85))],
    "yolo-v8": [Port("out", (1, 84, 8400))],
    "yolof": [Port("boxes", (1, 504, 19, 19))],
    "centernet": [
        Port("offsets", (1, 2, 128, 128)),
        Port("heat", (1, 80, 128, 128)),
        Port("sizes", (1, 2, 128, 128)),
    ],
    "boxes-labels": [Port("boxes", (100, 5)), Port("labels", (100,))],
    "nms-indices": [
        Port("boxes", (1, 10647, 4)),
        Port("scores", (1, 80, 10647)),
        Port("selected", (-1, 3)),
    ],
    "mask-rcnn": [
        Port("boxes", (100, 5)),
        Port("labels", (100,)),
        Port("masks", (100, 28, 28)),
    ],
    "yolo-v8-seg": [Port("table", (1, 116, 2100)), Port("prototypes", (1, 32, 80, 80))],
    "yolact": [
        Port("boxes", (1, 19248, 4)),
        Port("scores", (1, 19248, 81)),
        Port("coefficients", (1, 19248, 32)),
        Port("prototypes", (1, 138, 138, 32)),
    ],
    "class-map": [Port("out", (1, 257, 257, 21))],
    "image": [Port("out", (1, 3, 384, 384))],
    "tensors": [],
}


def test_the_catalog_is_complete() -> None:
    """Every decoder of the manifest's union is listed under its own kind, with its tasks."""
    kinds = {
        next(f.default for f in dataclasses.fields(decoder) if f.name == "kind"): decoder
        for decoder in get_args(AnyDecoder)
    }
    assert kinds == DECODERS
    assert set(DECODER_TASKS) == set(DECODERS)
    assert set(CONTRACTS) == set(DECODERS)


#: What people export today, and the decoders that read it.
EXPORTS = {
    "yolo v8 and v11": ([Port("output0", (1, 84, 8400))], {"yolo-v8"}),
    "the same turned": ([Port("output0", (1, 8400, 84))], {"yolo-v8"}),
    "dynamic": ([Port("output0", (-1, 84, -1))], {"yolo-v8"}),
    "end to end": ([Port("output0", (1, 300, 6))], {"boxes-labels"}),
    "yolo v5, with its raw heads": (
        [
            Port("output", (1, 25200, 85)),
            *(Port(str(side), (1, 3, side, side, 85)) for side in (80, 40, 20)),
        ],
        {"yolo-v5", "yolox"},
    ),
    "yolo v5's raw heads alone": (
        [Port(str(side), (1, 3, side, side, 85)) for side in (80, 40, 20)],
        {"yolo"},
    ),
    "NMS with a count": (
        [
            Port("num_dets", (1, 1)),
            Port("det_boxes", (1, 100, 4)),
            Port("det_scores", (1, 100)),
            Port("det_classes", (1, 100)),
        ],
        {"boxes-labels"},
    ),
    "boxes and scores apart": (
        [Port("boxes", (1, 8400, 4)), Port("scores", (1, 8400, 80))],
        {"boxes-scores", "detr"},
    ),
}


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_exports_that_people_have_find_their_decoder(name: str) -> None:
    """The shapes of today's exporters are claimed by the decoders that read them."""
    ports, kinds = EXPORTS[name]
    assert kinds <= {kind for task in TASKS for kind in fitting_kinds(ports, task)}


@pytest.mark.parametrize("kind", sorted(CONTRACTS))
def test_a_decoder_fits_its_own_contract(kind: str) -> None:
    """The shapes that a decoder is made for are among those that it claims to fit."""
    for task in DECODER_TASKS[kind]:
        assert kind in fitting_kinds(CONTRACTS[kind], task)


def test_a_misfit_says_what_was_found_expected_and_fits() -> None:
    """The message names the outputs, the expected shapes, and the decoders that would fit."""
    with pytest.raises(DecoderError) as caught:
        check_decoder(SsdDecoder(), CONTRACTS["boxes-scores"], "detection")
    assert str(caught.value) == (
        "decoder ssd expects one output [1,1,N,7] of image id, class, score, x0, y0, x1, y1, found "
        "the outputs scores [1,4420,2], boxes [1,4420,4]; decoders for detection that would fit: boxes-scores, "
        "ssd-raw, detr"
    )
    with pytest.raises(DecoderError, match="no decoder fits these shapes"):
        check_decoder(SsdDecoder(), [Port("x", (3, 5, 7, 9, 11))], "detection")


@pytest.mark.parametrize(
    "decoder",
    [ClassScoresDecoder(), SsdDecoder(), BoxesScoresDecoder(), YoloxDecoder(), NanodetDecoder()],
)
def test_a_segmentation_map_fits_no_other_decoder(decoder: AnyDecoder) -> None:
    """An image-shaped output is refused by all that read rows."""
    with pytest.raises(DecoderError, match=r"found the outputs map \[1,257,257,21\]"):
        decoder.check([Port("map", (1, 257, 257, 21))])


def test_coco90_names_eighty_labels() -> None:
    """COCO's ids 1..90 are its 80 labels in order; the ten unused ids are ignored."""
    table = CLASS_ID_LISTS["coco90"]
    assert len(table) == 90
    assert [label for label in table if label >= 0] == list(range(80))
    assert (table[0], table[11], table[12], table[89]) == (0, -1, 11, 79)
