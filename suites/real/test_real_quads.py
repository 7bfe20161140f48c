"""Regions of text and turned boxes of real networks: PP-OCRv2 on ICDAR 2015, YOLO26n-OBB on DOTA8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from openvino.passes import ConstantFolding, Manager

from quantgate.sources.opset import opset
from suites.real.work import FullSet

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[datasets.streets]
kind = "icdar"
path = "{real}/images/text_icdar15_30"
annotations = "{real}/images/text_icdar15_30/quads.json"

[datasets.aerial]
kind = "yolo-txt"
path = "{real}/images/dota8/images"

[models.ppocr]
task = "quads"
source = "{real}/models/ocr_det_ppocrv2/ch_PP-OCRv2_det_infer.onnx"
decoder = "db"
calibrate = {{ dataset = "streets", subset = 20 }}
evaluate = {{ dataset = "streets", metric = "hmean", allow_overlap = true }}
limits = {{ max_accuracy_drop = 0.05 }}

[models.ppocr.preprocess]
size = [1280, 736]
mean = [123.675, 116.28, 103.53]
scale = [58.395, 57.12, 57.375]

[models.yolo-obb]
task = "quads"
source = "yolo26n-obb.xml"
decoder = {{ kind = "yolo-obb-rows", units = "relative" }}
preprocess = {{ resize = "letterbox", colour = "rgb", scale = 255 }}
calibrate = {{ dataset = "aerial", subset = 4 }}
evaluate = {{ dataset = "aerial", allow_overlap = true }}
limits = {{ max_accuracy_drop = 0.05 }}
"""


def _in_float(path: Path) -> ov.Model:
    """Read a model whose weights alone are of 8 bits, these as the floats that they stand for."""
    model = ov.Core().read_model(path)
    for node in model.get_ops():
        before = node.input_value(0).get_node() if node.get_type_name() == "Convert" else None
        if before is not None and before.get_type_name() == "Constant":
            values = before.get_data().astype(np.float32)
            node.output(0).replace(opset().constant(values).output(0))
    folded = Manager()
    folded.register_pass(ConstantFolding())
    folded.run_passes(model)
    return model


@pytest.fixture(scope="module")
def parents(real: Path, tmp_path_factory: pytest.TempPathFactory) -> FullSet:
    """Parents alone on every image."""
    folder = tmp_path_factory.mktemp("quads")
    published = real / "models/obb_yolo26n_AGPL/yolo26n-obb_int8.tflite"
    ov.save_model(_in_float(published), folder / "yolo26n-obb.xml", compress_to_fp16=False)
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return FullSet(folder)


@pytest.mark.parametrize(
    ("model", "expected", "near"),
    [
        ("ppocr", {"hmean": 0.505, "precision": 0.582, "recall": 0.445}, 0.005),
        # Two of 133 objects: the known figures are of the weights in 8 bits, as the runtime reads them.
        ("yolo-obb", {"ap50": 0.966, "ap75": 0.755}, 2 / 133),
    ],
)
def test_the_parents_are_as_good_as_known(
    parents: FullSet, model: str, expected: dict[str, float], near: float
) -> None:
    """Text by ICDAR's protocol and turned boxes by DOTA's, as independent scripts found them on these images."""
    found = parents(model)
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=near)
