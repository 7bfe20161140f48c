"""Key points: OKS, PCK and NME by hand, limits that a planted shift misses, what is drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.average_precision import average_precision
from quantgate.core.boxes import extents
from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.geometry import Frame
from quantgate.core.oks import oks_of_roles, oks_with_truth
from quantgate.core.predictions import Detections, Objects
from quantgate.core.regions import Cut, turned_region
from quantgate.core.skeletons import PERSON, sigmas_of
from quantgate.datasets.catalog import load_dataset
from quantgate.decoders.ports import MisfitError
from quantgate.decoders.protocol import Port
from quantgate.decoders.yolo_pose import YoloV8PoseDecoder
from quantgate.entries import DatasetEntry, EvaluationPlan
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.pipeline.pictures import seen
from quantgate.report.html.pictures import diff_svg
from quantgate.report.picture import ObjectChange, Picture
from quantgate.report.words.objects import change_sentence
from quantgate.tasks.detection.average_precision import THRESHOLDS, coco_flags, coco_scores
from quantgate.tasks.doubts.boxes import object_doubts
from quantgate.tasks.keypoints import task as keypoints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLAN = EvaluationPlan(dataset="persons")
POINTS = 17
LEFT_WRIST = PERSON.names.index("left wrist")


def person(seed: int, corner: float = 0.0, score: float = 0.9) -> Detections:
    """Draw one person of 100 x 200 px whose key points lie in its box."""
    rng = np.random.default_rng(seed)
    points = np.ones((1, POINTS, 3), np.float32)
    points[0, :, :2] = rng.uniform((corner + 5, 5), (corner + 95, 195), (POINTS, 2))
    box = np.array([[corner, 0, corner + 100, 200]], np.float32)
    return Detections(box, np.array([score], np.float32), np.zeros(1, np.int64), points=points)


def annotated(found: Detections) -> Objects:
    """Annotate what was found, every key point of it visible."""
    assert found.points is not None
    points = found.points.copy()
    points[:, :, 2] = 2
    n = len(found)
    areas = np.full(n, 10_000, np.float32)
    return Objects(found.boxes, found.labels, np.zeros(n, np.bool_), areas, points=points)


def shifted(found: Detections, by: float, which: int | slice = slice(None)) -> Detections:
    """Move key points to the right, px."""
    assert found.points is not None
    points = found.points.copy()
    points[:, which, 0] += by
    return replace(found, points=points)


def compared(
    pairs: list[tuple[Detections, Detections]], truths: Sequence[Objects | None] | None = None
) -> Comparison[Detections]:
    """Compare both roles on one image a pair."""
    known = truths or [None] * len(pairs)
    images = tuple(
        ImageResult(
            f"{i}.png", (400, 200), truth, keypoints.compact(Pair(*pair), truth, f"{i}.png")
        )
        for i, (pair, truth) in enumerate(zip(pairs, known, strict=True))
    )
    return Comparison(("person",), images, "digest")


def judged(key: str, comparison: Comparison[Detections], plan: EvaluationPlan = PLAN) -> float:
    """Give the value that a limit judges."""
    return keypoints.judge_quantity(key, comparison, plan).value


def test_oks_is_what_its_definition_says() -> None:
    """Computed point by point: annotated ones alone, in the annotation's area, with COCO's sigmas."""
    found = person(0)
    truth = annotated(shifted(found, 7.0))
    assert truth.points is not None
    truth.points[0, 3:, 2] = 0
    expected = np.mean([np.exp(-49 / (2 * 10_000 * (2 * s) ** 2)) for s in sigmas_of(POINTS)[:3]])

    assert oks_with_truth(found, truth)[0, 0] == pytest.approx(expected)


def test_the_order_of_the_roles_does_not_change_oks() -> None:
    """What one role sees and the other does not counts either way."""
    first, second = person(0), shifted(person(0), 9.0, LEFT_WRIST)
    assert second.points is not None
    second.points[0, :8, 2] = 0.1

    there, back = oks_of_roles(first, second), oks_of_roles(second, first)

    assert there[0, 0] == back[0, 0]
    assert 0.9 < there[0, 0] < 1.0


def crowd_of_images(n: int = 24) -> tuple[list[Detections], list[Objects]]:
    """Make images of people of whom some are missed, misplaced, twice there or not annotated."""
    rng = np.random.default_rng(5)
    found, truth = [], []
    for index in range(n):
        own = person(index)
        mark = annotated(own)
        assert mark.points is not None
        if index % 5 == 0:
            mark.points[0, :, 2] = 0  # set aside
        if index % 7 == 0:
            mark = replace(mark, crowd=np.ones(1, np.bool_))
        moved = shifted(own, float(rng.uniform(0, 30)))
        moved = replace(moved, scores=rng.random(1).astype(np.float32))
        found.append(Detections.empty() if index % 6 == 1 else moved)
        truth.append(mark)
    return found, truth


@pytest.mark.parametrize("metric", ["ap", "ap50", "ap75"])
def test_what_is_resampled_is_cocos_own_number(metric: str) -> None:
    """The matches that intervals rest on give the AP of COCO's evaluation, set-aside people included."""
    found, truth = crowd_of_images()

    (flags,) = coco_flags(found, truth, THRESHOLDS[metric], 20).values()
    own = average_precision(flags, np.ones((1, len(found)), np.int32))

    assert own[0] == pytest.approx(coco_scores(found, truth, "keypoints").overall[metric])


