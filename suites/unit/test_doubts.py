"""Suspicions about annotations: raised by what is counted or placed otherwise, not by a weak parent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import ClassLabel, ClassScores, Detections, LabelMap, Objects
from quantgate.pair import Pair
from quantgate.tasks.catalog import TASKS
from quantgate.tasks.doubts.boxes import object_doubts
from quantgate.tasks.doubts.labels import class_doubts
from quantgate.tasks.doubts.suspected import doubts

if TYPE_CHECKING:
    from quantgate.tasks.classification.record import ClassRecord
    from quantgate.tasks.segmentation.record import SegmentationRecord

LABELS = tuple("abcdefgh")


def told(annotated: list[int], found: list[int]) -> str:
    """What is suspected of pairs of classes."""
    return "; ".join(class_doubts(np.array(annotated), np.array(found), LABELS))


def test_a_shift_is_told_with_its_step() -> None:
    """Classes counted from elsewhere are told as what they are, around the end too."""
    annotated = [k % 8 for k in range(40)]
    assert "would be if class ids were larger by 1" in told(
        annotated, [(k + 1) % 8 for k in annotated]
    )
    assert "would be if class ids were larger by -2" in told(
        annotated, [(k - 2) % 8 for k in annotated]
    )


def test_other_names_are_told_by_example() -> None:
    """An order of labels that is not the model's shows in all classes at once."""
    order = [3, 1, 0, 2, 7, 6, 4, 5]
    annotated = [k % 8 for k in range(48)]
    assert "would be under other names ('a' as 'd'" in told(
        annotated, [order[k] for k in annotated]
    )


def test_classes_that_moved_are_told_among_many_that_did_not() -> None:
    """Ids with gaps, read without them, are right up to the first gap: most objects lie there."""
    annotated = [0] * 80 + [4, 5, 6] * 4
    found = [0] * 80 + [5, 6, 7] * 4
    assert "finds 3 annotated classes as others, which it does not find as themselves" in told(
        annotated, found
    )


@pytest.mark.parametrize(
    ("annotated", "found"),
    [
        ([0, 1, 2, 3] * 10, [0, 0, 2, 2] * 10),
        ([k % 8 for k in range(40)], [0] * 40),
        ([k % 8 for k in range(40)], [int(k) for k in np.random.default_rng(0).integers(0, 8, 40)]),
        ([0, 1] * 4, [1, 0] * 4),
        ([2] * 40, [2, 2, 3, 4] * 10),
    ],
    ids=["confused", "one answer", "guessing", "few", "one class"],
)
def test_a_weak_parent_is_no_reason_to_doubt(annotated: list[int], found: list[int]) -> None:
    """Rare classes taken for common ones, guesses, and too little to tell: nothing is said."""
    assert not told(annotated, found)


def test_one_class_for_everything_is_told() -> None:
    """A column of ids that was lost, or one class under another number."""
    said = told([2] * 40, [k % 8 for k in range(40)])
    assert (
        "all 40 annotated classes are 'c', and the parent finds 35 of them as others ('a'" in said
    )
    assert "finds 40 of them as others ('d')" in told([2] * 40, [3] * 40)


def classified(annotated: list[int], found: list[int]) -> Comparison[ClassRecord]:
    """Images of annotated classes, and the parent's."""
    images = []
    for k, (label, answer) in enumerate(zip(annotated, found, strict=True)):
        scores = ClassScores(np.eye(8, dtype=np.float32)[answer])
        record = TASKS["classification"].compact(Pair(scores, scores), ClassLabel(label))
        images.append(ImageResult(f"{k}.png", (9, 9), ClassLabel(label), record))
    return Comparison(LABELS, tuple(images), "digest")


def test_classes_that_are_met_by_chance_alone_are_told() -> None:
    """Shuffled classes are told; a parent that is right on a third of the images is a weak one."""
    rng = np.random.default_rng(4)
    found = [k % 8 for k in range(48)]
    shuffled = rng.permutation(found).tolist()
    (note,) = doubts("classification", classified(shuffled, found))
    assert "that of another image: are the annotations of these images" in note
    weak = [answer if k % 3 == 0 else int(rng.integers(8)) for k, answer in enumerate(found)]
    assert doubts("classification", classified(weak, found)) == ()


