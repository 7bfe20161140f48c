"""What an entry of models.toml need not say about an Open Model Zoo model, because OMZ knows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from quantgate.sources.omz.adapters import ADAPTERS, NOTES, adapter_of
from quantgate.sources.omz.environment import EXTRAS
from quantgate.sources.omz.feeding import (
    IMAGE_READERS,
    FeedingUnknownError,
    image_input,
    preprocess_of,
    reader_of,
)
from quantgate.sources.omz.index import CURRENT, OmzModel, find_model, load_index
from quantgate.sources.omz.inputs import known_inputs
from quantgate.sources.omz.references import OmzReference, references_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Judged by its task's metric; by the distance of its raw outputs only; not at all.
Support = Literal["task", "tensors", "none"]
PARENT_PRECISIONS = frozenset({"FP32", "FP16"})


@dataclass(frozen=True, slots=True)
class OmzSettings:
    """How a model is fed, decoded and judged.

    Parameters
    ----------
    support
        ``task``: all is known. ``tensors``: images can be fed, the outputs are not decoded, so
        only the distance of raw outputs is judged (task ``generic``). ``none``: see ``missing``.
    task, decoder, preprocess
        Keys of the entry in models.toml; None and empty where they are not known.
    references
        Published figures, the one that a gate judges by default first.
    notes
        Where the original evaluation is only approximated, or leaves work to the dataset.
    missing
        What keeps the model from full support, and how to state it by hand.
    """

    name: str
    support: Support
    task: str | None = None
    decoder: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[OmzReference, ...] = ()
    notes: tuple[str, ...] = ()
    missing: str | None = None


def settings_of(
    name: str, decoders: Collection[str] | None = None, tasks: Collection[str] | None = None
) -> OmzSettings:
    """Return what is known of a model.

    Parameters
    ----------
    decoders, tasks
        Names that this installation has; default: all that can be mapped. A model that needs
        another one is supported by its raw outputs only.

    Raises
    ------
    SourceError
        For an unknown name.
    """
    return settings_for(find_model(name), decoders, tasks)


def settings_for(
    model: OmzModel, decoders: Collection[str] | None = None, tasks: Collection[str] | None = None
) -> OmzSettings:
    """As `settings_of`, of a model that need not be Open Model Zoo's: what its accuracy-check.yml says."""
    hindrance = _hindrance(model)
    if hindrance is not None:
        return OmzSettings(model.name, "none", missing=hindrance)
    try:
        preprocess, notes = preprocess_of(model)
    except FeedingUnknownError as error:
        return _unfed(model, str(error))
    fed = OmzSettings(
        model.name,
        "tensors",
        "generic",
        preprocess=preprocess,
        references=references_of(model),
        notes=notes,
    )
    adapter, options = adapter_of(model.accuracy)
    if adapter is None:
        return replace(fed, missing="no evaluation is published: state task and decoder by hand")
    decoding = ADAPTERS[adapter](model, options) if adapter in ADAPTERS else None
    if decoding is None:
        return replace(fed, missing=f"adapter {adapter}: state task and decoder by hand")
    task, decoder = decoding
    for kind, known in ((decoder["kind"], decoders), (task, tasks)):
        if known is not None and kind not in known:
            return replace(fed, missing=f"{kind}: not in this version")
    notes = (*notes, *([NOTES[adapter]] if adapter in NOTES else []))
    return replace(fed, support="task", task=task, decoder=decoder, notes=notes)


def _hindrance(model: OmzModel) -> str | None:
    """Say what keeps a model from being a parent at all."""
    if model.stages:
        return f"several networks: name one of {', '.join(model.stages)}"
    if model.framework not in EXTRAS:
        return f"framework {model.framework}: convert it elsewhere, name the IR as a local source"
    if not PARENT_PRECISIONS & set(model.precisions):
        return f"published quantized only ({', '.join(model.precisions)})"
    try:
        image, _, _ = image_input(model)
    except FeedingUnknownError as error:
        return f"not fed with images: {error}"
    known = {image, *known_inputs(model)}
    others = [entry.name for entry in model.inputs if entry.name not in known]
    return f"more inputs than the image: {', '.join(others)}" if others else None


def _unfed(model: OmzModel, reason: str) -> OmzSettings:
    """Where only the preparation of images is unknown, the raw outputs can still be compared."""
    if reader_of(model) not in IMAGE_READERS:
        return OmzSettings(model.name, "none", missing=f"not fed with images: {reason}")
    missing = f"{reason}: state preprocess, task and decoder by hand"
    return OmzSettings(model.name, "tensors", "generic", missing=missing)


def coverage(
    decoders: Collection[str] | None = None,
    tasks: Collection[str] | None = None,
    *,
    release: str = CURRENT,
) -> tuple[OmzSettings, ...]:
    """Return what is known of every model of ``release``, parts of models left out."""
    names = [
        name
        for name, model in load_index().items()
        if model.part_of is None and model.release == release
    ]
    return tuple(settings_of(name, decoders, tasks) for name in names)
