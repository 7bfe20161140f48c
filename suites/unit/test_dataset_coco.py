from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from faster_coco_eval.core import mask as rle

from quantgate.core.predictions import Objects
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from quantgate.datasets.sample import Dataset

ENTRY = DatasetEntry("coco", path=Path("images"), annotations=Path("instances.json"))


def write_coco(root: Path, *, images: int = 2, **changes: Any) -> None:
    """Write a COCO folder of black images with one object on the first."""
    folder = root / "images"
    folder.mkdir(exist_ok=True)
    for i in range(images):
        cv2.imwrite(str(folder / f"{i}.jpg"), np.zeros((40, 60, 3), np.uint8))
    content: dict[str, Any] = {
        "images": [
            {"id": 100 + i, "file_name": f"{i}.jpg", "width": 60, "height": 40}
            for i in range(images)
        ],
        "annotations": [
            {
                "id": 7,
                "image_id": 100,
                "category_id": 90,
                "bbox": [10, 5, 20, 10],
                "area": 150.5,
                "iscrowd": 1,
            }
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}],
    }
    (root / "instances.json").write_text(json.dumps(content | changes))


def relist(root: Path, images: list[dict[str, Any]]) -> None:
    """Let the json list the images in other words."""
    content = json.loads((root / "instances.json").read_text()) | {"images": images}
    (root / "instances.json").write_text(json.dumps(content))


def load(root: Path, entry: DatasetEntry = ENTRY) -> Dataset:
    """Load the folder as the dataset ``d``."""
    return load_dataset("d", entry, root)


def annotation(**changes: Any) -> list[dict[str, Any]]:
    """One annotation of the first image."""
    usual = {"id": 7, "image_id": 100, "category_id": 1, "bbox": [1, 1, 5, 5]}
    return [usual | changes]


def test_categories_with_gaps_become_labels_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """Category ids 1 and 90 are the labels 0 and 1, whatever their order in the file."""
    write_coco(tmp_path)
    dataset = load(tmp_path)
    truth = dataset.samples[0].truth
    assert isinstance(truth, Objects)
    assert dataset.labels == ("person", "toothbrush")
    assert truth.labels.tolist() == [1]
    assert truth.boxes.tolist() == [[10.0, 5.0, 30.0, 15.0]]
    assert truth.areas.tolist() == [150.5]
    assert truth.crowd.tolist() == [True]


def test_an_image_without_annotations_is_a_background(tmp_path: Path) -> None:
    """Background images stay in the dataset, annotated with no object."""
    write_coco(tmp_path)
    dataset = load(tmp_path)
    assert dataset.annotated
    truth = dataset.samples[1].truth
    assert isinstance(truth, Objects)
    assert len(truth) == 0


def test_an_unknown_category_is_named_with_its_annotation(tmp_path: Path) -> None:
    """A category id that no category has is an error naming both ids."""
    write_coco(tmp_path, annotations=annotation(category_id=5))
    with pytest.raises(DatasetError, match=r"annotation 7 has category id 5"):
        load(tmp_path)


def test_a_category_beyond_the_given_labels_is_an_error(tmp_path: Path) -> None:
    """Labels of the entry that are too few for the annotations are refused."""
    write_coco(tmp_path)
    entry = DatasetEntry("coco", Path("images"), Path("instances.json"), labels=("person",))
    with pytest.raises(DatasetError, match=r"annotation 7 has category id 90, label index 1"):
        load(tmp_path, entry)


def test_annotations_of_an_absent_image_are_refused_above_one_per_cent(tmp_path: Path) -> None:
    """One of three images without an entry is 33 %: an error that names it."""
    write_coco(tmp_path, annotations=annotation(image_id=999))
    with pytest.raises(DatasetError, match=r"1 of 3 images cannot be used.*image id 999"):
        load(tmp_path)


def test_a_missing_file_is_skipped_below_one_per_cent(tmp_path: Path) -> None:
    """One missing of a hundred is left out and listed."""
    write_coco(tmp_path, images=100)
    (tmp_path / "images" / "3.jpg").unlink()
    dataset = load(tmp_path)
    assert len(dataset) == 99
    assert dataset.skipped == (("3.jpg", "no such file"),)


