"""The harness reads the built-in models' objects as the plain reader beside their training does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest
from faster_coco_eval.core import mask as rle

from harness.training import metrics
from harness.training.reference_decoders import objects
from quantgate.core.geometry import Frame
from quantgate.decoders.catalog import DECODERS
from quantgate.zoo.catalog import ZOO, ZooModel, xml_path

if TYPE_CHECKING:
    from quantgate.core.predictions import Detections

IMAGES = 4
SURE = 0.05
FINDERS = [m for m in ZOO.values() if m.task in {"detection", "instance_segmentation"}]


@pytest.mark.parametrize("model", FINDERS, ids=[model.name for model in FINDERS])
def test_both_readers_find_the_same_objects(model: ZooModel) -> None:
    """Labels, scores, boxes and masks agree, whoever decodes the outputs."""
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(xml_path(model.name), "CPU", options)
    settings: dict[str, Any] = dict(model.decoder)
    decoder = DECODERS[settings.pop("kind")](**settings)
    size = model.preprocess.size
    frame = Frame(size, size, (1.0, 1.0), (0.0, 0.0))
    compared = 0
    for index in range(IMAGES):
        image = metrics.picture(model, 0, index, "evaluate").image
        outputs = metrics.infer(compiled, model, image)
        plain = sorted(objects(model, outputs), key=lambda one: -one[1])
        plain = [one for one in plain if one[1] >= SURE]
        found = decoder.decode(outputs, frame)
        assert (found.scores >= SURE).sum() == len(plain)
        for row, one in enumerate(plain):
            assert_same(found.take(np.array([row])), one, size)
        compared += len(plain)
    assert compared > IMAGES


def assert_same(found: Detections, plain: tuple[Any, ...], size: tuple[int, int]) -> None:
    """One object, read twice: boxes to a hundredth of a pixel, masks but for a few edge pixels."""
    label, score, box, mask = plain
    assert found.labels[0] == label
    assert found.scores[0] == pytest.approx(score, abs=1e-5)
    clipped = np.clip(box, 0, np.tile(size, 2))
    assert found.boxes[0] == pytest.approx(clipped, abs=0.01)
    if mask is not None:
        assert found.masks is not None
        drawn = rle.decode(found.masks[0]) == 1
        assert np.logical_xor(drawn, mask).sum() <= 0.02 * mask.sum() + 4


def test_ssd_is_the_same_before_its_last_operation() -> None:
    """Cut off before DetectionOutput, the built-in SSD's heads decode to what it would give."""
    model = ZOO["digits-ssd-mobilenet-v2"]
    whole = ov.Core().read_model(xml_path(model.name))
    (last,) = (op for op in whole.get_ordered_ops() if op.get_type_name() == "DetectionOutput")
    heads = [last.input_value(k) for k in range(3)]
    for head, name in zip(heads, ("offsets", "scores", "priors"), strict=True):
        head.set_names({name})
    cut = ov.Model([last.output(0), *heads], whole.get_parameters())
    compiled = ov.Core().compile_model(cut, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    frame = Frame(model.preprocess.size, model.preprocess.size, (1.0, 1.0), (0.0, 0.0))
    for index in range(IMAGES):
        image = metrics.picture(model, 0, index, "evaluate").image
        found = compiled(metrics.prepare(model, image))
        expected = DECODERS["ssd"](label_offset=1).decode({"rows": found[0]}, frame)
        outputs = {"offsets": found[1], "scores": found[2], "priors": found[3]}
        ours = DECODERS["ssd-heads"](iou_threshold=0.5).decode(outputs, frame)
        assert len(ours) == len(expected) > 0
        assert ours.labels.tolist() == expected.labels.tolist()
        assert ours.scores == pytest.approx(expected.scores, abs=1e-5)
        assert ours.boxes == pytest.approx(expected.boxes, abs=0.01)
