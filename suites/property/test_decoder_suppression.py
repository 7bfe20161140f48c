from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quantgate.core.geometry import Frame
from quantgate.decoders.boxes import Candidates, best, suppress
from quantgate.decoders.catalog import DECODERS
from quantgate.decoders.yolo import YoloDecoder
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from quantgate.core.predictions import Detections

FRAME = Frame((100, 80), (64, 64), (0.64, 0.8), (0.0, 0.0))


def plain_nms(candidates: Candidates, threshold: float) -> list[int]:
    """Greedy suppression per class as its definition says, box by box."""
    kept: list[int] = []
    boxes = candidates.boxes_of(np.arange(len(candidates.scores))).astype(np.float64)
    for i in np.argsort(-candidates.scores, kind="stable"):
        if all(
            candidates.labels[i] != candidates.labels[k] or iou(boxes[i], boxes[k]) <= threshold
            for k in kept
        ):
            kept.append(int(i))
    return kept


def iou(a: Any, b: Any) -> float:
    """Intersection over union of two boxes; nothing overlaps an empty one."""
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / union) if union > 0 else 0.0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 120), most=st.integers(1, 50))
def test_suppression_is_greedy_per_class(seed: int, count: int, most: int) -> None:
    """The survivors are those of the definition, ties and negative coordinates included."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(-20, 40, (count, 2))
    boxes = np.concatenate([corner, corner + rng.integers(1, 30, (count, 2))], axis=1)
    candidates = Candidates(
        boxes.astype(np.float32),
        (rng.integers(1, 10, count) / 10).astype(np.float32),
        rng.integers(0, 4, count),
    )
    expected = plain_nms(candidates, 0.45)[:most]
    assert suppress(candidates, 0.45, most)[0].tolist() == expected


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_looking_at_the_best_only_changes_nothing(seed: int) -> None:
    """Windows over many candidates give what all of them would."""
    rng = np.random.default_rng(seed)
    corner = rng.random((1500, 2)) * 30
    boxes = np.concatenate([corner, corner + 5 + rng.random((1500, 2)) * 20], axis=1)
    candidates = Candidates(
        boxes.astype(np.float32), rng.random(1500).astype(np.float32), rng.integers(0, 3, 1500)
    )
    assert (
        suppress(candidates, 0.5, 60)[0].tolist()
        == suppress(candidates, 0.5, 1500)[0][:60].tolist()
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 900),
    most=st.integers(1, 120),
    inside_out=st.sampled_from([0.0, 0.1]),
)
def test_suppression_in_rounds_is_opencv_over_all(
    seed: int, count: int, most: int, inside_out: float
) -> None:
    """Boxes computed when they are looked at, ties, and boxes without area change nothing."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(-20, 60, (count, 2))
    side = rng.integers(1, 30, (count, 2)) * np.where(rng.random((count, 1)) < inside_out, -1, 1)
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    scores = (rng.integers(1, 40, count) / 40).astype(np.float32)
    labels = rng.integers(0, 3, count)
    order = np.argsort(-scores, kind="stable")
    shifted = boxes[order].astype(np.float64)
    shifted -= min(shifted.min(), 0)
    shifted[:, 2:] -= shifted[:, :2]
    expected = cv2.dnn.NMSBoxesBatched(
        shifted.tolist(), list(range(count, 0, -1)), labels[order].tolist(), 0.0, 0.5
    )

    kept, found = suppress(Candidates(lambda index: boxes[index], scores, labels), 0.5, most)

    assert kept.tolist() == order[np.asarray(expected)][:most].tolist()
    assert found.tolist() == boxes[kept].tolist()


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300), n=st.integers(0, 400))
def test_the_best_come_in_the_order_of_all(seed: int, count: int, n: int) -> None:
    """At least as many as asked for, or all; ties by their place."""
    scores = np.random.default_rng(seed).integers(0, 20, n).astype(np.float32)
    found = best(scores, count)
    assert len(found) >= min(n, count)
    assert found.tolist() == np.argsort(-scores, kind="stable")[: len(found)].tolist()


