"""Real models in a user's folder: the manifest, what its gate run left, parents alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantgate.engine.runtime import Precision

#: Two entries of :data:`MANIFEST`; ``{real}`` is the folder of models and images.
SMALL_DETECTORS = """
[models.nanodet-m]
task = "detection"
source = "{real}/models/det_nanodet_m/nanodet_m_320.onnx"
decoder = "nanodet"

[models.nanodet-m.preprocess]
resize = "letterbox"
pad = 0
mean = [103.53, 116.28, 123.675]
scale = [57.375, 57.12, 58.395]

[models.fastestdet]
task = "detection"
source = "{real}/models/det_fastestdet/FastestDet.onnx"
decoder = "fastestdet"
preprocess = {{ scale = 255 }}
"""

#: What a user would write, as ``SMALL_DETECTORS``.
MANIFEST = (
    """
[datasets.photographs]
kind = "imagenet"
path = "{real}/images/imagenet500/images"
annotations = "{real}/images/imagenet500/labels.txt"

[datasets.scenes]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149/instances.json"

[datasets.unannotated]
kind = "folder"
path = "{real}/images/coco_val149/images"
labels = ["face"]

[defaults]
calibrate = {{ dataset = "scenes", subset = 60 }}
evaluate = {{ dataset = "scenes", hold_out = true }}
limits = {{ max_accuracy_drop = 0.02, min_match_rate = 0.85, min_int8_share = 0.9, \
max_size_ratio = 0.5 }}

[models.squeezenet]
task = "classification"
source = "{real}/models/cls_squeezenet1_1/squeezenet1_1_fp32.onnx"
decoder = "class-scores"
preprocess = {{ resize = "crop", short_side = 256, mean = [104, 117, 123] }}
calibrate = {{ dataset = "photographs", subset = 100 }}
evaluate = {{ dataset = "photographs", hold_out = true }}
benchmark = {{ seconds = 5 }}
limits = {{ min_agreement = 0.9, min_speedup = 1.05 }}
undecided = "warn"

[models.mobilenet-v2]
task = "classification"
source = "{real}/models/cls_mobilenet_v2_224/mobilenet_v2_1.0_224_dequant_f32.xml"
decoder = {{ kind = "class-scores", background = true }}
preprocess = {{ resize = "crop", short_side = 256, colour = "rgb" }}
calibrate = {{ dataset = "photographs", subset = 100 }}
evaluate = {{ dataset = "photographs", hold_out = true }}
limits = {{ min_agreement = 0.9 }}

[models.yolox-nano]
task = "detection"
source = "{real}/models/det_yolox_nano/yolox_nano.onnx"
decoder = "yolox"
preprocess = {{ resize = "fit" }}

"""
    + SMALL_DETECTORS
    + """
[models.ssd-mobilenet-v1]
task = "detection"
source = "{real}/models/det_ssd_mobilenet_v1/ssd_mobilenet_v1_dequant_f32.xml"
decoder = {{ kind = "ssd-raw", priors = "{real}/models/det_ssd_mobilenet_v1/anchors.npy", \
class_ids = "coco90" }}
preprocess = {{ colour = "rgb" }}

[models.ultraface]
task = "detection"
source = "{real}/models/det_ultraface/ultraface_rfb_320.onnx"
decoder = {{ kind = "boxes-scores", background = true }}
preprocess = {{ colour = "rgb", mean = 127, scale = 128 }}
calibrate = {{ dataset = "unannotated", subset = 60 }}
evaluate = {{ dataset = "unannotated", hold_out = true }}
"""
)

#: Models of every other task and source, as ``MANIFEST``.
TASKS = """
[datasets.scenes]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149/instances.json"

[datasets.bare]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149/instances.json"
annotated = false

[defaults]
calibrate = {{ dataset = "bare", subset = 40 }}
evaluate = {{ dataset = "bare", hold_out = true, subset = 15 }}
limits = {{ min_sqnr_db = 3, min_psnr_db = 25, min_agreement = 0.9, min_match_rate = 0.8 }}

[models.yolo-fastest]
decoder = {{ score_threshold = 0.001, nms = "diou", iou_threshold = 0.5, max_detections = 100 }}
evaluate = {{ dataset = "scenes", score_threshold = 0.3, subset = 40 }}

[models.yolo-fastest.source]
cfg = "{real}/models/det_yolo_fastest_darknet/yolo-fastest-1.1.cfg"
weights = "{real}/models/det_yolo_fastest_darknet/yolo-fastest-1.1.weights"

