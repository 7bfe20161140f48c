"""The parent's answers for a few images, and how they stand to the pictures and annotations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.likeness import fitness, likeness
from quantgate.core.predictions import IGNORED, ClassLabel, LabelMap
from quantgate.engine.look.feeding import cut_offset
from quantgate.engine.look.views import part, read, truth_in_input
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth
    from quantgate.datasets.sample import Sample
    from quantgate.decoders.protocol import Decoder
    from quantgate.engine.look.feeding import Answer, Parent
    from quantgate.engine.look.views import Read
    from quantgate.entries import Preprocess

#: Other images that an answer is compared with.
_NEIGHBOURS = 4


@dataclass(frozen=True, slots=True)
class Sight:
    """The parent's answers for some images, fed in one way.

    Parameters
    ----------
    seen, truths
        One an image, both in input pixels.
    steadiness
        How much more an answer is like that for a part of its picture than like those for other
        pictures, -1..1; NaN where nothing is said, [images].
    fits
        How well an answer fits the annotation, NaN where there is none, [images].
    """

    seen: tuple[Read, ...]
    truths: tuple[Truth | None, ...]
    steadiness: NDArray[np.float64]
    fits: NDArray[np.float64]

    @property
    def annotated(self) -> bool:
        """Whether annotations can tell how good the answers are."""
        return bool(np.isfinite(self.fits).any())


@dataclass(frozen=True, slots=True)
class Eye:
    """What is needed to look: the parent, how it is read, and the images.

    ``fresh`` are those that only a suspicion looks at.
    """

    parent: Parent
    decoder: Decoder
    task: str
    samples: tuple[Sample, ...]
    fresh: tuple[Sample, ...] = ()

    def look(
        self,
        samples: Sequence[Sample],
        plan: Preprocess | None = None,
        *,
        steady: bool = True,
        answers: Sequence[Answer] | None = None,
    ) -> Sight:
        """Infer and read images as they are and, for ``steady``, without their upper left edge.

        ``answers`` are those to the images as they are, where they are known.

        Raises
        ------
        DecoderError
            Where an answer cannot be read, naming the image.
        DatasetError
            Where an image cannot be read.
        """
        whole = self.parent.answers(samples, plan) if answers is None else answers
        seen = self._read(samples, whole)
        parts = self._read(samples, self.parent.answers(samples, plan, cut=True)) if steady else ()
        truths = tuple(
            truth_in_input(sample.truth, each.frame)
            for each, sample in zip(seen, samples, strict=True)
        )
        told = truths if _tell(truths) else (None,) * len(truths)
        fits = [fitness(each.prediction, truth) for each, truth in zip(seen, told, strict=True)]
        firm = steadiness(seen, parts) if steady else np.full(len(seen), np.nan)
        return Sight(seen, truths, firm, np.array(fits, np.float64))

    def _read(self, samples: Sequence[Sample], answers: Iterable[Answer]) -> tuple[Read, ...]:
        return tuple(
            self._one(answer, sample) for answer, sample in zip(answers, samples, strict=True)
        )

    def _one(self, answer: Answer, sample: Sample) -> Read:
        try:
            return read(self.decoder, answer.outputs, answer.frame, masks=masked(self.task))
        except DecoderError as error:
            raise DecoderError(f"{sample.name}, parent model: {error}") from error


def masked(task: str) -> bool:
    """Whether the objects of a task have masks, which are slow to read far around the picture."""
    from quantgate.tasks.catalog import TASKS

    return getattr(TASKS.get(task), "TRUTH", None) == "masks"


def _tell(truths: Sequence[Truth | None]) -> bool:
    """Whether annotations tell good answers from bad: of one class alone, one answer for all would be best."""
    maps = [np.unique(one.labels) for one in truths if isinstance(one, LabelMap)]
    labels = [one.label for one in truths if isinstance(one, ClassLabel)]
    classes = {*labels, *(int(label) for each in maps for label in each)} - {IGNORED}
    return len(classes) > 1 or not (maps or labels)


def steadiness(whole: Sequence[Read], parts: Sequence[Read]) -> NDArray[np.float64]:
    """Compare every answer with that for a part of its picture, and those for others, [images]."""
    first, second = [], []
    for seen, cut in zip(whole, parts, strict=True):
        left, top = cut_offset(seen.frame.image)
        size = (seen.frame.image[0] - left, seen.frame.image[1] - top)
        first.append(part(seen, (left, top), size))
        second.append(part(cut, (0, 0), size))
    count = len(first)
    steps = range(1, min(_NEIGHBOURS, count - 1) + 1)
    found = []
    for index, answer in enumerate(first):
        own = likeness(answer, second[index])
        apart = [likeness(answer, second[(index + step) % count]) for step in steps]
        known = [value for value in apart if math.isfinite(value)]
        found.append(own - (float(np.mean(known)) if known else 0.0))
    return np.array(found, np.float64)
