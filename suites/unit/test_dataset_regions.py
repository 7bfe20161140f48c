"""Samples that are regions: what is cut, what its truth is, what cannot be cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.predictions import ClassLabel, Objects
from quantgate.datasets.catalog import load_dataset
from quantgate.datasets.images import read_image
from quantgate.entries import DatasetEntry
from quantgate.entries.data import RegionEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

#: Two objects, of which one leaves the picture on the right, and a crowd.
BOXES = ((10, 20, 30, 20), (60, 5, 20, 40), (0, 0, 9, 9))
POINTS = (
    (12, 22, 2, 38, 22, 2, 36, 36, 2, 15, 38, 1),
    (62, 10, 2, 70, 40, 2, 0, 0, 0, 65, 20, 2),
    (0,) * 12,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One picture of 80 x 60 px, in which every pixel is its own place."""
    import cv2

    x, y = np.meshgrid(np.arange(80), np.arange(60))
    pixels = np.stack([x, y, np.full_like(x, 7)], axis=-1).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    annotations = [
        {
            "id": i + 1,
            "image_id": 1,
            "category_id": 1 + i % 2,
            "bbox": list(box),
            "area": box[2] * box[3],
            "iscrowd": int(i == 2),
            "keypoints": list(points),
            "num_keypoints": 3,
        }
        for i, (box, points) in enumerate(zip(BOXES, POINTS, strict=True))
    ]
    names = ["a", "b", "c", "d"]
    categories = [{"id": i, "name": str(i), "keypoints": names} for i in (1, 2)]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "annotations": annotations,
        "categories": categories,
    }
    (tmp_path / "all.json").write_text(json.dumps(content))
    return tmp_path


def load(folder: Path, truth: str | None = "points", **region: Any) -> Any:
    """Load the regions of the picture."""
    from pathlib import Path

    entry = DatasetEntry(
        "coco", path=Path(), annotations=Path("all.json"), region=RegionEntry(**region)
    )
    return load_dataset("d", entry, folder, truth=truth)


def test_each_object_is_a_sample_of_its_own(folder: Path) -> None:
    """Its pixels are those of the picture, outside is grey, and its truth lies where they do."""
    data = load(folder, factor=1.5)

    assert [sample.name for sample in data.samples] == ["a.png#0", "a.png#1"]
    first, second = map(read_image, data.samples)
    assert first.shape == (30, 45, 3)
    np.testing.assert_array_equal(first[0, 0], [2, 15, 7])
    truth = data.samples[0].truth
    assert isinstance(truth, Objects)
    assert truth.points is not None
    x, y = truth.points[0, 0, :2].astype(int)
    np.testing.assert_array_equal(first[y, x], [12, 22, 7])
    np.testing.assert_allclose(truth.boxes[0, 2:] - truth.boxes[0, :2], [30, 20])
    assert (second[:, -1] == 114).all()
    assert data.samples[1].truth.points[0, 2].tolist() == [0, 0, 0]
    assert len({data.digest, load(folder).digest, load(folder, factor=1.5, outside=0).digest}) == 3


def test_the_class_of_a_region_is_its_objects(folder: Path) -> None:
    """For classification; for detection the box alone, whatever else is annotated."""
    labels = [sample.truth for sample in load(folder, "class").samples]
    assert labels == [ClassLabel(0), ClassLabel(1)]
    boxed = load(folder, "objects", up=(2, 0)).samples[0].truth
    assert isinstance(boxed, Objects)
    assert boxed.points is None


def test_shapes_are_ratios(folder: Path) -> None:
    """A square or a ratio enlarges the shorter side; the extent of key points may stand for the box."""
    assert read_image(load(folder, shape="square").samples[0]).shape == (30, 30, 3)
    assert read_image(load(folder, shape=(3, 4)).samples[0]).shape == (40, 30, 3)
    assert read_image(load(folder, around="points").samples[0]).shape == (16, 26, 3)