SHAPES = st.lists(
    hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=9), min_size=1, max_size=3
)
#: Shapes that each decoder takes for an input of 64 x 64.
TAKEN: dict[str, list[tuple[int, ...]]] = {
    "class-scores": [(1, 9)],
    "ssd": [(1, 1, 30, 7)],
    "boxes-scores": [(1, 30, 4), (1, 30, 3)],
    "yolox": [(1, 84, 7)],
    "nanodet": [(1, 64, 3), (1, 64, 32), (1, 16, 3), (1, 16, 32), (1, 4, 3), (1, 4, 32)],
    "fastestdet": [(1, 7, 4, 4)],
    "yolo": [(1, 14, 4, 4)],
    "yolo-v5": [(1, 30, 7)],
    "yolo-v8": [(1, 6, 84)],
    "boxes-labels": [(1, 30, 6)],
    "mask-rcnn": [(30, 5), (30,), (30, 9, 9)],
    "yolo-v8-seg": [(1, 9, 84), (1, 3, 16, 16)],
    "retinaface": [(1, 168, 4), (1, 168, 2), (1, 168, 10)],
    "openpose": [(1, 19, 8, 8), (1, 38, 8, 8)],
    "associative-embedding": [(1, 17, 8, 8), (1, 17, 8, 8, 1)],
}
BUILT: dict[str, Any] = {
    kind: YoloDecoder((4.0, 4.0, 8.0, 8.0)) if kind == "yolo" else DECODERS[kind]()
    for kind in TAKEN
}


def outputs_of(shapes: list[tuple[int, ...]], seed: int) -> dict[str, Any]:
    """Random outputs, far outside what a sane model would give."""
    rng = np.random.default_rng(seed)
    return {
        f"o{i}": (rng.normal(size=shape) * 50).astype(np.float32) for i, shape in enumerate(shapes)
    }


def check_detections(found: Detections) -> None:
    """Boxes lie inside the image, scores fall, labels count from 0."""
    assert np.isfinite(found.boxes).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [100, 80, 100, 80]).all()
    assert (np.diff(found.scores) <= 0).all()
    assert (found.labels >= 0).all()


@settings(max_examples=300, deadline=None)
@example(kind="yolo-v8-seg", shapes=[(1, 2, 1, 2), (6, 6)], seed=0)
@given(kind=st.sampled_from(sorted(TAKEN)), shapes=SHAPES, seed=st.integers(0, 999))
def test_any_outputs_are_decoded_or_refused_in_one_sentence(
    kind: str, shapes: list[tuple[int, ...]], seed: int
) -> None:
    """Whatever shapes a model gives, a decoder gives a prediction or a DecoderError."""
    message = "taken"
    try:
        BUILT[kind].decode(outputs_of(shapes, seed), FRAME)
    except DecoderError as error:
        message = str(error)
    assert message
    assert "\n" not in message


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(sorted(TAKEN)), seed=st.integers(0, 999))
def test_any_values_of_the_right_shape_are_decoded(kind: str, seed: int) -> None:
    """Values however wild give finite boxes inside the image, sorted by score."""
    found = BUILT[kind].decode(outputs_of(TAKEN[kind], seed), FRAME)
    if kind == "class-scores":
        assert np.isfinite(found.scores).all()
        assert len(found.scores) == 9
    else:
        check_detections(found)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    threshold=st.floats(0.05, 0.9),
    count=st.integers(1, 200),
    most=st.sampled_from([1, 20, 200]),
)
def test_diou_suppression_is_its_definition(
    seed: int, threshold: float, count: int, most: int
) -> None:
    """Pairs are compared by IoU less the squared distance of centres over the diagonal's."""
    rng = np.random.default_rng(seed)
    corner = rng.random((count, 2)) * 70 - 10
    boxes = np.concatenate([corner, corner + 2 + rng.random((count, 2)) * 25], axis=1)
    scores = np.sort(rng.random(count))[::-1].astype(np.float32)
    candidates = Candidates(boxes.astype(np.float32), scores, rng.integers(0, 3, count))
    measured = candidates.boxes_of(np.arange(count)).astype(np.float64)
    kept: list[int] = []
    for i in range(count):
        same = [k for k in kept if candidates.labels[k] == candidates.labels[i]]
        if all(diou(measured[i], measured[k]) <= threshold for k in same):
            kept.append(i)
    assert suppress(candidates, threshold, most, "diou")[0].tolist() == kept[:most]


def diou(a: Any, b: Any) -> float:
    """IoU less the squared distance of the centres over the common diagonal's."""
    apart = ((a[:2] + a[2:] - b[:2] - b[2:]) ** 2).sum() / 4
    corner, end = np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])
    return iou(a, b) - float(apart / ((end - corner) ** 2).sum())
