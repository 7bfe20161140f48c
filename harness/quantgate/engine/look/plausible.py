"""Answers that no working model gives: none at all, one for every picture, or mere guesses."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from quantgate.core.heads import annotated, answers
from quantgate.core.likeness import LEAST_SCORE
from quantgate.core.predictions import (
    Attributes,
    ClassLabel,
    ClassScores,
    DenseMap,
    Detections,
    Embedding,
    Facts,
    LabelMap,
    Objects,
    RawOutputs,
    Rendering,
    Transcript,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Prediction, Truth
    from quantgate.datasets.sample import Sample

T = TypeVar("T")
#: Fewer images say nothing about all.
FEWEST = 8
_ALIKE, _OTHERWISE = 0.9, 0.7
_EVEN = 0.98
#: Relative spread over images below which an output is constant.
_CONSTANT = 1e-4
_WHOLE = 0.999
#: Grey levels between the channels from which a picture is in colour.
_COLOURFUL = 8.0
#: Median cosine between images from which on all vectors are one.
_ONE_WAY = 0.98
#: Share of annotated objects outside of the input from which on it is said.
_CUT = 0.05
#: Share of an object that has to be left out.
_PART = 0.25


def implausible(
    found: Sequence[Prediction], truths: Sequence[Truth | None], labels: Sequence[str]
) -> list[str]:
    """Say what is odd about the answers for some different images; nothing for fewer than eight."""
    if len(found) < FEWEST:
        return []
    kind = type(found[0])
    same = [each for each in found if isinstance(each, kind)]
    return _ODD[kind](same, truths, labels) if kind in _ODD else []


def _those(kind: type[T], truths: Sequence[Truth | None]) -> list[T]:
    return [each for each in truths if isinstance(each, kind)]


def cut_away(samples: Sequence[Sample], frames: Sequence[Frame]) -> list[str]:
    """Say how much of what is annotated a crop leaves out of the input: no model finds that."""
    boxes, whole = [np.zeros(0)], [np.zeros(0)]
    for sample, frame in zip(samples, frames, strict=True):
        if isinstance(sample.truth, Objects):
            boxes.append(_seen_shares(sample.truth.boxes, frame))
        elif isinstance(sample.truth, LabelMap | DenseMap):
            whole.append(_seen_shares(np.array([[0, 0, *frame.image]], np.float32), frame))
    objects, pixels = np.concatenate(boxes), np.concatenate(whole)
    cut = objects < 1 - _PART
    if len(objects) and cut.mean() >= _CUT:
        what = f"{_PART:.0%} or more of {int(cut.sum())} of {len(objects)} annotated objects"
    elif len(pixels) and 1 - pixels.mean() >= _CUT:
        what = f"{1 - pixels.mean():.0%} of the annotated pixels"
    else:
        return []
    said = (
        f'preprocess.resize = "crop" leaves {what} out of the input, on {len(samples)} images: no model '
        "finds what it is not shown"
    )
    return [said]


def _seen_shares(boxes: NDArray[np.float32], frame: Frame) -> NDArray[np.float64]:
    """Share of each box, [n, 4] ``xyxy`` in pixels of the image, that lies in the input, [n]."""
    mapped = frame.to_model(boxes)
    inside = np.clip(mapped, 0, np.array([*frame.model, *frame.model], np.float32))
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=1) for one in (inside, mapped)]
    return np.asarray(areas[0] / np.maximum(areas[1], 1e-9), np.float64)


def _of_classes(
    found: Sequence[ClassScores], truths: Sequence[Truth | None], labels: Sequence[str]
) -> list[str]:
    shares = [np.clip(each.scores.astype(np.float64), 1e-12, None) for each in found]
    shares = [each / each.sum() for each in shares]
    count = len(shares[0])
    if count < 3:  # noqa: PLR2004 - of two classes one may well be all there is
        return []
    entropy = float(np.mean([-(each * np.log(each)).sum() for each in shares])) / np.log(count)
    if entropy > _EVEN:
        best = float(np.median([each.max() for each in shares]))
        said = (
            f"the parent only guesses: its best of {count} classes has a score of {best:.2g} where even "
            f"ones have {1 / count:.2g}; check decoder.softmax and preprocess"
        )
        return [said]
    label, often = Counter(int(each.argmax()) for each in shares).most_common(1)[0]
    true = Counter(truth.label for truth in truths if isinstance(truth, ClassLabel))
    if often < _ALIKE * len(found) or (
        true and true.most_common(1)[0][1] >= _OTHERWISE * len(found)
    ):
        return []
    name = labels[label] if label < len(labels) else f"class {label}"
    return [f"the parent gives {often} of {len(found)} images the same class, {name}"]


def _of_objects(found: Sequence[Detections], truths: Sequence[Truth | None]) -> list[str]:
    best = max((float(each.scores.max(initial=0.0)) for each in found), default=0.0)
    annotated = [truth for truth in truths if isinstance(truth, Objects)]
    if best >= LEAST_SCORE or (annotated and not any(len(truth) for truth in annotated)):
        return []
    said = (
        f"the parent finds nothing surer than {best:.2g} on {len(found)} images; check preprocess "
        "(colour, mean, scale) and what the decoder takes the scores for"
    )
    return [said]


def _of_maps(
    found: Sequence[LabelMap], truths: Sequence[Truth | None], labels: Sequence[str]
) -> list[str]:
    label = _only(found)
    annotated = [truth for truth in truths if isinstance(truth, LabelMap)]
    if label is None or (annotated and _only(annotated) == label):
        return []
    name = labels[label] if label < len(labels) else f"class {label}"
    return [f"the parent sees {name} and nothing else on all {len(found)} images; check preprocess"]


def _of_texts(found: Sequence[str], truths: Sequence[str]) -> list[str]:
    """Nothing at all, or one text for every picture, where not as much is annotated."""
    text, often = Counter(found).most_common(1)[0]
    if often < _ALIKE * len(found) or truths.count(text) >= _OTHERWISE * len(found):
        return []
    what = f"the same on {often} of" if text else "nothing on"
    said = f"the parent reads {what} {len(found)} images{f', {text!r}' if text else ''}"
    return [f"{said}; check preprocess (height, colour, mean, scale) and the decoder's symbols"]


def _of_heads(found: Sequence[Attributes], truths: Sequence[Facts]) -> list[str]:
    """Heads that say one thing of every picture, where more is annotated, or nothing."""
    heads = found[0].heads
    said = np.stack([answers(heads, each.values) for each in found])
    try:
        known = [annotated(heads, dict(each.cells)) for each in truths]
    except ValueError:  # which whoever judges says
        return []
    table = np.array(known, np.float64).reshape(-1, len(heads))
    constant = []
    for k, head in enumerate(heads):
        own = table[~np.isnan(table[:, k]), k]
        varies = len(set(own.tolist())) > 1 if len(own) else head.kind != "label"
        if len(set(said[:, k].tolist())) == 1 and varies:
            constant.append(f"{head.name} {head.told(float(said[0, k]))}")
    if not constant:
        return []
    said_of = ", ".join(constant)
    said_all = f"the parent tells the same of all {len(found)} images: {said_of}"
    return [f"{said_all}; check preprocess (colour, mean, scale) and decoder.heads"]


def _of_numbers(found: Sequence[NDArray[np.float32]]) -> list[str]:
    """One number everywhere, or one map for every picture."""
    flat = [float(each.std()) <= _CONSTANT * float(np.abs(each).max(initial=0.0)) for each in found]
    if np.mean(flat) >= _ALIKE:
        return [
            (
                f"the parent gives the same number at every pixel of {sum(flat)} of {len(found)} images; check "
                "preprocess and decoder.outputs"
            )
        ]
    if len({each.shape for each in found}) == 1:
        apart = float(np.sqrt(np.stack(found).var(axis=0).mean()))
        if apart <= _CONSTANT * float(np.std(found)):
            return [f"the parent gives the same map for all {len(found)} images; check preprocess"]
    return []


def _of_pictures(found: Sequence[Rendering], truths: Sequence[Rendering]) -> list[str]:
    if not truths:
        return []
    painted, wanted = (
        float(np.median([_colour(each.pixels) for each in some])) for some in (found, truths)
    )
    if painted < _COLOURFUL or wanted > 0:
        return []
    said = (
        f"the parent gives pictures in colour, and the targets of {len(truths)} images are grey: are they "
        "what the model should give?"
    )
    return [said]


def _colour(pixels: NDArray[np.float32]) -> float:
    """By how many grey levels the channels of a picture [height, width, 3] differ, in the mean."""
    return float((pixels.max(axis=2) - pixels.min(axis=2)).mean())


def _only(maps: Sequence[LabelMap]) -> int | None:
    """Give the class that covers all but a thousandth of all pixels; None where there is none."""
    counts = np.sum([np.bincount(each.labels.ravel(), minlength=256) for each in maps], axis=0)
    counts = counts[:255]
    return int(counts.argmax()) if counts.max() >= _WHOLE * counts.sum() > 0 else None


def _of_outputs(found: Sequence[RawOutputs]) -> list[str]:
    said = []
    for name in found[0].values if found else ():
        values = [np.asarray(each.values[name], np.float64) for each in found]
        if len({value.shape for value in values}) != 1 or not values[0].size:
            continue
        stacked = np.stack([value.ravel() for value in values])
        spread = float(np.sqrt(stacked.var(axis=0).mean()))
        size = float(np.sqrt(np.square(stacked).mean()))
        if spread <= _CONSTANT * size:
            said.append(f"output {name} is the same for all {len(found)} images")
    return said


def _of_vectors(found: Sequence[Embedding]) -> list[str]:
    """Vectors that point the same way for all images, however unlike these are."""
    if len({len(each.vector) for each in found}) > 1:
        return []
    rows = np.stack([each.vector.astype(np.float64) for each in found])
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosines = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    if float(np.median(cosines)) < _ONE_WAY:
        return []
    said = (
        f"the parent's vectors for {len(found)} images point nearly the same way (cosine {np.median(cosines):.3f}): "
        "check preprocess (colour, mean, scale) and the output that decoder.outputs names"
    )
    return [said]


#: By kind of answers: what tells that they are odd; arguments as of `implausible`.
_ODD: Mapping[type, Callable[[Any, Sequence[Truth | None], Sequence[str]], list[str]]] = (
    MappingProxyType(
        {
            ClassScores: _of_classes,
            Detections: lambda found, truths, _: _of_objects(found, truths),
            LabelMap: _of_maps,
            Rendering: lambda found, truths, _: _of_pictures(found, _those(Rendering, truths)),
            DenseMap: lambda found, _truths, _labels: _of_numbers([each.values for each in found]),
            Transcript: lambda found, truths, _: _of_texts(
                [each.text for each in found], [each.text for each in _those(Transcript, truths)]
            ),
            Embedding: lambda found, _truths, _labels: _of_vectors(found),
            Attributes: lambda found, truths, _: _of_heads(found, _those(Facts, truths)),
            RawOutputs: lambda found, _truths, _labels: _of_outputs(found),
        }
    )
)
