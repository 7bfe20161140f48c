"""Decoders against accuracy_check's own adapters, on raw outputs drawn at random.

QUANTGATE_ACCURACY_CHECK names the command ``accuracy_check``, see accuracy_check.py.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.catalog import DECODERS
from suites.bench.accuracy_check import command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Drawn = Mapping[str, NDArray[Any]]

SCRIPT = Path(__file__).with_name("adapters.py")


@dataclass(frozen=True, slots=True)
class Case:
    """An adapter's configuration, the decoder's keys, and raw outputs for both.

    Parameters
    ----------
    unit
        The adapter gives fractions of the image (``relative``), pixels of it, or of the input.
    first_label
        The adapter's number of the decoder's class 0.
    """

    adapter: Mapping[str, Any]
    decoder: Mapping[str, Any]
    draw: Callable[[np.random.Generator], Drawn]
    frame: Frame
    unit: str = "pixels"
    first_label: int = 0


def stretched(image: tuple[int, int], model: tuple[int, int]) -> Frame:
    """An image brought to the input's size by a plain resize."""
    return Frame(image, model, (model[0] / image[0], model[1] / image[1]), (0.0, 0.0))


def corners(rng: np.random.Generator, count: int, reach: float) -> Array:
    """Boxes of all sizes, ``xyxy``, within 0 to ``reach``."""
    points = np.sort(rng.uniform(0, reach, (count, 2, 2)), axis=1)
    return points.reshape(count, 4).astype(np.float32)


def faces(count: int, low: float) -> Callable[[np.random.Generator], Drawn]:
    """Encoded boxes and scores of a background and a face, few above the threshold."""

    def draw(rng: np.random.Generator) -> Drawn:
        face = rng.uniform(-low, 1, count).clip(0, 1)
        return {
            "boxes": rng.normal(0, 1, (1, count, 4)).astype(np.float32),
            "scores": np.stack([1 - face, face], axis=1)[None].astype(np.float32),
        }

    return draw


def selected(rng: np.random.Generator) -> Drawn:
    """Every box and score, and what a graph's suppression selected, with the rest at -1."""
    count, classes = 500, 20
    rows = np.stack(
        [np.zeros(40), rng.integers(0, classes, 40), rng.permutation(count)[:40]], axis=1
    )
    indices = np.concatenate([rows, np.full((60, 3), -1)]).astype(np.int64)
    return {
        "boxes": corners(rng, count, 400)[None, :, [1, 0, 3, 2]],
        "scores": rng.uniform(0.02, 1, (1, classes, count)).astype(np.float32),
        "indices": indices[None],
    }


def one_level(rng: np.random.Generator) -> Drawn:
    """YOLOF's map of six anchors and eighty classes, most of them unlikely."""
    values = rng.normal(0, 0.6, (1, 6, 84, 19, 19)).astype(np.float32)
    values[:, :, 4:] = rng.normal(-8, 2, (1, 6, 80, 19, 19))
    return {"boxes": values.reshape(1, 504, 19, 19)}


def heat(rng: np.random.Generator) -> Drawn:
    """CenterNet's three maps."""
    return {
        "heat": rng.normal(-6, 2, (1, 20, 128, 128)).astype(np.float32),
        "sizes": rng.uniform(1, 40, (1, 2, 128, 128)).astype(np.float32),
        "offsets": rng.uniform(0, 1, (1, 2, 128, 128)).astype(np.float32),
    }


def prototypes(rng: np.random.Generator) -> Drawn:
    """YOLACT's four outputs: smooth prototypes, and few likely boxes."""
    import cv2

    count = 2000
    scores = rng.uniform(0, 0.04, (count, 21))
    likely = rng.permutation(count)[:120]
    scores[likely, rng.integers(1, 21, 120)] = rng.uniform(0.06, 1, 120)
    small = rng.normal(0, 1, (16, 16, 32)).astype(np.float32)
    planes = [cv2.resize(small[:, :, k], (138, 138)) for k in range(32)]
    return {
        "boxes": corners(rng, count, 1)[None],
        "conf": scores[None].astype(np.float32),
        "mask": rng.normal(0, 1, (1, count, 32)).astype(np.float32),
        "proto": np.stack(planes, axis=2)[None],
    }


def persons(rng: np.random.Generator) -> Drawn:
    """Heads of four priors a cell, a background and a person, and each prior's actions."""
    rows, columns = 25, 43
    count = 4 * rows * columns
    person = rng.uniform(-20, 1, count).clip(0, 1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], count)
    actions = {f"action{k}": rng.normal(0, 1, (1, rows, columns, 3)) for k in (1, 2, 3, 4)}
    return {
        "offsets": rng.normal(0, 1, (1, 4 * count)).astype(np.float32),
        "scores": np.stack([1 - person, person], axis=1).reshape(1, -1).astype(np.float32),
        "priors": np.stack([corners(rng, count, 1).reshape(-1), variances])[None],
        **actions,
    }


