"""Two real networks that cut persons out, on photographs with grey masks: one keeps its answers in INT8, one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.real.work import FullSet, gate

if TYPE_CHECKING:
    from pathlib import Path

    from suites.real.work import RealRun

pytestmark = pytest.mark.long

MANIFEST = """
[datasets.persons]
kind = "masks"
path = "{real}/images/person_masks_ecssd50/images"
annotations = "{real}/images/person_masks_ecssd50/masks"
labels = ["background", "person"]
class_ids = "binary"

[defaults]
calibrate = {{ dataset = "persons", subset = 50 }}
evaluate = {{ dataset = "persons", allow_overlap = true, metric = "foreground_iou" }}
limits = {{ max_accuracy_drop = 0.03, min_role_iou = 0.85, max_role_mae = 0.05 }}

[models.sinet]
task = "semantic_segmentation"
source = "{real}/models/bseg_sinet/SINet.onnx"
decoder = {{ kind = "class-map", activation = "softmax", layout = "nchw", resize = "linear" }}
preprocess = {{ mean = [102.89, 111.25, 126.91], scale = [16047.15, 16019.1, 16921.8] }}

[models.portrait]
task = "semantic_segmentation"
source = "{real}/models/bseg_mnv3_portrait/mnv3_seg.xml"
decoder = {{ kind = "class-map", activation = "softmax", layout = "nhwc", resize = "linear" }}
preprocess = {{ colour = "rgb", scale = 255 }}
"""


@pytest.fixture(scope="module")
def judged(real: Path, tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """Gate both, calibrated on the photographs themselves."""
    folder = tmp_path_factory.mktemp("persons")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return gate(folder, folder / "store")


@pytest.mark.parametrize(("model", "iou"), [("sinet", 0.809), ("portrait", 0.694)])
def test_parents_are_as_good_as_known(judged: RealRun, model: str, iou: float) -> None:
    """IoU of the person is what an independent decoder of the same outputs reaches."""
    found = FullSet(judged.folder)(model)
    assert found["foreground_iou"] == pytest.approx(iou, abs=0.005)
    assert 0 < found["mae"] < 0.2
    assert found["max_f"] > 0.7


def test_the_portrait_network_is_broken_by_quantization_alone(judged: RealRun) -> None:
    """Every limit of its answers is missed, and the other network keeps all of them."""
    answers = ("max_accuracy_drop", "min_role_iou", "max_role_mae")
    for model, outcome in (("sinet", "passed"), ("portrait", "failed")):
        found = judged.outcomes(model)
        assert {found[key] for key in answers} == {outcome}, judged.lines(model)
