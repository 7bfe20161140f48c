"""Poses of several persons: drawn into maps and read back, and against the obvious loops; RetinaFace with key points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantgate.core.geometry import Frame
from quantgate.decoders.associative_embedding import AssociativeEmbeddingDecoder
from quantgate.decoders.openpose import OpenposeDecoder
from quantgate.decoders.ports import MisfitError
from quantgate.decoders.priors import named_priors
from quantgate.decoders.protocol import Port
from quantgate.decoders.retinaface import RetinafaceDecoder
from quantgate.errors import DecoderError
from suites.poses import (
    bodies,
    heat_of,
    in_coco,
    openpose_outputs,
    plain_openpose,
    plain_tagged,
    tagged_outputs,
)

#: Maps of 57 x 32 and 72 x 64 cells, as wide pictures in inputs of 456 x 256 and 144 x 128 px.
SHAPE, TAGGED = (32, 57), (64, 72)
FRAME = Frame((912, 500), (456, 256), (0.5, 0.5), (0.0, 3.0))
TAGGED_FRAME = Frame((72, 64), (144, 128), (2.0, 2.0), (0.0, 0.0))


def in_image(cells: Any, stride: float, frame: Frame) -> Any:
    """From columns and rows of a map to pixels of the picture."""
    return ((np.asarray(cells) + 0.5) * stride - frame.offset) / frame.scale


def hidden(places: Any, rng: np.random.Generator, ends: tuple[int, ...]) -> Any:
    """Hide every third of the given parts."""
    for person in places:
        for part in ends:
            if rng.random() < 1 / 3:
                person[part] = np.nan
    return places


def by_first(points: Any, known: Any) -> Any:
    """Bring persons into the order of their key point 5, from left to right."""
    order = np.argsort(points[:, 5, 0])
    return points[order], known[np.argsort(known[:, 5, 0])]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 4))
def test_drawn_openpose_persons_come_back(seed: int, count: int) -> None:
    """As many as were drawn, every part within a fifth of a cell, hidden ones not there."""
    rng = np.random.default_rng(seed)
    places = hidden(bodies(rng, count, SHAPE), rng, (4, 7, 10, 13, 16, 17))

    found = OpenposeDecoder().decode(openpose_outputs(places, SHAPE), FRAME)

    assert found.points is not None
    assert len(found) == count
    if not count:
        return
    points, known = by_first(found.points, in_coco(places))
    missing = np.isnan(known[..., 0])
    np.testing.assert_array_equal(points[..., 2] == 0, missing)
    away = np.abs(points[..., :2] - in_image(known, 8, FRAME))
    assert away[~missing].max() < 0.2 * 8 / 0.5
    assert (found.scores > 0.5).all()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 4))
def test_drawn_tagged_persons_come_back(seed: int, count: int) -> None:
    """As many as were drawn, every part within half a cell of its place."""
    rng = np.random.default_rng(seed)
    places = in_coco(hidden(bodies(rng, count, TAGGED), rng, (4, 7, 10, 13)))

    found = AssociativeEmbeddingDecoder().decode(tagged_outputs(places, TAGGED, rng), TAGGED_FRAME)

    assert found.points is not None
    assert len(found) == count
    if not count:
        return
    points, known = by_first(found.points, places)
    seen = ~np.isnan(known[..., 0])
    away = np.abs(points[..., :2] - in_image(known, 2, TAGGED_FRAME))
    assert away[seen].max() <= 0.5
    assert (points[..., 2][~seen] < 0.1).all()


@pytest.mark.parametrize("seed", range(2))
def test_openpose_is_read_as_the_plain_loops_read_it(seed: int) -> None:
    """Persons among noise: the same persons, scores and places, pair by pair."""
    rng = np.random.default_rng(seed)
    outputs = openpose_outputs(bodies(rng, 3, SHAPE), SHAPE)
    outputs = {
        name: maps * rng.uniform(0.5, 1, maps.shape[:2])[..., None, None].astype(np.float32)
        + rng.normal(0, 0.03, maps.shape).astype(np.float32)
        for name, maps in outputs.items()
    }
    heat, fields = outputs["Mconv7_stage2_L2"][0], outputs["Mconv7_stage2_L1"][0]

    found = OpenposeDecoder().decode(outputs, FRAME)

    expected = plain_openpose(heat, fields)
    assert found.points is not None
    assert len(found) == len(expected) >= 3
    for own, score, (told, points) in zip(found.points, found.scores, expected, strict=True):
        assert score == pytest.approx(told, abs=1e-4)
        there = points[:, 2] > 0
        np.testing.assert_allclose(own[there, :2], in_image(points[there, :2], 8, FRAME), atol=0.01)
        np.testing.assert_allclose(own[:, 2], np.minimum(points[:, 2], 1), atol=1e-5)


@pytest.mark.parametrize("seed", range(2))
def test_tags_are_read_as_the_plain_loops_read_them(seed: int) -> None:
    """Persons among noise and false peaks, what they lack searched by its tag: the same as part by part."""
    rng = np.random.default_rng(seed)
    places = in_coco(hidden(bodies(rng, 3, TAGGED), rng, tuple(range(18))))
    outputs = tagged_outputs(places, TAGGED, rng)
    outputs["heatmaps"] += rng.normal(0, 0.03, outputs["heatmaps"].shape).astype(np.float32)

    found = AssociativeEmbeddingDecoder().decode(outputs, TAGGED_FRAME)

    tags = outputs["embeddings"][0, ..., 0]
    expected = [one for one in plain_tagged(outputs["heatmaps"][0], tags) if one[0] >= 0.01]
    assert found.points is not None
    assert len(found) == min(30, len(expected))
    for own, score, (told, points) in zip(found.points, found.scores, expected, strict=False):
        assert score == pytest.approx(told, abs=1e-5)
        np.testing.assert_allclose(own[:, :2], in_image(points[:, :2], 2, TAGGED_FRAME), atol=0.01)
        np.testing.assert_allclose(own[:, 2], np.minimum(points[:, 2], 1), atol=1e-5)


def test_a_person_is_of_three_parts_at_least() -> None:
    """A lone arm is nobody, and fields that point the other way join nothing."""
    rng = np.random.default_rng(0)
    places = bodies(rng, 1, SHAPE)
    outputs = openpose_outputs(places, SHAPE)
    against = {**outputs, "Mconv7_stage2_L1": -outputs["Mconv7_stage2_L1"]}
    assert len(OpenposeDecoder().decode(against, FRAME)) == 0
    arm = np.full_like(places, np.nan)
    arm[:, 3:5] = places[:, 3:5]
    assert len(OpenposeDecoder().decode(openpose_outputs(arm, SHAPE), FRAME)) == 0


def test_a_graph_that_suppresses_nothing_gives_the_same_persons() -> None:
    """Cells around a peak are no peaks, whether or not the model negates them."""
    rng = np.random.default_rng(1)
    places = in_coco(bodies(rng, 2, TAGGED))
    outputs = tagged_outputs(places, TAGGED, rng)
    plain = {**outputs, "heatmaps": heat_of(places, TAGGED)[None]}
    decoder = AssociativeEmbeddingDecoder()
    one, other = (decoder.decode(maps, TAGGED_FRAME).points for maps in (outputs, plain))
    assert one is not None
    np.testing.assert_array_equal(one, other)


def test_outputs_of_other_forms_are_refused() -> None:
    """The channels tell OpenPose's maps, a fifth dimension or the order tells tags, columns tell RetinaFace's."""
    heat, fields = Port("h", (1, 19, 32, 57)), Port("f", (1, 38, 32, 57))
    assert OpenposeDecoder().picked([fields, heat]) == (heat, fields)
    with pytest.raises(MisfitError, match="nineteen limbs"):
        OpenposeDecoder().check([heat, Port("f", (1, 38, 16, 57))])
    maps, tags = Port("a", (1, 17, 144, 144)), Port("b", (1, 17, 144, 144, 1))
    assert AssociativeEmbeddingDecoder().picked([tags, maps]) == (maps, tags)
    with pytest.raises(MisfitError, match="behind them, tags"):
        AssociativeEmbeddingDecoder().check([maps, Port("b", (1, 17, 72, 72))])
    with pytest.raises(MisfitError, match="offsets of key points"):
        RetinafaceDecoder().check([Port("a", (1, 168, 4)), Port("b", (1, 168, 2))])


def test_retinaface_is_read_as_written() -> None:
    """Nothing suppressed, every prior's box and key points come back where its own loop puts them."""
    rng = np.random.default_rng(6)
    frame = Frame((128, 64), (64, 32), (0.5, 0.5), (0.0, 0.0))
    priors = named_priors("retinaface", (64, 32))
    n = len(priors)
    face = rng.uniform(0.1, 0.9, n)
    outputs = {
        "face_rpn_bbox_pred": rng.normal(0, 0.5, (1, n, 4)).astype(np.float32),
        "face_rpn_cls_prob": np.stack([1 - face, face], axis=1)[None].astype(np.float32),
        "face_rpn_landmark_pred": rng.normal(0, 2, (1, n, 10)).astype(np.float32),
    }

    found = RetinafaceDecoder(iou_threshold=1.0).decode(outputs, frame)

    assert found.points is not None
    rows = {round(float(score), 6): row for row, score in enumerate(face.astype(np.float32))}
    for score, box, points in zip(found.scores, found.boxes, found.points, strict=True):
        row = rows[round(float(score), 6)]
        cx, cy, w, h = (float(v) for v in priors[row] * (64, 32, 64, 32))
        dx, dy, dw, dh = (float(v) for v in outputs["face_rpn_bbox_pred"][0, row])
        cx, cy = cx + 0.1 * dx * w, cy + 0.1 * dy * h
        half = np.array([w * np.exp(0.2 * dw), h * np.exp(0.2 * dh)]) / 2
        corners = 2 * np.array([cx - half[0], cy - half[1], cx + half[0], cy + half[1]])
        np.testing.assert_allclose(box, np.clip(corners, 0, (128, 64, 128, 64)), atol=1e-3)
        away = outputs["face_rpn_landmark_pred"][0, row].reshape(5, 2)
        centre = priors[row, :2] * (64, 32)
        np.testing.assert_allclose(points[:, :2], 2 * (centre + 0.1 * away * (w, h)), atol=1e-3)
    assert len(found) > 0.8 * n
    logits = {**outputs, "face_rpn_cls_prob": np.log(outputs["face_rpn_cls_prob"])}
    again = RetinafaceDecoder(iou_threshold=1.0, activation="softmax").decode(logits, frame)
    np.testing.assert_allclose(again.scores, found.scores, atol=1e-6)
    with pytest.raises(DecoderError, match="the model gives 10 boxes"):
        RetinafaceDecoder().decode({k: v[:, :10] for k, v in outputs.items()}, frame)
