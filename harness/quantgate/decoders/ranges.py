"""What every decoder's answers have to be like, and what is said where they are not.

A decoder promises scores in 0..1, boxes in or near the picture, classes that the labels name, and
pictures of 0..255. Answers outside mean that the outputs are something else than the decoder takes
them for: key points read as scores, fractions read as pixels, logits read as shares.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from quantgate.core.heads import spans
from quantgate.core.predictions import (
    IGNORED,
    Attributes,
    ClassScores,
    Detections,
    LabelMap,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Prediction

What: TypeAlias = Literal["scores", "boxes", "classes", "picture", "crowd", "blank", "numbers"]

#: How far around the picture boxes are looked for, in pictures: fractions read as pixels of a
#: picture, or pixels read as fractions, lie inside.
_AROUND = 1100
_AROUND_MASKS = 2
_ROUNDING = 1e-3
#: Objects of an image that are looked at: the surest.
_SUREST = 10
_FEWEST = 3
_LEAST_SCORE = 0.1
#: Share of boxes that may lie outside of the picture, and how far their centres may be.
_OUTSIDE, _MARGIN = 0.5, 0.25
#: A box of this many input pixels from the corner is a fraction that was taken for pixels.
_CORNER_PX = 2.0
_FULL = 0.5
#: Shares this near to nothing and to all of a pixel are cut ones.
_END = 0.02
#: Steps of text below which nothing is said, and shares of them that are blank.
_FEWEST_STEPS, _HARDLY, _MANY = 40, 0.05, 0.3


@dataclass(frozen=True, slots=True)
class Misreading:
    """One promise that a decoder's answers break.

    Parameters
    ----------
    what
        Which promise.
    sentence
        What was found and expected, without a full stop.
    """

    what: What
    sentence: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What limits the answers of one entry.

    Parameters
    ----------
    labels
        How many class names the dataset has; 0 where nothing names them or more may follow.
    most
        Objects that the decoder keeps an image; None where it decodes none.
    """

    labels: int = 0
    most: int | None = None


def blank_elsewhere(chosen: NDArray[np.int64], blank: int, other: int) -> list[Misreading]:
    """Whether what is read as a symbol is CTC's blank: the best of many steps, as the blank of hardly any.

    Parameters
    ----------
    chosen
        Best channel of each step, [steps], of all images.
    blank, other
        The channel that is read as the blank, and that at the other end.
    """
    shares = [
        float((chosen == channel).mean()) if len(chosen) else 0.0 for channel in (blank, other)
    ]
    if len(chosen) < _FEWEST_STEPS or shares[0] > _HARDLY or shares[1] < _MANY:
        return []
    sentence = (
        f"channel {blank}, read as the blank, is the best of {shares[0]:.0%} of all steps, and channel {other} of "
        f"{shares[1]:.0%}"
    )
    return [Misreading("blank", sentence)]


def around(frame: Frame, *, masks: bool = False) -> Frame:
    """Give a frame in input pixels that keeps what lies far around the picture.

    Boxes are clipped to the image they are mapped to: in this one, boxes that do not belong to the
    picture stay visible. :func:`in_input` maps its boxes to input pixels.
    """
    width, height = frame.model
    times = _AROUND_MASKS if masks else _AROUND
    size = ((2 * times + 1) * width, (2 * times + 1) * height)
    return replace(
        frame,
        image=size,
        scale=(1.0, 1.0),
        offset=(-float(times * width), -float(times * height)),
    )


def in_input(boxes: NDArray[np.float32], wide: Frame) -> NDArray[np.float64]:
    """Boxes [n, 4] of :func:`around` in input pixels."""
    return np.asarray(boxes.astype(np.float64) + np.array([*wide.offset, *wide.offset]))


def misreadings(
    predictions: Sequence[Prediction], size: tuple[int, int], expected: Expected
) -> tuple[Misreading, ...]:
    """Tell which promises the answers for some images break.

    Parameters
    ----------
    predictions
        Of a model with an input of ``size``; boxes in input pixels, not clipped.
    """
    objects = [found for found in predictions if isinstance(found, Detections)]
    if objects:
        return tuple(_of_objects(objects, size, expected))
    first = {said.what: said for each in reversed(predictions) for said in _of_one(each, expected)}
    return tuple(first.values())


def _of_one(prediction: Prediction, expected: Expected) -> list[Misreading]:
    if isinstance(prediction, ClassScores):
        return _outside_unit(prediction.scores)
    if isinstance(prediction, LabelMap):
        known = prediction.labels[prediction.labels != IGNORED]
        return _unknown(known, expected)
    if isinstance(prediction, Attributes):
        return _of_heads(prediction)
    return []


