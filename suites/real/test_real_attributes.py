"""Age and gender of faces that nobody annotated, cut out of photographs: role against role."""

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

MODEL = "models/attr_age_gender/age-gender-recognition-retail-0013_dequant.xml"
MANIFEST = """
[datasets.faces]
kind = "coco"
path = "{real}/images/faces_dlib9"
annotations = "{real}/images/faces_dlib9/faces.json"
region = {{ outside = 0 }}
annotated = false

[models.age-gender]
task = "attributes"
source = "{real}/{model}"
calibrate = {{ dataset = "faces", subset = 43 }}
evaluate = {{ dataset = "faces", allow_overlap = true }}
limits = {{ min_agreement = 0.9, min_head_agreement = 0.9, max_head_mae = {most} }}

[models.age-gender.decoder]
kind = "heads"
heads.gender = {{ output = "prob", names = ["female", "male"] }}
heads.age = {{ output = "age_conv3", scale = 100, unit = "years" }}
"""


@pytest.fixture(scope="module")
def judged(real: Path, tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """Gate it, calibrated on the faces themselves."""
    folder = tmp_path_factory.mktemp("ages")
    text = MANIFEST.format(real=real, model=MODEL, most=4)
    (folder / "models.toml").write_text(text, encoding="utf-8")
    return gate(folder, folder / "store")


def _rows(judged: RealRun) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of the table by image and head."""
    document = json.loads((judged.folder / "reports/latest/run.json").read_text("utf-8"))
    table = next(t for t in document["models"][0]["tables"] if t["name"] == "answers")
    keys = [one["key"] for one in table["columns"]]
    rows = [dict(zip(keys, row, strict=True)) for row in table["rows"]]
    return {(row["image"], row["head"]): row for row in rows}


def test_answers_are_those_of_an_independent_script(real: Path, judged: RealRun) -> None:
    """The parent's age and gender of every face, by other code for cropping, feeding and reading."""
    import openvino as ov

    folder = real / "images/faces_dlib9"
    told = json.loads((folder / "faces.json").read_text("utf-8"))
    files = {one["id"]: one["file_name"] for one in told["images"]}
    model = ov.Core().compile_model(real / MODEL, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows, counts = _rows(judged), dict.fromkeys(files, 0)
    for one in told["annotations"]:
        name = f"{files[one['image_id']]}#{counts[one['image_id']]}"
        counts[one["image_id"]] += 1
        image = cv2.imread(str(folder / files[one["image_id"]]))
        x, y, width, height = one["bbox"]
        left, top = round(x), round(y)
        right, bottom = left + round(width), top + round(height)
        padded = cv2.copyMakeBorder(image, 200, 200, 200, 200, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        crop = padded[top + 200 : bottom + 200, left + 200 : right + 200]
        fed = cv2.resize(crop, (62, 62)).astype(np.float32).transpose(2, 0, 1)[None]
        found = model(fed)
        age, male = 100 * float(found["age_conv3"].item()), float(found["prob"].ravel()[1])
        assert float(rows[name, "age"]["parent"].split()[0]) == pytest.approx(age, abs=0.3)
        share = rows[name, "gender"]["parent_share"]
        said = share if rows[name, "gender"]["parent"] == "male" else 1 - share
        assert said == pytest.approx(male, abs=0.01)


def test_the_roles_are_compared_without_annotations(judged: RealRun) -> None:
    """Every limit was judged on all faces; ages move by a year or so, genders hardly do."""
    assert len(judged.outcomes("age-gender")) == 3
    assert 0 < judged.value("age-gender", "max_head_mae") < 4
    assert judged.value("age-gender", "min_head_agreement") >= 0.9
    said = [item["detail"] for key, item in judged.verdicts.items() if "max_head_mae" in str(key)]
    assert all("worst head: age (years)" in one for one in said), said
