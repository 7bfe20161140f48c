"""A real segmentation network on photographs whose objects are drawn as class maps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from suites.e2e.world import World
from suites.real.work import FullSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

pytestmark = pytest.mark.long

MANIFEST = """
[datasets.scenes]
kind = "masks"
path = "{real}/images/coco_val149/images"
annotations = "maps"
labels = "{real}/voc21_labels.txt"

[models.deeplab]
task = "semantic_segmentation"
source = "{real}/models/sseg_deeplabv3_257/deeplabv3.tflite"
decoder = "class-map"
preprocess = {{ colour = "rgb", mean = 127.5, scale = 127.5 }}
calibrate = {{ dataset = "scenes", subset = 40 }}
evaluate = {{ dataset = "scenes", allow_overlap = true }}
limits = {{ max_accuracy_drop = 0.02, min_agreement = 0.95 }}
"""
#: COCO's names of VOC's classes, where they differ.
NAMES = {
    "airplane": "aeroplane",
    "motorcycle": "motorbike",
    "couch": "sofa",
    "potted plant": "pottedplant",
    "dining table": "diningtable",
    "tv": "tvmonitor",
}


def drawn(annotation: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of one object in an image of ``(height, width)``."""
    from faster_coco_eval.core import mask as rle

    parts = annotation["segmentation"]
    if isinstance(parts, dict) and isinstance(parts["counts"], str):
        return np.asarray(rle.decode(parts), np.bool_)
    found = rle.decode(rle.frPyObjects(parts, *size))
    return np.asarray(found.any(axis=2) if found.ndim == 3 else found, np.bool_)


def class_maps(document: dict[str, Any], labels: list[str]) -> Iterator[tuple[str, Any]]:
    """Name and class map of every image with a VOC class, small objects over large ones."""
    names = {c["id"]: NAMES.get(c["name"], c["name"]) for c in document["categories"]}
    for image in document["images"]:
        size = (image["height"], image["width"])
        mine = [a for a in document["annotations"] if a["image_id"] == image["id"]]
        known = [a for a in mine if names[a["category_id"]] in labels]
        classes = np.zeros(size, np.uint8)
        for annotation in sorted(known, key=lambda a: -float(a["area"])):
            classes[drawn(annotation, size)] = labels.index(names[annotation["category_id"]])
        if known:
            yield image["file_name"], classes


@pytest.fixture(scope="module")
def place(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the manifest, and a class map for each of 115 images."""
    import cv2

    folder = tmp_path_factory.mktemp("segmentation")
    (folder / "models.toml").write_text(MANIFEST.format(real=real), encoding="utf-8")
    (folder / "maps").mkdir()
    document = json.loads((real / "images" / "coco_val149" / "instances.json").read_text("utf-8"))
    labels = (real / "voc21_labels.txt").read_text("utf-8").split("\n")
    maps = dict(class_maps(document, labels))
    for name, classes in maps.items():
        cv2.imwrite(str(folder / "maps" / Path(name).with_suffix(".png").name), classes)
    assert len(maps) == 115
    return folder


def test_the_parent_is_as_accurate_as_known(place: Path) -> None:
    """On the images with a VOC class the parent has its known mean IoU."""
    assert FullSet(place)("deeplab")["miou"] == pytest.approx(0.425, abs=0.005)


def test_int8_keeps_its_accuracy(place: Path) -> None:
    """Mean IoU and pixels survive quantization, and the optimized model's figure is the known one."""
    ran = World(place, {}).gate(place)
    run = json.loads((ran.latest / "run.json").read_text("utf-8"))
    miou = run["models"][0]["metrics"][0]

    assert ran.status == 0, ran.said
    assert ran.outcomes["deeplab", "max_accuracy_drop"] == "passed"
    assert miou["optimized"] == pytest.approx(0.420, abs=0.01)
