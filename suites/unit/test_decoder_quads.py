"""Decoders of quadrilaterals, each against a plain loop over its outputs."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

from quantgate.core.geometry import Frame
from quantgate.core.quads import quad_iou, turned_corners
from quantgate.decoders.alternatives import readings
from quantgate.decoders.ctpn import CtpnDecoder
from quantgate.decoders.db import DbDecoder
from quantgate.decoders.east import EastDecoder
from quantgate.decoders.pixel_link import PixelLinkDecoder
from quantgate.decoders.ports import MisfitError
from quantgate.decoders.turned import convex_iou, turned_nms
from quantgate.decoders.yolo_obb import YoloObbDecoder, YoloObbRowsDecoder
from quantgate.engine.look.views import part, read
from quantgate.errors import DecoderError
from suites import turned

#: A picture of 400 x 300 px in an input of 320 x 256, letterboxed.
FRAME = Frame((400, 300), (320, 256), (0.8, 0.8), (0.0, 8.0))


def to_image(x: float, y: float) -> tuple[float, float]:
    """From pixels of the input to those of the picture."""
    return x / 0.8, (y - 8) / 0.8


def same(found: Any, expected: Any, atol: float = 1e-3) -> None:
    """The same quadrilaterals in the same order, whatever the corner that they begin with."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        turns = [np.abs(np.roll(other, k, axis=0) - one).max() for k in range(4)]
        assert min(turns) < atol


def text_map(seed: int = 0) -> Any:
    """Shares of text [1, 1, 64, 80], with turned bars, of which one is faint and one thin."""
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0, 0.2, (64, 80)).astype(np.float32)
    bars = [(20, 14, 24, 8, 0.3, 0.9), (55, 20, 30, 6, -0.6, 0.8), (25, 45, 20, 10, 1.2, 0.7)]
    bars += [(60, 50, 20, 8, 0.0, 0.4), (40, 60, 30, 1, 0.0, 0.9)]
    for cx, cy, width, height, angle, share in bars:
        corners = turned_corners(
            np.array([[cx, cy]]), np.array([[width, height]]), np.array([angle])
        )
        cv2.fillPoly(shares, [np.round(corners[0]).astype(np.int32)], share)
    return shares[None, None]


def plain_db(shares: Any, unclip: float) -> list[Any]:
    """Outline by outline: rectangle of least area, mean share of its pixels, corners moved outwards."""
    mask = (shares > 0.3).astype(np.uint8)
    found = []
    for outline in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
        rect = cv2.minAreaRect(outline)
        corners = cv2.boxPoints(rect)
        inside = np.zeros(shares.shape, np.uint8)
        low = np.floor(corners.min(axis=0)).clip(0)
        cv2.fillPoly(inside, [(low + (corners - low).astype(np.int32)).astype(np.int32)], 1)
        total = count = 0.0
        for y, x in zip(*np.nonzero(inside), strict=True):
            total, count = total + float(shares[y, x]), count + 1
        if min(rect[1]) < 3 or total / count < 0.5:
            continue
        width, height = rect[1]
        distance = width * height * unclip / (2 * (width + height))
        middle = corners.mean(axis=0)
        grown = []
        for k in range(4):
            outwards = np.zeros(2)
            for other in (k - 1, (k + 1) % 4):
                side = corners[k] - corners[other]
                outwards = outwards + side / np.linalg.norm(side) * distance
            grown.append(corners[k] + outwards)
        assert np.allclose(np.mean(grown, axis=0), middle, atol=1e-3)
        found.append((total / count, [to_image((x + 0.5) * 4, (y + 0.5) * 4) for x, y in grown]))
    found.sort(key=lambda one: -one[0])
    return [quad for _, quad in found]


@pytest.mark.parametrize("layout", ["nchw", "nhwc", "bare"])
@pytest.mark.parametrize("unclip", [1.6, 0.0])
def test_db_is_read_as_a_plain_loop_does(unclip: float, layout: str) -> None:
    """Faint and thin regions are dropped, the others grown; wherever the channel is, and logits with a sigmoid."""
    shares = text_map()
    decoder = DbDecoder(unclip=unclip)
    fed = {"nchw": shares, "nhwc": shares.transpose(0, 2, 3, 1), "bare": shares[0]}[layout]

    found = decoder.decode({"map": fed}, FRAME)

    expected = plain_db(shares[0, 0], unclip)
    assert len(expected) == 3
    same(found.quads, expected, atol=0.02)
    assert (np.diff(found.scores) <= 0).all()
    logits = np.log(fed / (1 - fed))
    again = DbDecoder(unclip=unclip, activation="sigmoid").decode({"map": logits}, FRAME)
    same(again.quads, found.quads, atol=0.02)


