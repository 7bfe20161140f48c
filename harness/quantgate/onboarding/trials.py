"""The parent tried: fed in one way, read in many, and how good that looks, image by image."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.heads_alike import heads_sure
from quantgate.core.likeness import fitness, likeness
from quantgate.core.predictions import (
    Attributes,
    ClassScores,
    DenseMap,
    Detections,
    Embedding,
    LabelMap,
    Rendering,
    Transcript,
)
from quantgate.datasets.images import read_image
from quantgate.decoders.ports import ports_of
from quantgate.engine.look.look import masked, steadiness
from quantgate.engine.look.readers import Outlook
from quantgate.engine.look.views import part, read, truth_in_input
from quantgate.errors import DecoderError
from quantgate.tasks.catalog import TASKS, needs_others

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Prediction
    from quantgate.datasets.sample import Dataset, Sample
    from quantgate.engine.look.feeding import Answer, Parent
    from quantgate.engine.look.views import Read
    from quantgate.entries import Preprocess
    from quantgate.onboarding.options import Option

_NEIGHBOURS = 3
_FULL_PSNR = 50.0
#: A vector says nothing of how sure it is.
_A_VECTOR = 0.5


@dataclass(frozen=True, slots=True)
class Views:
    """Answers for some images: as they are and, where nothing is annotated, cut and mirrored."""

    whole: tuple[Answer, ...]
    cut: tuple[Answer, ...] = ()
    mirrored: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """The parent and its images, by the truth that a task needs of them.

    Parameters
    ----------
    datasets
        By task; with annotations where there are any of that kind.
    """

    parent: Parent
    datasets: Mapping[str, Dataset]
    _views: dict[tuple[Any, ...], Views] = field(default_factory=dict)

    def annotated(self, task: str) -> bool:
        """Whether annotations can tell how good a task's answers are."""
        own = self.datasets[task]
        return own.annotated and len(own) > 0 and not needs_others(task)

    def quality(
        self, option: Option, plan: Preprocess, samples: Sequence[Sample]
    ) -> NDArray[np.float64] | None:
        """Tell how good answers are, 0..1 an image, [images]; None where the decoder's promises are broken.

        With annotations by how well they fit; else by how steady they are in a part of the picture
        and in its mirror image, and how sure.

        Raises
        ------
        DatasetError
            Where an image cannot be read.
        """
        annotated = self.annotated(option.task)
        views = self._seen(plan, samples, twice=not annotated)
        try:
            whole = self._read(option, views.whole)
            if whole is None:
                return None
            if annotated:
                return _fits(option, whole, self._truths(option.task, samples))
            if whole and isinstance(whole[0].prediction, Rendering):
                return np.array(
                    [self._follows(o, s, plan) for o, s in zip(whole, samples, strict=True)]
                )
            cut, mirrored = (self._plain(option, each) for each in (views.cut, views.mirrored))
        except DecoderError:
            return None
        firm = steadiness(whole, cut)
        if not isinstance(whole[0].prediction, Transcript):  # which nobody reads in a mirror
            firm = (firm + _symmetry(whole, mirrored)) / 2
        firm = np.nan_to_num(firm)
        sure = np.array([confidence(each.prediction) for each in whole])
        return np.asarray(np.clip(firm, 0, 1) * 0.7 + sure * 0.3)

    def predictions(
        self, option: Option, plan: Preprocess, samples: Sequence[Sample]
    ) -> list[Prediction]:
        """Read answers in pixels of the input."""
        views = self._seen(plan, samples, twice=False)
        return [each.prediction for each in self._plain(option, views.whole)]

    def _seen(self, plan: Preprocess, samples: Sequence[Sample], *, twice: bool) -> Views:
        key = (repr(plan), tuple(sample.digest for sample in samples), twice)
        if key not in self._views:
            if len(self._views) > 3:  # noqa: PLR2004 - outputs may be large
                self._views.pop(next(iter(self._views)))
            mirror = [_mirrored(sample) for sample in samples] if twice else []
            cut = self.parent.answers(samples, plan, cut=True) if twice else ()
            self._views[key] = Views(
                tuple(self.parent.answers(samples, plan)),
                tuple(cut),
                tuple(self.parent.answers(mirror, plan)),
            )
        return self._views[key]

    def _read(self, option: Option, answers: tuple[Answer, ...]) -> tuple[Read, ...] | None:
        option.decoder.check(ports_of(answers[0].outputs))
        dataset = self.datasets[option.task]
        labels = 0 if dataset.labels_open else len(dataset.labels)
        found = self._plain(option, answers)
        outlook = Outlook(option.task, answers, labels)
        if outlook.broken(option.decoder, [each.prediction for each in found]):
            return None
        return found

    def _plain(self, option: Option, answers: tuple[Answer, ...]) -> tuple[Read, ...]:
        masks = masked(option.task)
        return tuple(read(option.decoder, a.outputs, a.frame, masks=masks) for a in answers)

    def _truths(self, task: str, samples: Sequence[Sample]) -> list[Any]:
        by_name = {sample.name: sample.truth for sample in self.datasets[task].samples}
        return [by_name.get(sample.name) for sample in samples]

    def _follows(self, seen: Read, sample: Sample, plan: Preprocess) -> float:
        """Correlate a picture that comes out with the one that went in."""
        shown = self.parent.picture(sample, plan)
        height, width = shown.shape[:2]
        own = replace(seen.frame, image=(width, height), scale=(1.0, 1.0), offset=(0.0, 0.0))
        given = type(seen)(Rendering(shown.astype(np.float32)), own)
        both = [
            part(type(seen)(each.prediction, own), (0, 0), (width, height))
            for each in (seen, given)
        ]
        return max(0.0, float(np.nan_to_num(likeness(*both))))


