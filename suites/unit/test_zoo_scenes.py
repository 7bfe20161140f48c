from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from quantgate.zoo.scenes import LABELS, Scene, render, render_classification
from quantgate.zoo.strokes import SPLITS, Split, split_members, stroke

SIZE = (160, 120)


def _scenes(count: int = 30, split: Split = "train") -> list[Scene]:
    return [render(3, index, size=SIZE, split=split) for index in range(count)]


def _content(scene: Scene) -> str:
    parts = (scene.image, scene.boxes, scene.labels, scene.owners)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_the_same_seed_and_index_give_the_same_scene() -> None:
    """A scene is a function of seed, index, size and split."""
    assert [_content(s) for s in _scenes(5)] == [_content(s) for s in _scenes(5)]


def test_seed_index_and_split_each_change_the_scene() -> None:
    """No two of seed, index and split collide."""
    base = _content(render(3, 4, size=SIZE, split="train"))
    others = (
        render(4, 3, size=SIZE, split="train"),
        render(3, 5, size=SIZE, split="train"),
        render(3, 4, size=SIZE, split="evaluate"),
    )
    assert base not in {_content(scene) for scene in others}


def test_splits_share_no_handwriting() -> None:
    """Every digit of scikit-learn's set is in exactly one split, every class in each."""
    members = [split_members(split) for split in ("train", "calibrate", "evaluate")]
    together = [member for part in members for member in part]
    assert sorted(together) == list(range(1797))
    for part in members:
        assert {stroke(member).label for member in part} == set(range(10))


def test_boxes_are_tight_around_the_visible_pixels() -> None:
    """A box's far edge is one beyond the last visible pixel, in both directions."""
    for scene in _scenes():
        for (x0, y0, x1, y1), mask in zip(scene.boxes.astype(int), scene.masks, strict=True):
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            assert (columns[0], rows[0]) == (x0, y0)
            assert (columns[-1] + 1, rows[-1] + 1) == (x1, y1)


def test_boxes_lie_within_the_image() -> None:
    """No box leaves the image or is empty."""
    boxes = np.concatenate([scene.boxes for scene in _scenes()])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= SIZE).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_masks_do_not_overlap_and_agree_with_the_semantic_truth() -> None:
    """Each pixel belongs to one object at most, and carries that object's class."""
    for scene in _scenes():
        together = np.sum([np.zeros_like(scene.owners), *scene.masks], axis=0)
        assert together.max() <= 1
        for label, mask in zip(scene.labels, scene.masks, strict=True):
            assert (scene.classes[mask == 1] == label + 1).all()
        assert ((scene.classes > 0) == (scene.owners > 0)).all()


def test_clean_image_differs_from_the_spoilt_one_only_by_blur_and_noise() -> None:
    """The truth of restoration is the same scene."""
    for scene in _scenes(10):
        difference = np.abs(scene.clean.astype(float) - scene.image)
        assert scene.clean.shape == scene.image.shape
        assert 0.0 < difference.mean() < 30.0


@pytest.mark.parametrize("size", [(32, 32), (33, 190), (640, 64), (700, 520)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    """Width and height are free above 32 px, beyond the noise tile too."""
    scene = render(0, 0, size=size, split="evaluate")
    assert scene.image.shape == (size[1], size[0], 3)
    assert scene.image.dtype == np.uint8
    assert scene.owners.shape == (size[1], size[0])


def test_scenes_have_objects_of_every_class() -> None:
    """Labels index the class names, and each occurs."""
    labels = np.concatenate([scene.labels for scene in _scenes(120)])
    assert set(labels.tolist()) == set(range(len(LABELS)))


def test_classification_gives_the_dominant_digit() -> None:
    """The one object, where it is visible enough to be listed, is the given digit."""
    drawn = [render_classification(0, k, size=(96, 96), split="calibrate") for k in range(60)]
    listed = [(scene.labels.tolist(), label) for scene, label in drawn if len(scene.labels)]
    assert len(listed) > 50
    assert all(labels == [label] for labels, label in listed)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"seed": -1}, "at least 0"),
        ({"index": -1}, "at least 0"),
        ({"size": (31, 100)}, "at least 32 px"),
        ({"split": "test"}, "one of train, calibrate, evaluate"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    """Each bad argument is named."""
    good: dict[str, Any] = {"seed": 0, "index": 0, "size": SIZE, "split": "train"}
    with pytest.raises(ValueError, match=complaint):
        render(**{**good, **arguments})


def test_splits_keep_their_order() -> None:
    """The order seeds the generators: another would change every image."""
    assert SPLITS == ("train", "calibrate", "evaluate")
