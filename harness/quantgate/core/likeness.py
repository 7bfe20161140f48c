"""How alike two predictions are, and how well one fits the truth: 0 nothing, 1 the same."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quantgate.core.boxes import assign, box_iou
from quantgate.core.dense import reference_pixels
from quantgate.core.heads_alike import facts_fit, heads_alike
from quantgate.core.oks import oks_of_roles, oks_with_truth
from quantgate.core.predictions import (
    IGNORED,
    Attributes,
    ClassLabel,
    ClassScores,
    DenseMap,
    Detections,
    Embedding,
    Facts,
    LabelMap,
    Objects,
    Rendering,
    Transcript,
)
from quantgate.core.quads import quad_ioa, quad_iou
from quantgate.core.text import matching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from quantgate.core.predictions import Prediction, Truth


class Measure(NamedTuple):
    """What tells a good feeding from a bad one: its name, what is suspicious, what is a gain."""

    name: str
    suspicious_below: float
    least_gain: float


#: Objects below this score say nothing about what a model sees.
LEAST_SCORE = 0.25
_LEAST_IOU = 0.5


def likeness(first: Prediction, second: Prediction) -> float:
    """Compare two predictions in one frame; NaN where neither says anything.

    Scores of classes by their Bhattacharyya coefficient, objects by the share of their scores that
    is matched (same class, IoU of one half, of quadrilaterals where there are some), class maps by their mean IoU,
    pictures and maps of numbers by correlation, texts by their common letters, vectors by their cosine, attributes
    head by head.
    """
    measure = _ALIKE.get(type(first)) if type(first) is type(second) else None
    return math.nan if measure is None else measure(first, second)


def sure(found: Detections) -> Detections:
    """Only the objects whose score says something."""
    return found.take(np.flatnonzero(found.scores >= LEAST_SCORE))


def fitness(prediction: Prediction, truth: Truth | None) -> float:
    """Tell how well a prediction fits its truth, higher is better; NaN where nothing is annotated.

    Root of the annotated class's share (its Bhattacharyya coefficient with the truth); twice the
    matched scores over all scores and objects (a soft F1, by OKS where there are key points); mean IoU of
    the classes; PSNR in dB; share of common letters; correlation of maps of numbers; mean over the annotated
    attributes.
    """
    kind, measure = _FITS.get(type(prediction), (None, None))
    return measure(prediction, truth) if kind and measure and isinstance(truth, kind) else math.nan


def pairs(
    first: Detections, second: Detections, *, classes: bool = True
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Match objects of IoU (of key points: OKS) one half, one to one; of one class unless ``classes`` is false.

    Returns the indices of each pair, [pairs] twice.
    """
    iou = box_iou(first.boxes, second.boxes)
    if first.quads is not None and second.quads is not None:
        iou = quad_iou(first.quads, second.quads)
    if first.points is not None and second.points is not None:
        iou = oks_of_roles(first, second)
    allowed = iou >= _LEAST_IOU
    if classes:
        allowed &= first.labels[:, None] == second.labels[None, :]
    return assign(np.where(allowed, iou, 0.0))


def _of_scores(first: ClassScores, second: ClassScores) -> float:
    a, b = (np.clip(each.scores.astype(np.float64), 0, None) for each in (first, second))
    total = float(a.sum() * b.sum())
    return float(np.sqrt(a * b).sum()) / math.sqrt(total) if total else math.nan


def _of_texts(first: Transcript, second: Transcript) -> float:
    return matching(first.text, second.text) if first.text or second.text else math.nan


def _scores_fit(prediction: ClassScores, truth: ClassLabel) -> float:
    scores = prediction.scores.astype(np.float64)
    known = 0 <= truth.label < len(scores)
    return math.sqrt(max(0.0, float(scores[truth.label]))) if known else 0.0


def _objects_fit(prediction: Detections, truth: Objects) -> float:
    pointed = truth.points is not None and prediction.points is not None
    return (_pointed_f1 if pointed else _soft_f1)(sure(prediction), truth)


def _maps_fit(prediction: LabelMap, truth: LabelMap) -> float:
    counted_pixels = truth.labels != IGNORED
    return _of_maps(prediction.labels[counted_pixels], truth.labels[counted_pixels])


def _of_objects(first: Detections, second: Detections) -> float:
    total = float(first.scores.sum() + second.scores.sum())
    if not total:
        return math.nan
    if not len(first) or not len(second):
        return 0.0
    rows, columns = pairs(first, second)
    return float(first.scores[rows].sum() + second.scores[columns].sum()) / total