def test_metrics_by_hand() -> None:
    """Two of seventeen key points beyond a tenth of 200 px, and the mean error in that side."""
    truth = annotated(person(0))
    off = shifted(shifted(person(0), 30.0, slice(0, 2)), 10.0, slice(2, 3))
    comparison = compared([(person(0), off)], [truth])

    parent, optimized = keypoints.metrics(comparison)

    assert (parent["ap"], parent["pck"], parent["nme_box"]) == (1.0, 1.0, 0.0)
    assert optimized["pck"] == pytest.approx(15 / 17)
    assert optimized["nme_box"] == pytest.approx(70 / 17 / 200)
    assert "nme_eyes" not in parent  # of faces only
    drop = judged("max_accuracy_drop", comparison, replace(PLAN, metric="nme_box"))
    assert drop == pytest.approx(optimized["nme_box"])


def test_a_person_who_is_not_found_is_all_wrong() -> None:
    """Missing people lower PCK and NME: nothing is measured on the found ones alone."""
    people = [person(seed) for seed in range(2)]
    pairs = [(people[0], people[0]), (people[1], Detections.empty())]
    comparison = compared(pairs, [annotated(one) for one in people])

    optimized = keypoints.metrics(comparison).optimized

    assert (optimized["pck"], optimized["nme_box"]) == (0.5, 0.5)


def test_a_planted_shift_misses_the_limits_between_the_roles() -> None:
    """One wrist off in every second person: the worst key point is named, and OKS falls a little."""
    pairs = [
        (person(seed), shifted(person(seed), 40.0 * (seed % 2), LEFT_WRIST)) for seed in range(12)
    ]
    comparison = compared(pairs)

    assert judged("min_keypoint_pck", comparison) == 0.5
    assert keypoints.subject("min_keypoint_pck", comparison, PLAN) == "left wrist"
    assert 0.9 < judged("min_role_oks", comparison) < 0.99
    assert judged("min_match_rate", comparison) == 1.0
    everything = compared([(one, shifted(one, 6.0)) for one, _ in pairs])
    assert judged("min_role_oks", everything) < 0.85


def test_equal_roles_meet_every_limit() -> None:
    """Nothing lost, nothing moved."""
    comparison = compared([(person(seed), person(seed)) for seed in range(12)])

    for key in ("min_match_rate", "min_agreement", "min_role_oks", "min_keypoint_pck"):
        assert judged(key, comparison) == 1.0


def test_few_objects_judge_no_single_key_point() -> None:
    """Nine people are not enough, and none at all is no perfect agreement."""
    with pytest.raises(MeasurementError, match="no key point is seen in 10"):
        judged("min_keypoint_pck", compared([(person(s), person(s)) for s in range(9)]))
    with pytest.raises(MeasurementError, match="neither model finds an object"):
        judged("min_role_oks", compared([(Detections.empty(), Detections.empty())]))


