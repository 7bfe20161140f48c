"""Quadrilaterals: overlap, average precision and h-mean by plain loops, limits that planted defects miss, doubts."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.likeness import fitness, likeness
from quantgate.core.matching import Change
from quantgate.core.predictions import Detections, Objects
from quantgate.core.quads import quad_ioa, quad_iou
from quantgate.entries import EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.pipeline.pictures import picture_of
from quantgate.report.html.pictures import changes_svg, diff_svg
from quantgate.report.html.view_pictures import viewer_data
from quantgate.report.overlays.objects import object_panes
from quantgate.tasks.doubts.quads import quad_doubts
from quantgate.tasks.quads import task as quads
from suites import turned

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAN = EvaluationPlan(dataset="d")
LABELS = ("ship", "plane")


def compared(
    pairs: Sequence[tuple[Detections, Detections]], truths: Sequence[Objects | None] | None = None
) -> Comparison[Detections]:
    """Compare both roles on one image a pair."""
    known = truths or [None] * len(pairs)
    images = tuple(
        ImageResult(f"{i}.png", turned.SIZE, truth, quads.compact(Pair(*pair), truth, f"{i}.png"))
        for i, (pair, truth) in enumerate(zip(pairs, known, strict=True))
    )
    return Comparison(LABELS, images, "digest")


def judged(key: str, comparison: Comparison[Detections], plan: EvaluationPlan = PLAN) -> float:
    """Give the value that a limit judges."""
    return quads.judge_quantity(key, comparison, plan).value


def turned_by(found: Detections, angle: float, which: slice = slice(None)) -> Detections:
    """Turn quadrilaterals about their middles."""
    assert found.quads is not None
    corners = found.quads.astype(np.float64).copy()
    middle = corners[which].mean(axis=1, keepdims=True)
    cos, sin = math.cos(angle), math.sin(angle)
    corners[which] = (corners[which] - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    return replace(found, quads=corners.astype(np.float32))


def long_boxes(seed: int, count: int = 4) -> Detections:
    """Boxes far longer than high, apart from each other: turned a little they are elsewhere."""
    rng = np.random.default_rng(seed)
    places = [(90 + 200 * (k % 2), 60 + 120 * (k // 2)) for k in range(count)]
    rows = [turned.rectangle(x, y, 90, 14, rng.uniform(0.3, 0.8)) for x, y in places]
    return turned.detections(
        rows, rng.uniform(0.6, 0.95, count).tolist(), rng.integers(0, 2, count).tolist()
    )


SCENES = [turned.scene(seed) for seed in range(12)]


def test_overlap_is_that_of_a_plain_loop() -> None:
    """Common areas of turned boxes, clipped side by side, in either direction around."""
    for truth, found in SCENES:
        assert truth.quads is not None
        assert found.quads is not None
        plain = [
            [turned.overlap(turned.corners(a), turned.corners(b)) for b in truth.quads]
            for a in found.quads
        ]
        assert np.abs(quad_iou(found.quads, truth.quads) - plain).max() < 1e-12
        assert np.abs(quad_iou(found.quads[:, ::-1], truth.quads) - plain).max() < 1e-12
        inside = [
            [
                turned.shared(turned.corners(a), turned.corners(b)) / turned.area(turned.corners(a))
                for b in truth.quads
            ]
            for a in found.quads
        ]
        assert np.abs(quad_ioa(found.quads, truth.quads) - inside).max() < 1e-12


def test_corners_in_another_order_mean_the_same() -> None:
    """Sides that cross are those of the hull; what has no area overlaps nothing."""
    square = np.array([[[0, 0], [4, 0], [4, 4], [0, 4]]], np.float32)
    assert quad_iou(square[:, [0, 2, 1, 3]], square).tolist() == [[1.0]]
    assert quad_iou(square * 0, square).tolist() == [[0.0]]
    assert quad_iou(square[:0], square).shape == (0, 1)


@pytest.mark.parametrize(
    ("metric", "thresholds"),
    [
        ("ap50", (0.5,)),
        ("ap75", (0.75,)),
        ("ap", tuple(round(0.5 + 0.05 * k, 2) for k in range(10))),
    ],
)
def test_average_precision_is_that_of_a_plain_loop(
    metric: str, thresholds: tuple[float, ...]
) -> None:
    """DOTA's rules, class by class and threshold by threshold, to the last digit."""
    comparison = compared([(found, found) for _, found in SCENES], [truth for truth, _ in SCENES])
    expected = [
        np.mean([turned.dota_ap(SCENES, label, threshold) for threshold in thresholds])
        for label in range(2)
    ]

    both = quads.metrics(comparison)

    assert 0.1 < both.parent[metric] < 0.9
    assert both.parent[metric] == pytest.approx(np.mean(expected), abs=1e-12)
    assert both.parent == both.optimized