def linked(seed: int = 0) -> tuple[Any, Any]:
    """Logits of text [1, 2, 32, 40] and of links [1, 16, 32, 40]: words, two of which touch without a link."""
    rng = np.random.default_rng(seed)
    text = rng.normal(-4, 1, (32, 40))
    text[4:9, 3:20] = text[12:17, 3:12] = text[12:17, 12:20] = text[22:30, 25:36] = 4
    text[25, 5] = 4
    links = rng.normal(-4, 1, (32, 40, 8))
    words = [
        (slice(4, 9), slice(3, 20)),
        (slice(12, 17), slice(3, 12)),
        (slice(12, 17), slice(12, 20)),
        (slice(22, 30), slice(25, 36)),
    ]
    for rows, columns in words:
        links[rows, columns, 4] = links[rows, columns, 6] = 4
    links[12:17, 11, 4] = -4
    links[12:17, 19, :] = -4
    links[12:17, 18, 4] = 4
    both = [np.stack([np.zeros_like(text), text]), np.stack([np.zeros_like(links), links], axis=-1)]
    return both[0][None].astype(np.float32), both[1].reshape(32, 40, 16).transpose(2, 0, 1)[
        None
    ].astype(np.float32)


def plain_words(text: Any, links: Any) -> list[set[tuple[int, int]]]:
    """Cells that are joined, one by one, as the original's union of pixels."""
    around = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]
    share = 1 / (1 + np.exp(text[0, 0] - text[0, 1]))
    cells = {(int(y), int(x)) for y, x in zip(*np.nonzero(share >= 0.8), strict=True)}
    group = {cell: {cell} for cell in cells}
    for y, x in sorted(cells):
        for k, (dx, dy) in enumerate(around):
            other = (y + dy, x + dx)
            link = 1 / (1 + math.exp(links[0, 2 * k, y, x] - links[0, 2 * k + 1, y, x]))
            if other in cells and link >= 0.8 and group[other] is not group[(y, x)]:
                both = group[(y, x)] | group[other]
                for cell in both:
                    group[cell] = both
    return list({id(of): of for of in group.values()}.values())


@pytest.mark.parametrize("last", [False, True])
def test_pixel_link_joins_cells_as_a_plain_loop_does(last: bool) -> None:  # noqa: FBT001
    """Words are what links join, whichever of two cells says so; small ones are dropped."""
    text, links = linked()
    expected = []
    for word in plain_words(text, links):
        ends = [
            to_image((x + dx) * 8, (y + dy) * 8) for y, x in word for dx in (0, 1) for dy in (0, 1)
        ]
        rect = cv2.minAreaRect(np.array(ends, np.float32))
        if min(rect[1]) >= 10 and rect[1][0] * rect[1][1] >= 300:
            expected.append(cv2.boxPoints(rect))
    assert len(expected) == 4
    if last:
        text, links = text.transpose(0, 2, 3, 1), links.transpose(0, 2, 3, 1)

    found = PixelLinkDecoder().decode({"links": links, "text": text}, FRAME)

    order = np.lexsort(found.boxes.T[:2])
    key = [tuple(np.min(quad, axis=0)[::-1]) for quad in expected]
    assert found.quads is not None
    same(
        found.quads[order], [expected[k] for k in sorted(range(4), key=key.__getitem__)], atol=0.01
    )
    assert (found.scores > 0.95).all()


def plain_nms(quads: Any, scores: Any, labels: Any, threshold: float) -> list[int]:
    """Keep what no better one of its class overlaps too much, one by one."""
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable").tolist():
        own = turned.corners(quads[k])
        rivals = (turned.corners(quads[j]) for j in kept if labels[j] == labels[k])
        if all(turned.overlap(own, other) <= threshold for other in rivals):
            kept.append(k)
    return kept


