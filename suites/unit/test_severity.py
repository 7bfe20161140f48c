"""The worst images are those that people would look at first, in every task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import (
    ClassLabel,
    ClassScores,
    DenseMap,
    Detections,
    LabelMap,
    Objects,
    Rendering,
)
from quantgate.entries import EvaluationPlan
from quantgate.pair import Pair
from quantgate.tasks.catalog import TASKS
from quantgate.tasks.classification import task as classification
from quantgate.tasks.dense import task as dense
from quantgate.tasks.detection import task as detection
from quantgate.tasks.image_to_image import task as image_to_image
from quantgate.tasks.segmentation import task as segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAN = EvaluationPlan(dataset="images")
SIZE = (200, 200)
EVERY = tuple(range(6))


def objects(
    places: Sequence[int] = EVERY,
    *,
    dx: float = 0,
    label: int = 0,
    score: float = 0.9,
    side: float = 20,
) -> Detections:
    """Return objects in a row of places, shifted, named and sized alike."""
    boxes = [(30.0 * i + dx, 10.0, 30.0 * i + side + dx, 10 + side) for i in places]
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(n, score, np.float32),
        np.full(n, label, np.int64),
    )


def together(*parts: Detections) -> Detections:
    """Put objects on one image."""
    return Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def truth(found: Detections) -> Objects:
    """Annotate exactly these objects."""
    n = len(found)
    return Objects(found.boxes, found.labels, np.zeros(n, np.bool_), np.full(n, 400.0))


def compared(
    task: Any, images: Sequence[tuple[Any, Any, Any]], labels: tuple[str, ...] = ("cat", "dog")
) -> Comparison[Any]:
    """Make a comparison of ``(parent, optimized, truth)``."""
    found = tuple(
        ImageResult(f"{i}.png", SIZE, known, task.compact(Pair(parent, optimized), known, "x"))
        for i, (parent, optimized, known) in enumerate(images)
    )
    return Comparison(labels, found, "digest")


def order(task: Any, images: Sequence[tuple[Any, Any, Any]]) -> list[int]:
    """List the images, worst first."""
    return [change.index for change in task.worst(compared(task, images), PLAN)]


def test_planted_images_that_lost_everything_come_first() -> None:
    """Of a model that INT8 broke: 13 blind images among 40 on which boxes moved, came or went in part."""
    scene = objects()
    partly = together(objects(EVERY[1:]), objects([6, 7], label=1))
    images = [
        (scene, Detections.empty(), None)
        if i % 3 == 0
        else (scene, objects(dx=4) if i % 3 == 1 else partly, None)
        for i in range(39)
    ]

    found = order(detection, images)

    assert len(found) == 39
    assert set(found[:13]) == set(range(0, 39, 3))
    assert all(i % 3 == 2 for i in found[13:26])


def test_an_object_that_is_gone_outweighs_any_number_of_moved_ones() -> None:
    """Five lost and one moved, one lost and five moved, all moved: in this order."""
    scene = objects()
    images = [
        (scene, objects(dx=5), None),
        (scene, objects(EVERY[1:], dx=5), None),
        (scene, objects(EVERY[5:], dx=5), None),
    ]

    assert order(detection, images) == [2, 1, 0]


def test_lost_and_relabelled_come_before_gained_before_moved() -> None:
    """Of one object each, equally sure and equally large."""
    here = objects([0, 1])
    images = [
        (here, together(objects([0]), objects([1], dx=5)), None),
        (here, objects([0, 1, 2]), None),
        (here, objects([0]), None),
        (here, together(objects([0]), objects([1], label=1)), None),
    ]

    found = order(detection, images)

    assert set(found[:2]) == {2, 3}
    assert found[2:] == [1, 0]


def test_sure_and_large_objects_count_more() -> None:
    """Lost at 0.95 before lost at 0.55; lost and large before lost and small."""
    keep = objects([5])
    sizes = [together(keep, objects([0], side=side)) for side in (8, 29)]
    scores = [together(keep, objects([0], score=score)) for score in (0.55, 0.95)]

    assert order(detection, [(both, keep, None) for both in sizes]) == [1, 0]
    assert order(detection, [(both, keep, None) for both in scores]) == [1, 0]


def test_what_was_right_and_is_wrong_comes_first() -> None:
    """Losing three false objects is no loss; losing a true one comes before them, and before gained ones."""
    true, false = objects([0, 1]), objects([2, 3, 4])
    images = [
        (together(true, false), true, truth(true)),
        (true, together(true, objects([5], label=1)), truth(true)),
        (true, objects([0]), truth(true)),
        (true, Detections.empty(), truth(true)),
    ]

    assert order(detection, images) == [3, 2, 1, 0]


def test_what_was_wrong_in_both_counts_nothing() -> None:
    """A false object that moved is less than a true one that did."""
    true, false = objects([0]), objects([3])
    images = [
        (together(true, false), together(true, objects([3], dx=6)), truth(true)),
        (true, objects([0], dx=2), truth(true)),
    ]

    assert order(detection, images) == [1, 0]


def test_classes_that_are_wrong_now_come_first() -> None:
    """Now wrong, wrong in both, now right; within, the clearer change."""
    cat, dog, unsure = ((0.9, 0.1), (0.1, 0.9), (0.49, 0.51))
    images = [
        (
            ClassScores(np.array(before, np.float32)),
            ClassScores(np.array(after, np.float32)),
            ClassLabel(label),
        )
        for before, after, label in ((dog, cat, 0), (cat, unsure, 0), (cat, dog, 0))
    ]

    assert order(classification, images) == [2, 1, 0]


def test_a_class_that_vanished_comes_before_moved_seams() -> None:
    """A small object that is gone, against as many pixels along the edge of a large one."""
    parent = np.zeros((40, 40), np.uint8)
    parent[:, 20:] = 1
    parent[2:6, 2:6] = 2
    seam, gone = parent.copy(), parent.copy()
    seam[:18, 20] = 0
    gone[2:6, 2:6] = 0
    labels = ("road", "car", "dog")
    images = [(LabelMap(parent), LabelMap(other), None) for other in (seam, gone)]

    worst = segmentation.worst(compared(segmentation, images, labels), PLAN)

    assert [change.index for change in worst] == [1, 0]


def test_pixels_that_are_wrong_now_come_first() -> None:
    """Many pixels put right are less than a few that are wrong now."""
    right = np.zeros((20, 20), np.uint8)
    bad, worse = right.copy(), right.copy()
    bad[:10], worse[:1] = 1, 1
    images = [
        (LabelMap(bad), LabelMap(right), LabelMap(right)),
        (LabelMap(right), LabelMap(worse), LabelMap(right)),
    ]

    assert order(segmentation, images) == [1, 0]


def test_pictures_that_lost_likeness_to_the_truth_come_first() -> None:
    """Farther from the parent, but nearer to the truth, is the smaller problem."""
    base = np.random.default_rng(0).uniform(60, 190, (40, 40, 3)).astype(np.float32)
    noise = np.random.default_rng(1).choice([-1.0, 1.0], base.shape).astype(np.float32)
    images = [
        (Rendering(base + 20 * noise), Rendering(base), Rendering(base)),
        (Rendering(base), Rendering(base + 6 * noise), Rendering(base)),
    ]

    assert order(image_to_image, images) == [1, 0]


def test_maps_of_numbers_that_became_worse_come_first() -> None:
    """Farther from the parent, but nearer to the truth, is the smaller problem."""
    depth = np.random.default_rng(0).uniform(1, 9, (20, 20, 1)).astype(np.float32)
    images = [
        (DenseMap(depth * np.float32(1.4)), DenseMap(depth), DenseMap(depth)),
        (DenseMap(depth), DenseMap(depth * np.float32(1.1)), DenseMap(depth)),
    ]

    assert order(dense, images) == [1, 0]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_states_its_order(name: str) -> None:
    """One function a task says in its own words what is worse."""
    said = TASKS[name].severity.__doc__ or ""

    assert "one image" in said or "one class map" in said or "one picture" in said