def test_hmean_is_that_of_icdars_script() -> None:
    """Ignored regions and what lies in them leave both counts; so do faint ones, and a tie goes to the first listed."""
    comparison = compared([(found, found) for _, found in SCENES], [truth for truth, _ in SCENES])
    sure = [(truth, found.take(found.scores >= 0.5)) for truth, found in SCENES]
    right, annotated, counted = turned.icdar(sure)
    assert counted < turned.icdar(SCENES)[2]
    assert any(truth.crowd.any() for truth, _ in SCENES)

    parent = quads.metrics(comparison).parent

    assert parent["precision"] == right / counted
    assert parent["recall"] == right / annotated
    assert parent["hmean"] == 2 * right / (annotated + counted)


def test_hmean_counts_from_the_plans_threshold_on() -> None:
    """The decoder may give fainter objects than are judged: those count when the threshold says so."""
    truths, founds = [t for t, _ in SCENES], [f for _, f in SCENES]
    comparison = compared([*zip(founds, founds, strict=True)], truths)
    lower = replace(comparison, score_threshold=0.1)
    right, annotated, counted = turned.icdar([(t, f.take(f.scores >= 0.1)) for t, f in SCENES])
    assert quads.metrics(lower).parent["hmean"] == 2 * right / (annotated + counted)
    assert quads.metrics(lower).parent["hmean"] != quads.metrics(comparison).parent["hmean"]


def test_ignored_regions_count_neither_for_nor_against() -> None:
    """What is found where ### stands is no false detection, and what is missed there no loss."""
    seen = long_boxes(0)
    truth = turned.annotated(seen, [False, False, True, True])
    for kept in (seen, seen.take(np.array([0, 1]))):
        both = quads.metrics(compared([(kept, kept)], [truth]))
        assert both.parent["hmean"] == 1.0
        assert both.parent["ap50"] == 1.0
    only = replace(truth, crowd=np.ones(4, np.bool_))
    with pytest.raises(DatasetError, match="none of 1 images"):
        quads.metrics(compared([(seen, seen)], [only]))


@pytest.mark.parametrize("metric", ["ap", "ap50", "ap75", "voc11", "hmean"])
def test_a_turn_is_a_loss_in_every_metric(metric: str) -> None:
    """Boxes turned by a right angle are lost, and missed by a limit; equal ones lose nothing."""
    seen = [long_boxes(seed) for seed in range(8)]
    truths = [turned.annotated(one) for one in seen]
    spoiled = [turned_by(one, math.pi / 2, slice(0, 2)) for one in seen]
    plan = replace(PLAN, metric=metric)

    drop = quads.judge_quantity(
        "max_accuracy_drop", compared([*zip(seen, spoiled, strict=True)], truths), plan
    )
    even = quads.judge_quantity(
        "max_accuracy_drop", compared([*zip(seen, seen, strict=True)], truths), plan
    )

    assert drop.value > 0.2
    assert drop.low <= drop.value <= drop.high
    assert (even.value, even.low, even.high) == (0.0, 0.0, 0.0)


def test_the_roles_are_compared_by_polygons() -> None:
    """A turn leaves the extent of a square where it is, and is seen all the same; so is a shift by a hair."""
    seen = [long_boxes(seed) for seed in range(4)]
    moved = [turned_by(one, 0.06) for one in seen]
    across = [turned_by(one, math.pi / 2) for one in seen]

    assert judged("min_match_rate", compared([*zip(seen, seen, strict=True)])) == 1.0
    near = compared([*zip(seen, moved, strict=True)])
    assert judged("min_match_rate", near) == 1.0
    assert quads.detail("min_match_rate", near, PLAN).moved == 16
    far = compared([*zip(seen, across, strict=True)])
    assert judged("min_match_rate", far) == 0.0
    assert judged("min_agreement", far) == 0.0
    worst = quads.worst(far, PLAN)
    assert len(worst) == 4
    assert "4 lost" in worst[0].sentence
    changes = quads.changes(far.images[0], PLAN)
    assert {c.change for c in changes} == {Change.LOST, Change.GAINED}