def crowd(seed: int, count: int = 150) -> tuple[Any, Any, Any]:
    """Turned boxes about a few places, with scores and classes."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(40, 220, (12, 2))[rng.integers(0, 12, count)] + rng.normal(
        0, 3, (count, 2)
    )
    sides = rng.uniform((30, 12), (60, 24), (count, 2))
    quads = turned_corners(places, sides, rng.uniform(-3, 3, count))
    return quads, rng.uniform(0, 1, count), rng.integers(0, 2, count)


def test_turned_nms_is_that_of_a_plain_loop() -> None:
    """The same survivors in the same order, and no more of them than asked for."""
    for seed in range(5):
        quads, scores, labels = crowd(seed)
        expected = plain_nms(quads, scores, labels, 0.4)
        assert 10 < len(expected) < 140
        assert turned_nms(quads, scores, labels, (0.4, 1000)).tolist() == expected
        assert turned_nms(quads, scores, labels, (0.4, 7)).tolist() == expected[:7]


def test_overlap_of_rectangles_is_exact_where_sides_lie_on_each_other() -> None:
    """Equal, beside each other, in a corner, within: what a rounding error would spoil."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, 6, (400, 2)).astype(np.float64)
    shifts = rng.integers(-2, 3, (400, 2)).astype(np.float64)
    sides = rng.integers(1, 4, (2, 400, 2)) * 2.0
    first = turned_corners(places, sides[0], np.zeros(400))
    second = turned_corners(places + shifts, sides[1], np.zeros(400))
    expected = [quad_iou(a[None], b[None])[0, 0] for a, b in zip(first, second, strict=True)]
    assert np.abs(convex_iou(first, second) - expected).max() < 1e-12
    assert (convex_iou(first, first) == 1).all()


def obb_table(seed: int = 0) -> Any:
    """Columns of centre, size, three classes and angle [1, 8, 400]."""
    rng = np.random.default_rng(seed)
    count = 400
    table = np.zeros((8, count), np.float32)
    table[:2] = rng.uniform(30, 220, (12, 2))[rng.integers(0, 12, count)].T + rng.normal(
        0, 3, (2, count)
    )
    table[2:4] = rng.uniform((30, 12), (60, 24), (count, 2)).T
    table[4:7] = rng.uniform(0, 1, (3, count)) ** 6
    table[7] = rng.uniform(-0.7, 2.3, count)
    return table[None]


@pytest.mark.parametrize("turned_round", [False, True])
@pytest.mark.parametrize("units", ["pixels", "relative"])
@pytest.mark.parametrize("angle", ["radians", "degrees"])
def test_yolo_obb_is_read_as_a_plain_loop_does(angle: Any, units: Any, turned_round: bool) -> None:  # noqa: FBT001
    """Every class above the threshold, suppressed class by class by turned overlap; in either unit, either way round."""
    table = obb_table()
    rows, kinds, scores = [], [], []
    for column in table[0].T:
        for label in range(3):
            if column[4 + label] >= 0.25:
                rows.append(turned.rectangle(*map(float, column[[0, 1, 2, 3, 7]])))
                kinds.append(label)
                scores.append(float(column[4 + label]))
    kept = plain_nms(np.array(rows), np.array(scores), np.array(kinds), 0.45)
    fed = table.copy()
    if units == "relative":
        fed[0, [0, 2]] /= 320
        fed[0, [1, 3]] /= 256
    if angle == "degrees":
        fed[0, 7] = np.rad2deg(fed[0, 7])
    fed = fed.transpose(0, 2, 1) if turned_round else fed
    decoder = YoloObbDecoder(units=units, angle=angle, score_threshold=0.25, iou_threshold=0.45)

    found = decoder.decode({"out": fed}, FRAME)

    inside = [
        k
        for k in kept
        if any(0 < x < 400 and 0 < y < 300 for x, y in (to_image(*p) for p in rows[k]))
    ]
    same(found.quads, [[to_image(*corner) for corner in rows[k]] for k in inside], atol=0.01)
    assert found.labels.tolist() == [kinds[k] for k in inside]
    assert found.scores.tolist() == pytest.approx([scores[k] for k in inside])


def test_rows_of_an_end_to_end_model_are_read_as_they_are() -> None:
    """Centre, size, score, class and angle; class_ids renames, and drops."""
    rows = np.array(
        [
            [
                [100, 90, 50, 20, 0.9, 0, 0.5],
                [150, 120, 40, 30, 0.8, 2, -1.0],
                [60, 60, 20, 10, 0.005, 1, 0],
            ]
        ],
        np.float32,
    )
    found = YoloObbRowsDecoder().decode({"out": rows}, FRAME)
    expected = [
        [to_image(*corner) for corner in turned.rectangle(*map(float, row[[0, 1, 2, 3, 6]]))]
        for row in rows[0, :2]
    ]
    same(found.quads, expected, atol=0.01)
    assert found.labels.tolist() == [0, 2]
    named = YoloObbRowsDecoder(class_ids=(-1, 0, 1)).decode({"out": rows}, FRAME)
    assert named.labels.tolist() == [1]


