from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.core.predictions import IGNORED, ClassLabel, LabelMap, Objects
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}, {"id": 8, "name": "truck"}]


def objects(dataset: Dataset) -> list[Objects]:
    """The annotated objects of every image."""
    return [one.truth for one in dataset.samples if isinstance(one.truth, Objects)]


def coco(root: Path, classes: Any, *, masks: bool = False) -> Dataset:
    """Load two images: a person, a crowd of persons, a car and a truck; and a truck."""
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(root / name), rng.integers(0, 255, (40, 60, 3), np.uint8))
    rows = [(1, 1, 0), (1, 1, 1), (1, 3, 0), (1, 8, 0), (2, 8, 0)]
    annotations = [
        {
            "id": k,
            "image_id": image,
            "category_id": category,
            "bbox": [5 * k, 2, 9, 8],
            "iscrowd": crowd,
            "segmentation": [[5 * k, 2, 5 * k + 9, 2, 5 * k + 9, 10]],
        }
        for k, (image, category, crowd) in enumerate(rows)
    ]
    images = [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}]
    images.append({"id": 2, "file_name": "b.png", "width": 60, "height": 40})
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    (root / "truth.json").write_text(json.dumps(content))
    entry = DatasetEntry("coco", path=root, annotations=root / "truth.json", classes=classes)
    return load_dataset("d", entry, root, truth="masks" if masks else None)


@pytest.mark.parametrize("classes", [("person",), (1,)])
def test_one_class_leaves_its_objects_its_crowds_and_backgrounds(
    tmp_path: Path, classes: Any
) -> None:
    """By name or by category id: other objects go, their images stay as backgrounds."""
    dataset = coco(tmp_path, classes, masks=True)
    first, second = objects(dataset)
    assert dataset.labels == ("person",)
    assert first.labels.tolist() == [0, 0]
    assert first.crowd.tolist() == [False, True]
    assert first.masks is not None
    assert len(first.masks) == 2
    assert len(second) == 0


def test_classes_are_numbered_as_they_are_listed(tmp_path: Path) -> None:
    """The order of the filter is that of the labels, whatever the ids in the file."""
    dataset = coco(tmp_path, ("truck", 1))
    assert dataset.labels == ("truck", "person")
    assert [one.labels.tolist() for one in objects(dataset)] == [[1, 1, 0], [0]]


def test_ids_mean_categories_also_where_labels_have_another_order(tmp_path: Path) -> None:
    """An id of the json is that category, wherever its name stands among the labels."""
    coco(tmp_path, ("person",))
    entry = DatasetEntry(
        "coco",
        path=tmp_path,
        annotations=tmp_path / "truth.json",
        labels=("boat", "truck", "person", "car"),
        classes=(8, "person"),
    )
    dataset = load_dataset("d", entry, tmp_path)
    assert dataset.labels == ("truck", "person")
    assert [one.labels.tolist() for one in objects(dataset)] == [[1, 1, 0], [0]]


def test_classes_are_merged_under_a_new_name(tmp_path: Path) -> None:
    """Several classes become one, beside others that stay themselves."""
    dataset = coco(tmp_path, {"vehicle": ("car", 8), "human": ("person",)})
    assert dataset.labels == ("vehicle", "human")
    assert [one.labels.tolist() for one in objects(dataset)] == [[1, 1, 0, 0], [0]]
    assert dataset.digest != coco(tmp_path, ("person",)).digest


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("persn",), "there is no class 'persn' among the 3 .*did you mean 'person'"),
        ((2,), r"there is no class 2 among the 3 of the dataset \(person, car, truck\)"),
        (("car", 3), "names 'car' twice"),
        ({"a": ("car",), "b": (3,)}, "names 'car' twice"),
    ],
)
def test_a_filter_that_cannot_be_is_one_sentence(tmp_path: Path, classes: Any, said: str) -> None:
    """Unknown names and ids are told with what there is, classes named twice as such."""
    with pytest.raises(DatasetError, match=said):
        coco(tmp_path, classes)


def test_classified_images_of_other_classes_are_left_out(tmp_path: Path) -> None:
    """A classifier has no background: images of other classes are counted, not judged."""
    rng = np.random.default_rng(0)
    for name in ("cat/a.png", "dog/b.png", "dog/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 255, (8, 8, 3), np.uint8))
    entry = DatasetEntry("imagenet", path=tmp_path, classes=("dog",))
    dataset = load_dataset("d", entry, tmp_path)
    assert dataset.labels == ("dog",)
    assert [one.truth for one in dataset.samples] == [ClassLabel(0), ClassLabel(0)]
    assert dataset.skipped == (("cat/a.png", "of a class that is not chosen"),)


def test_pixels_of_other_classes_are_ignored(tmp_path: Path) -> None:
    """What is not chosen is annotated no more: it counts neither for nor against."""
    for folder in ("images", "maps"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((2, 2, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "maps" / "a.png"), np.array([[0, 1], [2, 255]], np.uint8))
    entry = DatasetEntry(
        "masks",
        path=tmp_path / "images",
        annotations=tmp_path / "maps",
        labels=("ground", "car", "truck"),
        classes={"rest": ("ground",), "vehicle": (2,)},
    )
    (sample,) = load_dataset("d", entry, tmp_path).samples
    assert isinstance(sample.truth, LabelMap)
    assert sample.truth.labels.tolist() == [[0, IGNORED], [1, IGNORED]]


def test_built_in_scenes_take_the_filter_too(tmp_path: Path) -> None:
    """Every annotated kind does: rendered digits as well."""
    entry = DatasetEntry("digits", count=6, size=(96, 96), classes={"round": ("0", "6", "8", 9)})
    dataset = load_dataset("d", entry, tmp_path)
    assert dataset.labels == ("round",)
    assert {label for one in objects(dataset) for label in one.labels.tolist()} == {0}
