"""Models that see one object, on regions of real images: figures of scripts that share no code with the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.real.work import FullSet

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[datasets.persons]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149_keypoints/person_keypoints.json"
region = {{ shape = "square", factor = 1.25, size = [192, 192], counted_from = "centres" }}

[datasets.faces]
kind = "coco"
path = "{real}/images/faces_dlib9"
annotations = "{real}/images/faces_dlib9/faces.json"
region = {{ around = "points", shape = "square", factor = 1.1, size = [112, 112], counted_from = "centres" }}

[datasets.hands]
kind = "coco"
path = "{real}/images/hands12"
annotations = "{real}/images/hands12/hands.json"
region = {{ around = "points", shape = "square", factor = 1.6, up = [0, 9], size = [224, 224], counted_from = "centres" }}

[defaults]
limits = {{ min_role_oks = 0.8 }}

[models.movenet]
task = "keypoints"
source = "{real}/models/pose_movenet_lightning/movenet_lightning_192_dequant.xml"
decoder = "movenet"
preprocess = {{ colour = "rgb" }}
calibrate = {{ dataset = "persons" }}
evaluate = {{ dataset = "persons", allow_overlap = true }}

[models.pfld]
task = "keypoints"
source = "{real}/models/lmk_pfld68/pfld.xml"
decoder = "landmarks"
preprocess = {{ scale = 255 }}
calibrate = {{ dataset = "faces" }}
evaluate = {{ dataset = "faces", metric = "nme_eyes", allow_overlap = true }}

[models.hand]
task = "keypoints"
source = "{real}/models/lmk_hand_lite/hand_landmark_lite.tflite"
decoder = {{ kind = "landmarks", third = "depth", units = "pixels", outputs = ["Identity", "Identity_1"] }}
preprocess = {{ colour = "rgb", scale = 255 }}
calibrate = {{ dataset = "hands" }}
evaluate = {{ dataset = "hands", metric = "nme_box", allow_overlap = true }}
"""


@pytest.fixture(scope="module")
def points(real: Path, tmp_path_factory: pytest.TempPathFactory) -> FullSet:
    """Parents alone, each on the regions of its images."""
    folder = tmp_path_factory.mktemp("points")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    return FullSet(folder)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("movenet", {"ap": 0.387, "ap50": 0.662}),
        ("pfld", {"nme_eyes": 0.064}),
        ("hand", {"nme_box": 0.101, "pck": 0.587}),
    ],
)
def test_regions_give_the_figures_of_independent_scripts(
    points: FullSet, model: str, expected: dict[str, float]
) -> None:
    """Cut, turned and pooled as they say: within .001."""
    found = points(model)
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=1e-3)