CASES = {
    "action_detection": Case(
        {
            "type": "action_detection",
            "loc_out": "offsets",
            "main_conf_out": "scores",
            "priorbox_out": "priors",
            "add_conf_out_prefix": "action",
            "add_conf_out_count": 4,
            "num_action_classes": 3,
            "detection_threshold": 0.4,
        },
        {
            "kind": "ssd-heads",
            "outputs": ("offsets", "scores", "priors"),
            "score_threshold": 0.4,
            # Suppression is a step of its own there.
            "iou_threshold": 1.0,
            "max_detections": 5000,
        },
        persons,
        stretched((640, 480), (680, 400)),
        unit="relative",
        first_label=1,
    ),
    "faceboxes": Case(
        {"type": "faceboxes", "boxes_out": "boxes", "scores_out": "scores"},
        {
            "kind": "ssd-raw",
            "priors": "faceboxes",
            "box_format": "xywh",
            "score_threshold": 0.05,
            "iou_threshold": 0.3,
            "max_detections": 750,
        },
        faces(21 * 24 * 32 + 12 * 16 + 6 * 8, 40),
        stretched((640, 480), (1024, 768)),
        unit="relative",
        first_label=1,
    ),
    "retinaface_pytorch": Case(
        {"type": "retinaface_pytorch", "bboxes_output": "boxes", "scores_output": "scores"},
        {
            "kind": "ssd-raw",
            "priors": "retinaface",
            "box_format": "xywh",
            "score_threshold": 0.02,
            "iou_threshold": 0.4,
            "max_detections": 750,
        },
        faces(2 * (80 * 60 + 40 * 30 + 20 * 15), 30),
        stretched((500, 375), (640, 480)),
        first_label=1,
    ),
    "yolo_v3_onnx": Case(
        {
            "type": "yolo_v3_onnx",
            "boxes_out": "boxes",
            "scores_out": "scores",
            "indices_out": "indices",
        },
        {"kind": "nms-indices", "outputs": ("boxes", "scores", "indices")},
        selected,
        stretched((416, 416), (416, 416)),
    ),
    "yolof": Case(
        {
            "type": "yolof",
            "outputs": ["boxes"],
            "anchors": "16,16,32,32,64,64,128,128,256,256,512,512",
            "cells": [19],
            "num": 6,
            "raw_output": True,
            "multiple_labels": True,
            "threshold": 0.05,
        },
        # Suppression is a step of its own there.
        {"kind": "yolof", "iou_threshold": 1.0, "max_detections": 5000},
        one_level,
        stretched((640, 480), (608, 608)),
        unit="relative",
    ),
    "ctdet": Case(
        {
            "type": "ctdet",
            "center_heatmap_out": "heat",
            "width_height_out": "sizes",
            "regression_out": "offsets",
        },
        {"kind": "centernet", "outputs": ("heat", "sizes", "offsets")},
        heat,
        Frame((640, 480), (512, 512), (0.8, 0.8), (0.0, 64.0)),
    ),
    "yolact": Case(
        {
            "type": "yolact",
            "boxes_out": "boxes",
            "conf_out": "conf",
            "mask_out": "mask",
            "proto_out": "proto",
        },
        {"kind": "yolact"},
        prototypes,
        stretched((640, 480), (550, 550)),
    ),
}


def theirs(case: Case, raw: Drawn, folder: Path) -> dict[str, Any]:
    """What the adapter makes of it, clipped to the image; boxes without an area left out."""
    image, model = case.frame.image, case.frame.model
    asked = {"adapter": case.adapter, "image": image, "model": model}
    (folder / "case.json").write_text(json.dumps(asked), encoding="utf-8")
    arrays: dict[str, Any] = dict(raw)
    np.savez(folder / "case.npz", **arrays)
    python = command().with_name("python")
    said = [str(python), str(SCRIPT), str(folder / "case")]
    subprocess.run(said, cwd=folder, check=True, capture_output=True, timeout=300)
    found = json.loads((folder / "case-found.json").read_text("utf-8"))
    limit = np.array([*image, *image], float)
    boxes = np.array(found["boxes"]).reshape(-1, 4)
    boxes = np.clip(boxes * limit if case.unit == "relative" else boxes, 0, limit)
    real = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    masks = found["masks"]
    return {
        "boxes": boxes[real],
        "scores": np.array(found["scores"])[real],
        "labels": np.array(found["labels"])[real] - case.first_label,
        "masks": None if masks is None else [masks[k] for k in real],
    }


def in_order(labels: Any, scores: Any) -> NDArray[np.int64]:
    """Order by score, then by class: the same for both."""
    return np.lexsort((labels, -np.round(np.asarray(scores, float), 6)))


@pytest.mark.parametrize("name", CASES)
def test_a_decoder_agrees_with_the_adapter(name: str, tmp_path: Path) -> None:
    """Same objects, classes and scores; boxes within 0.01 px; masks but for pixels at their edge."""
    case = CASES[name]
    raw = case.draw(np.random.default_rng(7))
    expected = theirs(case, raw, tmp_path)
    found = DECODERS[case.decoder["kind"]](
        **{key: value for key, value in case.decoder.items() if key != "kind"}
    ).decode(raw, case.frame)

    ours, their = (
        in_order(found.labels, found.scores),
        in_order(expected["labels"], expected["scores"]),
    )
    print(f"{name}: {len(found)} objects, theirs {len(their)}")
    assert 20 < len(found) == len(their)
    assert found.labels[ours].tolist() == expected["labels"][their].tolist()
    np.testing.assert_allclose(found.scores[ours], expected["scores"][their], atol=1e-5)
    np.testing.assert_allclose(found.boxes[ours], expected["boxes"][their], atol=0.01)
    if found.masks is not None:
        _compare_masks([found.masks[k] for k in ours], [expected["masks"][k] for k in their])


def _compare_masks(ours: list[Any], theirs: list[Any]) -> None:
    from faster_coco_eval.core import mask as rle

    overlaps = []
    for one, other in zip(ours, theirs, strict=True):
        first, second = rle.decode(one), rle.decode({**other, "counts": other["counts"].encode()})
        union = max(1, int(np.count_nonzero(first | second)))
        overlaps.append(1 - np.count_nonzero(first != second) / union)
    print(f"masks: IoU {np.mean(overlaps):.4f} on average, {min(overlaps):.4f} at least")
    # The warp rounds positions to 1/32 px; interpolated without that, the average is 0.9998.
    assert min(overlaps) > 0.97
    assert np.mean(overlaps) > 0.995