def _fits(option: Option, seen: Sequence[Read], truths: Sequence[Any]) -> NDArray[np.float64]:
    placed = [truth_in_input(truth, each.frame) for each, truth in zip(seen, truths, strict=True)]
    found = [fitness(each.prediction, truth) for each, truth in zip(seen, placed, strict=True)]
    values = np.array(found, np.float64)
    return values / _FULL_PSNR if TASKS[option.task].TRUTH == "picture" else values


def confidence(prediction: Prediction) -> float:
    """How sure an answer is, 0..1: the best class's share, or how many objects are found how surely."""
    sure = _SURE.get(type(prediction))
    return 0.0 if sure is None else sure(prediction)


def _text_sure(found: Transcript) -> float:
    return found.confidence if found.text and found.confidence > 0 else 0.0


#: How sure answers of a kind are.
_SURE: Mapping[type, Callable[[Any], float]] = MappingProxyType(
    {
        ClassScores: lambda found: float(found.scores.max(initial=0.0)),
        Transcript: _text_sure,
        Detections: lambda found: float(found.scores.max(initial=0.0)),
        LabelMap: lambda found: float(len(np.unique(found.labels)) > 1),
        Attributes: heads_sure,
        Embedding: lambda _: _A_VECTOR,
        DenseMap: lambda found: float(found.values.std() > 0),
    }
)


def _symmetry(whole: Sequence[Read], mirrored: Sequence[Read]) -> NDArray[np.float64]:
    """As steadiness, between answers for pictures and for their mirror images, [images]."""
    first = [part(seen, (0, 0), seen.frame.image) for seen in whole]
    second = [_turned(part(seen, (0, 0), seen.frame.image)) for seen in mirrored]
    found = []
    for index, answer in enumerate(first):
        steps = range(1, min(_NEIGHBOURS, len(first) - 1) + 1)
        apart = [likeness(answer, second[(index + step) % len(first)]) for step in steps]
        known = [value for value in apart if math.isfinite(value)]
        found.append(likeness(answer, second[index]) - (float(np.mean(known)) if known else 0.0))
    return np.array(found, np.float64)


def _turned(prediction: Prediction) -> Prediction:
    """Mirror a prediction in fractions of the picture; key points lose their sides, and are left out."""
    if isinstance(prediction, Detections):
        x0, y0, x1, y1 = prediction.boxes.T
        boxes = np.stack([1 - x1, y0, 1 - x0, y1], axis=1).astype(np.float32)
        quads = prediction.quads
        if quads is not None:
            quads = (quads * np.array([-1, 1]) + np.array([1, 0])).astype(np.float32)
        return Detections(boxes, prediction.scores, prediction.labels, quads=quads)
    if isinstance(prediction, LabelMap):
        return LabelMap(np.ascontiguousarray(prediction.labels[:, ::-1]))
    if isinstance(prediction, Rendering):
        return Rendering(np.ascontiguousarray(prediction.pixels[:, ::-1]))
    if isinstance(prediction, DenseMap):
        return replace(prediction, values=np.ascontiguousarray(prediction.values[:, ::-1]))
    return prediction


def _mirrored(sample: Sample) -> Sample:
    return replace(
        sample, image=partial(_mirror, sample), digest=f"{sample.digest}-mirrored", truth=None
    )


def _mirror(sample: Sample) -> NDArray[np.uint8]:
    return np.ascontiguousarray(read_image(sample)[:, ::-1])
