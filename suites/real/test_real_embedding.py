"""MobileFaceNet on aligned faces of photographs that nobody named: role against role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from suites.real.work import gate

if TYPE_CHECKING:
    from pathlib import Path

    from suites.real.work import RealRun

MANIFEST = """
[datasets.faces]
kind = "coco"
path = "{real}/images/faces_dlib9"
annotations = "faces5.json"
region = {{ align = "face-112", counted_from = "centres", outside = 0 }}
annotated = false

[models.mobilefacenet]
task = "embedding"
source = "{real}/models/emb_mobilefacenet/mobilefacenet.xml"
preprocess = {{ colour = "rgb", mean = 127.5, scale = 128 }}
calibrate = {{ dataset = "faces", subset = 43 }}
evaluate = {{ dataset = "faces", allow_overlap = true }}
limits = {{ min_role_cosine = 0.97, min_worst_cosine = 0.9, min_agreement = 0.8, max_changed_decisions = 0.3 }}
"""
#: The usual places of eyes, nose and corners of the mouth in a face of 112 x 112 px (InsightFace).
TEMPLATE = [
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
]


@pytest.fixture(scope="module")
def faces(real: Path) -> dict[str, Any]:
    """Annotations with five points a face in the place of sixty-eight."""
    found: dict[str, Any] = json.loads((real / "images/faces_dlib9/faces.json").read_text("utf-8"))
    for one in found["annotations"]:
        rows = np.reshape(one["keypoints5"], (5, 2)).tolist()
        one["keypoints"] = [number for x, y in rows for number in (x, y, 2)]
        one["num_keypoints"] = 5
    names = ["left eye", "right eye", "nose", "left corner", "right corner"]
    found["categories"][0] |= {"keypoints": names, "skeleton": []}
    return found


@pytest.fixture(scope="module")
def judged(real: Path, faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """Gate it, calibrated on the faces themselves."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    (folder / "faces5.json").write_text(json.dumps(faces), encoding="utf-8")
    return gate(folder, folder / "store")


def _aligned(image: Any, points: Any) -> Any:
    """Bring a face to the template by scale, rotation and shift (Umeyama 1991), without any of the harness."""
    target, source = np.array(TEMPLATE), np.asarray(points, np.float64)
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    scale_cos = (a * b).sum() / (a * a).sum()
    scale_sin = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / (a * a).sum()
    turn = np.array([[scale_cos, -scale_sin], [scale_sin, scale_cos]])
    shift = target.mean(axis=0) - turn @ source.mean(axis=0)
    return cv2.warpAffine(image, np.column_stack([turn, shift]), (112, 112), flags=cv2.INTER_LINEAR)


def test_similarities_are_those_of_an_independent_script(
    real: Path, faces: dict[str, Any], judged: RealRun
) -> None:
    """The parent's nearest faces, by other code for alignment, feeding and comparison."""
    import openvino as ov

    folder = real / "images/faces_dlib9"
    files = {one["id"]: one["file_name"] for one in faces["images"]}
    model = ov.Core().compile_model(
        real / "models/emb_mobilefacenet/mobilefacenet.xml",
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    rows: dict[str, Any] = {}
    for image_id, file in files.items():
        own = [one for one in faces["annotations"] if one["image_id"] == image_id]
        for number, one in enumerate(own):
            crop = _aligned(cv2.imread(str(folder / file)), np.reshape(one["keypoints5"], (5, 2)))
            fed = (crop[..., ::-1].astype(np.float32) - 127.5) / 128
            vector = next(iter(model(fed.transpose(2, 0, 1)[None]).values())).ravel()
            rows[f"{file}#{number}"] = vector / np.linalg.norm(vector)
    table = np.stack(list(rows.values())) @ np.stack(list(rows.values())).T
    np.fill_diagonal(table, -1)

    document = json.loads((judged.folder / "reports/latest/run.json").read_text("utf-8"))
    tables = {one["name"]: one for one in document["models"][0]["tables"]}
    keys = [one["key"] for one in tables["embedding"]["columns"]]
    found = {row[0]: dict(zip(keys, row, strict=True)) for row in tables["embedding"]["rows"]}
    assert found.keys() == rows.keys()
    for place, name in enumerate(rows):
        # Of faces that are nearly as like each other either may be nearest.
        nearest = list(rows).index(found[name]["parent_nearest"])
        assert table[place, nearest] == pytest.approx(table[place].max(), abs=2e-3)
        assert found[name]["parent_similarity"] == pytest.approx(table[place].max(), abs=2e-3)


def test_the_roles_are_compared_without_names(judged: RealRun) -> None:
    """Every limit was judged on all faces, and each verdict says the cosine of the worst face."""
    found = judged.outcomes("mobilefacenet")
    assert len(found) == 4
    worst = judged.value("mobilefacenet", "min_worst_cosine")
    assert 0.5 < worst < judged.value("mobilefacenet", "min_role_cosine") < 1
    details = [item["detail"] for item in judged.verdicts.values()]
    assert all(f"{worst:.4f} at worst" in one for one in details), details
