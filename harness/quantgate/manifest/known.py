"""What a source knows of its model, as an entry of models.toml would write it."""

from __future__ import annotations

import dataclasses
import importlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import HarnessError
from quantgate.manifest.datasets import resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.sources.omz.knowledge import OmzSettings


def known_of(source: object, root: Path) -> dict[str, Any]:
    """Task, decoder and preprocess of the model that a source names; empty if unknown."""
    if not isinstance(source, dict):
        return {}
    for key, knows in (("zoo", _of_zoo), ("omz", _of_omz), ("cfg", _of_darknet)):
        value = source.get(key)
        if isinstance(value, str):
            return knows(value, root)
    return {}


def zoo() -> Mapping[str, Any]:
    """Return the built-in models by name: none where quantgate was installed without them."""
    try:
        models: Mapping[str, Any] = importlib.import_module("quantgate.zoo.catalog").ZOO
    except ModuleNotFoundError:
        return {}
    return models


@cache
def omz_settings(name: str) -> OmzSettings:
    """What Open Model Zoo knows of a model.

    Raises
    ------
    SourceError
        For an unknown name, with the nearest ones.
    """
    from quantgate.decoders.catalog import DECODERS
    from quantgate.sources.omz.knowledge import settings_of
    from quantgate.tasks.catalog import TASKS

    return settings_of(name, frozenset(DECODERS), frozenset(TASKS))


def _of_zoo(name: str, _: Path) -> dict[str, Any]:
    model = zoo().get(name)
    if model is None:
        return {}
    return {
        "task": model.task,
        "decoder": as_toml(model.decoder),
        "preprocess": as_toml(dataclasses.asdict(model.preprocess)),
        "published": {model.metric: _measured(model.measured)},
    }


def _measured(measured: Any) -> dict[str, Any]:
    images = f"{measured.images:,} images of the built-in renderer, seed {measured.seed}"
    return {"value": measured.parent, "origin": f"measured when the weights were made, {images}"}


def _of_omz(name: str, _: Path) -> dict[str, Any]:
    """Give the task only where the outputs can be decoded: to compare them raw is for people."""
    try:
        known = omz_settings(name)
    except HarnessError:
        return {}
    table: dict[str, Any] = {"preprocess": as_toml(known.preprocess)}
    if known.support == "task":
        table |= {"task": known.task, "decoder": as_toml(known.decoder)}
        table |= {"published": published_of(known, "Open Model Zoo")}
    return table


def published_of(known: OmzSettings, who: str) -> dict[str, dict[str, Any]]:
    """Figures in this project's metrics, the first of each, and who says so on which images."""
    found: dict[str, dict[str, Any]] = {}
    for reference in known.references:
        if reference.metric is not None and reference.value is not None:
            origin = " on ".join(filter(None, (who, reference.dataset)))
            found.setdefault(reference.metric, {"value": reference.value, "origin": origin})
    return found


def _of_darknet(cfg: str, root: Path) -> dict[str, Any]:
    """Read the heads of a cfg: Darknet stretches RGB images and divides them by 255."""
    from quantgate.sources.darknet.cfg_heads import heads_of
    from quantgate.sources.darknet.decoding import decoder_of

    table: dict[str, Any] = {"preprocess": {"colour": "rgb", "scale": 255.0}}
    path = resolved(root, Path(cfg))
    if not os.path.isfile(path):  # noqa: PTH113 - answers False for names that the system refuses
        # A network that is not here is skipped, whatever its heads would be.
        return {**table, "task": "detection", "decoder": {"kind": "yolo", "anchors": [1.0, 1.0]}}
    try:
        decoder = decoder_of(heads_of(path))
    except HarnessError:
        return table
    return table if decoder is None else {**table, "task": "detection", "decoder": as_toml(decoder)}


def as_toml(value: Any) -> Any:
    """Write a value as a manifest would: lists for tuples."""
    if isinstance(value, dict):
        return {key: as_toml(item) for key, item in value.items()}
    return [as_toml(item) for item in value] if isinstance(value, list | tuple) else value
