from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.yolo import YoloDecoder
from quantgate.sources.darknet.decoding import decoder_of
from quantgate.sources.darknet.heads import DarknetHead
from quantgate.sources.darknet.importer import import_darknet

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANCHORS = ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0))


def _head(mask: tuple[int, ...], stride: int, scale_xy: float = 1.0) -> DarknetHead:
    return DarknetHead("yolo", "yolo", 80, ANCHORS, mask, (stride, stride), scale_xy)


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    corners = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = float(np.prod(np.maximum(corners[1] - corners[0], 0)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one, other)]
    return common / (sum(areas) - common)


def test_heads_are_listed_finest_first() -> None:
    """Whatever the order of the cfg, anchors and scales come by grid, the finest first."""
    assert decoder_of([_head((2, 3), 32, 1.05), _head((0, 1), 16, 1.2)]) == {
        "kind": "yolo",
        "anchors": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
        "masks": ((0, 1), (2, 3)),
        "scale_xy": (1.2, 1.05),
    }


def test_shared_anchor_is_listed_for_both() -> None:
    """An anchor that two heads share, as in YOLOv4-tiny, is there for each of them."""
    found = decoder_of([_head((0, 1), 16), _head((1, 2), 32)])
    assert found == {
        "kind": "yolo",
        "anchors": (1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 5.0, 6.0),
        "masks": ((0, 1), (2, 3)),
    }


def test_region_and_scaled_heads_are_told_apart() -> None:
    """YOLO v2's softmax and cells, scaled YOLOv4's squares and DIoU become decoder keys."""
    region = DarknetHead("region", "region", 20, ANCHORS[:1], (0,), (32, 32))
    assert decoder_of([region]) == {
        "kind": "yolo",
        "anchors": (1.0, 2.0),
        "masks": ((0,),),
        "anchor_units": "cells",
        "classes": "softmax",
    }
    scaled = DarknetHead(
        "yolo", "yolo", 80, ANCHORS[:1], (0,), (8, 8), new_coords=True, nms_kind="diounms"
    )
    found = decoder_of([scaled])
    assert found is not None
    assert {key: found[key] for key in ("activated", "sizes", "nms")} == {
        "activated": True,
        "sizes": "square",
        "nms": "diou",
    }


def test_classifier_has_no_head() -> None:
    """A network without heads asks for no detection decoder."""
    assert decoder_of([]) is None


def test_real_network_finds_the_dog() -> None:
    """Imported and decoded by what its cfg says, yolo-fastest finds dog and bicycle on a photograph."""
    import cv2
    import openvino as ov

    root = os.environ.get("QUANTGATE_REAL")
    if not root:
        pytest.skip("QUANTGATE_REAL is not set: the real Darknet files are not at hand")
    folder = Path(root) / "models" / "det_yolo_fastest_darknet"
    stem = folder / "yolo-fastest-1.1"
    imported = import_darknet(stem.with_suffix(".1.cfg"), stem.with_suffix(".1.weights"))
    picture = cv2.imread(str(Path(root) / "images" / "dog.jpg"))
    assert picture is not None
    height, width = picture.shape[:2]
    blob = cv2.dnn.blobFromImage(picture, 1 / 255, (320, 320), swapRB=True)
    compiled = ov.Core().compile_model(imported.model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    raw = {port.any_name: np.asarray(value) for port, value in compiled(blob).items()}
    keys = dict(decoder_of(imported.heads) or {})
    frame = Frame((width, height), (320, 320), (320 / width, 320 / height), (0.0, 0.0))
    found = YoloDecoder(**keys).decode(raw, frame)
    sure = {int(label) for label in found.labels[found.scores > 0.4]}
    assert {1, 16} <= sure
    dog = found.boxes[found.labels == 16][0]
    assert _overlap(dog, np.array([130, 220, 310, 540], np.float32)) > 0.6