def test_east_is_read_as_a_plain_loop_does() -> None:
    """Each sure cell's rectangle, by its distances and angle, suppressed by turned overlap."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 0.7, (64, 80)).astype(np.float32)
    shapes = np.zeros((5, 64, 80), np.float32)
    for cx, cy, angle in ((20, 15, 0.3), (50, 40, -0.5)):
        for y in range(cy - 2, cy + 3):
            for x in range(cx - 4, cx + 5):
                scores[y, x] = rng.uniform(0.82, 0.99)
                dx, dy = (x - cx) * 4.0, (y - cy) * 4.0
                along = dx * math.cos(angle) - dy * math.sin(angle)
                down = dx * math.sin(angle) + dy * math.cos(angle)
                shapes[:, y, x] = (20 + down, 40 - along, 20 - down, 40 + along, angle)
    quads, sure = [], []
    for y in range(64):
        for x in range(80):
            if scores[y, x] >= 0.8:
                top, right, bottom, left, angle = map(float, shapes[:, y, x])
                corners = []
                for a, b in ((-left, -top), (right, -top), (right, bottom), (-left, bottom)):
                    corners.append(
                        (
                            x * 4 + a * math.cos(angle) + b * math.sin(angle),
                            y * 4 - a * math.sin(angle) + b * math.cos(angle),
                        )
                    )
                quads.append(corners)
                sure.append(float(scores[y, x]))
    kept = plain_nms(np.array(quads), np.array(sure), np.zeros(len(sure)), 0.2)
    assert len(kept) == 2

    for fed in (
        (scores[None, None], shapes[None]),
        (scores[None, ..., None], shapes.transpose(1, 2, 0)[None]),
    ):
        found = EastDecoder().decode({"shapes": fed[1], "scores": fed[0]}, FRAME)
        same(found.quads, [[to_image(*corner) for corner in quads[k]] for k in kept], atol=0.01)


def slices(seed: int = 0) -> tuple[Any, Any]:
    """Shares of text [1, 16, 20, 20] and shifts [1, 16, 20, 40]: lines, a lone slice, and noise."""
    rng = np.random.default_rng(seed)
    shares = np.zeros((16, 20, 10, 2), np.float32)
    shares[..., 1] = rng.uniform(0, 0.6, (16, 20, 10))
    shifts = rng.normal(0, 0.02, (16, 20, 10, 4)).astype(np.float32)
    for row, columns, anchor in ((3, range(2, 9), 3), (9, range(4, 15), 4), (13, [17], 2)):
        for column in columns:
            shares[row, column, anchor, 1] = rng.uniform(0.93, 0.99)
            shares[row, column, anchor - 1, 1] = 0.75
    return shares.reshape(1, 16, 20, 20), shifts.reshape(1, 16, 20, 40)


ANCHORS = [
    (2, 13),
    (0, 15),
    (-4, 19),
    (-9, 24),
    (-16, 31),
    (-26, 41),
    (-41, 56),
    (-62, 77),
    (-91, 106),
    (-134, 149),
]


def plain_ctpn(shares: Any, shifts: Any) -> list[Any]:  # noqa: C901, PLR0912 - one plain loop
    """Slice by slice and line by line, as the original's lists do."""
    boxes = []
    for y in range(16):
        for x in range(20):
            for a, (top, bottom) in enumerate(ANCHORS):
                score = float(shares[0, y, x, 2 * a + 1])
                if score > 0.7:
                    height = bottom - top + 1
                    move = shifts[0, y, x, 4 * a : 4 * a + 4].astype(float)
                    middle = y * 16 + top + height / 2 + move[1] * height
                    half = math.exp(move[3]) * height / 2
                    low, high = max(0, middle - half), min(256, middle + half)
                    if high - low >= 8:
                        boxes.append((score, x * 16.0, low, x * 16.0 + 16, high))
    for threshold in (0.7, 0.2):
        boxes.sort(key=lambda box: -box[0])
        kept: list[Any] = []
        for box in boxes:

            def iou(other: Any, box: Any = box) -> float:
                wide = min(box[3], other[3]) - max(box[1], other[1])
                high = min(box[4], other[4]) - max(box[2], other[2])
                common = max(wide, 0) * max(high, 0)
                areas = sum((b[3] - b[1]) * (b[4] - b[2]) for b in (box, other))
                return float(common / (areas - common))

            if all(iou(other) <= threshold for other in kept):
                kept.append(box)
        boxes = kept

    def alike(a: Any, b: Any) -> bool:
        heights = a[4] - a[2], b[4] - b[2]
        common = max(0, min(a[4], b[4]) - max(a[2], b[2]))
        return bool(common >= 0.7 * min(heights) and min(heights) >= 0.7 * max(heights))

    def near(index: int, way: int) -> list[int]:
        for step in range(1, 51):
            found = [
                k
                for k, b in enumerate(boxes)
                if b[1] - boxes[index][1] == way * step and alike(boxes[index], b)
            ]
            if found:
                return found
        return []

    following = {}
    for index in range(len(boxes)):
        after = near(index, 1)
        if after:
            best = max(after, key=lambda k: boxes[k][0])
            if boxes[index][0] >= max(boxes[k][0] for k in near(best, -1)):
                following[index] = best
    lines = []
    for first in following:
        if first in following.values():
            continue
        chain = [first]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        own = np.array([boxes[k] for k in chain])
        left, right = own[:, 1].min(), own[:, 3].max()
        ends = np.array([left + 8, right - 8])
        top = np.polyval(np.polyfit(own[:, 1], own[:, 2], 1), ends).min()
        bottom = np.polyval(np.polyfit(own[:, 1], own[:, 4], 1), ends).max()
        score = own[:, 0].mean()
        if right - left > 32 and (right - left) / (bottom - top) > 0.5 and score > 0.9:
            lines.append(
                (
                    score,
                    [
                        to_image(*c)
                        for c in ((left, top), (right, top), (right, bottom), (left, bottom))
                    ],
                )
            )
    lines.sort(key=lambda line: -line[0])
    return [quad for _, quad in lines]


