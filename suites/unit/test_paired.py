"""Two runs compared on the images that both judged: average precision and IoU, from their tallies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import Detections, LabelMap, Objects
from quantgate.core.verdict import Outcome
from quantgate.entries import EvaluationPlan
from quantgate.pair import Pair
from quantgate.report.compare import compare_runs, comparison_lines
from quantgate.tasks.catalog import TASKS
from quantgate.tasks.tallies import save_tally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from quantgate.report.compare import VerdictChange
    from quantgate.report.model import RunReport

    Two = tuple[Comparison[Any], Comparison[Any]]
    Runs = tuple[RunReport, RunReport]

PLAN = EvaluationPlan(dataset="images")
IMAGES = 40


def objects_of(seed: int) -> Detections:
    """Six objects of three classes, apart from each other."""
    rng = np.random.default_rng(seed)
    corners = np.array([[60.0 * (i % 3), 80.0 * (i // 3)] for i in range(6)])
    boxes = np.hstack([corners, corners + rng.integers(30, 50, (6, 1))]).astype(np.float32)
    return Detections(boxes, np.linspace(0.9, 0.6, 6).astype(np.float32), np.arange(6) % 3)


def detection(missed: Callable[[int], int]) -> Comparison[Any]:
    """A parent that misses more the harder the image; the optimized model loses so many more."""
    images = []
    for i in range(IMAGES):
        truth = objects_of(i)
        known = np.zeros(6, np.bool_)
        annotated = Objects(truth.boxes, truth.labels, known, np.full(6, 1600, np.float32))
        parent = truth.take(np.arange(6 - i % 4))
        pair = Pair(parent, parent.take(np.arange(len(parent) - missed(i))))
        record = TASKS["detection"].compact(pair, annotated, f"{i}.png")
        images.append(ImageResult(f"{i}.png", (200, 200), annotated, record))
    return Comparison(("cat", "dog", "person"), tuple(images), "digest")


def segmentation(missed: Callable[[int], int]) -> Comparison[Any]:
    """Class maps of 12 × 12 pixels, of which the optimized model gets so many more rows wrong."""
    images = []
    for i in range(IMAGES):
        truth = np.zeros((12, 12), np.uint8)
        truth[: 3 + i % 5] = 1
        parent = truth.copy()
        parent[:, : i % 3] = 0
        optimized = parent.copy()
        optimized[-1 - missed(i) :] = 1
        pair = Pair(LabelMap(parent), LabelMap(optimized))
        record = TASKS["semantic_segmentation"].compact(pair, LabelMap(truth), f"{i}.png")
        images.append(ImageResult(f"{i}.png", (12, 12), LabelMap(truth), record))
    return Comparison(("road", "car"), tuple(images), "digest")


def keypoints(missed: Callable[[int], int]) -> Comparison[Any]:
    """The same objects with three key points; one of them moves in every object that is not lost."""
    images = []
    for image in detection(missed).images:
        truth, lost = image.truth, len(image.record.parent) - len(image.record.optimized)
        assert isinstance(truth, Objects)
        points = np.stack([truth.boxes[:, :2], truth.boxes[:, 2:], truth.boxes[:, 2:] - 5], axis=1)
        known = np.concatenate([points, np.full((6, 3, 1), 2, np.float32)], axis=2)
        places = known.copy()
        places[:, :, 2] = 1.0
        moved = places.copy()
        moved[:, 1, 0] += lost
        record = Pair(
            replace(image.record.parent, points=places[: len(image.record.parent)]),
            replace(image.record.optimized, points=moved[: len(image.record.optimized)]),
        )
        images.append(replace(image, truth=replace(truth, points=known), record=record))
    return Comparison(("cat", "dog", "person"), tuple(images), "digest")


MADE = {"detection": detection, "semantic_segmentation": segmentation, "keypoints": keypoints}
KEYS = {
    "keypoints": (
        *("max_accuracy_drop", "max_error_increase", "max_class_drop"),
        *("min_role_oks", "min_keypoint_pck"),
    ),
    "detection": ("max_accuracy_drop", "max_error_increase", "max_class_drop"),
    "semantic_segmentation": (
        *("max_accuracy_drop", "max_error_increase", "max_class_drop"),
        *("min_agreement", "min_role_iou", "min_class_iou"),
    ),
}


def run_of(
    sample: Any, path: Path, task: str, compared: Comparison[Any], *, keys: Sequence[str] = ()
) -> RunReport:
    """Write the tally of a run, and report what it judged."""
    kept = save_tally(task, compared, PLAN, path)
    first, judged = sample.report.judged[0], []
    for key in keys or KEYS[task][:1]:
        limit = replace(first.verdict.limit, key=key, threshold=0.5)
        estimate = TASKS[task].judge_quantity(key, compared, PLAN)
        verdict = replace(
            first.verdict, limit=limit, estimate=estimate, outcome=Outcome.PASSED, model="model"
        )
        judged.append(replace(first, verdict=verdict, known=None, draws={}))
    model = replace(sample.report.models[0], id="model", task=task, tables=(), metrics=())
    models = (replace(model, tally=path.name if kept else ""),)
    made: RunReport = replace(sample.report, run=path.stem, judged=tuple(judged), models=models)
    return made


def two_runs(sample: Any, folder: Path, task: str, pair: Two, *, keys: Sequence[str] = ()) -> Runs:
    """Report two runs, named first and second."""
    first, second = (
        run_of(sample, folder / f"{name}.npz", task, one, keys=keys)
        for name, one in zip(("first", "second"), pair, strict=True)
    )
    return first, second


def changes(sample: Any, folder: Path, task: str, pair: Two) -> dict[str, VerdictChange]:
    """Compare two runs of one task, by limit."""
    runs = two_runs(sample, folder, task, pair, keys=KEYS[task])
    return {change.key: change for change in compare_runs(*runs, (folder, folder)).verdicts}


@pytest.mark.parametrize("task", MADE)
def test_what_images_lost_is_worse_although_intervals_overlap(
    task: str, sample: Any, tmp_path: Path
) -> None:
    """The images differ more among themselves than the runs do; every number is that of its gate."""
    pair = (
        MADE[task](lambda i: 2 * (i // 4 % 2)),
        MADE[task](lambda i: 2 * (i // 4 % 2) + (i % 5 == 0)),
    )

    found = changes(sample, tmp_path, task, pair)

    for key in KEYS[task]:
        before, after = (TASKS[task].judge_quantity(key, one, PLAN) for one in pair)
        change = found[key]
        assert change.difference is not None, change.unpaired
        assert change.difference.value == pytest.approx(after.value - before.value, abs=1e-9)
        assert (change.unpaired, change.difference.n) == ("", IMAGES)
    drop = found["max_accuracy_drop"]
    first, second = (TASKS[task].judge_quantity(drop.key, one, PLAN) for one in pair)
    assert second.low < first.high
    assert drop.movement == "worse"


@pytest.mark.parametrize("task", MADE)
def test_equal_runs_are_the_same_and_a_wash_is_undecided(
    task: str, sample: Any, tmp_path: Path
) -> None:
    """As much lost on some images as won on others says nothing."""
    one, other = MADE[task](lambda i: i % 2), MADE[task](lambda i: (i // 4 + 1) % 2)

    same = changes(sample, tmp_path, task, (one, one))["max_accuracy_drop"]
    wash = changes(sample, tmp_path, task, (one, other))["max_accuracy_drop"]

    assert (same.movement, wash.movement) == ("same", "undecided")
    assert wash.difference is not None
    assert wash.difference.low < 0 < wash.difference.high


@pytest.mark.parametrize("task", MADE)
def test_only_shared_images_count(task: str, sample: Any, tmp_path: Path) -> None:
    """The difference is that of the gates' own number on the images that both runs have."""
    one, other = MADE[task](lambda _: 1), MADE[task](lambda i: 1 + i % 2)
    before, after = replace(one, images=one.images[:30]), replace(other, images=other.images[10:])

    found = changes(sample, tmp_path, task, (before, after))["max_accuracy_drop"]

    shared = [replace(whole, images=whole.images[10:30]) for whole in (one, other)]
    values = [TASKS[task].judge_quantity("max_accuracy_drop", part, PLAN) for part in shared]
    assert found.difference is not None
    assert found.difference.n == 20
    assert found.difference.value == pytest.approx(values[1].value - values[0].value)