@pytest.mark.parametrize("key", ["min_role_oks", "min_keypoint_pck"])
def test_roles_that_share_nothing_are_as_far_apart_as_can_be(key: str) -> None:
    """A model that sees nobody any more misses the limit, and no error hides it."""
    pairs = [(person(seed), Detections.empty()) for seed in range(12)]
    found = keypoints.judge_quantity(key, compared(pairs), PLAN)

    assert (found.value, found.high, found.n) == (0.0, 0.0, 12)
    assert keypoints.tables(compared(pairs), PLAN)


@pytest.mark.parametrize("metric", ["ap50", "pck", "nme_box", "mpjpe"])
def test_a_tally_makes_the_judged_numbers_again(metric: str) -> None:
    """On the run's own images, read back from its arrays, whatever the metric is."""
    people = [hand(seed) if metric == "mpjpe" else person(seed) for seed in range(12)]
    pairs = [
        (shifted(one, 4.0), shifted(one, 6.0 * (seed % 3), slice(0, 9)))
        for seed, one in enumerate(people)
    ]
    if metric == "mpjpe":
        pairs = [(one, moved_in_space(one, 9.0, 3)) for one in people]
    truths = [replace(annotated(one), spatial=one.spatial) for one in people]
    comparison = compared(pairs, truths)
    plan = replace(PLAN, metric=metric)

    made = keypoints.TALLY.tally(comparison, plan)
    assert made is not None
    back = keypoints.TALLY.unpack(made.pack())
    scores = back.scores(np.ones((1, len(pairs)), np.int32))

    keys = ["max_accuracy_drop", "min_role_oks", "min_keypoint_pck"]
    keys += {"nme_box": ["max_error_increase"], "mpjpe": ["max_role_mpjpe"]}.get(metric, [])
    for key in keys:
        number = back.number(key, scores, scores)
        assert number is not None, key
        assert number[0] == pytest.approx(judged(key, comparison, plan)), key


def test_objects_without_key_points_are_refused() -> None:
    """The sentence names the image and the way out; NaN is refused, too."""
    with pytest.raises(DecoderError, match=r"0\.png, optimized model: objects without key points"):
        compared([(person(0), replace(person(0), points=None))])
    with pytest.raises(DecoderError, match="NaN"):
        compared([(person(0), shifted(person(0), float("nan"), 0))])


def test_records_survive_their_file() -> None:
    """Key points come back bit for bit, whether or not anything was found."""
    records = [person(0), Detections.empty(), person(1)]
    (deep,) = keypoints.unpack(keypoints.pack([hand(0)]))
    np.testing.assert_array_equal(deep.spatial, hand(0).spatial)

    back = keypoints.unpack(keypoints.pack(records))

    for one, other in zip(records, back, strict=True):
        assert len(one) == len(other)
        if one.points is not None:
            np.testing.assert_array_equal(one.points, other.points)


def test_tables_list_the_key_point_that_moves_first() -> None:
    """One row a key point, with PCK of both roles where there are annotations."""
    people = [person(seed) for seed in range(10)]
    pairs = [(one, shifted(one, 40.0, LEFT_WRIST)) for one in people]
    comparison = compared(pairs, [annotated(one) for one in people])

    tables = {table.name: table for table in keypoints.tables(comparison, PLAN)}

    first = dict(
        zip((c.key for c in tables["keypoints"].columns), tables["keypoints"].rows[0], strict=True)
    )
    assert (first["point"], first["same"], first["parent"], first["optimized"]) == (
        *("left wrist", 0.0, 1.0, 0.0),
    )
    assert any("OKS" in column.title for column in tables["basic"].columns)
    (worst, *_) = keypoints.worst(compared([(people[0], shifted(people[0], 8.0))]), PLAN)
    assert "moved (OKS 0." in worst.sentence
    assert "by 8 px" in worst.sentence


def test_skeletons_are_drawn() -> None:
    """Bones between key points that are seen, and OKS where boxes have IoU."""
    found = person(0)
    assert found.points is not None
    found.points[0, 15:, 2] = 0.0  # both ankles
    drawn = seen(found, 0, ("person",))
    assert drawn is not None
    change = ObjectChange("moved", drawn, drawn, 0.8)
    svg = diff_svg(Picture("a", (400, 200), "objects", "", changes=(change,)))

    assert len(drawn.points) == 2 * 15
    assert len(drawn.bones) == 4 * (len(PERSON.bones) - 2)
    assert "stroke-linecap" in svg
    assert change_sentence(change).endswith("OKS 0.80")


