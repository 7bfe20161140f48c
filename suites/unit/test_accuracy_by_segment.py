"""Accuracy hides where it was lost: by size of object, and by what users know of their images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import ClassLabel, ClassScores
from quantgate.datasets.catalog import load_dataset
from quantgate.entries import DatasetEntry, EvaluationPlan
from quantgate.errors import DatasetError, ManifestError, MeasurementError
from quantgate.manifest import load_manifest
from quantgate.pair import Pair
from quantgate.tasks.classification import task as classification
from quantgate.tasks.detection import task as detection
from quantgate.tasks.detection.sizes import SIZES, size_segments
from suites.unit.test_coco_ap import _oracle, _random_set

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.datasets.sample import Dataset

PLAN = EvaluationPlan(dataset="images")


def detected(seed: int) -> Comparison[Any]:
    """Random objects of every size; the optimized model has lost every third detection."""
    found, truth = _random_set(seed)
    images = []
    for index, (own, objects) in enumerate(zip(found, truth, strict=True)):
        kept = own.take(np.arange(len(own)) % 3 > 0)
        record = detection.compact(Pair(own, kept), objects)
        images.append(ImageResult(f"{index}.png", (500, 500), objects, record))
    return Comparison((), tuple(images), "digest")


@pytest.mark.parametrize("seed", range(6))
def test_sizes_are_those_of_pycocotools(seed: int) -> None:
    """AP of small, medium and large objects is COCO's to the last digit that is judged."""
    found, truth = _random_set(seed)
    oracle = _oracle(found, truth)
    segments = {one.name: one for one in size_segments(detected(seed), "ap")}
    assert set(segments) == set(SIZES)
    for name, one in segments.items():
        assert one.value.parent == pytest.approx(oracle[f"ap_{name.split()[0]}"], abs=1e-9)
        assert one.drop.low <= one.drop.value <= one.drop.high


def test_the_worst_size_is_judged_and_named() -> None:
    """The limit takes the size that lost most, and the table has all of them, that one first."""
    comparison = detected(1)
    drop = detection.judge_quantity("max_segment_drop", comparison, PLAN)
    segments = {one.name: one for one in size_segments(comparison, "ap")}
    worst = detection.subject("max_segment_drop", comparison, PLAN)
    table = {one.name: one for one in detection.tables(comparison, PLAN)}["segments"]
    assert drop.value == max(one.drop.value for one in segments.values() if one.judged)
    assert drop.value == segments[worst].drop.value
    assert table.rows[0][0] == worst


def classified(night: int, *, lost: int) -> Comparison[Any]:
    """60 images that the parent has right; of those at night the optimized model loses some."""
    right, wrong = (np.array(s, np.float32) for s in ((0.9, 0.1), (0.2, 0.8)))
    images, segments = [], {}
    for index in range(60):
        name, dark = f"{index}.png", index < night
        scores = Pair(ClassScores(right), ClassScores(wrong if dark and index < lost else right))
        record = classification.compact(scores, ClassLabel(0), name)
        images.append(ImageResult(name, (8, 8), ClassLabel(0), record))
        segments[name] = ("night" if dark else "day", "camera = left")
    return Comparison(("ant", "bee"), tuple(images), "digest", segments=segments)


def test_a_loss_in_one_segment_is_found_there() -> None:
    """A tenth over all is a half at night: that is what the limit judges, and names."""
    comparison = classified(12, lost=6)
    overall = classification.judge_quantity("max_accuracy_drop", comparison, PLAN)
    worst = classification.judge_quantity("max_segment_drop", comparison, PLAN)
    table = classification.tables(comparison, PLAN)[-1]
    assert overall.value == pytest.approx(0.1)
    assert (worst.value, worst.n) == (0.5, 12)
    assert classification.subject("max_segment_drop", comparison, PLAN) == "night"
    assert [row[0] for row in table.rows] == ["night", "camera = left", "day"]
    assert table.erroneous == {0, 1}


