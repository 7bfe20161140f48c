"""Turned boxes drawn at random, and the obvious loops over them: overlap, average precision, ICDAR's matching."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.boxes import extents
from quantgate.core.predictions import Detections, Objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Point = tuple[float, float]
SIZE = (400, 300)


def rectangle(*numbers: float) -> list[Point]:
    """Corners of a rectangle of centre, width, height and angle, clockwise on a screen."""
    cx, cy, width, height, angle = numbers
    cos, sin = math.cos(angle), math.sin(angle)
    half = [
        (-width / 2, -height / 2),
        (width / 2, -height / 2),
        (width / 2, height / 2),
        (-width / 2, height / 2),
    ]
    return [(cx + x * cos - y * sin, cy + x * sin + y * cos) for x, y in half]


def area(polygon: Sequence[Point]) -> float:
    """Shoelace, corner by corner."""
    ends = [*polygon[1:], *polygon[:1]]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, ends, strict=True)) / 2


def clipped(polygon: Sequence[Point], other: Sequence[Point]) -> list[Point]:
    """Cut a convex polygon by every side of another (Sutherland and Hodgman 1974), both clockwise on a screen."""
    found = list(polygon)
    for begin, end in zip(other, [*other[1:], *other[:1]], strict=True):

        def inside(p: Point, a: Point = begin, b: Point = end) -> float:
            return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])

        kept: list[Point] = []
        for p, q in zip(found, [*found[1:], *found[:1]], strict=True):
            here, there = inside(p), inside(q)
            if here >= 0:
                kept.append(p)
            if (here > 0 > there) or (here < 0 < there):
                share = here / (here - there)
                kept.append((p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1])))
        found = kept
    return found


def shared(first: Sequence[Point], second: Sequence[Point]) -> float:
    """Common area of two convex polygons."""
    common = clipped(first, second)
    return area(common) if len(common) > 2 else 0.0


def overlap(first: Sequence[Point], second: Sequence[Point]) -> float:
    """Intersection over union of two convex polygons."""
    common = shared(first, second)
    return common / (area(first) + area(second) - common)


def corners(quad: NDArray[np.floating]) -> list[Point]:
    """A row of an array as a list of points."""
    return [(float(x), float(y)) for x, y in quad]


def detections(
    quads: Sequence[Sequence[Point]], scores: Sequence[float], labels: Sequence[int] | None = None
) -> Detections:
    """What a model found, the surest first."""
    order = np.argsort(-np.array(scores, np.float64), kind="stable")
    found = np.array(quads, np.float32).reshape(-1, 4, 2)[order]
    kinds = np.array(labels if labels is not None else [0] * len(scores), np.int64)[order]
    boxes = extents(found, SIZE)
    return Detections(boxes, np.array(scores, np.float32)[order], kinds, quads=found)


def objects(
    quads: Sequence[Sequence[Point]],
    labels: Sequence[int] | None = None,
    aside: Sequence[bool] | None = None,
) -> Objects:
    """What is annotated."""
    known = np.array(quads, np.float32).reshape(-1, 4, 2)
    n = len(known)
    return Objects(
        extents(known, SIZE),
        np.array(labels if labels is not None else [0] * n, np.int64),
        np.array(aside if aside is not None else [False] * n, np.bool_),
        np.array([abs(area(corners(quad))) for quad in known], np.float32),
        quads=known,
    )


def annotated(found: Detections, aside: Sequence[bool] | None = None) -> Objects:
    """Annotate what was found."""
    assert found.quads is not None
    return objects([corners(quad) for quad in found.quads], found.labels.tolist(), aside)


def scene(seed: int, classes: int = 2) -> tuple[Objects, Detections]:
    """Draw turned boxes, some of which do not count, and what a fair model would find of them."""
    rng = np.random.default_rng(seed)
    known: list[Any] = []
    found: list[Any] = []
    for _ in range(int(rng.integers(3, 9))):
        numbers = [
            *rng.uniform((60, 60), (340, 240)),
            *rng.uniform((30, 12), (90, 40)),
            rng.uniform(-3, 3),
        ]
        label, aside = int(rng.integers(classes)), bool(rng.random() < 0.2)
        known.append((rectangle(*numbers), label, aside))
        for _ in range(int(rng.integers(0, 3))):
            moved = np.array(numbers) + rng.normal(0, (3, 3, 5, 3, 0.1))
            guessed = label if rng.random() < 0.9 else int(rng.integers(classes))
            found.append((rectangle(*moved), float(rng.uniform(0.05, 1)), guessed))
    for _ in range(2):
        numbers = [
            *rng.uniform((60, 60), (340, 240)),
            *rng.uniform((30, 12), (90, 40)),
            rng.uniform(-3, 3),
        ]
        found.append((rectangle(*numbers), float(rng.uniform(0.05, 1)), int(rng.integers(classes))))
    truth = objects([q for q, *_ in known], [k for _, k, _ in known], [a for *_, a in known])
    return truth, detections(
        [q for q, *_ in found], [s for _, s, _ in found], [k for *_, k in found]
    )


def dota_ap(images: Sequence[tuple[Objects, Detections]], label: int, threshold: float) -> float:
    """Average precision of one class as DOTA's evaluation walks: the best object of each detection, once."""
    rows = sorted(
        (
            (-float(found.scores[d]), i, d)
            for i, (_, found) in enumerate(images)
            for d in range(len(found))
            if found.labels[d] == label
        ),
    )
    positives = sum(
        int(truth.labels[g] == label and not truth.crowd[g])
        for truth, _ in images
        for g in range(len(truth))
    )
    taken: set[tuple[int, int]] = set()
    right = wrong = 0
    curve = [(0.0, 0.0)]
    for _, i, d in rows:
        truth, found = images[i]
        assert truth.quads is not None
        assert found.quads is not None
        best, at = -1.0, -1
        for g in range(len(truth)):
            if truth.labels[g] == label:
                value = overlap(corners(found.quads[d]), corners(truth.quads[g]))
                if value > best:
                    best, at = value, g
        if best >= threshold and truth.crowd[at]:
            continue
        if best >= threshold and (i, at) not in taken:
            taken.add((i, at))
            right += 1
        else:
            wrong += 1
        curve.append((right / positives, right / (right + wrong)))
    total = 0.0
    for k in range(1, len(curve)):
        envelope = max(precision for _, precision in curve[k:])
        total += (curve[k][0] - curve[k - 1][0]) * envelope
    return total


def icdar(images: Sequence[tuple[Objects, Detections]]) -> tuple[int, int, int]:
    """Right, annotated and found regions as ICDAR's script counts them."""
    right = annotated = counted = 0
    for truth, found in images:
        assert truth.quads is not None
        assert found.quads is not None
        known = [corners(q) for q in truth.quads]
        seen = [corners(q) for q in found.quads]
        aside = {
            d
            for d, quad in enumerate(seen)
            if any(
                truth.crowd[g] and shared(quad, own) / area(quad) > 0.5
                for g, own in enumerate(known)
            )
        }
        used: set[int] = set()
        for g, own in enumerate(known):
            if truth.crowd[g]:
                continue
            annotated += 1
            for d, quad in enumerate(seen):
                same = truth.labels[g] == found.labels[d]
                if d not in used and d not in aside and same and overlap(own, quad) > 0.5:
                    used.add(d)
                    right += 1
                    break
        counted += len(seen) - len(aside)
    return right, annotated, counted
