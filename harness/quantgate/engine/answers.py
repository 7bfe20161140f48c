"""What one model answers on one device, image by image, in files: compared wherever they are read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.comparison import Comparison, ImageResult
from quantgate.core.predictions import (
    Attributes,
    ClassScores,
    Detections,
    Embedding,
    LabelMap,
    Transcript,
)
from quantgate.engine.evaluate import settled
from quantgate.engine.parts import Pace, PartKind, Parts
from quantgate.engine.passes import Pass
from quantgate.engine.runtime import compile_model
from quantgate.engine.streaming import Feed, stream
from quantgate.errors import DecoderError, MeasurementError
from quantgate.pair import Pair
from quantgate.tasks.attributes import record as attributes
from quantgate.tasks.detection import record
from quantgate.tasks.embedding import record as embedding
from quantgate.tasks.text import record as text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.evaluate import Bench
    from quantgate.engine.parts import Stretch
    from quantgate.engine.runtime import Target
    from quantgate.progress import Progress
    from quantgate.store import Store

#: Raised whenever the files are written otherwise.
SCHEMA = 2
KIND = "answers"
_ARRAYS, _NAMES = "answers.npz", "answers.json"


@dataclass(frozen=True, slots=True)
class Answers:
    """Decoded predictions of one model, in the dataset's order.

    Parameters
    ----------
    sizes
        ``(width, height)`` of each image, px.
    skipped
        ``(name, reason)`` of images that could not be read.
    """

    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    predictions: tuple[Any, ...]
    skipped: tuple[tuple[str, str], ...] = ()


def answers_key(artifact: Artifact, bench: Bench, target: Target, isa: str) -> dict[str, Any]:
    """Collect everything that can change the answers, JSON-able."""
    return {
        **bench.key(),
        "answers": SCHEMA,
        "artifact": artifact.digest,
        "target": asdict(target),
        "isa": isa,
    }


def pass_of(
    artifact: Artifact,
    bench: Bench,
    store: Store,
    *,
    target: Target,
    isa: str,
    progress: Progress,
) -> Pass[Answers]:
    """Plan a pass of one model over the evaluation set; errors as ``engine.comparing.compare``.

    Parameters
    ----------
    isa
        Class of the instructions that this process uses.
    """
    key = answers_key(artifact, bench, target, isa)
    kind = PartKind(
        KIND,
        save_answers,
        load_answers,
        images=lambda part: len(part.names) + len(part.skipped),
        unread=lambda part: tuple(reason for _, reason in part.skipped),
        join=_joined,
    )
    model = cache(lambda: compile_model(artifact, target))

    def run(stretch: Stretch[Answers]) -> list[Answers]:
        return [_answers(model(), bench, stretch, progress)]

    return Pass(Parts(store, kind, [key], bench.dataset.samples), run, _joined)


def _answers(model: Any, bench: Bench, stretch: Stretch[Answers], progress: Progress) -> Answers:
    decoder = settled(bench, [model]).decoder
    samples, keep = stretch.samples, stretch.keep
    found: list[tuple[tuple[int, int], Any] | None] = [None] * len(samples)
    unread: dict[int, str] = {}

    def part(start: int, stop: int) -> Answers:
        read = [
            (sample.name, *one)
            for sample, one in zip(samples[start:stop], found[start:stop], strict=True)
            if one is not None
        ]
        names, sizes, predictions = zip(*read, strict=True) if read else ((), (), ())
        skipped = [(samples[i].name, unread[i]) for i in sorted(unread) if start <= i < stop]
        return Answers(names, sizes, predictions, tuple(skipped))

    pace = Pace(len(samples), keep and (lambda start, stop: keep(start, [part(start, stop)])))

    def consume(index: int, frame: Frame, outputs: list[Outputs]) -> None:
        try:
            found[index] = (frame.image, decoder.decode(outputs[0], frame))
        except DecoderError as error:
            raise DecoderError(f"{samples[index].name}: {error}") from error
        pace.done(index)

    def leave_out(index: int, reason: str) -> None:
        unread[index] = reason
        pace.done(index)

    feed = Feed(samples, bench.preprocess, consume, progress, stretch.before, leave_out)
    stream([model], feed)
    return part(0, len(samples))


def _joined(parts: Sequence[Answers]) -> Answers:
    return Answers(
        tuple(name for part in parts for name in part.names),
        tuple(size for part in parts for size in part.sizes),
        tuple(one for part in parts for one in part.predictions),
        tuple(one for part in parts for one in part.skipped),
    )


def compare_answers(answers: Pair[Answers], bench: Bench) -> Comparison[Any]:
    """Compare what two models, or one model on two devices, answered to the same images.

    No raw output is kept, so that no distance of tensors is measured.

    Raises
    ------
    MeasurementError
        Where they did not read the same images.
    """
    dataset = bench.dataset
    if answers.parent.names != answers.optimized.names:
        odd = sorted(set(answers.parent.names) ^ set(answers.optimized.names))
        raise MeasurementError(
            f"datasets.{dataset.name}: {odd[0] if odd else 'the order'} was read on one device only: the "
            "answers of both are needed for every image"
        )
    truths = {sample.name: sample.truth for sample in dataset.samples}
    images = tuple(
        ImageResult(name, size, truths[name], bench.task.compact(Pair(*both), truths[name], name))
        for name, size, *both in zip(
            answers.parent.names,
            answers.parent.sizes,
            *(one.predictions for one in answers),
            strict=True,
        )
    )
    return dataset.compared(images, answers.parent.skipped)


def save_answers(answers: Answers, folder: Path) -> None:
    """Write answers; nothing is pickled.

    Raises
    ------
    MeasurementError
        For predictions that are not kept: pictures, and raw outputs.
    """
    kind = type(answers.predictions[0]).__name__ if answers.predictions else ""
    if kind and kind not in _PACK:
        raise MeasurementError(
            f"evaluate.device: answers of the kind {kind} are not compared between devices; leave it out"
        )
    arrays = _PACK[kind](answers.predictions) if kind else {}
    np.savez_compressed(folder / _ARRAYS, **arrays)
    told = {
        "kind": kind,
        "names": answers.names,
        "sizes": answers.sizes,
        "skipped": answers.skipped,
    }
    (folder / _NAMES).write_text(json.dumps(told), encoding="utf-8")


def load_answers(folder: Path) -> Answers:
    """Read back what :func:`save_answers` wrote."""
    told = json.loads((folder / _NAMES).read_text("utf-8"))
    with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
        arrays = dict(stored)
    found = _UNPACK[told["kind"]](arrays) if told["kind"] else []
    sizes = tuple((int(width), int(height)) for width, height in told["sizes"])
    skipped = tuple((str(name), str(reason)) for name, reason in told["skipped"])
    return Answers(tuple(told["names"]), sizes, tuple(found), skipped)


def _pack_scores(found: Sequence[ClassScores]) -> dict[str, NDArray[Any]]:
    return {
        "starts": record.offsets([len(one.scores) for one in found]),
        "scores": np.concatenate([one.scores for one in found]),
    }


def _unpack_scores(arrays: Mapping[str, NDArray[Any]]) -> list[ClassScores]:
    starts = arrays["starts"][1:-1]
    return [ClassScores(scores) for scores in np.split(arrays["scores"], starts)]


def _pack_maps(found: Sequence[LabelMap]) -> dict[str, NDArray[Any]]:
    none = np.zeros(0, np.float32)
    return {
        "shapes": np.array([one.labels.shape for one in found], np.int64),
        "labels": np.concatenate([one.labels.ravel() for one in found]),
        "soft": np.array([one.shares is not None for one in found], np.bool_),
        "shares": np.concatenate(
            [none, *(one.shares.ravel() for one in found if one.shares is not None)]
        ),
    }


def _unpack_maps(arrays: Mapping[str, NDArray[Any]]) -> list[LabelMap]:
    shapes, soft = arrays["shapes"], arrays["soft"]
    sizes = shapes.prod(axis=1)
    labels = np.split(arrays["labels"], np.cumsum(sizes)[:-1])
    shares = iter(np.split(arrays["shares"], np.cumsum(sizes[soft])[:-1]))
    return [
        LabelMap(one.reshape(shape), next(shares).reshape(shape) if has_shares else None)
        for one, shape, has_shares in zip(labels, shapes, soft, strict=True)
    ]


#: Predictions by the name of their type, to and from flat arrays.
_PACK: Mapping[str, Any] = {
    ClassScores.__name__: _pack_scores,
    Detections.__name__: record.pack,
    LabelMap.__name__: _pack_maps,
    Transcript.__name__: text.pack,
    Embedding.__name__: embedding.pack,
    Attributes.__name__: attributes.pack,
}
_UNPACK: Mapping[str, Any] = {
    ClassScores.__name__: _unpack_scores,
    Detections.__name__: record.unpack,
    LabelMap.__name__: _unpack_maps,
    Transcript.__name__: text.unpack,
    Embedding.__name__: embedding.unpack,
    Attributes.__name__: attributes.unpack,
}
