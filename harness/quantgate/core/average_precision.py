"""Average precision from matches that were made once per image, so that images can be resampled.

COCO's rules (Lin et al., *Microsoft COCO*, 2014; the evaluation code of cocodataset.org) and
Pascal VOC's (Everingham et al., *The Pascal Visual Object Classes Challenge*, IJCV 2010).
Annotated regions marked as crowd (COCO) or difficult (VOC) count neither for nor against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: ``coco``: 101 recall points; ``voc11``: 11 points; ``voc``: area under the whole curve.
Interpolation = Literal["coco", "voc", "voc11"]
COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
#: Best detections an image and class that COCO looks at.
COCO_MOST = 100
_RECALL_STEPS = {"coco": 100, "voc11": 10}
# Cells of a block of resamples: what is computed of one stays in the processor's cache.
_BLOCK = 200_000


@dataclass(frozen=True, slots=True)
class ImageFlags:
    """What became of the detections of one class on one image, best score first.

    Parameters
    ----------
    scores
        [d].
    hit, ignored
        [thresholds, d]: matched to an annotated object; matched to a region that does not count.
    positives
        Annotated objects that count.
    """

    scores: NDArray[np.float32]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    positives: int


@dataclass(frozen=True, slots=True)
class ClassFlags:
    """The same over all images, sorted by score; ``image`` [d] says whose detection it is."""

    image: NDArray[np.int64]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    positives: NDArray[np.int64]

    @property
    def work(self) -> int:
        """Cells that one resample has to touch."""
        return self.image.size + int(self.hit.sum())


def assign_greedily(
    overlap: NDArray[np.float64],
    aside: NDArray[np.bool_],
    thresholds: Sequence[float],
    *,
    rivals: bool = True,
    shared: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Give each detection, best score first, the annotated object that it overlaps most.

    Parameters
    ----------
    overlap
        [detections, objects], detections by score.
    aside
        [objects]: does not count; can be taken only by detections that fit no object that counts.
    rivals
        COCO: an object already taken leaves the second best (True); VOC: it makes the detection
        false (False).
    shared
        [objects]: can be taken by any number of detections; by default all that is set aside.

    Returns
    -------
    ndarray
        Index of the object, [thresholds, detections]; -1 for none. Among equal overlaps COCO
        takes the last object, VOC the first.
    """
    matched = np.full((len(thresholds), len(overlap)), -1, np.int64)
    if overlap.size == 0:
        return matched
    floor, many = min(thresholds), aside if shared is None else shared
    choices: list[tuple[int, list[tuple[float, int]]]] = []
    for d in np.flatnonzero(overlap.max(axis=1) >= floor).tolist():
        fitting = np.flatnonzero(overlap[d] >= floor)
        choices.append((d, _ranked(overlap[d], fitting, aside, rivals=rivals)))
    for t, threshold in enumerate(thresholds):
        taken: set[int] = set()
        for d, ranked in choices:
            for value, g in ranked:
                if value >= threshold and g not in taken:
                    matched[t, d] = g
                    if not many[g]:
                        taken.add(g)
                    break
    return matched


def _ranked(
    row: NDArray[np.float64],
    fitting: NDArray[np.int64],
    aside: NDArray[np.bool_],
    *,
    rivals: bool,
) -> list[tuple[float, int]]:
    if not rivals:
        best = int(row.argmax())
        return [(float(row[best]), best)]
    order = sorted(fitting.tolist(), key=lambda g: (bool(aside[g]), -row[g], -g))
    return [(float(row[g]), g) for g in order]


def flag(
    scores: NDArray[np.float32],
    matched: NDArray[np.int64],
    aside: NDArray[np.bool_],
) -> ImageFlags:
    """Turn scores [n] and the result of :func:`assign_greedily`, [n] each, into flags."""
    found = matched >= 0
    counted = np.append(aside, False)[matched]
    return ImageFlags(scores, found & ~counted, found & counted, int((~aside).sum()))


def merge(images: Sequence[tuple[int, ImageFlags]], n: int, thresholds: int) -> ClassFlags:
    """Join the flags of one class over ``n`` images; images not listed hold nothing of it."""
    positives = np.zeros(n, np.int64)
    for index, flags in images:
        positives[index] = flags.positives
    if not images:
        empty = np.zeros((thresholds, 0), np.bool_)
        return ClassFlags(np.zeros(0, np.int64), empty, empty, positives)
    scores = np.concatenate([flags.scores for _, flags in images])
    order = np.argsort(-scores, kind="stable")
    image = np.repeat([index for index, _ in images], [len(f.scores) for _, f in images])
    hit = np.concatenate([flags.hit for _, flags in images], axis=1)[:, order]
    ignored = np.concatenate([flags.ignored for _, flags in images], axis=1)[:, order]
    # Behind the last hit nothing can change the curve.
    last = int(np.flatnonzero(hit.any(axis=0))[-1]) + 1 if hit.any() else 0
    return ClassFlags(
        image[order][:last].astype(np.int64), hit[:, :last], ignored[:, :last], positives
    )


def average_precision(
    flags: ClassFlags, weights: NDArray[np.int32], interpolation: Interpolation = "coco"
) -> NDArray[np.float64]:
    """Average precision of one class, mean over the thresholds, of every resample.

    Parameters
    ----------
    weights
        [resamples, images]: how often an image counts; a row of ones is the set itself.

    Returns
    -------
    ndarray
        [resamples]; NaN where a resample holds no annotated object of the class.
    """
    positives = (weights @ flags.positives).astype(np.float64)
    total = np.zeros(len(weights))
    step = max(1, _BLOCK // max(1, flags.image.size))
    for start in range(0, len(weights), step):
        block = slice(start, start + step)
        total[block] = _block(flags, weights[block], positives[block], interpolation)
    return np.where(positives > 0, total / len(flags.hit), np.nan)


def _block(
    flags: ClassFlags,
    weights: NDArray[np.int32],
    positives: NDArray[np.float64],
    interpolation: Interpolation,
) -> NDArray[np.float64]:
    drawn = weights[:, flags.image]
    seen = np.cumsum(drawn, axis=1, dtype=np.int32)
    divisor = np.maximum(positives, 1)[:, None]
    total = np.zeros(len(weights))
    for hit, ignored in zip(flags.hit, flags.ignored, strict=True):
        at = np.flatnonzero(hit)
        if len(at) == 0:
            continue
        true = np.cumsum(drawn[:, at], axis=1, dtype=np.int32)
        counted = seen[:, at]
        aside = np.flatnonzero(ignored)
        if len(aside):
            skipped = np.cumsum(drawn[:, aside], axis=1, dtype=np.int32)
            before = np.searchsorted(aside, at)
            counted = counted - np.where(before > 0, skipped[:, np.maximum(before - 1, 0)], 0)
        precision = true / np.maximum(counted, 1)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        total += (envelope * _recall_shares(true / divisor, interpolation)).sum(axis=1)
    return total


def _recall_shares(
    recall: NDArray[np.float64], interpolation: Interpolation
) -> NDArray[np.float64]:
    """How much of the curve each hit accounts for: recall gained, or recall points passed."""
    steps = _RECALL_STEPS.get(interpolation)
    if steps is None:
        return np.diff(recall, axis=1, prepend=0.0)
    # COCO compares in floating point, where 0.28 falls short of the 28th of its recall points.
    points = np.linspace(0.0, 1.0, steps + 1)
    passed = np.floor(steps * recall + 1e-9)
    passed -= points[passed.astype(np.int64)] > recall
    shares: NDArray[np.float64] = np.diff(passed, axis=1, prepend=-1.0) / (steps + 1)
    return shares
