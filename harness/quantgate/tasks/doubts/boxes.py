"""Annotated boxes that would fit the parent's detections better elsewhere: moved, scaled, mirrored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.boxes import extents
from quantgate.core.predictions import Objects
from quantgate.tasks.doubts.doubled import doubled
from quantgate.tasks.doubts.labels import class_doubts, no_better

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison, ImageResult
    from quantgate.core.predictions import Detections

#: Images that are looked at, spread evenly; annotated objects and detections of one image.
_IMAGES, _OBJECTS, _FOUND = 48, 10, 24
_FEWEST = 10
_IOU, _TOUCHES = 0.5, 0.1
#: Another place has to fit so much more objects, absolutely and relatively, to be believed.
_MORE, _TIMES = 0.2, 1.5
#: Classes that a model of a few finds, and how many more are annotated at least.
_FEW, _MANY_MORE = 3, 5
_TRIES, _SEED = 100, 0
#: Share of the parent's surest detections that lie bare in sets that are annotated as people do, at most, and
#: where the parent is sure of all that is annotated; significantly more (one-sided, 5 %) means that some
#: annotations are missing.
_BARE, _LEAST_BARE = 0.15, 0.05
#: Confidence from which a detection is no guess, and of those that meet annotations the quantile (per cent),
#: also that for a parent that misses little.
_SURE, _TOP, _TOP_OF_GOOD = 0.5, 75, 50


@dataclass(frozen=True, slots=True)
class Seen:
    """Boxes in fractions of their image, padded with NaN.

    Parameters
    ----------
    truth, found
        [images, objects, 4] ``xyxy``; found are the best of the parent's.
    truth_labels, found_labels
        [images, objects].
    """

    truth: NDArray[np.float64]
    found: NDArray[np.float64]
    truth_labels: NDArray[np.int64]
    found_labels: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Annotated objects."""
        return int(np.isfinite(self.truth[..., 0]).sum())


def object_doubts(comparison: Comparison[Detections]) -> tuple[str, ...]:
    """Compare the annotated objects with what the parent finds."""
    every = [one for one in comparison.images if isinstance(one.truth, Objects)]
    images = [one for one in every if isinstance(one.truth, Objects) and len(one.truth)]
    if not images or not any(len(one.record.parent) for one in images):
        return ()
    chosen = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, _IMAGES).astype(int))]
    seen = seen_of(chosen)
    if seen.count < _FEWEST:
        return ()
    narrow = tuple(_narrow(images, comparison.labels))
    if narrow:
        return narrow
    return (
        *_elsewhere(seen),
        *_classes(seen, comparison.labels),
        *doubled(images, comparison.labels),
        *_missing(every),
    )


def _narrow(images: Sequence[ImageResult[Detections]], labels: Sequence[str]) -> Iterator[str]:
    """A model of a few classes on annotations of many: what it does not know counts as missed."""
    found = {int(label) for one in images for label in np.unique(one.record.parent.labels)}
    annotated = np.concatenate(
        [one.truth.labels for one in images if isinstance(one.truth, Objects)]
    )
    kinds = len(set(annotated.tolist()))
    others = float((~np.isin(annotated, list(found))).mean())
    if len(found) <= _FEW and kinds >= len(found) + _MANY_MORE and others > _BARE:
        names = ", ".join(repr(labels[k]) if k < len(labels) else str(k) for k in sorted(found))
        yield (
            f"the parent never finds anything but {names}, where {kinds} classes are annotated: if it "
            "knows no others, choose those that it knows by datasets.NAME.classes"
        )


def seen_of(images: Sequence[ImageResult[Detections]]) -> Seen:
    """Largest annotated objects and best detections of images that have some."""
    truth, found, truth_labels, found_labels = [], [], [], []
    for image in images:
        assert isinstance(image.truth, Objects)
        sides = np.array([*image.size, *image.size], np.float64)
        counted = np.flatnonzero(~image.truth.crowd)
        # The largest: what is small moves out of its own box by any slip.
        order = counted[np.argsort(-image.truth.areas[counted], kind="stable")][:_OBJECTS]
        best = slice(0, min(2 * len(counted) + 2, _FOUND))
        truth.append(_outlines(image)[order] / sides)
        truth_labels.append(image.truth.labels[order])
        found.append(image.record.parent.boxes[best] / sides)
        found_labels.append(image.record.parent.labels[best])
    return Seen(
        _padded(truth), _padded(found), _padded_ids(truth_labels), _padded_ids(found_labels)
    )


