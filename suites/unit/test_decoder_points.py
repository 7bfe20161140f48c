"""Decoders of key points, each against a plain loop over its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.decoders.face_heads import BlazeDecoder, ScrfdDecoder, YunetDecoder
from quantgate.decoders.heat_maps import HeatMapsDecoder
from quantgate.decoders.landmarks import LandmarksDecoder
from quantgate.decoders.movenet import MovenetDecoder
from quantgate.decoders.ports import MisfitError
from quantgate.decoders.protocol import Port
from quantgate.decoders.ranges import Expected, misreadings
from quantgate.decoders.simcc import SimccDecoder
from quantgate.engine.look.views import read
from quantgate.errors import DecoderError

#: A picture of 200 x 100 px in an input of 96 x 64, enlarged by less than it is wide.
FRAME = Frame((200, 100), (96, 64), (0.4, 0.5), (8.0, 7.0))


def in_image(x: float, y: float) -> tuple[float, float]:
    """From pixels of the input to those of the picture."""
    return (x - 8.0) / 0.4, (y - 7.0) / 0.5


def heat_maps(seed: int = 0) -> Any:
    """Five maps of 16 x 24 cells, of which one peaks in a corner and one is flat."""
    maps = np.random.default_rng(seed).uniform(0, 0.8, (1, 5, 16, 24)).astype(np.float32)
    maps[0, 3, 0, 0] = 0.9
    maps[0, 4] = 0.25
    return maps


def of_heat_maps(maps: Any, offset: float) -> list[tuple[float, float, float]]:
    """Look for the peak of each map, cell by cell."""
    found = []
    for own in maps[0]:
        best = (0, 0)
        for y in range(own.shape[0]):
            for x in range(own.shape[1]):
                if own[y, x] > own[best]:
                    best = (y, x)
        y, x = best
        dx = dy = 0.0
        if 0 < x < own.shape[1] - 1 and own[y, x + 1] != own[y, x - 1]:
            dx = 0.25 if own[y, x + 1] > own[y, x - 1] else -0.25
        if 0 < y < own.shape[0] - 1 and own[y + 1, x] != own[y - 1, x]:
            dy = 0.25 if own[y + 1, x] > own[y - 1, x] else -0.25
        found.append((*in_image((x + dx + offset) * 4, (y + dy + offset) * 4), float(own[best])))
    return found


@pytest.mark.parametrize("offset", [0.5, 0.0])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_heat_maps_are_read_as_written(layout: Any, offset: float) -> None:
    """The peak of each map, a quarter towards the higher neighbour, in the picture's pixels."""
    maps = heat_maps()
    fed = maps if layout == "nchw" else maps.transpose(0, 2, 3, 1)

    found = HeatMapsDecoder(layout=layout, cell_offset=offset).decode({"heat": fed}, FRAME)

    expected = np.array(of_heat_maps(maps, offset))
    assert found.points is not None
    np.testing.assert_allclose(found.points[0], expected, atol=1e-4)
    assert found.scores[0] == pytest.approx(expected[:, 2].mean())
    inside = np.clip(expected[:, :2], 0, (200, 100))
    np.testing.assert_allclose(
        found.boxes[0], [*inside.min(axis=0), *inside.max(axis=0)], atol=1e-4
    )


def test_logits_of_heat_maps_become_scores() -> None:
    """A sigmoid changes scores and no place; without refinement a point lies in the middle of its cell."""
    maps = 8 * heat_maps() - 4
    plain = HeatMapsDecoder(refine="none").decode({"heat": maps}, FRAME)
    found = HeatMapsDecoder(refine="none", activation="sigmoid").decode({"heat": maps}, FRAME)
    assert found.points is not None
    assert plain.points is not None
    np.testing.assert_array_equal(found.points[..., :2], plain.points[..., :2])
    np.testing.assert_allclose(found.points[0, 3, 2], 1 / (1 + np.exp(-3.2)), rtol=1e-5)
    assert in_image(2, 2) == pytest.approx(found.points[0, 3, :2].tolist())


