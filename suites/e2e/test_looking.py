"""The look at the parent as a user meets it: the sentence, the picture, and what is to be done first."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

POSE = """
[datasets.plain]
kind = "folder"
path = "evaluation"
[datasets.calibration]
kind = "folder"
path = "calibration"
[models.pose]
task = "detection"
source = "pose.xml"
decoder = "yolo-v8"
preprocess = { mean = 120, scale = 60 }
calibrate = { dataset = "calibration", subset = 20 }
evaluate = { dataset = "plain", subset = 30 }
limits = { min_match_rate = 0.9 }
"""


def pose_head(target: Path) -> None:
    """A detector of one class with seventeen key points in pixels, the same for every picture."""
    import numpy as np
    import openvino as ov

    ops = tiny.operations()
    rng = np.random.default_rng(0)
    image = ops.parameter([1, 3, tiny.SIDE, tiny.SIDE], np.float32, name="image")
    table = rng.uniform(5, 30, (1, 56, 60)).astype(np.float32)
    table[0, 4] = rng.uniform(0, 1, 60)
    wobble = ops.reduce_mean(image, np.array([1, 2, 3]), keep_dims=False)
    small = ops.multiply(ops.tanh(wobble), ops.constant(np.float32(1e-3)))
    out = ops.add(ops.constant(np.clip(table, 0.01, None)), ops.abs(small))
    out.output(0).set_names({"out"})
    ov.save_model(ov.Model([out], [image], "pose"), target, compress_to_fp16=False)


def test_outputs_that_are_misread_end_a_gate_before_anything_is_quantized(
    world: World, project: Callable[[str], Path]
) -> None:
    """Key points read as scores: `check` and `gate` say so with the key to set, and show a picture."""
    folder = project(POSE)
    pose_head(folder / "pose.xml")

    checked = world.run(folder, "-m", "quantgate", "check", "models.toml")
    ran = world.gate(folder)

    for said in (checked, ran):
        assert said.status == 1
        assert "BROKEN  pose: " in said.said
        assert "expected 0 to 1" in said.said
        assert 'decoder = { kind = "yolo-v8", coefficients = 51 }' in said.said
        assert "Traceback" not in said.said
        assert "pictures/pose/parent.webp" in said.said
    assert (folder / "reports" / "check" / "pictures" / "pose" / "parent.webp").stat().st_size > 500
    assert "models.toml: 1 model, 2 datasets, 1 cannot be judged" in checked.said
    page = (ran.latest / "index.html").read_text("utf-8")
    picture = base64.b64encode((ran.latest / "pictures/pose/parent.webp").read_bytes()).decode()
    assert f'<figure class="seen"><img src="data:image/webp;base64,{picture}"' in page
    results = [json.loads(p.read_text()) for p in ran.latest.glob("allure-results/*-result.json")]
    (broken,) = [one for one in results if one["name"] == "pose: Match rate"]
    assert picture in broken["descriptionHtml"]
    assert broken["steps"][-1]["attachments"][0]["type"] == "image/webp"


@pytest.mark.parametrize("mode", ["blurred", "none"])
def test_what_the_parent_sees_is_as_private_as_every_picture(
    world: World, project: Callable[[str], Path], mode: str
) -> None:
    """Where pictures are blurred it is drawn and shown as others are; none leaves no picture at all."""
    folder = project(f'{POSE}[report]\npictures = "{mode}"\n')
    pose_head(folder / "pose.xml")

    ran = world.gate(folder)

    assert ran.status == 1
    assert "expected 0 to 1" in ran.said
    drawn = ran.latest / "pictures/pose/parent.webp"
    assert drawn.exists() == (mode == "blurred") == ("the parent sees" in ran.said)
    assert ("figure class" in (ran.latest / "index.html").read_text("utf-8")) == drawn.exists()


LIMITS = "limits = { min_agreement = 0.93 }\n"
CLASSES_SHIFTED = """
[datasets.shifted]
kind = "imagenet"
path = "evaluation"
annotations = "shifted.txt"
labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
"""


def test_a_missed_limit_is_told_first_what_is_in_doubt(
    world: World, project: Callable[[str], Path]
) -> None:
    """Where annotations do not fit the parent, no recipe is proposed before that is settled."""
    folder = project(
        world.shifted(tiny.MANIFEST + LIMITS).replace(
            'evaluate = "evaluation"', 'evaluate = "shifted"'
        )
        + CLASSES_SHIFTED
    )
    lines = [
        f"{path.relative_to(world.root / 'evaluation')} {(int(path.parent.name) + 1) % 10}"
        for path in sorted((world.root / "evaluation").rglob("*.png"))
    ]
    (folder / "shifted.txt").write_text("\n".join(lines), encoding="utf-8")

    ran = world.gate(folder)

    assert ran.outcomes["tiny", "min_agreement"] == "failed", ran.said
    remedy = ran.verdicts["tiny", "min_agreement"]["remedy"]
    assert remedy.startswith("settle this first: datasets.shifted: "), remedy
    assert "if class ids were larger by -1" in remedy
    assert remedy.split("; ")[-1].startswith(
        "then compare how the optimized model was preprocessed"
    )
