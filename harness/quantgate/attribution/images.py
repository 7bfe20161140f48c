"""Images prepared once, and the distance of each arm from a reference on them."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.attribution.answers import Answer
from quantgate.core.comparison import ImageResult
from quantgate.core.explained import Loss
from quantgate.datasets.images import read_image
from quantgate.engine.evaluate import settled
from quantgate.engine.handing_on import HandingOn
from quantgate.engine.preprocess import prepare
from quantgate.engine.waves import Waves
from quantgate.errors import DatasetError, DecoderError
from quantgate.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import openvino as ov
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.datasets.sample import Sample
    from quantgate.decoders.protocol import Outputs
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import EvaluationPlan

#: What the reference's raw outputs may take in memory: fewer images are looked at where they are large.
KEPT_BYTES = 256 * 2**20
#: Images in flight at a time.
_AHEAD = 16


@dataclass(frozen=True, slots=True)
class Images:
    """The images that every arm runs on.

    Parameters
    ----------
    bench, plan
        How outputs are read and judged.
    tensors
        Prepared images, uint8 [height, width, channels].
    """

    bench: Bench
    plan: EvaluationPlan
    samples: tuple[Sample, ...]
    tensors: tuple[NDArray[np.uint8], ...]
    frames: tuple[Frame, ...]

    def first(self, count: int) -> Images:
        """Keep the first ones."""
        return Images(
            self.bench, self.plan, self.samples[:count], self.tensors[:count], self.frames[:count]
        )

    @property
    def annotated(self) -> bool:
        """Whether the task's metric is defined."""
        return all(sample.truth is not None for sample in self.samples)

    def __len__(self) -> int:
        return len(self.samples)


def prepare_images(
    bench: Bench, plan: EvaluationPlan, samples: Sequence[Sample], size: tuple[int, int]
) -> Images:
    """Read and prepare samples for a model's input of ``(width, height)``; unreadable ones are left out.

    Raises
    ------
    DatasetError
        Where none can be read.
    """
    kept, problem = [], ""
    for sample in samples:
        try:
            kept.append((sample, *prepare(read_image(sample), bench.preprocess, size)))
        except DatasetError as error:
            problem = problem or str(error)
    if not kept:
        said = problem or "it holds none"
        raise DatasetError(f"no image of datasets.{bench.dataset.name} can be looked at: {said}")
    chosen, tensors, frames = zip(*kept, strict=True)
    return Images(bench, plan, chosen, tensors, frames)