def _soft_f1(found: Detections, truth: Objects) -> float:
    counted = np.flatnonzero(~truth.crowd)
    quads = None
    if found.quads is not None and truth.quads is not None:
        quads = truth.quads[counted]
        # Text that nobody can read is found as well as any other: that is no fault.
        aside = quad_ioa(found.quads, truth.quads[truth.crowd]) > _LEAST_IOU
        found = found.take(np.flatnonzero(~aside.any(axis=1)))
    annotated = Detections(
        truth.boxes[counted],
        np.ones(len(counted), np.float32),
        truth.labels[counted],
        quads=quads,
    )
    total = float(found.scores.sum()) + len(annotated)
    if not total:
        return math.nan
    if not len(found) or not len(annotated):
        return 0.0
    return 2 * float(found.scores[pairs(found, annotated)[0]].sum()) / total


def _pointed_f1(found: Detections, truth: Objects) -> float:
    """Soft F1 by OKS, of all objects in place: what is set aside counts neither for nor against."""
    counted = np.flatnonzero(~truth.aside)
    total = float(found.scores.sum()) + len(counted)
    if not total or not len(counted):
        return math.nan
    if not len(found):
        return 0.0
    near = oks_with_truth(found, truth)
    rows, _ = assign(np.where(near[:, counted] >= _LEAST_IOU, near[:, counted], 0.0))
    beside = set(np.nonzero(near[:, truth.aside] >= _LEAST_IOU)[0].tolist()) - set(rows.tolist())
    total -= float(found.scores[sorted(beside)].sum())
    return 2 * float(found.scores[rows].sum()) / total


def _of_maps(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    if first.shape != second.shape or not first.size:
        return math.nan
    values = []
    for label in np.union1d(np.unique(first), np.unique(second)):
        one, other = first == label, second == label
        values.append(float((one & other).sum() / (one | other).sum()))
    return float(np.mean(values))


def _psnr_db(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    if first.shape != second.shape:
        return math.nan
    mse = float(np.square(first - second).mean())
    return -10 * math.log10(max(mse, 1e-3) / 255**2)


def _numbers_fit(prediction: DenseMap, truth: DenseMap) -> float:
    """Correlation where the truth is known, in the numbers that the model gives."""
    wanted = truth.values
    if prediction.values.shape != wanted.shape:
        return math.nan
    own, aim = reference_pixels(prediction.values, wanted, inverse=prediction.inverse)
    if not len(own):
        return math.nan
    return _correlation(own, 1 / aim if prediction.inverse else aim)


def _correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    if first.shape != second.shape:
        return math.nan
    a, b = (each.astype(np.float64).ravel() - float(each.mean()) for each in (first, second))
    return _cosine(a, b)


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if a.shape != b.shape:
        return math.nan
    power = float(np.square(a).sum() * np.square(b).sum())
    return float(np.multiply(a, b).sum()) / math.sqrt(power) if power else math.nan


#: What compares two predictions of a kind.
_ALIKE: Mapping[type, Callable[[Any, Any], float]] = MappingProxyType(
    {
        ClassScores: _of_scores,
        Detections: lambda one, other: _of_objects(sure(one), sure(other)),
        LabelMap: lambda one, other: _of_maps(one.labels, other.labels),
        Rendering: lambda one, other: _correlation(one.pixels, other.pixels),
        DenseMap: lambda one, other: _correlation(one.values, other.values),
        Transcript: _of_texts,
        Embedding: lambda one, other: _cosine(
            *(each.vector.astype(np.float64) for each in (one, other))
        ),
        Attributes: heads_alike,
    }
)
#: By kind of prediction: its truth's kind, and what compares them.
_FITS: Mapping[type, tuple[type, Callable[[Any, Any], float]]] = MappingProxyType(
    {
        ClassScores: (ClassLabel, _scores_fit),
        Detections: (Objects, _objects_fit),
        LabelMap: (LabelMap, _maps_fit),
        Rendering: (Rendering, lambda found, truth: _psnr_db(found.pixels, truth.pixels)),
        DenseMap: (DenseMap, _numbers_fit),
        Transcript: (Transcript, lambda found, truth: matching(found.text, truth.text)),
        Attributes: (Facts, facts_fit),
    }
)