def test_tables_list_images_classes_and_roles_against_the_truth() -> None:
    """Basic and advanced between the roles and of each against the annotations, and by class."""
    seen = [long_boxes(seed) for seed in range(4)]
    truths = [turned.annotated(one) for one in seen]
    spoiled = [seen[0].take(np.array([0])), *seen[1:]]

    made = {
        table.name: table
        for table in quads.tables(compared([*zip(seen, spoiled, strict=True)], truths), PLAN)
    }

    assert list(made) == [
        *(
            "basic",
            "advanced",
            "parent_basic",
            "parent_advanced",
            "optimized_basic",
            "optimized_advanced",
        ),
        "classes",
    ]
    assert made["basic"].rows[0][:6] == ("0.png", 1, 4, 1, 3, 0)
    assert made["optimized_basic"].rows[0][4] == 3
    assert all(row[2] == 1.0 for row in made["classes"].rows)


def test_records_outlive_a_file_and_tallies_their_arrays() -> None:
    """Corners come back bit for bit, and resampled numbers are those of the run."""
    records = [found for _, found in SCENES]
    back = quads.unpack(quads.pack(records))
    both = [(a.quads, b.quads) for a, b in zip(records, back, strict=True)]
    assert all(a is not None and b is not None and np.array_equal(a, b) for a, b in both)

    comparison = compared(
        [(found, found.take(np.arange(1, len(found)))) for _, found in SCENES],
        [t for t, _ in SCENES],
    )
    once = np.ones((1, len(comparison)), np.int32)
    for metric in ("ap50", "voc11", "hmean"):
        plan = replace(PLAN, metric=metric)
        made = quads.TALLY.tally(comparison, plan)
        assert made is not None
        again = quads.TALLY.unpack(made.pack())
        scores = again.scores(once)
        for key in ("max_accuracy_drop", "max_error_increase"):
            number = again.number(key, scores, scores)
            assert number is not None
            assert float(number[0]) == pytest.approx(judged(key, comparison, plan), abs=1e-12)


def test_objects_without_corners_are_refused() -> None:
    """Boxes alone, and corners that are no numbers, name the image and the role."""
    seen = long_boxes(0)
    with pytest.raises(DecoderError, match=r"7\.png, optimized model: objects without corners"):
        quads.compact(Pair(seen, replace(seen, quads=None)), None, "7.png")
    assert seen.quads is not None
    broken = replace(seen, quads=seen.quads * np.float32("nan"))
    with pytest.raises(DecoderError, match="NaN"):
        quads.compact(Pair(broken, seen), None, "7.png")


def test_limits_say_why_they_are_not_defined() -> None:
    """No class drop of h-mean, no error growth of a perfect parent, no rate of nothing."""
    seen = [long_boxes(seed) for seed in range(2)]
    truths = [turned.annotated(one) for one in seen]
    comparison = compared([*zip(seen, seen, strict=True)], truths)
    by_text = replace(PLAN, metric="hmean")
    with pytest.raises(MeasurementError, match="max_class_drop is not defined for H-mean"):
        judged("max_class_drop", comparison, by_text)
    with pytest.raises(MeasurementError, match="makes no error"):
        judged("max_error_increase", comparison, by_text)
    none = Detections.empty()
    with pytest.raises(MeasurementError, match="neither model finds"):
        judged("min_match_rate", compared([(none, none)]))


def test_likeness_and_fitness_look_at_polygons() -> None:
    """A turned box is another one to the looks at parent and devices; what lies where ### stands is no fault."""
    seen = long_boxes(0)
    truth = turned.annotated(seen)
    across = turned_by(seen, math.pi / 2)
    assert likeness(seen, seen) == pytest.approx(1)
    assert likeness(seen, across) == 0
    assert fitness(seen, truth) > 0.8
    assert fitness(across, truth) == 0
    aside = replace(truth, crowd=np.array([False, False, False, True]))
    assert fitness(seen, aside) > 0.8