class Reference:
    """What one model answers: others are held against it.

    Raises
    ------
    DecoderError
        Where the outputs do not fit the decoder, or hold NaN or infinity.
    MeasurementError
        Where the device fails.
    """

    def __init__(self, images: Images, model: ov.CompiledModel) -> None:
        self._bench = settled(images.bench, [model])
        self._outputs: list[Outputs] = []
        self._predictions: list[Any] = []
        held = 0
        for index, outputs in enumerate(_run(images, model)):
            held += sum(int(array.nbytes) for array in outputs.values())
            if held > KEPT_BYTES and index:
                break
            self._outputs.append(outputs)
            self._predictions.append(self._decode(images, index, outputs))
        self._power = [list(map(_square, outputs.values())) for outputs in self._outputs]
        self.images = images.first(len(self._outputs))

    def first(self, count: int) -> Reference:
        """Keep the answers on the first images."""
        kept = copy(self)
        kept.images = self.images.first(count)
        return kept

    def ask(self, model: ov.CompiledModel) -> Answer:
        """Let another model answer on the same images."""
        (arm,) = self._arms([model])
        return self._answer(arm)

    def ask_both(self, models: Pair[ov.CompiledModel], parent: float | None) -> Pair[Loss]:
        """Let two models answer on the same images together, at the cost of one evaluation.

        Parameters
        ----------
        parent
            The metric of the model whose answers these are; None where agreement is asked.
        """
        arms = Pair(*self._arms(list(models)))
        both = self._judged(arms.map(lambda arm: arm.predictions), math.nan)
        metrics = None if parent is None else both.metrics()
        if parent is None or metrics is None:
            return arms.map(lambda arm: self._answer(arm).loss())
        return Pair(
            *(
                Loss(parent - metric, None, arm.noise)
                for metric, arm in zip(metrics, arms, strict=True)
            )
        )

    def against(self, other: Reference) -> Answer:
        """Hold another reference's answers against these, without any inference."""
        arm = _Arm(self._outputs, self._power)
        given = zip(other._outputs, other._predictions, self.images.samples, strict=False)
        for index, (outputs, prediction, _) in enumerate(given):
            arm.add(index, outputs, prediction)
        return self._answer(arm)

    def _arms(self, models: list[ov.CompiledModel]) -> list[_Arm]:
        settled(self._bench, models)
        arms = [_Arm(self._outputs, self._power) for _ in models]

        def consume(index: int, _: Frame, found: list[Outputs]) -> None:
            for arm, outputs in zip(arms, found, strict=True):
                arm.add(index, outputs, self._decode(self.images, index, outputs))

        waves = Waves(models, consume)
        try:
            for index, fed in enumerate(zip(self.images.frames, self.images.tensors, strict=True)):
                waves.add(index, *fed)
            waves.settle()
        finally:
            waves.close()
        return arms

    def _answer(self, arm: _Arm) -> Answer:
        return self._judged(Pair(self._predictions, arm.predictions), arm.noise)

    def _judged(self, predictions: Pair[list[Any]], noise: float) -> Answer:
        samples, frames, dataset = self.images.samples, self.images.frames, self._bench.dataset
        pairs = [Pair(*pair) for pair in zip(*predictions, strict=False)]
        kept: dict[int, ImageResult[Any]] = {}

        def consume(index: int, frame: Frame, _: list[Outputs]) -> None:
            name, truth = samples[index].name, samples[index].truth
            answer = self._bench.task.compact(pairs[index], truth, name)
            kept[index] = ImageResult(name, frame.image, truth, answer)

        handing_on = HandingOn(consume)
        try:
            for index, (frame, _) in enumerate(zip(frames, pairs, strict=False)):
                handing_on.take(index, frame, [])
            handing_on.settle()
        finally:
            handing_on.close()
        results = tuple(kept[index] for index in sorted(kept))
        found = dataset.compared(results)
        return Answer(found, noise, self.images.plan, self._bench)

    def _decode(self, images: Images, index: int, outputs: Outputs) -> Any:
        try:
            return self._bench.decoder.decode(outputs, images.frames[index])
        except DecoderError as error:
            raise DecoderError(f"{images.samples[index].name}: {error}") from error


class _Arm:
    """What one model answers, image by image, and how far its raw outputs are from the reference's."""

    def __init__(self, reference: list[Outputs], power: list[list[float]]) -> None:
        self._reference, self._power = reference, power
        self._answers: dict[int, tuple[Any, list[float]]] = {}

    def add(self, index: int, outputs: Outputs, prediction: Any) -> None:
        """Take the answer to one image, from any thread."""
        own = self._reference[index]
        error = [_distance(array, outputs.get(name)) for name, array in own.items()]
        self._answers[index] = prediction, error

    @property
    def predictions(self) -> list[Any]:
        """The answers in the order of the images."""
        return [self._answers[index][0] for index in sorted(self._answers)]

    @property
    def noise(self) -> float:
        """Squared distance over power, mean over the outputs that hold a signal."""
        order = sorted(self._answers)
        error = np.sum([self._answers[index][1] for index in order], axis=0)
        power = np.sum([self._power[index] for index in order], axis=0)
        there = power > 0
        return float(np.mean(error[there] / power[there])) if there.any() else 0.0


def _run(images: Images, model: ov.CompiledModel) -> Iterator[Outputs]:
    """Yield a model's raw outputs of every image in order, a few images ahead."""
    found: dict[int, Outputs] = {}

    def consume(index: int, _: Frame, outputs: list[Outputs]) -> None:
        (found[index],) = outputs

    waves = Waves([model], consume)
    try:
        for start in range(0, len(images), _AHEAD):
            part = slice(start, start + _AHEAD)
            fed = zip(images.frames[part], images.tensors[part], strict=True)
            for index, (frame, tensor) in enumerate(fed, start):
                waves.add(index, frame, tensor)
            waves.settle()
            yield from (found.pop(index) for index in sorted(found))
    finally:
        waves.close()


def _square(array: NDArray[Any]) -> float:
    values = np.asarray(array, np.float64).ravel()
    return float(np.einsum("i,i->", values, values))


def _distance(array: NDArray[Any], other: NDArray[Any] | None) -> float:
    """Squared distance; where an output is missing or its number of rows is data, all of it counts as lost."""
    if other is None or array.shape != other.shape:
        return _square(array)
    return _square(np.asarray(other, np.float64) - np.asarray(array, np.float64))
