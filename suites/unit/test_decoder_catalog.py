from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING, get_args

import pytest

from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from quantgate.decoders.catalog import DECODERS, fitting_kinds
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.decoders.fields import CLASS_ID_LISTS
from quantgate.decoders.nanodet import NanodetDecoder
from quantgate.decoders.protocol import Port
from quantgate.decoders.ssd import SsdDecoder
from quantgate.decoders.yolox import YoloxDecoder
from quantgate.engine.evaluate import check_decoder
from quantgate.entries import ModelEntry
from quantgate.errors import DecoderError
from quantgate.manifest import hints
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.decoders.protocol import Decoder

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
    "yolo-v8-pose": [Port("out", (1, 56, 2100))],
    "simcc": [Port("x", (1, 17, 384)), Port("y", (1, 17, 512))],
    "movenet": [Port("out", (1, 1, 17, 3))],
    "landmarks": [Port("out", (1, 136))],
    "yunet": [
        Port(f"{name}{n}", (1, n, width))
        for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for n in (1600, 400, 100)
    ],
    "scrfd": [
        Port(f"{name}{n}", (n, width))
        for name, width in (("score", 1), ("bbox", 4), ("kps", 10))
        for n in (12800, 3200, 800)
    ],
    "blaze": [Port("boxes", (1, 2304, 16)), Port("logits", (1, 2304, 1))],
    "retinaface": [
        Port("boxes", (1, 16800, 4)),
        Port("scores", (1, 16800, 2)),
        Port("points", (1, 16800, 10)),
    ],
    "openpose": [Port("fields", (1, 38, 32, 57)), Port("heat", (1, 19, 32, 57))],
    "associative-embedding": [
        Port("heat", (1, 17, 144, 144)),
        Port("tags", (1, 17, 144, 144, 1)),
    ],
    "heat-maps": [Port("out", (1, 17, 64, 48))],
    "yolact": [
        Port("boxes", (1, 19248, 4)),
        Port("scores", (1, 19248, 81)),
        Port("coefficients", (1, 19248, 32)),
        Port("prototypes", (1, 138, 138, 32)),
    ],
    "db": [Port("out", (1, 1, 736, 1280))],
    "pixel-link": [Port("links", (1, 192, 320, 16)), Port("text", (1, 192, 320, 2))],
    "east": [Port("geometry", (1, 5, 80, 80)), Port("scores", (1, 1, 80, 80))],
    "ctpn": [Port("shifts", (1, 37, 37, 40)), Port("shares", (1, 37, 37, 20))],
    "yolo-obb": [Port("out", (1, 20, 21504))],
    "yolo-obb-rows": [Port("out", (1, 300, 7))],
    "ctc": [Port("out", (1, 40, 6625))],
    "sequence": [Port("out", (1, 26, 37))],
    "dense-map": [Port("depth", (1, 1, 224, 224))],
    "vector": [Port("out", (1, 512))],
    "heads": [Port("prob", (1, 2, 1, 1)), Port("age", (1, 1, 1, 1))],
    "class-map": [Port("out", (1, 257, 257, 21))],
    "image": [Port("out", (1, 3, 384, 384))],
    "tensors": [],
}


def test_the_catalog_is_complete() -> None:
    """Every decoder of the manifest's union is listed under its own kind, with its tasks."""
    kinds = {
        next(f.default for f in dataclasses.fields(decoder) if f.name == "kind"): decoder
        for decoder in get_args(hints.unwrap(hints.fields(ModelEntry)["decoder"])[0])
    }
    assert kinds == dict(DECODERS)
    assert all(decoder.tasks for decoder in DECODERS.values())
    assert set(CONTRACTS) == set(DECODERS)