def scenes(
    count: int = 30, *, missed: float = 0.0, invented: int = 0, bare: float = 0.0
) -> Comparison[Detections]:
    """Random objects that the parent finds a little beside their places.

    ``missed`` is the share that it does not find, ``invented`` how many detections of low score it
    adds to each image, ``bare`` the share of objects whose annotations are missing.
    """
    rng = np.random.default_rng(1)
    images = []
    for index in range(count):
        n = int(rng.integers(2, 6))
        corner, sides = rng.uniform(0, 200, (n, 2)), rng.uniform(30, 90, (n, 2))
        boxes = np.hstack([corner, corner + sides]).astype(np.float32)
        labels = rng.integers(0, 8, n)
        seen = rng.random(n) >= missed
        noise = rng.uniform(0, 250, (invented, 2)).astype(np.float32)
        found = np.concatenate(
            [boxes[seen] + rng.normal(0, 3, (int(seen.sum()), 4)), np.hstack([noise, noise + 20])]
        )
        scores = np.concatenate(
            [rng.uniform(0.5, 1, int(seen.sum())), rng.uniform(0.05, 0.4, invented)]
        )
        named = np.concatenate([labels[seen], rng.integers(0, 8, invented)])
        order = np.argsort(-scores)
        record = Detections(
            found[order].astype(np.float32), scores[order].astype(np.float32), named[order]
        )
        kept = rng.random(n) >= bare
        area = sides.prod(axis=1).astype(np.float32)
        truth = Objects(boxes[kept], labels[kept], np.zeros(int(kept.sum()), np.bool_), area[kept])
        images.append(ImageResult(f"{index}.png", (300, 300), truth, Pair(record, record)))
    return Comparison(LABELS, tuple(images), "digest")


@pytest.mark.parametrize(("missed", "invented"), [(0.0, 0), (0.5, 5), (0.8, 20)])
def test_a_parent_that_misses_and_invents_raises_nothing(missed: float, invented: int) -> None:
    """Low recall and low precision are what a gate measures, and no fault of the annotations."""
    assert object_doubts(scenes(missed=missed, invented=invented)) == ()


def test_annotations_of_other_images_fit_no_better_than_chance() -> None:
    """Shuffled truths are told, and images that are all alike are no reason to doubt."""
    right = scenes()
    order = np.random.default_rng(2).permutation(len(right))
    truths = [right.images[i].truth for i in order]
    shuffled = tuple(
        replace(one, truth=truth) for one, truth in zip(right.images, truths, strict=True)
    )
    said = object_doubts(Comparison(LABELS, shuffled, "digest"))
    assert any(
        "of those of other images: are the annotations of these images" in one for one in said
    )
    alike = tuple(replace(right.images[0], name=f"{k}.png") for k in range(12))
    assert object_doubts(Comparison(LABELS, alike, "digest")) == ()


def test_a_model_of_few_classes_is_told_of_the_filter() -> None:
    """A detector of one class on annotations of eight is judged on what it cannot know."""
    images = tuple(
        replace(one, record=one.record.map(lambda own: own.take(own.labels == 2)))
        for one in scenes().images
    )
    (note,) = object_doubts(Comparison(LABELS, images, "digest"))
    assert "never finds anything but 'c', where 8 classes are annotated" in note


def test_missing_annotations_show_in_what_is_found_for_sure() -> None:
    """Where sure detections stand on bare ground, somebody has stopped annotating."""
    (note,) = object_doubts(scenes(bare=0.5))
    assert "surest detections lie where nothing is annotated: are annotations missing?" in note


@pytest.mark.parametrize("bare", [0.15, 0.2])
def test_slightly_incomplete_annotations_show_beside_a_parent_that_misses_nothing(
    bare: float,
) -> None:
    """Who finds all that is annotated does not invent a seventh of it; a weak parent may."""
    (note,) = object_doubts(scenes(300, bare=bare))
    assert "are annotations missing?" in note
    assert object_doubts(scenes(300, missed=0.3, bare=0.1)) == ()
    crowds = [
        replace(one, truth=replace(one.truth, crowd=np.ones(len(one.truth), np.bool_)))
        for one in scenes(30).images
        if isinstance(one.truth, Objects)
    ]
    assert object_doubts(Comparison(LABELS, tuple(crowds), "digest")) == ()


def test_images_without_annotations_belong_to_what_may_be_missing() -> None:
    """Half of the texts of a set are lost: its images are no backgrounds where the parent is sure."""
    nothing = Objects(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        np.zeros(0, np.bool_),
        np.zeros(0, np.float32),
    )
    emptied = [
        replace(one, truth=nothing) if k % 2 else one for k, one in enumerate(scenes().images)
    ]
    (note,) = object_doubts(Comparison(LABELS, tuple(emptied), "digest"))
    assert "surest detections lie where nothing is annotated" in note


