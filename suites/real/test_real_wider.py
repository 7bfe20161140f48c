"""A real face detector judged by WIDER FACE's layout and metric, its own sure answers as annotations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.decoders.boxes_scores import BoxesScoresDecoder
from suites.e2e.world import Ran, World

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.long

IMAGES, SURE = 40, 0.7
MODEL = "models/det_ultraface/ultraface_rfb_320.onnx"
HEAD = """
[datasets.bare]
kind = "folder"
path = "{real}/images/coco_val149/images"

[defaults]
calibrate = {{ dataset = "bare", subset = 40 }}
limits = {{ max_accuracy_drop = 0.1 }}
"""
ENTRY = """
[datasets.{name}]
kind = "{kind}"
path = "{real}/images/coco_val149/images"
annotations = "{file}"

[models.{name}]
task = "detection"
source = "{real}/{model}"
decoder = {{ kind = "boxes-scores", background = true }}
preprocess = {{ colour = "rgb", mean = 127, scale = 128 }}
evaluate = {{ dataset = "{name}", metric = "ap50", allow_overlap = true }}
"""
FILES = {
    "coco": ("coco", "faces.json"),
    "wider": ("wider", "faces.txt"),
    "aside": ("wider", "aside.txt"),
}


def sure_faces(real: Path) -> dict[str, NDArray[np.int64]]:
    """Boxes ``xywh`` in whole pixels of the faces that the parent is sure of, by image."""
    import openvino as ov

    from quantgate.core.geometry import Frame

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    model = ov.Core().compile_model(real / MODEL, "CPU", options)
    decoder = BoxesScoresDecoder(background=True, score_threshold=SURE)
    found: dict[str, NDArray[np.int64]] = {}
    for path in sorted((real / "images" / "coco_val149" / "images").glob("*.jpg")):
        image = cv2.imread(str(path))
        assert image is not None
        height, width = image.shape[:2]
        pixels = cv2.resize(image, (320, 240))[None, ..., ::-1].transpose(0, 3, 1, 2)
        outputs = model((pixels.astype(np.float32) - 127) / 128)
        frame = Frame((width, height), (320, 240), (320 / width, 240 / height), (0.0, 0.0))
        raw = {port.any_name: outputs[port] for port in model.outputs}
        boxes = decoder.decode(raw, frame).boxes.round().astype(np.int64)
        if len(boxes) and len(found) < IMAGES:
            found[path.name] = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return found


def as_wider(faces: dict[str, NDArray[np.int64]], *, aside: bool = False) -> str:
    """WIDER's text file; ``aside``: every box stands one width too far to the right."""
    lines = []
    for name, boxes in faces.items():
        lines += [name, str(len(boxes))]
        for x, y, w, h in boxes.tolist():
            lines.append(f"{x + w if aside else x} {y} {w} {h} 0 0 0 0 0 0")
    return "\n".join(lines) + "\n"


def as_coco(faces: dict[str, NDArray[np.int64]]) -> str:
    """COCO's instances json of the same boxes."""
    rows = [(k, box) for k, boxes in enumerate(faces.values()) for box in boxes.tolist()]
    annotations = [
        {"id": n, "image_id": k, "category_id": 1, "bbox": box, "area": box[2] * box[3]}
        for n, (k, box) in enumerate(rows, start=1)
    ]
    images = [{"id": k, "file_name": name} for k, name in enumerate(faces)]
    categories = [{"id": 1, "name": "face"}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


@pytest.fixture(scope="module")
def judged(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Gate the detector by WIDER's layout, by COCO's, and by boxes that stand aside."""
    folder = tmp_path_factory.mktemp("wider")
    faces = sure_faces(real)
    assert len(faces) > IMAGES / 2
    (folder / "faces.txt").write_text(as_wider(faces), encoding="utf-8")
    (folder / "aside.txt").write_text(as_wider(faces, aside=True), encoding="utf-8")
    (folder / "faces.json").write_text(as_coco(faces), encoding="utf-8")
    entries = (
        ENTRY.format(name=name, kind=kind, file=file, real=real, model=MODEL)
        for name, (kind, file) in FILES.items()
    )
    text = HEAD.format(real=real) + "".join(entries)
    (folder / "models.toml").write_text(text, encoding="utf-8")
    return World(folder, {}).gate(folder)


def metrics(ran: Ran, name: str) -> list[dict[str, Any]]:
    """Every metric of both roles."""
    document = json.loads((ran.latest / "run.json").read_text("utf-8"))
    (found,) = (one["metrics"] for one in document["models"] if one["id"] == name)
    listed: list[dict[str, Any]] = found
    return listed


def test_wider_gives_the_figures_of_coco(judged: Ran) -> None:
    """The same faces in both layouts: all figures of both roles are the same, and the parent's high."""
    assert judged.outcomes["wider", "max_accuracy_drop"] == "passed", judged.said
    assert metrics(judged, "wider") == metrics(judged, "coco")
    assert metrics(judged, "wider")[0]["parent"] > 0.8


def test_boxes_that_stand_aside_are_told(judged: Ran) -> None:
    """Annotations one width aside leave the parent no AP to lose: no verdict, and what to check."""
    assert ("aside", "max_accuracy_drop") not in judged.outcomes
    assert "BROKEN  aside: max_accuracy_drop: the parent's AP50 is only" in judged.said