@pytest.mark.parametrize("boxes", [2100, 21])
def test_yolo_pose_is_read_as_written(boxes: int) -> None:
    """Boxes and key points of the padded square come back to the image's pixels, be they fewer than numbers a box."""
    rng = np.random.default_rng(0)
    table = np.zeros((1, 5 + 3 * POINTS, boxes), np.float32)
    table[0, :2] = rng.uniform(0.2, 0.8, (2, boxes))
    table[0, 2:4] = 0.1
    table[0, 5:] = rng.uniform(0.2, 0.8, (3 * POINTS, boxes))
    table[0, 4, [7, 9]] = 0.9, 0.4
    frame = Frame((640, 320), (320, 320), (0.5, 0.5), (0.0, 80.0))

    found = YoloV8PoseDecoder(units="relative").decode({"out": table}, frame)

    assert found.points is not None
    assert found.scores.tolist() == pytest.approx([0.9, 0.4])
    for row, column in enumerate((7, 9)):
        own = table[0, 5:, column].reshape(POINTS, 3).astype(np.float64)
        expected = (own[:, :2] * 320 - (0, 80)) / 0.5
        np.testing.assert_allclose(found.points[row, :, :2], expected, atol=1e-3)
        np.testing.assert_array_equal(found.points[row, :, 2], own[:, 2].astype(np.float32))
    turned = YoloV8PoseDecoder(units="relative").decode({"out": table.transpose(0, 2, 1)}, frame)
    np.testing.assert_array_equal(turned.points, found.points)


def test_other_tables_are_no_poses() -> None:
    """A detector's table of 80 classes does not fit; another number of key points is a key."""
    with pytest.raises(MisfitError, match=r"4\+classes\+3·points"):
        YoloV8PoseDecoder().check([Port("out", (1, 84, 2100))])
    assert not YoloV8PoseDecoder.fits([Port("out", (1, 20, 2100))])
    YoloV8PoseDecoder(points=5).check([Port("out", (1, 20, 2100))])


def dataset_of(folder: Path, **changes: Any) -> Any:
    """Load a COCO json with one person of three key points, changed as told."""
    import cv2

    cv2.imwrite(str(folder / "a.png"), np.full((60, 80, 3), 90, np.uint8))
    category = {
        "id": 1,
        "name": "person",
        "keypoints": ["head", "hand", "foot"],
        "skeleton": [[1, 2]],
    }
    row = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "area": 900}
    row["keypoints"] = [12, 14, 2, 30, 30, 1, 0, 0, 0]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "categories": [category],
        "annotations": [{**row, **changes}],
    }
    (folder / "k.json").write_text(json.dumps(content))
    entry = DatasetEntry("coco", path=folder, annotations=folder / "k.json")
    return load_dataset("d", entry, folder, truth=keypoints.TRUTH)


def test_coco_key_points_are_read(tmp_path: Path) -> None:
    """With their names, bones and visibility; boxes alone where nobody asks for more."""
    dataset = dataset_of(tmp_path)

    truth = dataset.samples[0].truth
    assert truth.points[0].tolist() == [[12, 14, 2], [30, 30, 1], [0, 0, 0]]
    assert dataset.skeleton.names == ("head", "hand", "foot")
    assert dataset.skeleton.bones == ((0, 1),)
    entry = DatasetEntry("coco", path=tmp_path, annotations=tmp_path / "k.json")
    bare = load_dataset("d", entry, tmp_path)
    assert bare.samples[0].truth.points is None  # type: ignore[union-attr]
    assert bare.digest != dataset.digest


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([1, 2, 2], r"annotation 7 has key points of 3 numbers, expected x, y and visibility of 3"),
        ([1, 2, 5] * 3, "visibility 5, expected 0, 1 or 2"),
        ([1, 2, 2] * 2 + [float("inf"), 2, 2], "not finite"),
        ("12 14 2", "expected x, y and visibility"),
    ],
)
def test_damaged_key_points_are_refused(tmp_path: Path, points: object, said: str) -> None:
    """The sentence names the annotation and what was expected."""
    with pytest.raises(DatasetError, match=said):
        dataset_of(tmp_path, keypoints=points)