@pytest.mark.parametrize(
    "box", [[1, 2, 3], [1, 2, -3, 4], [float("nan"), 1, 1, 1], [1, 2, float("inf"), 4]]
)
def test_a_wrong_box_is_named_with_its_annotation(tmp_path: Path, box: list[float]) -> None:
    """A bbox that is no rectangle is an error naming the annotation."""
    write_coco(tmp_path, annotations=annotation(bbox=box))
    with pytest.raises(DatasetError, match="annotation 7 has the bbox"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "must hold the lists"),
        ('{"images": [], "annotations": [], "categories": []}', "holds no image"),
        ('{"images": [{}], "annotations": [], "categories": []}', "not COCO's instances format"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": "x"}]}',
            "not COCO's instances format",
        ),
        ("[" * 100_000, "not valid JSON"),
        ('{"images": 3, "annotations": [], "categories": []}', "not COCO's instances format"),
    ],
)
def test_a_json_of_another_form_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    """Whatever the json holds, the error says what was expected."""
    write_coco(tmp_path)
    (tmp_path / "instances.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        load(tmp_path)


def test_a_missing_json_is_named(tmp_path: Path) -> None:
    """The path that was looked at is in the error."""
    write_coco(tmp_path)
    (tmp_path / "instances.json").unlink()
    with pytest.raises(DatasetError, match=r"no file .*instances\.json"):
        load(tmp_path)


def test_an_image_listed_twice_is_an_error(tmp_path: Path) -> None:
    """Names are unique within a dataset."""
    image = {"id": 1, "file_name": "0.jpg"}
    write_coco(tmp_path, images=1, annotations=[])
    content = json.loads((tmp_path / "instances.json").read_text())
    content["images"] += [image]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"lists 0\.jpg more than once"):
        load(tmp_path)


def test_the_digest_follows_content_truth_and_order(tmp_path: Path) -> None:
    """Equal data give equal digests; another box gives another."""
    write_coco(tmp_path)
    first = load(tmp_path).digest
    assert load(tmp_path).digest == first
    write_coco(tmp_path, annotations=annotation(bbox=[1, 1, 5, 6]))
    assert load(tmp_path).digest != first


SQUARE = [[10, 5, 30, 5, 30, 15, 10, 15]]


@pytest.mark.parametrize(
    "shape",
    [
        SQUARE,
        {"size": [40, 60], "counts": [405, *[10, 30] * 19, 10, 1225]},
        {"size": [40, 60], "counts": "e<:n00000000000000000000000000000000000000[U1"},
    ],
    ids=["polygon", "runs", "compressed"],
)
def test_masks_of_every_form_become_run_lengths(tmp_path: Path, shape: Any) -> None:
    """Polygons, plain and compressed run lengths are all read, where masks are asked for."""
    write_coco(tmp_path, annotations=annotation(segmentation=shape, bbox=[10, 5, 20, 10]))
    truth = load_dataset("d", ENTRY, tmp_path, truth="masks").samples[0].truth
    assert isinstance(truth, Objects)
    assert truth.masks is not None
    assert truth.masks[0]["size"] == [40, 60]
    assert isinstance(truth.masks[0]["counts"], bytes)
    if not isinstance(shape, dict) or not isinstance(shape["counts"], str):
        assert int(rle.area(truth.masks[0])) == 200
    plain = load(tmp_path).samples[0].truth
    assert isinstance(plain, Objects)
    assert plain.masks is None


@pytest.mark.parametrize("shape", [None, [], {"size": [40, 60]}, [["x"]], 3])
def test_an_object_without_a_usable_mask_is_named(tmp_path: Path, shape: Any) -> None:
    """Instance segmentation needs every object's mask."""
    write_coco(tmp_path, annotations=annotation(segmentation=shape))
    with pytest.raises(DatasetError, match=r"annotation 7 has .* segmentation"):
        load_dataset("d", ENTRY, tmp_path, truth="masks")


def test_boxes_in_the_pixels_of_another_size_are_refused(tmp_path: Path) -> None:
    """Images that were resized, and their annotations not, are named with both sizes."""
    images = [{"id": 100 + i, "file_name": f"{i}.jpg", "width": 120, "height": 80} for i in (0, 1)]
    write_coco(tmp_path)
    relist(tmp_path, images)

    with pytest.raises(DatasetError, match="annotated as 120x80 pixels, the file has 60x40"):
        load(tmp_path)


def test_exchanged_width_and_height_are_another_size(tmp_path: Path) -> None:
    """Annotations of a picture on its side are refused; those that say no size are checked by boxes."""
    first: dict[str, Any] = {"id": 100, "file_name": "0.jpg", "width": 40, "height": 60}
    images = [first, {"id": 101, "file_name": "1.jpg"}]
    write_coco(tmp_path)
    relist(tmp_path, images)

    with pytest.raises(DatasetError, match="has 60x40: width and height are exchanged"):
        load(tmp_path)
    relist(tmp_path, [{"id": 100, "file_name": "0.jpg"}, images[1]])
    assert len(load(tmp_path)) == 2


def test_an_image_id_given_twice_is_named(tmp_path: Path) -> None:
    """Two files under one id: which one the annotations mean cannot be told."""
    images = [{"id": 100, "file_name": f"{i}.jpg"} for i in (0, 1)]
    write_coco(tmp_path)
    relist(tmp_path, images)

    with pytest.raises(DatasetError, match=r"id 100 stands for 0\.jpg and 1\.jpg"):
        load(tmp_path)