def _outlines(image: ImageResult[Detections]) -> NDArray[np.float32]:
    """Annotated boxes, [n, 4]; those around annotated key points, where that is what the parent's are, too."""
    truth, found = image.truth, image.record.parent
    assert isinstance(truth, Objects)
    if truth.points is None or found.points is None or not len(found):
        return truth.boxes
    if not np.allclose(extents(found.points[..., :2], image.size), found.boxes, atol=0.5):
        return truth.boxes
    known = truth.points[..., 2] > 0
    around = extents(truth.points[..., :2], image.size, known)
    bare = ~np.asarray(known.any(axis=1))
    around[bare] = truth.boxes[bare]
    return around


def _padded(listed: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    table = np.full((len(listed), max(1, *map(len, listed)), 4), np.nan)
    for row, boxes in zip(table, listed, strict=True):
        row[: len(boxes)] = boxes
    return table


def _padded_ids(listed: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    table = np.full((len(listed), max(1, *map(len, listed))), -1, np.int64)
    for row, labels in zip(table, listed, strict=True):
        row[: len(labels)] = labels
    return table


def _overlaps(truth: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU [images, truth, found]; 0 where there is none."""
    a, b = truth[:, :, None], found[:, None]
    shared = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    inter = np.clip(shared, 0, None).prod(axis=-1)
    areas = [np.clip(side[..., 2:] - side[..., :2], 0, None).prod(axis=-1) for side in (a, b)]
    union = areas[0] + areas[1] - inter
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.where(union > 0, inter / union, 0.0))


def hits(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Share of annotated boxes, of two arrays [images, n, 4], on which the parent finds something."""
    count = int(np.isfinite(truth[..., 0]).sum())
    return float((_overlaps(truth, found).max(axis=2) >= _IOU).sum() / max(1, count))


def _elsewhere(seen: Seen) -> Iterator[str]:
    own = hits(seen.truth, seen.found)
    wanted = max(own + _MORE, own * _TIMES)
    for said, truth in _other_places(seen):
        share = hits(truth, seen.found)
        if share >= wanted:
            yield (
                f"the parent finds something on {own:.0%} of {seen.count} annotated boxes, and on "
                f"{share:.0%} if these are {said}: are the annotations of the images as they are read?"
            )
            return
    moved, share = _moved(seen)
    if share >= wanted:
        yield (
            f"the parent finds something on {own:.0%} of {seen.count} annotated boxes, and on "
            f"{share:.0%} if they are moved: x = {_affine(moved[0::2], 'x')}, y = "
            f"{_affine(moved[1::2], 'y')} in fractions of the image: are the annotations of the images "
            "as they are read?"
        )
        return
    chance = _chance(seen)
    if no_better(own, chance):
        yield (
            f"the parent finds something on {own:.0%} of {seen.count} annotated boxes, and on "
            f"{chance:.0%} of those of other images: are the annotations of these images, and is the "
            "parent fed as it was trained (colour, mean, scale, layout, decoder)?"
        )


def _chance(seen: Seen) -> float:
    steps = range(1, min(6, len(seen.truth)))
    return float(
        np.mean([hits(np.roll(seen.truth, k, axis=0), seen.found) for k in steps] or [0.0])
    )


def _other_places(seen: Seen) -> Iterator[tuple[str, NDArray[np.float64]]]:
    x0, y0, x1, y1 = np.moveaxis(seen.truth, -1, 0)
    yield "mirrored", np.stack([1 - x1, y0, 1 - x0, y1], axis=-1)
    yield "upside down", np.stack([x0, 1 - y1, x1, 1 - y0], axis=-1)
    yield "turned by 180°", np.stack([1 - x1, 1 - y1, 1 - x0, 1 - y0], axis=-1)
    yield "turned by 90° clockwise", np.stack([1 - y1, x0, 1 - y0, x1], axis=-1)
    yield "turned by 90° counter-clockwise", np.stack([y0, 1 - x1, y1, 1 - x0], axis=-1)
    yield "read with x and y exchanged", np.stack([y0, x0, y1, x1], axis=-1)
    for step, which in ((1, "previous"), (-1, "next")):
        yield f"taken from the {which} image", np.roll(seen.truth, step, axis=0)


def _moved(seen: Seen) -> tuple[NDArray[np.float64], float]:
    """Scale and offset ``(ax, ay, bx, by)`` that fit best, each taken from one pair of boxes."""
    image, first, second = np.nonzero(
        np.isfinite(seen.truth[:, :, None, 0]) & np.isfinite(seen.found[:, None, :, 0])
    )
    rng = np.random.default_rng(_SEED)
    chosen = rng.permutation(len(image))[:_TRIES]
    best, most = np.array([1.0, 1.0, 0.0, 0.0]), 0.0
    for i in chosen.tolist():
        truth, found = seen.truth[image[i], first[i]], seen.found[image[i], second[i]]
        sides = truth[2:] - truth[:2]
        if (sides <= 0).any():
            continue
        for scale in ((found[2:] - found[:2]) / sides, np.ones(2)):
            # The centres meet: boxes of a weak parent are of another size.
            offset = (found[:2] + found[2:] - scale * (truth[:2] + truth[2:])) / 2
            share = hits(seen.truth * np.tile(scale, 2) + np.tile(offset, 2), seen.found)
            if share > most:
                best, most = np.array([*scale, *offset]), share
    return best, most


def _affine(numbers: NDArray[np.float64], name: str) -> str:
    scale, offset = numbers.tolist()
    return f"{scale:.2f}·{name} {'+' if offset >= 0 else '−'} {abs(offset):.2f}"


def _classes(seen: Seen, labels: Sequence[str]) -> Iterator[str]:
    iou = _overlaps(seen.truth, seen.found)
    at = iou.argmax(axis=2)
    fits = iou.max(axis=2) >= _IOU
    found = np.take_along_axis(seen.found_labels, at, axis=1)
    yield from class_doubts(seen.truth_labels[fits], found[fits], labels)


def _missing(images: Sequence[ImageResult[Detections]]) -> Iterator[str]:
    """Sure detections where nothing at all is annotated, crowds included."""
    scores: list[NDArray[np.float32]] = []
    best: list[NDArray[np.float64]] = []
    met: list[NDArray[np.bool_]] = []
    for image in images:
        assert isinstance(image.truth, Objects)
        found = image.record.parent
        iou = _overlaps(
            found.boxes[None].astype(np.float64), image.truth.boxes[None].astype(np.float64)
        )[0]
        scores.append(found.scores)
        best.append(iou.max(axis=1, initial=0.0))
        sure_of = iou[found.scores >= _SURE].max(axis=0, initial=0.0) >= _IOU
        met.append(sure_of[~image.truth.crowd])
    score, overlap = np.concatenate(scores), np.concatenate(best)
    hit = overlap >= _IOU
    if hit.sum() < _FEWEST:
        return
    # A parent that is sure of all that is annotated does not invent much beside it.
    counted = np.concatenate(met)
    missed = 1 - float(counted.mean()) if len(counted) else 1.0
    usual, top = (max(missed, _LEAST_BARE), _TOP_OF_GOOD) if missed < _BARE else (_BARE, _TOP)
    sure = score >= max(_SURE, float(np.percentile(score[hit], top)))
    n = max(1, int(sure.sum()))
    bare = float((overlap[sure] < _TOUCHES).mean()) if n >= _FEWEST else 0.0
    if bare > usual + 1.645 * math.sqrt(usual * (1 - usual) / n):
        yield (
            f"{bare:.0%} of the parent's {int(sure.sum())} surest detections lie where nothing is "
            "annotated: are annotations missing?"
        )