[models.yolov8n-seg]
task = "instance_segmentation"
source = "{real}/models/iseg_yolov8n_seg_AGPL/yolov8n_seg_320_dequant_f32.xml"
decoder = {{ kind = "yolo-v8-seg", units = "relative" }}
preprocess = {{ resize = "letterbox", colour = "rgb" }}
evaluate = {{ dataset = "scenes", subset = 40 }}

[datasets.persons]
kind = "coco"
path = "{real}/images/coco_val149/images"
annotations = "{real}/images/coco_val149_keypoints/person_keypoints.json"

[models.yolov8n-pose]
task = "keypoints"
source = "{real}/models/pose_yolov8n_AGPL/yolov8n_pose_320_dequant.xml"
decoder = {{ kind = "yolo-v8-pose", units = "relative" }}
preprocess = {{ resize = "letterbox", colour = "rgb" }}
evaluate = {{ dataset = "persons", allow_overlap = true, subset = 52, hold_out = false }}
limits = {{ max_accuracy_drop = 0.1, min_role_oks = 0.85, min_keypoint_pck = 0.5 }}

[models.deeplab]
task = "semantic_segmentation"
source = "{real}/models/sseg_deeplabv3_257/deeplabv3.tflite"
decoder = "class-map"
preprocess = {{ colour = "rgb", mean = 127.5, scale = 127.5 }}

[models.style]
task = "image_to_image"
source = "{real}/models/i2i_magenta_style/magenta_style_udnie.xml"
decoder = {{ kind = "image", colour = "rgb" }}
preprocess = {{ colour = "rgb", scale = 255 }}

[models.super-resolution]
task = "image_to_image"
source = "{real}/models/i2i_superres/ESPCN_x2.pb"
preprocess = {{ size = [240, 160], layout = "nhwc", colour = "gray", scale = 255 }}

[models.raw]
task = "generic"
source = "{real}/models/det_fastestdet/FastestDet.onnx"
preprocess = {{ scale = 255 }}
"""


@dataclass(frozen=True, slots=True)
class RealRun:
    """What one gate run over all real models left behind."""

    folder: Path
    status: int
    said: str
    verdicts: dict[tuple[str, str], dict[str, Any]]

    def outcomes(self, model: str) -> dict[str, str]:
        """Outcomes of one model by limit, in the order judged."""
        return {
            key: item["outcome"] for (name, key), item in self.verdicts.items() if name == model
        }

    def value(self, model: str, key: str) -> float:
        """Give the value that a limit judged."""
        return float(self.verdicts[model, key]["value"])

    def lines(self, model: str) -> str:
        """Everything that the terminal said of a model."""
        return "\n".join(line for line in self.said.splitlines() if model in line)


@dataclass(frozen=True, slots=True)
class FullSet:
    """Parents alone, each on every image of its evaluation dataset."""

    folder: Path

    def __call__(self, model: str, precision: Precision = "f32") -> dict[str, float]:
        """Metrics of a model's parent, fed and decoded as the manifest says."""
        from quantgate.datasets.catalog import load_dataset
        from quantgate.engine.artifact import parent_artifact
        from quantgate.engine.evaluate import evaluate_role
        from quantgate.engine.runtime import Target, compile_model
        from quantgate.manifest import load_manifest
        from quantgate.pipeline.feeding import bench_of
        from quantgate.store import Store
        from quantgate.tasks.catalog import TASKS

        manifest = load_manifest(self.folder / "models.toml")
        entry = manifest.models[model]
        store = self.folder / "store"
        name, truth = entry.evaluate.dataset, TASKS[entry.task].TRUTH
        dataset = load_dataset(
            name, manifest.datasets[name], manifest.root, cache=store, truth=truth
        )
        parent = parent_artifact(entry.source, entry.preprocess, manifest.root, Store(store))
        bench = bench_of(entry, dataset)
        found = evaluate_role(compile_model(parent, Target(precision=precision)), bench)
        return dict(bench.task.metrics(found).parent)


def gate(folder: Path, store: Path) -> RealRun:
    """Run ``quantgate gate models.toml`` in a folder, as a user would."""
    done = subprocess.run(
        [sys.executable, "-m", "quantgate", "gate", "models.toml"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "QUANTGATE_STORE": str(store),
            "COLUMNS": "160",
        },
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    said = done.stdout + done.stderr
    report = folder / "reports" / "latest" / "verdicts.json"
    assert report.is_file(), said
    listed = json.loads(report.read_text("utf-8"))["verdicts"]
    verdicts = {(item["model"], item["key"]): item for item in listed}
    return RealRun(folder, done.returncode, said, verdicts)
