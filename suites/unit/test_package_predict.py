"""What predict.py says of a prediction, for every kind of prediction."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

import quantgate.package
from quantgate.core.predictions import (
    ClassScores,
    DenseMap,
    Detections,
    LabelMap,
    RawOutputs,
    Rendering,
)

LABELS = ["cat", "dog"]
MASK = {"size": [2, 3], "counts": b"123"}


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as a package has it, beside a ``decode`` of which nothing is called here."""
    decode = ModuleType("decode")
    for name in ("Decoder", "Preprocess", "ports_of", "prepare", "with_own_names"):
        setattr(decode, name, None)
    monkeypatch.setitem(sys.modules, "decode", decode)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = Path(str(quantgate.package.__file__)).with_name("predict.py")
    spec = importlib.util.spec_from_file_location("predict", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def two(masks: Any = None) -> Detections:
    """Two objects, the second of a class without a name."""
    boxes = np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.float32)
    return Detections(boxes, np.array([0.5, 0.25], np.float32), np.array([1, 7]), masks)


def test_objects_are_told_one_by_one(predict: Any) -> None:
    """Each object has class, name, box and score; masks are COCO's text."""
    told = json.loads(json.dumps(predict.told(two((MASK, MASK)), LABELS)))
    assert told["objects"] == [
        {
            "class": 1,
            "label": "dog",
            "box": [0, 1, 2, 3],
            "score": 0.5,
            "mask": {"size": [2, 3], "counts": "123"},
        },
        {
            "class": 7,
            "box": [4, 5, 6, 7],
            "score": 0.25,
            "mask": {"size": [2, 3], "counts": "123"},
        },
    ]
    assert "mask" not in predict.told(two(), LABELS)["objects"][0]
    assert predict.told(Detections.empty(), LABELS) == {"objects": []}


def test_the_best_classes_are_told(predict: Any) -> None:
    """A classifier's answer is its best classes, highest first."""
    told = predict.told(ClassScores(np.array([0.25, 0.75], np.float32)), LABELS)
    assert told["classes"] == [
        {"class": 1, "label": "dog", "score": 0.75},
        {"class": 0, "label": "cat", "score": 0.25},
    ]


@pytest.mark.parametrize(
    ("prediction", "told"),
    [
        (
            LabelMap(np.array([[0, 3], [7, 1]], np.uint8)),
            {"labels": {"shape": [2, 2], "type": "uint8"}},
        ),
        (
            Rendering(np.full((2, 2, 3), 7.6, np.float32)),
            {"pixels": {"shape": [2, 2, 3], "type": "float32"}},
        ),
        (
            DenseMap(np.array([[[1.0], [2.5]]], np.float32), inverse=True),
            {"shape": [1, 2, 1], "type": "float32", "low": 1.0, "high": 2.5, "inverse": True},
        ),
        (
            RawOutputs({"out": np.arange(4, dtype=np.float32)}),
            {"values": {"out": {"shape": [4], "type": "float32"}}},
        ),
    ],
)
def test_large_answers_are_kept_as_files(
    predict: Any, tmp_path: Path, prediction: Any, told: dict[str, Any]
) -> None:
    """Maps and pictures are told by their shape, and written whole where a folder is given."""
    assert json.loads(json.dumps(predict.told(prediction, LABELS))) == told
    name = predict.keep(prediction, tmp_path / "a.jpg")
    suffix = {RawOutputs: "npz", DenseMap: "npy"}.get(type(prediction), "png")
    assert name == f"a.jpg.{suffix}"
    if isinstance(prediction, LabelMap):
        read = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(read, prediction.labels)
    elif isinstance(prediction, Rendering):
        assert int(cv2.imread(str(tmp_path / name))[0, 0, 0]) == 8  # type: ignore[index]
    elif isinstance(prediction, DenseMap):
        np.testing.assert_array_equal(np.load(tmp_path / name), prediction.values)
    else:
        np.testing.assert_array_equal(np.load(tmp_path / name)["out"], [0, 1, 2, 3])


def test_shares_of_one_object_are_a_grey_picture_beside_its_classes(
    predict: Any, tmp_path: Path
) -> None:
    """White is all of the object; classes stay a file of their own."""
    soft = LabelMap(np.array([[0, 1]], np.uint8), np.array([[0.2, 1.0]], np.float32))

    assert predict.keep(soft, tmp_path / "a.jpg") == "a.jpg.png"

    names = ("a.jpg.png", "a.jpg.shares.png")
    read = [cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED) for name in names]
    np.testing.assert_array_equal(read, [[[0, 1]], [[51, 255]]])


def test_settings_become_what_decoders_take(predict: Any, tmp_path: Path) -> None:
    """Lists become tuples, which can be cached on, and names of files become paths."""
    given = {"strides": [8, [16]], "priors": {"file": "priors.npy"}, "other": {"a": [1]}}
    assert predict._frozen(given, tmp_path) == {
        "strides": (8, (16,)),
        "priors": tmp_path / "priors.npy",
        "other": {"a": (1,)},
    }
