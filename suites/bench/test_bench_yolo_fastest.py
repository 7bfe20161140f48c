"""YOLO-Fastest on 149 photographs: our evaluation beside accuracy_check's, on the same IR.

``suites.bench.accuracy_check`` says how accuracy_check is installed. Each side is a process of its own
that evaluates one role; they take turns. Rounds come from QUANTGATE_BENCH_ROUNDS (default 3). What
decoding the photographs and inferring alone would allow on these cores is printed beside the ratio.
"""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from suites.bench.accuracy_check import Checked, accuracy_check, command, setting
from suites.bench.evaluating import evaluated
from suites.e2e.world import World

ROUNDS = max(1, int(os.environ.get("QUANTGATE_BENCH_ROUNDS", "3")))
ANCHORS = "12,18,37,49,52,132,115,73,119,199,242,238"
MANIFEST = """
[datasets.scenes]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149/instances.json"

[models.yolo-fastest]
decoder = {{ score_threshold = 0.001, nms = "diou", iou_threshold = 0.5, agnostic = true, \
max_detections = 100, multi_label = false }}
calibrate = "scenes"
evaluate = {{ dataset = "scenes", allow_overlap = true }}
limits = {{ min_match_rate = 0.5 }}

[models.yolo-fastest.source]
cfg = "{real}/models/det_yolo_fastest_darknet/yolo-fastest-1.1.cfg"
weights = "{real}/models/det_yolo_fastest_darknet/yolo-fastest-1.1.weights"
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A user's folder with the manifest and accuracy_check's configuration of the same model."""

    world: World

    def evaluate(self, precision: str) -> dict[str, Any]:
        """What our evaluation of the parent found."""
        return evaluated(self.world, "yolo-fastest", precision)

    def check(self, *options: str) -> Checked:
        """What accuracy_check found."""
        return accuracy_check(self.world.root / "config.yml", *options)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Both sides set up on one IR, in which the mean, scale and layout are embedded."""
    command()
    real = setting("QUANTGATE_REAL", "the folder of real models and images")
    made = Place(World(tmp_path_factory.mktemp("yolo-fastest"), {}))
    (made.world.root / "models.toml").write_text(MANIFEST.format(real=real), "utf-8")
    model = Path(made.evaluate("f32")["path"])
    # JSON is YAML.
    config = {"models": [configuration(model, real / "images" / "coco_val149")]}
    (made.world.root / "config.yml").write_text(json.dumps(config), "utf-8")
    return made


def configuration(model: Path, images: Path) -> dict[str, object]:
    """Describe the model to accuracy_check as OMZ describes yolo-v4-tiny-tf."""
    adapter = {
        "type": "yolo_v3",
        "anchors": ANCHORS,
        "num": 3,
        "classes": 80,
        "threshold": 0.001,
        "anchor_masks": [[0, 1, 2], [3, 4, 5]],
        "raw_output": True,
        "outputs": ["yolo_130", "yolo_121"],
    }
    launcher = {
        "framework": "openvino",
        "device": "CPU",
        "model": str(model),
        "weights": str(model.with_suffix(".bin")),
        "adapter": adapter,
        "inputs": [{"name": "data", "type": "INPUT", "layout": "NHWC", "precision": "U8"}],
    }
    dataset = {
        "name": "scenes",
        "data_source": str(images / "images"),
        "annotation_conversion": {
            "converter": "mscoco_detection",
            "annotation_file": str(images / "instances.json"),
            "has_background": False,
            "use_full_label_map": False,
        },
        "preprocessing": [{"type": "resize", "size": 320}],
        "postprocessing": [
            {"type": "resize_prediction_boxes"},
            {
                "type": "filter",
                "apply_to": "prediction",
                "min_confidence": 0.001,
                "remove_filtered": True,
            },
            {"type": "diou_nms", "overlap": 0.5},
            {"type": "clip_boxes", "apply_to": "prediction"},
        ],
        "metrics": [
            {"type": "coco_precision", "max_detections": 100, "threshold": "0.5:0.05:0.95"},
            {"type": "coco_orig_precision"},
        ],
    }
    return {"name": "yolo-fastest", "launchers": [launcher], "datasets": [dataset]}


@pytest.mark.parametrize(
    ("precision", "options"),
    [("default", ()), ("f32", ("--inference_precision_hint", "f32"))],
    ids=["the device's precision", "f32"],
)
def test_evaluating_is_far_faster_than_accuracy_check(
    place: Place, precision: str, options: tuple[str, ...]
) -> None:
    """The same AP within 0.005, by pycocotools on its side; ten times as fast."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(place.evaluate(precision))
        theirs.append(place.check(*options))
        mine, their = ours[-1], theirs[-1]
        print(
            f"{149 / mine['images_s']:.0f} images/s, AP {mine['ap']:.4f}; accuracy_check "
            f"{149 / their.images_s:.1f} images/s, AP {their.values['coco_orig_precision']:.4f} "
            f"(by its own coco_precision {their.values['coco_precision']:.4f})"
        )
        assert their.images == 149
        assert mine["ap"] == pytest.approx(their.values["coco_orig_precision"], abs=0.005)

    their_s = statistics.median(their.images_s for their in theirs)
    ratio = their_s / statistics.median(mine["images_s"] for mine in ours)
    possible = their_s / statistics.median(mine["parts_s"] for mine in ours)
    print(
        f"ratio of medians, {precision}: {ratio:.1f} (aim 10); decoding and inferring alone: {possible:.1f}"
    )
    assert ratio >= 10