@pytest.mark.parametrize("shared", [False, True])
def test_objects_of_two_classes_are_told_unless_the_parent_finds_both(*, shared: bool) -> None:
    """A man is a person, too, for a model that says both; else everything was annotated twice."""
    images = []
    for one in scenes().images:
        assert isinstance(one.truth, Objects)
        own, found = one.truth, one.record.parent
        both = Objects(
            np.concatenate([own.boxes, own.boxes]),
            np.concatenate([own.labels, (own.labels + 3) % 8]),
            np.concatenate([own.crowd, own.crowd]),
            np.concatenate([own.areas, own.areas]),
        )
        if shared:
            found = Detections(
                np.concatenate([found.boxes, found.boxes]),
                np.concatenate([found.scores, found.scores]),
                np.concatenate([found.labels, (found.labels + 3) % 8]),
            )
        images.append(replace(one, truth=both, record=Pair(found, found)))
    said = object_doubts(Comparison(LABELS, tuple(images), "digest"))
    assert any("share their box with one of another class" in one for one in said) is not shared


#: What undoes each orientation of EXIF, as Pillow calls it.
UNDONE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def as_stored(truth: Objects, orientation: int) -> Objects:
    """Boxes of a picture of 300 x 300 in the pixels that this orientation turns into it."""
    boxes = []
    for x0, y0, x1, y1 in truth.boxes.round().astype(int).tolist():
        pixels = np.zeros((300, 300), np.uint8)
        pixels[y0:y1, x0:x1] = 1
        boxes.append(Image.fromarray(pixels).transpose(UNDONE[orientation]).getbbox())
    return replace(truth, boxes=np.array(boxes, np.float32).reshape(-1, 4))


@pytest.mark.parametrize("orientation", sorted(UNDONE))
def test_the_parent_tells_the_frame_of_images_that_exif_turns(orientation: int) -> None:
    """Some images of a set are turned: annotated as stored that is said, upright nothing is."""
    right = scenes()
    turned = {f"{index}.png": orientation for index in range(0, 30, 4)}
    assert doubts("detection", right, turned) == ()
    images = tuple(
        replace(one, truth=as_stored(one.truth, orientation)) if one.name in turned else one
        for one in right.images
        if isinstance(one.truth, Objects)
    )
    (note,) = doubts("detection", replace(right, images=images), turned)
    assert note.startswith("8 images are turned by their EXIF orientation (0.png, 4.png, 8.png, …)")
    assert "if they are of the pixels as stored: annotate the upright pictures" in note


def test_a_frame_that_the_parent_does_not_tell_is_said() -> None:
    """Where it finds nothing on turned images, somebody has to look."""
    weak = scenes(missed=1.0)
    (note,) = doubts("detection", weak, {"3.png": 3})
    assert "do not tell whether annotations are of the upright pictures" in note
    assert doubts("detection", weak) == ()


def class_maps(orientation: int) -> Comparison[SegmentationRecord]:
    """Ten square maps of one region each, annotated in the pixels that this orientation turns."""
    images = []
    for index in range(10):
        upright = np.zeros((96, 96), np.uint8)
        upright[10 + index : 40, 8:30] = 1
        found = LabelMap(upright)
        truth = found
        if orientation != 1:
            stored = Image.fromarray(upright).transpose(UNDONE[orientation])
            truth = LabelMap(np.asarray(stored))
        record = TASKS["semantic_segmentation"].compact(Pair(found, found), truth)
        images.append(ImageResult(f"{index}.png", (96, 96), truth, record))
    return Comparison(("ground", "thing"), tuple(images), "digest")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_parent_tells_the_frame_of_class_maps(orientation: int) -> None:
    """Maps of the stored pixels are told as boxes are."""
    turned = {f"{index}.png": max(3, orientation) for index in range(10)}
    said = doubts("semantic_segmentation", class_maps(orientation), turned)
    assert any("if they are of the pixels as stored" in one for one in said) == (orientation != 1)


def test_a_task_without_annotations_of_a_kind_has_no_doubts() -> None:
    """Pictures, raw tensors and tasks of other packages are left alone."""
    assert doubts("image_to_image", scenes()) == ()
    assert doubts("somebody-elses", scenes()) == ()