def test_other_outputs_are_no_heat_maps() -> None:
    """One map alone may be anything, and NaN is no peak."""
    with pytest.raises(MisfitError, match="one map a key point"):
        HeatMapsDecoder().check([Port("a", (1, 1, 64, 64))])
    HeatMapsDecoder(outputs=("a",)).check([Port("a", (1, 1, 64, 64)), Port("b", (1, 4, 64, 64))])
    with pytest.raises(DecoderError, match="NaN"):
        HeatMapsDecoder().decode({"heat": np.full((1, 3, 8, 8), np.nan, np.float32)}, FRAME)


@pytest.mark.parametrize("order", ["xy", "yx"])
@pytest.mark.parametrize("third", ["none", "score", "logit", "depth"])
@pytest.mark.parametrize("units", ["relative", "pixels"])
def test_landmarks_are_read_as_written(order: Any, third: Any, units: Any) -> None:
    """Two or three numbers a key point, in whatever order and unit."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0.1, 0.9, (7, 2 if third == "none" else 3)).astype(np.float32)
    decoder = LandmarksDecoder(order=order, third=third, units=units)

    found = decoder.decode({"out": values.reshape(1, -1, 1, 1)}, FRAME)

    assert found.points is not None
    for row, (x, y, score) in zip(values, found.points[0], strict=True):
        own = row[:2] if order == "xy" else row[1::-1]
        wide = np.array([96, 64]) if units == "relative" else 1
        assert (x, y) == pytest.approx(in_image(*(own * wide)), abs=1e-4)
        told = {"score": row[-1], "logit": 1 / (1 + np.exp(-row[-1]))}.get(third, 1.0)
        assert score == pytest.approx(told, rel=1e-5)
    assert found.scores[0] == pytest.approx(found.points[0, :, 2].mean())


def test_the_presence_of_an_object_is_its_score() -> None:
    """A second output, where it is named; several unnamed ones may be anything."""
    outputs = {"a": np.full((1, 63), 5.0, np.float32), "b": np.array([[0.25]], np.float32)}
    decoder = LandmarksDecoder(third="depth", units="pixels", outputs=("a", "b"))
    assert decoder.decode(outputs, FRAME).scores.tolist() == [0.25]
    with pytest.raises(MisfitError, match="two numbers"):
        LandmarksDecoder(third="depth").check([Port("a", (1, 63)), Port("b", (1, 1))])
    with pytest.raises(MisfitError, match="two numbers"):
        LandmarksDecoder().check([Port("a", (1, 63))])


def test_places_in_space_are_kept_as_the_model_gives_them() -> None:
    """Those of a third output, else x, y and depth in their own unit; more of either is refused."""
    rng = np.random.default_rng(7)
    own, world = (rng.uniform(0, 90, (1, 63)).astype(np.float32) for _ in range(2))
    outputs = {"a": own, "b": np.array([[0.25]], np.float32), "c": world}
    keys: dict[str, Any] = {"third": "depth", "units": "pixels"}

    deep = LandmarksDecoder(**keys, outputs=("a",)).decode(outputs, FRAME)
    both = LandmarksDecoder(**keys, outputs=("a", "b", "c")).decode(outputs, FRAME)

    np.testing.assert_array_equal(deep.spatial, own.reshape(1, 21, 3))
    np.testing.assert_array_equal(both.spatial, world.reshape(1, 21, 3))
    assert both.scores.tolist() == [0.25]
    assert LandmarksDecoder().decode({"a": own[:, :42]}, FRAME).spatial is None
    with pytest.raises(MisfitError, match="places in space"):
        LandmarksDecoder(**keys, outputs=("a", "c", "c")).check(
            [Port(name, tuple(value.shape)) for name, value in outputs.items()]
        )


def test_movenet_is_read_as_written() -> None:
    """One person, and the sure ones of six with their boxes, in fractions of the input."""
    rng = np.random.default_rng(2)
    rows = rng.uniform(0.2, 0.8, (1, 6, 56)).astype(np.float32)
    rows[0, :, 51:55] = 0.1, 0.2, 0.9, 0.8
    rows[0, :, 55] = 0.3, 0.0, 0.9, 0.001, 0.0, 0.5

    one = MovenetDecoder().decode({"out": rows[:, :1, :51].reshape(1, 1, 17, 3)}, FRAME)
    several = MovenetDecoder().decode({"out": rows}, FRAME)

    assert one.points is not None
    assert several.points is not None
    assert several.scores.tolist() == pytest.approx([0.9, 0.5, 0.3])
    for found, place in ((one.points[0], 0), (several.points[0], 2), (several.points[2], 0)):
        for number in range(17):
            y, x, score = rows[0, place, 3 * number : 3 * number + 3]
            expected = (*in_image(x * 96, y * 64), score)
            assert tuple(found[number]) == pytest.approx(expected, abs=1e-4)
    corners = np.array([in_image(0.2 * 96, 0.1 * 64), in_image(0.8 * 96, 0.9 * 64)])
    inside = np.clip(corners, 0, (200, 100)).ravel()
    np.testing.assert_allclose(several.boxes[0], inside, atol=1e-3)
    with pytest.raises(MisfitError, match=r"3·points"):
        MovenetDecoder().check([Port("out", (1, 300, 6))])


def test_simcc_is_read_as_written() -> None:
    """The highest bin of each axis, two bins a pixel; the lower of both peaks is the score."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 0.9, (1, 4, 192)), rng.uniform(0, 1.4, (1, 4, 128))
    outputs = {"x": x.astype(np.float32), "y": y.astype(np.float32)}

    found = SimccDecoder().decode(outputs, FRAME)

    assert found.points is not None
    for number in range(4):
        best = [max(range(len(v)), key=v.__getitem__) for v in (x[0, number], y[0, number])]
        peak = min(x[0, number].max(), y[0, number].max(), 1.0)
        expected = (*in_image(best[0] / 2, best[1] / 2), peak)
        assert tuple(found.points[0, number]) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(MisfitError, match="of x and of y"):
        SimccDecoder().check([Port("x", (1, 4, 192)), Port("y", (1, 5, 128))])