def _outside_unit(scores: NDArray[np.float32]) -> list[Misreading]:
    if not scores.size:
        return []
    low, high = float(scores.min()), float(scores.max())
    if low >= -_ROUNDING and high <= 1 + _ROUNDING:
        return []
    return [Misreading("scores", f"scores run from {low:.3g} to {high:.3g}, expected 0 to 1")]


def _of_heads(prediction: Attributes) -> list[Misreading]:
    """The first head whose shares are none."""
    for head, span in zip(prediction.heads, spans(prediction.heads), strict=True):
        if head.kind != "value" and (said := _outside_unit(prediction.values[span])):
            return [
                replace(
                    said[0],
                    sentence=f"of {head.name} {said[0].sentence} (decoder.heads: logits = true?)",
                )
            ]
    return []


def _unknown(labels: NDArray[np.integer], expected: Expected) -> list[Misreading]:
    if not expected.labels or not labels.size or int(labels.max()) < expected.labels:
        return []
    names = "1 label" if expected.labels == 1 else f"{expected.labels} labels"
    return [
        Misreading("classes", f"class {int(labels.max())} is found, and the dataset names {names}")
    ]


def _of_objects(
    objects: Sequence[Detections], size: tuple[int, int], expected: Expected
) -> list[Misreading]:
    scores = np.concatenate([found.scores for found in objects])
    said = _outside_unit(scores)
    said += _unknown(np.concatenate([found.labels for found in objects]), expected)
    boxes = np.concatenate([_surest(found).boxes for found in objects]).astype(np.float64)
    said += _misplaced(boxes / np.array([*size, *size]), max(size))
    full = [
        expected.most is not None and int((found.scores >= _FULL).sum()) >= expected.most
        for found in objects
    ]
    if not said and len(full) >= _FEWEST and np.mean(full) > _FULL:
        said.append(
            Misreading(
                "crowd",
                f"{sum(full)} of {len(full)} images hold {expected.most} objects of a score of "
                f"{_FULL:g} or more, all that are kept",
            )
        )
    return said


def _surest(found: Detections) -> Detections:
    return found.take(np.flatnonzero(found.scores >= _LEAST_SCORE)[:_SUREST])


def _misplaced(boxes: NDArray[np.float64], side_px: int) -> list[Misreading]:
    """Look at boxes ``xyxy`` [n, 4] in parts of the picture."""
    if len(boxes) < _FEWEST:
        return []
    if float(np.abs(boxes).max()) * side_px <= _CORNER_PX:
        largest = float(np.abs(boxes).max() * side_px)
        return [
            Misreading(
                "boxes",
                f"all boxes lie within {largest:.2g} px of the picture's corner: fractions are "
                "taken for pixels",
            )
        ]
    sizes = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    if float(np.median(sizes)) > 1 + 2 * _MARGIN:
        return [
            Misreading(
                "boxes",
                f"half of the boxes are at least {np.median(sizes):.3g} times as large as the picture",
            )
        ]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    outside = ((centres < -_MARGIN) | (centres > 1 + _MARGIN)).any(axis=1)
    if float(outside.mean()) > _OUTSIDE:
        return [
            Misreading(
                "boxes",
                f"{int(outside.sum())} of the {len(boxes)} surest boxes lie outside of the picture",
            )
        ]
    return []


def picture_range(values: NDArray[np.float32], scale: float) -> list[Misreading]:
    """Look at a picture's raw values [any], ``scale`` applied: they run over 0..255."""
    low, high = np.percentile(values.astype(np.float64), [1, 99])
    if high - low <= _CORNER_PX or low < -255 or high > 2 * 255:  # noqa: PLR2004 - twice the range
        return [
            Misreading(
                "picture",
                f"pixels run from {low:.3g} to {high:.3g} (decoder.scale is {scale:g}), expected "
                "0 to 255",
            )
        ]
    return []


def dense_range(maps: Sequence[NDArray[np.float32]]) -> list[Misreading]:
    """Look at maps of numbers [h, w, c] as the model has them: shares of an object, or classes, are none."""
    values = np.concatenate([each.ravel() for each in maps]).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    ends = float(((values < _END) | (values > 1 - _END)).mean())
    if low >= -_ROUNDING and high <= 1 + _ROUNDING and ends > _FULL:
        said = (
            f"{ends:.0%} of the numbers are within {_END:g} of 0 or 1: they are shares of an object"
        )
        return [Misreading("numbers", said)]
    if np.array_equal(values, np.rint(values)) and low >= 0:
        said = f"all numbers are whole, {low:g} to {high:g}: they are classes, or a picture"
        return [Misreading("numbers", said)]
    return []