def test_without_a_pair_the_reason_is_said(sample: Any, tmp_path: Path) -> None:
    """No folder, a damaged tally, too few shared images, another metric, another calibration, a size."""
    pair = detection(lambda _: 0), detection(lambda i: 2 * (i % 2))
    runs = two_runs(sample, tmp_path, "detection", pair)
    (item,), (later,) = runs[0].judged, runs[1].judged
    draws = {"1": 0.1, "2": 0.2}
    estimate = later.verdict.estimate
    assert estimate is not None
    moved = replace(estimate, value=estimate.value + 0.01, high=estimate.high + 0.01)
    worst = replace(later, draws=draws, verdict=replace(later.verdict, estimate=moved))
    limit = replace(item.verdict.limit, key="max_size_ratio")
    sized = replace(item, verdict=replace(item.verdict, limit=limit))
    few = replace(pair[1], images=pair[1].images[:1])
    (tmp_path / "broken.npz").write_bytes((tmp_path / "second.npz").read_bytes()[:-40])
    broken = replace(runs[1], models=(replace(runs[1].models[0], tally="broken.npz"),))

    def reason(before: RunReport, after: RunReport, folder: Path | None = tmp_path) -> str:
        (change,) = compare_runs(before, after, (folder, folder)).verdicts
        assert change.difference is None
        return change.unpaired

    told = [
        reason(*runs, None),
        reason(runs[0], broken),
        reason(runs[0], run_of(sample, tmp_path / "few.npz", "detection", few)),
        reason(runs[0], replace(runs[1], judged=(worst,))),
        reason(replace(runs[0], judged=(sized,)), replace(runs[1], judged=(sized,))),
    ]

    assert told == [
        "first does not keep it image by image",
        f"{tmp_path / 'broken.npz'} cannot be read",
        "the runs share 1 image",
        "second judged the worst of 2 calibrations, of which one is kept by image",
        "not made of images",
    ]


def test_what_is_not_paired_says_so_where_it_moved(sample: Any, tmp_path: Path) -> None:
    """A line of the terminal never calls intervals that are apart a paired difference."""
    pair = detection(lambda _: 0), detection(lambda i: 2 + i % 2)
    runs = two_runs(sample, tmp_path, "detection", pair)

    alone = comparison_lines(compare_runs(*runs))
    paired = comparison_lines(compare_runs(*runs, (tmp_path, tmp_path)))

    assert alone[-1].endswith("by its interval alone: first does not keep it image by image")
    assert paired[-1].endswith("on 40 shared images")