READINGS: dict[str, Any] = {
    "turned the other way around": lambda x, y, w, h, a: turned.rectangle(x, y, w, h, -a),
    "width and height are exchanged": lambda x, y, w, h, a: turned.rectangle(x, y, h, w, a),
    "radians that were taken for degrees": lambda x, y, w, h, a: turned.rectangle(
        x, y, w, h, math.radians(a)
    ),
    "": turned.rectangle,
}


@pytest.mark.parametrize("said", READINGS)
def test_misread_angles_are_doubted(said: str) -> None:
    """The parent finds boxes that are annotated under another angle: it is told which; right ones are not doubted."""
    rng = np.random.default_rng(0)
    pairs, truths = [], []
    for _ in range(8):
        numbers = [
            (90 + 200 * (k % 2), 60 + 120 * (k // 2), 90.0, 16.0, rng.uniform(0.4, 1.0))
            for k in range(4)
        ]
        found = turned.detections([turned.rectangle(*row) for row in numbers], [0.9] * 4)
        truths.append(turned.objects([READINGS[said](*row) for row in numbers]))
        pairs.append((found, found))

    doubts = quad_doubts(compared(pairs, truths))

    assert len(doubts) == bool(said)
    assert not said or said in doubts[0]


def test_without_annotations_nothing_is_doubted_and_the_roles_are_judged() -> None:
    """A folder of pictures serves; so does a role that finds nothing."""
    seen = [long_boxes(seed) for seed in range(3)]
    none = Detections.empty()
    comparison = compared([*zip(seen, [*seen[:2], none], strict=True)])

    assert quads.doubts(comparison) == ()
    assert judged("min_match_rate", comparison) == 2 * 8 / (12 + 8)
    assert [table.name for table in quads.tables(comparison, PLAN)] == ["basic", "advanced"]
    blind = compared([(none, none)], [turned.annotated(seen[0])])
    assert quads.doubts(blind) == ()
    assert quads.metrics(blind).parent["hmean"] == 0.0


def test_metrics_of_both_roles_are_their_own() -> None:
    """Each role is judged by itself."""
    seen = long_boxes(0)
    truth = turned.annotated(seen)
    both = quads.metrics(compared([(seen, seen.take(np.array([0, 1])))], [truth]))
    assert [both[role]["recall"] for role in ROLES] == [1.0, 0.5]
    assert [both[role]["precision"] for role in ROLES] == [1.0, 1.0]


def test_polygons_of_both_roles_and_of_the_annotations_are_drawn() -> None:
    """On the page, in the viewer's data and in pictures: sides in place of boxes, annotations dotted beneath."""
    seen = turned.detections([turned.rectangle(100, 100, 120, 30, 0.6)], [0.9])
    moved = turned_by(seen, 0.12)
    truth = turned.objects(
        [turned.rectangle(100, 100, 120, 30, 0.55), turned.rectangle(300, 200, 50, 20, 0)],
        aside=[False, True],
    )
    comparison = compared([(seen, moved)], [truth])
    entry: Any = SimpleNamespace(evaluate=PLAN)
    task: Any = quads
    picture = picture_of(entry, task, (comparison, comparison.images[0]), "moved")

    (change,) = picture.changes
    assert change.change == "moved"
    assert change.measure == "IoU"
    assert seen.quads is not None
    assert change.parent is not None
    assert change.parent.corners == tuple(seen.quads[0].ravel().tolist())
    assert len(picture.annotated) == 1
    page = diff_svg(picture)
    assert page.count("<polygon") == 4
    assert '<rect class="b"' not in page
    assert "<polygon" in changes_svg(picture)
    told = viewer_data([picture])["pictures"][0]
    assert len(told["e"]) == 1
    assert len(told["o"][0]["p"]) == 10
    white = Image.new("RGB", turned.SIZE, "#ffffff")
    parent, _, diff = object_panes(picture, white)
    bar = parent.height - white.height
    near = np.asarray(parent.crop((0, bar, *parent.size)).convert("L"))
    x, y = seen.quads[0, :2].mean(axis=0).round().astype(int)
    assert near[y - 2 : y + 3, x - 2 : x + 3].min() < 160
    assert near[200, 300] == 255
    assert np.asarray(diff).std() > 0