#: An input of 64 x 32 px: 8 x 4, 4 x 2 and 2 x 1 cells.
SMALL = Frame((128, 64), (64, 32), (0.5, 0.5), (0.0, 0.0))
GRIDS = ((8, 8, 4), (16, 4, 2), (32, 2, 1))


def of_face_heads(kind: str, heads: dict[str, Any]) -> list[tuple[float, list[float]]]:
    """Score, box and key points of every anchor in the input's pixels, one by one, the surest first."""
    found = []
    for stride, columns, rows in GRIDS:
        for cell in range(columns * rows):
            x, y = cell % columns, cell // columns
            for anchor in range(2 if kind == "scrfd" else 1):
                at = 2 * cell + anchor if kind == "scrfd" else cell
                box, points = heads[f"bbox{stride}"][0, at], heads[f"kps{stride}"][0, at]
                if kind == "scrfd":
                    score = heads[f"cls{stride}"][0, at, 0]
                    edges = [x - box[0], y - box[1], x + box[2], y + box[3]]
                else:
                    score = (
                        heads[f"cls{stride}"][0, at, 0] * heads[f"obj{stride}"][0, at, 0]
                    ) ** 0.5
                    wide, high = np.exp(box[2]) / 2, np.exp(box[3]) / 2
                    middle = x + box[0], y + box[1]
                    edges = [middle[0] - wide, middle[1] - high, middle[0] + wide, middle[1] + high]
                places = [p + (y if k % 2 else x) for k, p in enumerate(points)]
                found.append((float(score), [stride * float(v) for v in (*edges, *places)]))
    return sorted(found, key=lambda one: -one[0])