def test_annotations_without_key_points_judge_nothing(tmp_path: Path) -> None:
    """A person without any is set aside, and a set of such people is no truth."""
    dataset = dataset_of(tmp_path, keypoints=[])
    truth = dataset.samples[0].truth

    assert truth.aside.tolist() == [True]
    with pytest.raises(DatasetError, match="annotated"):
        keypoints.metrics(
            compared([(person(0), person(0))], [replace(annotated(person(0)), points=None)])
        )


def test_annotations_are_compared_by_what_the_points_span() -> None:
    """A box around key points is not mistaken for a smaller object; annotations that lie elsewhere are noted."""
    found, truths = [], []
    for seed in range(12):
        one = person(seed, corner=float(3 * seed**2 % 140))
        assert one.points is not None
        found.append(replace(one, boxes=extents(one.points[..., :2], (400, 200))))
        truths.append(annotated(one))
    moved = [
        annotated(replace(one, points=one.points + np.array([70, 0, 0], np.float32)))
        for one in found
        if one.points is not None
    ]

    assert object_doubts(compared([(one, one) for one in found], truths)) == ()
    (said,) = object_doubts(compared([(one, one) for one in found], moved))
    assert "if they are moved" in said


def hand(seed: int, root: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Detections:
    """Draw one hand with its places in space, in millimetres from anywhere."""
    rng = np.random.default_rng(seed)
    points = np.ones((1, 21, 3), np.float32)
    points[..., :2] = rng.uniform(10, 190, (1, 21, 2))
    spatial = (rng.uniform(-80, 80, (1, 21, 3)) + root).astype(np.float32)
    box = np.array([[0, 0, 200, 200]], np.float32)
    score = np.array([0.9], np.float32)
    return Detections(box, score, np.zeros(1, np.int64), points=points, spatial=spatial)


def moved_in_space(found: Detections, by: float, which: int) -> Detections:
    """Move one key point away from the camera."""
    assert found.spatial is not None
    spatial = found.spatial.copy()
    spatial[:, which, 2] += by
    return replace(found, spatial=spatial)


def test_poses_in_space_are_compared_about_their_root() -> None:
    """Where the whole hand is does not count; 42 units at one of 21 key points are 2, at the wrist 42 at all others."""
    pairs = [(hand(seed), hand(seed, (500.0, -3.0, 40.0))) for seed in range(12)]
    assert judged("max_role_mpjpe", compared(pairs)) == pytest.approx(0, abs=1e-4)
    off = compared([(one, moved_in_space(one, 42.0, 5)) for one, _ in pairs])
    assert judged("max_role_mpjpe", off) == pytest.approx(2.0, rel=1e-5)
    assert keypoints.judge_quantity("max_role_mpjpe", off, PLAN).unit == "units"
    wrist = compared([(one, moved_in_space(one, 42.0, 0)) for one, _ in pairs])
    assert judged("max_role_mpjpe", wrist) == pytest.approx(40.0, rel=1e-5)
    tables = {table.name: table for table in keypoints.tables(off, PLAN)}
    place = [column.key for column in tables["keypoints"].columns].index("space")
    by_name = {row[0]: row[place] for row in tables["keypoints"].rows}
    assert by_name["thumb 1"] == 0.0
    assert by_name["index 1"] == pytest.approx(42.0, rel=1e-5)
    with pytest.raises(MeasurementError, match="gives depth"):
        judged("max_role_mpjpe", compared([(person(s), person(s)) for s in range(12)]))


def test_mpjpe_against_annotations() -> None:
    """The drop is the growth in the model's unit; a hand that is not found lies in its root, with every key point."""
    hands = [hand(seed) for seed in range(12)]
    truths = [replace(annotated(one), spatial=one.spatial) for one in hands]
    pairs = [(one, moved_in_space(one, 42.0, 5)) for one in hands]
    plan = replace(PLAN, metric="mpjpe")
    comparison = compared(pairs, truths)

    found = keypoints.judge_quantity("max_accuracy_drop", comparison, plan)

    assert found.value == pytest.approx(2.0, rel=1e-5)
    assert found.unit == "units"
    assert keypoints.metrics(comparison).optimized["mpjpe"] == pytest.approx(2.0, rel=1e-5)
    lost = compared([(hands[0], Detections.empty())], truths[:1])
    spatial = hands[0].spatial
    assert spatial is not None
    size = np.linalg.norm(spatial[0] - spatial[0, 0], axis=1).mean()
    assert keypoints.metrics(lost).optimized["mpjpe"] == pytest.approx(size, rel=1e-5)
    without = compared(pairs, [annotated(one) for one in hands])
    assert "mpjpe" not in keypoints.metrics(without).parent
    with pytest.raises(DatasetError, match="keypoints_3d"):
        keypoints.judge_quantity("max_accuracy_drop", without, plan)


def test_coco_key_points_in_space_are_read(tmp_path: Path) -> None:
    """Triples, flat or nested; another number of them is refused."""
    dataset = dataset_of(tmp_path, keypoints_3d=[[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert dataset.samples[0].truth.spatial.tolist() == [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
    with pytest.raises(DatasetError, match="keypoints_3d of 4 numbers, expected x, y and z of 3"):
        dataset_of(tmp_path, keypoints_3d=[1, 2, 3, 4])


def cut_persons(
    by: float, images: int = 6
) -> tuple[Comparison[Detections], Comparison[Detections]]:
    """Two persons an image, found ``by`` px to the right: as turned, stretched regions, and as whole images."""
    results, cuts, whole = [], {}, []
    for index in range(images):
        people = [person(2 * index), person(2 * index + 1, corner=60.0, score=0.8)]
        objects = joined_truth([annotated(one) for one in people])
        moved = [shifted(one, by * (index % 3)) for one in people]
        both = Detections(
            np.concatenate([one.boxes for one in moved]),
            np.concatenate([one.scores for one in moved]),
            np.zeros(2, np.int64),
            points=np.concatenate([one.points for one in moved if one.points is not None]),
        )
        whole.append((both, objects))
        for row, found in enumerate(moved):
            name = f"{index}.png#{row}"
            turned = turned_region(objects.boxes[row], 1.2, np.array([0.6, -0.8]), size=(80, 40))
            assert found.points is not None
            points = found.points.copy()
            points[..., :2] = turned.to_region(points[..., :2])
            inside = replace(found, points=points, boxes=extents(points[..., :2], (80, 40)))
            truth = annotated(inside)
            cuts[name] = Cut(f"{index}.png", turned, row, objects)
            results.append(ImageResult(name, (80, 40), truth, Pair(inside, inside)))
    there = compared([(both, both) for both, _ in whole], [truth for _, truth in whole])
    return Comparison(("person",), tuple(results), "digest", cuts=cuts), there


def joined_truth(truths: list[Objects]) -> Objects:
    """Annotate the objects of several lists in one image."""
    return Objects(
        np.concatenate([one.boxes for one in truths]),
        np.concatenate([one.labels for one in truths]),
        np.concatenate([one.crowd for one in truths]),
        np.concatenate([one.areas for one in truths]),
        points=np.concatenate([one.points for one in truths if one.points is not None]),
    )


def test_regions_are_measured_in_the_images_that_they_were_cut_of() -> None:
    """However they are turned and stretched: AP over whole images, errors in the image's pixels."""
    regions, whole = cut_persons(9.0)

    own, expected = keypoints.metrics(regions).parent, keypoints.metrics(whole).parent

    assert own["nme_box"] == pytest.approx(9 / 200, rel=1e-4)
    for metric in ("ap", "ap50", "ap75", "pck", "nme_box"):
        assert own[metric] == pytest.approx(expected[metric], abs=1e-4), metric
    assert 0.3 < own["ap"] < 0.99
    tally = keypoints.TALLY.tally(regions, PLAN)
    assert tally is not None
    weights = np.ones((1, len(regions)), np.int32)
    scores = keypoints.TALLY.unpack(tally.pack()).scores(weights)
    number = tally.number("max_accuracy_drop", scores, scores)
    assert number is not None
    assert number[0] == pytest.approx(0.0)
    judged_drop = keypoints.judge_quantity("max_accuracy_drop", regions, PLAN)
    assert (judged_drop.value, judged_drop.n) == (0.0, 6)


def test_annotated_people_of_whom_no_region_was_cut_are_set_aside() -> None:
    """A model that was never shown a person has not missed one."""
    regions, _ = cut_persons(0.0)
    shown = replace(regions, images=regions.images[::2])

    assert keypoints.metrics(shown).parent["ap"] == pytest.approx(1.0)