@pytest.mark.parametrize("first", [False, True])
def test_ctpn_joins_slices_as_a_plain_loop_does(first: bool) -> None:  # noqa: FBT001
    """Slices next to each other that are as high become a line; a lone one does not."""
    shares, shifts = slices()
    expected = plain_ctpn(shares, shifts)
    assert len(expected) == 2
    if first:
        shares, shifts = shares.transpose(0, 3, 1, 2), shifts.transpose(0, 3, 1, 2)
    same(CtpnDecoder().decode({"a": shifts, "b": shares}, FRAME).quads, expected, atol=0.01)


OUTPUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "db": (DbDecoder(), {"map": text_map()}),
    "pixel-link": (PixelLinkDecoder(), dict(zip(("text", "links"), linked(), strict=True))),
    "east": (
        EastDecoder(),
        {"s": np.zeros((1, 1, 64, 80), np.float32), "g": np.zeros((1, 5, 64, 80), np.float32)},
    ),
    "ctpn": (CtpnDecoder(), dict(zip(("shares", "shifts"), slices(), strict=True))),
    "yolo-obb": (YoloObbDecoder(), {"out": obb_table()}),
    "yolo-obb-rows": (YoloObbRowsDecoder(), {"out": np.zeros((1, 300, 7), np.float32)}),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_nothing_found_and_nothing_finite(kind: str) -> None:
    """Outputs of zeros give no object, and NaN is refused; other shapes are, by name."""
    decoder, outputs = OUTPUTS[kind]
    empty = {name: np.zeros_like(array) for name, array in outputs.items()}
    assert len(decoder.decode(empty, FRAME)) == 0
    broken = {name: np.full_like(array, np.nan) for name, array in outputs.items()}
    with pytest.raises(DecoderError, match="NaN"):
        decoder.decode(broken, FRAME)
    with pytest.raises(MisfitError, match=rf"decoder {kind} expects .*found the outputs x \[1,3\]"):
        decoder.decode({"x": np.zeros((1, 3), np.float32)}, FRAME)


def test_the_look_at_a_parent_sees_corners_where_they_are() -> None:
    """In pixels of the input, and in fractions of a part of the picture."""
    decoder, outputs = OUTPUTS["yolo-obb"]
    seen = read(decoder, outputs, FRAME)
    found = decoder.decode(outputs, FRAME)
    assert found.quads is not None
    whole = part(seen, (0, 0), FRAME.image)
    assert whole.quads is not None  # type: ignore[union-attr] # detections
    best = whole.quads[0] * np.array(FRAME.image)  # type: ignore[union-attr]
    assert np.abs(best - found.quads[0]).max() < 0.05


def test_angles_in_degrees_are_proposed_where_radians_make_no_sense() -> None:
    """The settings that say what outputs are include the unit of angles."""
    assert [
        each.text
        for each in readings(
            YoloObbDecoder(), lambda other: getattr(other, "angle", "") == "degrees"
        )
    ] == ['{ kind = "yolo-obb", angle = "degrees" }']