def test_kinds_that_nobody_names_are_not_imported(tmp_path: Path) -> None:
    """Each process of a run would spend a tenth of a second on them."""
    (tmp_path / "models.toml").write_text(
        '[datasets.d]\nkind = "digits"\n[models.m]\nsource = { zoo = "digits-ssd-mobilenet-v2" }\n'
        'calibrate = "d"\nevaluate = { dataset = "d", hold_out = true }\nlimits = { max_accuracy_drop = 0.1 }\n',
        encoding="utf-8",
    )
    code = (
        "import sys; from pathlib import Path; from quantgate.manifest import load_manifest; "
        f"load_manifest(Path({str(tmp_path / 'models.toml')!r})); "
        "print(*(name.removeprefix('quantgate.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    named = {"decoders.ssd", "tasks.detection.task"}
    others = {"decoders.ctpn", "tasks.embedding.task", "datasets.coco", "sources.omz.adapt"}
    assert {*done.stdout.split()} & (named | others) == named


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


def ports(*shapes: tuple[int, ...]) -> list[Port]:
    """Outputs of these shapes."""
    return [Port(f"out{place}", shape) for place, shape in enumerate(shapes)]


YOLO_ROWS = {"yolox", "yolo-v5", "yolo-v8"}
PAIR = {"boxes-scores", "ssd-raw", "detr"}
#: All decoders that a hint may name for outputs, of whatever task: for those of each decoder, of today's
#: exports, and of models of other tasks, which no detector reads.
MEANT: dict[str, tuple[list[Port], set[str]]] = {
    **{
        kind: (CONTRACTS[kind], named)
        for kind, named in {
            "class-scores": {"class-scores"},
            "ssd": {"ssd"},
            "boxes-scores": PAIR,
            "ssd-raw": PAIR,
            "ssd-heads": {"ssd-heads"},
            "yolox": YOLO_ROWS,
            "detr": PAIR,
            "nanodet": {"nanodet"},
            "fastestdet": {"fastestdet", "yolo", "class-map"},
            "yolo": {"yolo"},
            "yolo-v5": YOLO_ROWS,
            "yolo-v8": {"yolo-v8"},
            "yolof": {"yolof", "fastestdet", "class-map"},
            "centernet": {"centernet"},
            "boxes-labels": {"boxes-labels"},
            "nms-indices": {"nms-indices"},
            "mask-rcnn": {"mask-rcnn"},
            "yolo-v8-seg": {"yolo-v8", "yolo-v8-seg"},
            "yolo-v8-pose": {"yolo-v8", "yolo-v8-pose"},
            "yolact": {"yolact"},
            "db": {"db", "class-map", "dense-map", "image"},
            "pixel-link": {"pixel-link"},
            "east": {"east", "dense-map", "image"},
            "ctpn": {"ctpn"},
            "yolo-obb": {"yolo-obb", "yolo-v8"},
            "yolo-obb-rows": {"yolo-obb-rows", "ssd", *YOLO_ROWS},
            "class-map": {"class-map"},
            "image": {"image", "class-map"},
            "tensors": {"tensors"},
        }.items()
    },
    "a turned YOLO v8": (ports((1, 8400, 84)), YOLO_ROWS),
    "rows after NMS": (ports((1, 300, 6)), {*YOLO_ROWS, "boxes-labels"}),
    "YOLO v5 with heads": (EXPORTS["yolo v5, with its raw heads"][0], YOLO_ROWS),
    "YOLO v5's heads": (EXPORTS["yolo v5's raw heads alone"][0], {"yolo"}),
    "YOLO v8 of one class": (ports((1, 5, 8400)), {"yolo-v8"}),
    "YOLO v8 of any size": (ports((-1, 84, -1)), {"yolo-v8"}),
    "a DETR": (ports((1, 300, 4), (1, 300, 91)), PAIR),
    "ten classes, or five key points": (ports((1, 10)), {"class-scores", "landmarks"}),
    "any batch": (ports((-1, 1000)), {"class-scores"}),
    "a row in a row": (ports((1, 1, 1001)), {"class-scores"}),
    "the best class": (ports((1,)), {"class-scores"}),
    "two heads": (ports((1, 2, 1, 1), (1, 1, 1, 1)), {"heads"}),
    "features": (ports((1, 1280, 1, 1)), {"class-scores", "vector"}),
    "logits of a map": (ports((1, 21, 257, 257)), {"class-map"}),
    "classes of a map": (ports((1, 257, 257)), {"class-map", "dense-map", "image"}),
    "shares of two classes": (ports((1, 320, 320, 2)), {"class-map"}),
    "a line of text": (ports((30, 1, 37)), {"ctc", "sequence"}),
    "tokens of a transformer": (
        ports((1, 197, 768)),
        {"class-map", "dense-map", "image", "yolo-v8"},
    ),
    "depth": (ports((1, 1, 224, 224)), {"class-map", "dense-map", "image"}),
    "key points": (ports((1, 1, 17, 3)), {"movenet"}),
    "face detector with key points": (ports((1, 2304, 16), (1, 2304, 1)), {"blaze"}),
}


@pytest.mark.parametrize("name", MEANT)
def test_a_hint_names_no_absurd_decoder(name: str) -> None:
    """What outputs could be read as by their shapes alone, and nobody means, is not proposed."""
    found, meant = MEANT[name]
    assert {kind for task in TASKS for kind in fitting_kinds(found, task)} == meant


@pytest.mark.parametrize("kind", sorted(CONTRACTS))
def test_a_decoder_fits_its_own_contract(kind: str) -> None:
    """The shapes that a decoder is made for are among those that it claims to fit."""
    for task in DECODERS[kind].tasks:
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
def test_a_segmentation_map_fits_no_other_decoder(decoder: Decoder) -> None:
    """An image-shaped output is refused by all that read rows."""
    with pytest.raises(DecoderError, match=r"found the outputs map \[1,257,257,21\]"):
        decoder.check([Port("map", (1, 257, 257, 21))])


def test_coco90_names_eighty_labels() -> None:
    """COCO's ids 1..90 are its 80 labels in order; the ten unused ids are ignored."""
    table = CLASS_ID_LISTS["coco90"]
    assert len(table) == 90
    assert [label for label in table if label >= 0] == list(range(80))
    assert (table[0], table[11], table[12], table[89]) == (0, -1, 11, 79)
