"""FastDepth on eleven RGB-D pictures: a network whose INT8 execution is wrong, and whose quantization is right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from suites.real.work import FullSet, gate

if TYPE_CHECKING:
    from pathlib import Path

    from suites.real.work import RealRun

pytestmark = pytest.mark.long

MANIFEST = """
[datasets.rooms]
kind = "values"
path = "{real}/images/depth11"
annotations = "{real}/images/depth11/pairs.csv"
value_scale = 0.001
unit = "m"

[datasets.photographs]
kind = "folder"
path = "{real}/images/coco_val149/images"

[models.fastdepth]
task = "dense"
source = "{real}/models/depth_fastdepth/fastdepth_224_dequant.xml"
preprocess = {{ colour = "rgb", scale = 255 }}
calibrate = {{ dataset = "photographs", subset = 64 }}
evaluate = "rooms"
limits = {{ max_accuracy_drop = 0.02, max_error_increase = 0.02, max_role_abs_rel = 0.05, min_role_delta1 = 0.9, \
max_execution_error = 0.02 }}
"""


@pytest.fixture(scope="module")
def judged(real: Path, tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """Gate it, calibrated on other photographs."""
    folder = tmp_path_factory.mktemp("depth")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return gate(folder, folder / "store")


def test_the_parent_is_as_good_as_known(judged: RealRun) -> None:
    """Its errors are those that an independent decoder of the same outputs has."""
    found = FullSet(judged.folder)("fastdepth")
    assert found["abs_rel"] == pytest.approx(0.150, abs=0.005)
    assert found["rmse"] == pytest.approx(0.50, abs=0.005)
    assert found["delta1"] == pytest.approx(0.783, abs=0.005)


def test_what_the_device_does_wrong_is_red_and_called_that(judged: RealRun) -> None:
    """Every limit sees it, and the verdict blames the execution of one quantizer, not the quantization."""
    found = judged.outcomes("fastdepth")
    answers = ("max_accuracy_drop", "max_error_increase", "max_role_abs_rel", "min_role_delta1")
    assert {found[key] for key in (*answers, "max_execution_error")} == {"failed"}

    document = json.loads((judged.folder / "reports" / "latest" / "run.json").read_text("utf-8"))
    (model,) = document["models"]
    executed = model["execution"]
    assert executed["simulated"]["drop"] < 0.02
    assert executed["executed"]["drop"] > 0.1
    said = " ".join(judged.said.split())
    assert "It is execution, not quantization" in said
    assert "100/fq_output_0" in said