@pytest.mark.parametrize("kind", ["yunet", "scrfd"])
def test_face_heads_are_read_as_written(kind: str) -> None:
    """Nothing suppressed, every anchor comes back where a loop over all cells puts it."""
    rng = np.random.default_rng(4)
    heads = {}
    for stride, columns, rows in GRIDS:
        n = columns * rows * (2 if kind == "scrfd" else 1)
        for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            if name != "obj" or kind == "yunet":
                heads[f"{name}{stride}"] = rng.uniform(0.2, 0.9, (1, n, width)).astype(np.float32)
    decoder = {"yunet": YunetDecoder, "scrfd": ScrfdDecoder}[kind](iou_threshold=1.0)

    found = decoder.decode(heads, SMALL)

    assert found.points is not None
    expected = of_face_heads(kind, heads)
    assert len(found) == len(expected)
    for row, (score, values) in enumerate(expected):
        assert found.scores[row] == pytest.approx(score, rel=1e-5)
        box = np.clip(2 * np.array(values[:4]), 0, (128, 64, 128, 64))
        np.testing.assert_allclose(found.boxes[row], box, atol=1e-3)
        places = 2 * np.array(values[4:]).reshape(5, 2)
        np.testing.assert_allclose(found.points[row, :, :2], places, atol=1e-3)
    assert len(type(decoder)(iou_threshold=0.1).decode(heads, SMALL)) < len(found)
    none = type(decoder)(score_threshold=1.0).decode(heads, SMALL)
    assert none.points is not None
    assert none.points.shape == (0, 5, 3)


def test_blaze_is_read_as_written() -> None:
    """Pixels from the middles of cells of one stride, or of two with several anchors each."""
    frame = Frame((48, 48), (48, 48), (1.0, 1.0), (0.0, 0.0))
    for anchors in ([(4, 1)], [(8, 2), (16, 6)]):
        middles = [
            ((x + 0.5) * stride, (y + 0.5) * stride)
            for stride, each in anchors
            for y in range(48 // stride)
            for x in range(48 // stride)
            for _ in range(each)
        ]
        rows = np.full((1, len(middles), 16), 2.0, np.float32)
        rows[0, :, 2:4] = 6.0
        logits = np.full((1, len(middles), 1), -9.0, np.float32)
        chosen = len(middles) - 3
        logits[0, chosen] = 2.0

        found = BlazeDecoder().decode({"boxes": rows, "logits": logits}, frame)

        x, y = middles[chosen]
        assert found.points is not None
        assert found.scores.tolist() == pytest.approx([1 / (1 + np.exp(-2))])
        assert found.boxes[0].tolist() == pytest.approx(
            [min(v, 48) for v in (x - 1, y - 1, x + 5, y + 5)]
        )
        np.testing.assert_allclose(found.points[0, :, :2], [[x + 2, y + 2]] * 6)
        none = BlazeDecoder().decode({"boxes": rows, "logits": logits - 20}, frame)
        assert none.points is not None
        assert none.points.shape == (0, 6, 3)
    with pytest.raises(DecoderError, match="knows no anchors"):
        BlazeDecoder().decode({"boxes": rows[:, 1:], "logits": logits[:, 1:]}, frame)


@pytest.mark.parametrize(("units", "side"), [("relative", 100.0), ("pixels", 1.0)])
def test_landmarks_in_another_unit_are_seen_through(units: Any, side: float) -> None:
    """Pixels read as fractions lie far outside, fractions read as pixels in the corner; read rightly, nothing is said."""
    frame = Frame((200, 100), (96, 64), (0.48, 0.64), (0.0, 0.0))
    places = side * np.random.default_rng(5).uniform(0.2, 0.6, (1, 14)).astype(np.float32)

    def said(units: Any) -> list[str]:
        found = [read(LandmarksDecoder(units=units), {"out": places}, frame).prediction] * 5
        return [each.what for each in misreadings(found, frame.model, Expected())]

    assert said(units) == ["boxes"]
    assert said("pixels" if units == "relative" else "relative") == []
