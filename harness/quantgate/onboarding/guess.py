"""What a model is taken for: run in the worker, because a foreign model may crash the process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from quantgate.core.predictions import ClassScores
from quantgate.datasets.selection import subset
from quantgate.decoders.ports import describe
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.look.feeding import open_parent
from quantgate.engine.naming import model_ports
from quantgate.engine.runtime import Target
from quantgate.errors import PreprocessError
from quantgate.onboarding.hints import hints_of
from quantgate.onboarding.inputs import taken_by
from quantgate.onboarding.options import named_heads, options_for, tables_of
from quantgate.onboarding.search import search, seconds_each
from quantgate.onboarding.trials import Bench
from quantgate.sources.catalog import resolve
from quantgate.sources.kind import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.predictions import Prediction
    from quantgate.decoders.protocol import Port
    from quantgate.engine.look.feeding import Parent
    from quantgate.entries import Preprocess
    from quantgate.onboarding.images import Images
    from quantgate.onboarding.inputs import Taken
    from quantgate.onboarding.subject import Subject
    from quantgate.onboarding.trial import Guess, Trial
    from quantgate.store import Store

#: Images that the page shows of each guess.
PICTURES = 5
#: Images that are drawn for the search.
_DRAWN = 96


@dataclass(frozen=True, slots=True)
class Shown:
    """One guess on a few images: name, input [height, width, 3] in BGR, answer in input pixels."""

    trial: Trial
    seen: tuple[tuple[str, NDArray[np.uint8], Prediction], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found about one model.

    Parameters
    ----------
    interface
        Inputs and outputs, in words.
    guess
        None where no decoder reads the outputs as it promises.
    plan
        How the image is fed, as far as the inputs alone tell.
    unsure
        What of that is unsure.
    classes
        How many classes a classifier has; 0 for others.
    seconds
        How long one inference takes.
    """

    interface: str
    guess: Guess | None
    plan: Preprocess
    unsure: dict[str, str]
    shown: tuple[Shown, ...] = ()
    classes: int = 0
    seconds: float = 0.0


def look(subject: Subject, store: Store) -> tuple[str, tuple[str, ...]]:
    """Read the graph alone: inputs and outputs in words, and decoders that would fit, by task.

    Raises
    ------
    UsageError, SourceError
        As :func:`find`.
    """
    place = Place(store.root, store, subject.name)
    _, model = resolve(subject.source, place)
    both = model_ports(model.inputs), model_ports(model.outputs)
    taken_by(*both, subject.hints)
    options = options_for(
        both[1], priors=subject.hints.priors, symbols=subject.hints.symbols, labels=0
    )
    kinds = tuple(dict.fromkeys(f"{one.task} ({one.kind})" for one in options))
    return _interface(both), kinds


def inputs_of(subject: Subject, store: Store) -> list[Port]:
    """Read the inputs of a model.

    Raises
    ------
    SourceError
        Where the file does not parse.
    """
    _, model = resolve(subject.source, Place(store.root, store, subject.name))
    return list(model_ports(model.inputs))


def outputs_of(subject: Subject, store: Store) -> list[Port]:
    """Read the outputs of a model; errors as `inputs_of`."""
    _, model = resolve(subject.source, Place(store.root, store, subject.name))
    return list(model_ports(model.outputs))


def find(subject: Subject, images: Images, store: Store) -> Found:
    """Guess task, decoder and feeding of a model.

    Raises
    ------
    SourceError
        Where the file does not parse.
    UsageError
        Where the model takes no picture.
    DatasetError
        Where an image cannot be read.
    """
    place = Place(store.root, store, subject.name)
    found, model = resolve(subject.source, place)
    hints = subject.hints if subject.hints.values else hints_of(found.path)
    both = model_ports(model.inputs), model_ports(model.outputs)
    taken, parent = _opened(subject, taken_by(*both, hints), store)
    labels = max((one.labels for one in images.sets.values() if one.annotated), key=len, default=())
    ways = partial(
        options_for,
        parent.ports,
        priors=hints.priors,
        symbols=hints.symbols,
        labels=len(labels),
        tables=tables_of([names for _, names in hints.labels], labels),
    )
    said = hints.values.get("task")
    options = ways(task=said or images.only_task) or ways(task=said)
    truths = [sample.truth for one in images.sets.values() for sample in one.samples]
    options = named_heads(options, parent.ports, truths)
    bench = Bench(parent, images.sets)
    samples = subset(images.sets["generic"], _DRAWN, 0).dataset.samples
    each = seconds_each(bench, samples)
    guess = search(bench, options, hints, (samples, each)) if options else None
    interface = _interface(both)
    if guess is None:
        return Found(interface, None, taken.plan, taken.unsure, seconds=each)
    shown = tuple(_shown(bench, trial, samples[:PICTURES]) for trial in (guess.best, *guess.others))
    return Found(interface, guess, taken.plan, taken.unsure, shown, _classes(shown[0]), each)


def _opened(subject: Subject, ways: Sequence[Taken], store: Store) -> tuple[Taken, Parent]:
    """Compile the parent as its input is most likely meant.

    Raises
    ------
    PreprocessError
        Where the graph takes the image in none of these ways.
    """
    refused: PreprocessError | None = None
    for taken in ways:
        try:
            made = parent_artifact(subject.source, taken.plan, store.root, store, name=subject.name)
            return taken, open_parent(made, taken.plan, Target(hint="latency"))
        except PreprocessError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _shown(bench: Bench, trial: Trial, samples: Any) -> Shown:
    found = bench.predictions(trial.option, trial.plan, samples)
    inputs = [bench.parent.picture(sample, trial.plan) for sample in samples]
    names = [sample.name for sample in samples]
    return Shown(trial, tuple(zip(names, inputs, found, strict=True)))


def _classes(shown: Shown) -> int:
    first = shown.seen[0][2] if shown.seen else None
    return len(first.scores) if isinstance(first, ClassScores) else 0


def _interface(ports: tuple[Sequence[Port], Sequence[Port]]) -> str:
    """Inputs and outputs, in words."""
    return f"takes {describe(ports[0])}, gives {describe(ports[1])}"