def test_a_segment_of_few_images_is_shown_and_not_judged() -> None:
    """Nine images say little: they have a row, and the limit takes the worst of the others."""
    comparison = classified(9, lost=9)
    worst = classification.judge_quantity("max_segment_drop", comparison, PLAN)
    rows = {row[0]: row for row in classification.tables(comparison, PLAN)[-1].rows}
    assert worst.value == pytest.approx(9 / 60)
    assert rows["night"][-1] is False
    with pytest.raises(MeasurementError, match="no segment of these 60 images has 10 images"):
        classification.judge_quantity(
            "max_segment_drop", Comparison((), comparison.images, "digest"), PLAN
        )


def folder(root: Path, text: str) -> Dataset:
    """Load three images with a csv of segments."""
    for name in ("a.png", "b.png", "sub/c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        pixels = np.full((8, 8, 3), ord(name[-5]), np.uint8)
        cv2.imwrite(str(root / name), pixels)
    (root / "list.txt").write_text("a.png 0\nb.png 1\nsub/c.png 0\n")
    (root / "segments.csv").write_text(text, encoding="utf-8")
    entry = DatasetEntry(
        "imagenet", path=root, annotations=root / "list.txt", segments=root / "segments.csv"
    )
    return load_dataset("d", entry, root)


def test_segments_are_properties_of_images(tmp_path: Path) -> None:
    """One column of segments speaks for itself; several are told with their titles."""
    plain = folder(tmp_path, "image,segment\na.png,night\na.png,rain\nc.png,night\n")
    assert plain.segments == {"a.png": ("night", "rain"), "sub/c.png": ("night",)}
    assert plain.notes == (
        "datasets.d.segments: 1 images have no row (b.png)",
        "datasets.d.segments: none of 2 has 10 images (most: 'night', 2): too few to be judged",
    )
    titled = folder(
        tmp_path,
        "file,weather,camera\nSUB\\C.png,fog,\na.png,rain,left\nb.png,,right\nx.png,sun,\n",
    )
    assert titled.segments == {
        "a.png": ("weather = rain", "camera = left"),
        "b.png": ("camera = right",),
        "sub/c.png": ("weather = fog",),
    }
    assert "1 rows are of no image of the dataset (x.png)" in titled.notes[-2]
    (alone,) = folder(tmp_path, "image,segment\na.png,all\nb.png,all\nc.png,all\n").notes
    assert "'all' is the only one and holds all 3 images" in alone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a header"),
        ("image\na.png\n", "must have a header"),
        ("image;segment\na.png;night\n", "commas between the cells; found 'image;segment'"),
        ("a.png,night\nb.png,day\n", "the first line of .* is of the image a.png, where a header"),
        (
            "image,segment\na.png,\nb.png,\n",
            "names no segment: all cells behind the images are empty",
        ),
        ("image,segment\na.png,night,rain\n", "line 2 of .* has 3 cells, the header 2"),
        ("image,segment\nx.png,night\n", "names no image of the dataset: x.png"),
    ],
)
def test_a_csv_of_another_form_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """A csv that says nothing of these images is refused with what was expected."""
    with pytest.raises(DatasetError, match=said):
        folder(tmp_path, text)


def test_a_limit_on_segments_needs_some(tmp_path: Path) -> None:
    """Classified images have no sizes: without a csv the limit would judge nothing."""
    (tmp_path / "models.toml").write_text(
        """
[datasets.digits]
kind = "digits"
subject = "single"
[models.m]
source = { zoo = "digits-mobilenet-v2" }
calibrate = { dataset = "digits", subset = 5 }
evaluate = "digits"
limits = { max_segment_drop = 0.1 }
"""
    )
    with pytest.raises(ManifestError, match=r"models.m.limits.max_segment_drop: needs segments"):
        load_manifest(tmp_path / "models.toml")
