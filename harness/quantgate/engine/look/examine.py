"""Everything that a look at the parent tells: a problem that ends the gate, or notes beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quantgate.datasets.selection import subset
from quantgate.decoders.ports import NotFiniteError, with_own_names
from quantgate.engine.evaluate import check_decoder
from quantgate.engine.look.feeding import open_parent
from quantgate.engine.look.look import Eye
from quantgate.engine.look.plausible import cut_away, implausible
from quantgate.engine.look.readers import Outlook
from quantgate.engine.look.search import better_feeding
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.predictions import Prediction
    from quantgate.datasets.sample import Sample
    from quantgate.decoders.protocol import Decoder
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.evaluate import Bench
    from quantgate.engine.look.look import Sight
    from quantgate.engine.runtime import Target

#: Images that are looked at, those that only a suspicion looks at, and those on which other
#: decoders are tried.
FEW, _MORE, _TRIED = 12, 96, 4
_SHOWN = 4
_NOT_FINITE = "check preprocess (mean, scale) and the model's export"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the parent found.

    Parameters
    ----------
    images
        How many images were looked at.
    notes
        Sentences for the report and the terminal; they change no verdict.
    problem
        Why nothing may be judged; empty where the answers are as the decoder promises.
    seen
        Of the first images: name, input [height, width, 3] in BGR before colour, mean and scale, and
        the answer in input pixels.
    """

    images: int
    notes: tuple[str, ...] = ()
    problem: str = ""
    seen: tuple[tuple[str, NDArray[np.uint8], Prediction], ...] = ()


def examine(
    artifact: Artifact, bench: Bench, target: Target, clock: Callable[[], float] = time.monotonic
) -> Look:
    """Look at the parent on a few images of the evaluation set.

    Raises
    ------
    MeasurementError
        Where the device is not there, or refuses the model.
    DatasetError
        Where an image cannot be read.
    """
    parent = open_parent(artifact, bench.preprocess, target)
    first, fresh = _samples(bench)
    try:
        decoder = with_own_names(bench.decoder, parent.ports)
        check_decoder(decoder, parent.ports, bench.task_name)
    except DecoderError as error:
        return Look(0, (), str(error))
    eye = Eye(parent, decoder, bench.task_name, first, fresh)
    answers = tuple(parent.answers(first))
    outlook = Outlook(eye.task, answers, _labels(bench))
    try:
        sight = eye.look(first, answers=answers)
    except DecoderError as error:
        broken = isinstance(error.__cause__, NotFiniteError)
        remedy = _NOT_FINITE if broken else _few(outlook).remedy(decoder)
        return Look(len(first), (), f"{error}; {remedy}")
    shown = _shown(eye, sight)
    problem = _problem(eye, sight, outlook)
    if problem:
        return Look(len(first), (), problem, shown)
    return Look(len(first), tuple(_notes((eye, sight, outlook), bench, clock)), "", shown)


def _shown(eye: Eye, sight: Sight) -> tuple[tuple[str, NDArray[np.uint8], Prediction], ...]:
    """Give the first answers with their inputs, for a picture."""
    first = zip(eye.samples[:_SHOWN], sight.seen, strict=False)
    return tuple((one.name, eye.parent.picture(one), each.prediction) for one, each in first)


def _samples(bench: Bench) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Draw the images to look at, and others for a suspicion."""
    first = subset(bench.dataset, FEW, 0).dataset.samples
    names = {sample.name for sample in first}
    more = subset(bench.dataset, FEW + _MORE, 0).dataset.samples
    return first, tuple(sample for sample in more if sample.name not in names)


def _few(outlook: Outlook) -> Outlook:
    """Keep the answers on which other decoders are tried."""
    return replace(outlook, answers=outlook.answers[:_TRIED])


def _labels(bench: Bench) -> int:
    return 0 if bench.dataset.labels_open else len(bench.dataset.labels)


def _problem(eye: Eye, sight: Sight, outlook: Outlook) -> str:
    """Say which promises of the decoder the answers break, and what would keep them."""
    decoder: Decoder = eye.decoder
    found = [each.prediction for each in sight.seen]
    broken = outlook.broken(decoder, found)
    if not broken:
        return ""
    said = ", and ".join(each.sentence for each in broken)
    classes = all(each.what == "classes" for each in broken)
    remedy = _few(outlook).remedy(decoder, classes=classes)
    return (
        f"decoder {decoder.kind} does not fit the parent's outputs: {said} (on {len(found)} images); "
        f"{remedy}"
    )


def _meant_for(tasks: str) -> Iterator[str]:
    if tasks:
        yield (
            "raw outputs are compared without their meaning, and decoders of other tasks read them as they promise: "
            f"{tasks}; limits of such a task judge what the model says"
        )


def _notes(
    looked: tuple[Eye, Sight, Outlook], bench: Bench, clock: Callable[[], float]
) -> Iterator[str]:
    eye, sight, outlook = looked
    found = [each.prediction for each in sight.seen]
    if not bench.task.METRICS:
        yield from _meant_for(_few(outlook).other_tasks())
    yield from implausible(found, sight.truths, bench.dataset.labels)
    if bench.preprocess.resize == "crop":
        yield from cut_away(eye.samples, [each.frame for each in sight.seen])
    better = better_feeding(eye, sight, clock)
    if better is not None:
        yield better.sentence(bench.preprocess)
