"""Ways to read a model's outputs: every decoder that their shapes allow, with its settings."""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from quantgate.decoders.alternatives import Reading, variants
from quantgate.decoders.catalog import DECODERS, fitting_kinds, kinds_for
from quantgate.decoders.fields import CLASS_ID_LISTS
from quantgate.decoders.likely import likely
from quantgate.decoders.priors import PRIORS
from quantgate.errors import DecoderError
from quantgate.onboarding.heads import described

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from quantgate.core.predictions import Truth
    from quantgate.decoders.protocol import Decoder, Port

#: Anchors that published networks share, px: YOLO v3 and v4 on COCO, and their tiny forms.
_ANCHORS: Mapping[str, tuple[float, ...]] = {
    "YOLO v4's": (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401),
    "YOLO v3's": (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326),
    "the tiny YOLOs'": (10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319),
}
_COCO_LABELS = 80
#: What recognizers of one case, and of digits, know.
_ALPHABETS = (string.digits + string.ascii_lowercase, string.digits)
#: The decoder of several heads, and where it has their names from.
_HEADS, _NAMED = "heads", "heads: by the columns of the annotations"
_TASKS_OF_ANY_OUTPUT = frozenset({"generic"})


@dataclass(frozen=True, slots=True)
class Option:
    """One way to read the outputs.

    Parameters
    ----------
    reading
        The decoder, and which of its keys are not the defaults.
    note
        Where settings come from that its defaults do not have.
    """

    task: str
    reading: Reading
    note: str = ""

    @property
    def decoder(self) -> Decoder:
        """What reads."""
        return self.reading.decoder

    @property
    def kind(self) -> str:
        """The decoder's name in models.toml."""
        return self.reading.decoder.kind


def options_for(
    ports: Sequence[Port],
    *,
    priors: Sequence[Path],
    labels: int,
    symbols: Sequence[Path] = (),
    tables: Sequence[tuple[int, ...]] = (),
    task: str | None = None,
) -> list[Option]:
    """List ways to read outputs of these shapes, plain ones first.

    Parameters
    ----------
    priors, symbols
        Files of prior boxes, and of the symbols of recognizers of text.
    labels
        How many classes the annotations name; 0 where nothing names them.
    tables
        Candidates for ``class_ids``: the model's classes by name among the annotations'.
    task
        The only one to consider, where something says it.
    """
    found = []
    tasks = {task} if task is not None else {one.tasks[0] for one in DECODERS.values()}
    for kind, maker in DECODERS.items():
        own = next((each for each in maker.tasks if each in tasks), None)
        if own is None or own in _TASKS_OF_ANY_OUTPUT:
            continue
        if hasattr(maker, "characters"):
            bases = _recognizers(kind, ports, own, symbols)
        else:
            bases = _bases(kind, ports, _likely(ports, own, told=task is not None), priors)
        for decoder, note in bases:
            readings = _renamed(variants(decoder), labels, tables)
            taking = (reading for reading in readings if _takes(reading.decoder, ports))
            found += [Option(own, reading, note) for reading in taking]
    return sorted(found, key=lambda option: len(option.reading.changed))


def _likely(ports: Sequence[Port], task: str, *, told: bool) -> tuple[str, ...]:
    """Kinds that outputs of these shapes are meant for; where a task is told, and none is likely, all that fit."""
    kinds = fitting_kinds(ports, task)
    if kinds or not told:
        return kinds
    return tuple(kind for kind in kinds_for(task) if DECODERS[kind].fits(ports))


def named_heads(
    options: Sequence[Option], ports: Sequence[Port], truths: Sequence[Truth | None]
) -> list[Option]:
    """Add ways to read several heads, named by the columns of what is annotated, before those without names."""
    plain = next((option for option in options if option.kind == _HEADS), None)
    if plain is None:
        return list(options)
    named = [
        Option(plain.task, Reading(one, ("heads",)), _NAMED) for one in described(ports, truths)
    ]
    return [*named, *options]


def _bases(
    kind: str, ports: Sequence[Port], kinds: Sequence[str], priors: Sequence[Path]
) -> Iterator[tuple[Decoder, str]]:
    """Yield decoders of a kind whose outputs these may be; with what they need, where that is known."""
    maker: Any = DECODERS[kind]
    if kind == "ssd-raw" and maker.fits(ports):
        yield from ((maker(priors=path), f"priors: {path.name}") for path in priors)
        yield from ((maker(priors=name, box_format="xywh"), f"priors of {name}") for name in PRIORS)
    elif kind == "yolo" and maker.fits(ports) and likely(kind, ports):
        yield from (
            (maker(anchors=anchors), f"{name} anchors") for name, anchors in _ANCHORS.items()
        )
    elif kind in kinds and kind not in {"ssd-raw", "yolo"}:
        yield maker(), ""


def _recognizers(
    kind: str, ports: Sequence[Port], task: str, symbols: Sequence[Path]
) -> Iterator[tuple[Decoder, str]]:
    """Yield readers of text by each file of symbols, and of digits and letters alone; marks come first, or none does."""
    maker: Any = DECODERS[kind]
    known: list[tuple[dict[str, Any], str]]
    known = [({"characters": path}, f"characters: {path.name}") for path in symbols]
    known += [({"alphabet": each}, "by the number of channels") for each in _ALPHABETS]
    marks: list[dict[str, Any]] = [{}] if kind == "ctc" else [{}, {"end": 0}, {"end": -1}]
    if kind in fitting_kinds(ports, task):
        yield from ((maker(**own, **mark), note) for own, note in known for mark in marks)


def _renamed(
    readings: Iterator[Reading], labels: int, tables: Sequence[tuple[int, ...]]
) -> Iterator[Reading]:
    """Add models whose classes the annotations name, or count, otherwise: COCO's 90 ids of 80 classes."""
    coco = [next(iter(CLASS_ID_LISTS))] if labels == _COCO_LABELS else []
    for reading in readings:
        yield reading
        for ids in (*tables, *coco) if hasattr(reading.decoder, "class_ids") else ():
            named: Any = replace(cast("Any", reading.decoder), class_ids=ids)
            yield Reading(named, (*reading.changed, "class_ids"))


def tables_of(model: Sequence[Sequence[str]], labels: Sequence[str]) -> list[tuple[int, ...]]:
    """Find the model's classes among the annotations' by name, where at least half of either are there."""
    places = {_plain(name): index for index, name in enumerate(labels)}
    found = []
    for names in model:
        ids = tuple(places.get(_plain(name), -1) for name in names)
        known = sum(index >= 0 for index in ids)
        if ids != tuple(range(len(labels))) and 2 * known >= min(len(ids), len(labels)) > 0:
            found.append(ids)
    return found


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _takes(decoder: Decoder, ports: Sequence[Port]) -> bool:
    try:
        decoder.check(ports)
    except DecoderError:
        return False
    return True