def test_a_region_is_turned_upright(folder: Path) -> None:
    """The second of two key points comes to lie above the first."""
    truth = load(folder, up=(0, 1)).samples[0].truth
    assert isinstance(truth, Objects)
    assert truth.points is not None
    start, end = truth.points[0, :2, :2]
    np.testing.assert_allclose(end - start, [0, -26], atol=1e-4)


def test_places_in_space_turn_with_their_region(folder: Path) -> None:
    """What points to the right of the picture points upwards where the region is turned so; depth stays."""
    content = json.loads((folder / "all.json").read_text())
    content["annotations"][0]["keypoints_3d"] = [1, 0, 5] * 4
    (folder / "all.json").write_text(json.dumps(content))
    upright, turned = load(folder), load(folder, up=(0, 1))
    np.testing.assert_allclose(upright.samples[0].truth.spatial[0], [[1, 0, 5]] * 4)
    np.testing.assert_allclose(turned.samples[0].truth.spatial[0], [[0, -1, 5]] * 4, atol=1e-6)


def test_faces_are_aligned_and_quadrilaterals_straightened(folder: Path) -> None:
    """Key points lie on their template, corners in the corners; who lacks one is left out."""
    template = ((10.0, 10.0), (40.0, 10.0))
    aligned = load(folder, align=template, align_points=(0, 1), size=(50, 40))
    assert read_image(aligned.samples[0]).shape == (40, 50, 3)
    np.testing.assert_allclose(aligned.samples[0].truth.points[0, :2, :2], template, atol=1e-4)
    straight = load(folder, corners=(0, 1, 2, 3), size=(64, 32))
    assert [sample.name for sample in straight.samples] == ["a.png#0"]
    np.testing.assert_allclose(
        straight.samples[0].truth.points[0, :, :2], [[0, 0], [64, 0], [64, 32], [0, 32]], atol=1e-3
    )


def test_polygons_tell_regions(folder: Path) -> None:
    """A turned rectangle is cut out upright, four corners are straightened; who has no polygon is left out."""
    content = json.loads((folder / "all.json").read_text())
    first, second = content["annotations"][:2]
    first["segmentation"] = [[20, 20, 36, 32, 30, 40, 14, 28]]
    second["segmentation"] = {"size": [60, 80], "counts": [4800]}
    (folder / "all.json").write_text(json.dumps(content))

    (turned,) = load(folder, "class", around="polygon").samples
    (straight,) = load(folder, "class", corners="polygon", size=(40, 20)).samples

    assert turned.name == "a.png#0"
    assert read_image(turned).shape == (10, 20, 3)
    cut = read_image(straight).astype(int)
    np.testing.assert_allclose(cut[0, 0, :2], [20, 20], atol=1)
    np.testing.assert_allclose(cut[-1, -1, :2], [30, 40], atol=1)
    first["segmentation"][0] += [15, 20]
    (folder / "all.json").write_text(json.dumps(content))
    with pytest.raises(
        DatasetError, match=r'object 0: its polygon has 5 corners.*around = "polygon"'
    ):
        load(folder, corners="polygon")


def test_turned_boxes_of_yolo_are_polygons(folder: Path) -> None:
    """A line of four corners, in fractions of the picture, is cut as it lies."""
    from pathlib import Path

    (folder / "a.txt").write_text(
        "0 0.25 0.3333333 0.45 0.5333333 0.375 0.6666667 0.175 0.4666667\n"
    )
    region = RegionEntry(around="polygon")

    data = load_dataset("d", DatasetEntry("yolo-txt", path=Path(), region=region), folder)

    assert read_image(data.samples[0]).shape == (10, 20, 3)


def test_what_cannot_be_cut_is_named(folder: Path) -> None:
    """A key point that no object has, corners on one line, and nothing at all."""
    with pytest.raises(DatasetError, match=r"d\.region: a\.png, object 0: names key point 7"):
        load(folder, up=(0, 7))
    with pytest.raises(DatasetError, match=r"object 0: the corners are no convex"):
        load(folder, corners=(0, 2, 1, 3))
    content = json.loads((folder / "all.json").read_text())
    content["annotations"] = content["annotations"][2:]
    (folder / "all.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="no object is annotated"):
        load(folder)
