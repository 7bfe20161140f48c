"""One model's table with shorthands written out, defaults and the built-in model filled in."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.decoders.catalog import DEFAULT_DECODERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.manifest.problems import Place

#: What ``[defaults]`` may say.
DEFAULTABLE = (
    "calibrate",
    "evaluate",
    "preprocess",
    "benchmark",
    "limits",
    "judge",
    "undecided",
    "tags",
)
#: A string at these keys stands for a table with this one key.
SHORTHANDS = {
    "source": "path",
    "optimized": "path",
    "decoder": "kind",
    "calibrate": "dataset",
    "evaluate": "dataset",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A model's table before validation.

    Parameters
    ----------
    table
        The merged table.
    written
        Where a key, or a key of a sub-table, was written if it was not at its own place.
    """

    id: str
    table: Mapping[str, Any]
    written: Mapping[Place, Place] = field(default_factory=dict)

    def where(self, *parts: str | int) -> Place:
        """Place in the document at which this key was written."""
        for length in (2, 1):
            if origin := self.written.get(parts[:length]):
                return (*origin, *parts[length:])
        return ("models", self.id, *parts)

    def is_own(self, *parts: str) -> bool:
        """Whether the model itself says this, and not ``[defaults]``."""
        return self.where(*parts)[0] == "models"


def draft(name: str, own: Mapping[str, Any], defaults: Mapping[str, Any]) -> Draft:
    """Merge a model's table over the built-in model's over ``[defaults]``, one level deep."""
    written: dict[Place, Place] = {}
    table: dict[str, Any] = {}
    shared = {key: defaults[key] for key in DEFAULTABLE if key in defaults}
    for origin, layer in (
        (("defaults",), shared),
        (("models", name), builtin(own.get("source"))),
        (("models", name), own),
    ):
        for key, value in layer.items():
            _lay(table, written, key, (value, (*origin, key)))
    if "optimized" in own and "calibrate" not in own:
        table.pop("calibrate", None)  # the defaults' recipe is for models that are quantized here
    if "decoder" not in table and (kind := _only_decoder(table.get("task"))):
        table["decoder"] = {"kind": kind}
    return Draft(name, table, written)


def _only_decoder(task: object) -> str | None:
    """Kind of the decoder of a task that has one only."""
    return DEFAULT_DECODERS.get(task) if isinstance(task, str) else None


def _lay(
    table: dict[str, Any], written: dict[Place, Place], key: str, said: tuple[Any, Place]
) -> None:
    """Lay one key over what is there, noting where each part of it was written."""
    value, origin = said
    spelled = spell(key, value)
    below = table.get(key)
    if not isinstance(spelled, dict) or not isinstance(below, dict) or key == "decoder":
        table[key] = spelled
        for place in [place for place in written if place[0] == key]:
            del written[place]
        written[key,] = origin
        below = {}
    else:
        table[key] = below | spelled
    for part in spelled if isinstance(spelled, dict) else ():
        written[key, part] = origin if isinstance(value, str) else (*origin, part)


def spell(key: str, value: object) -> Any:
    """Write a shorthand out as the table that it stands for."""
    return {SHORTHANDS[key]: value} if key in SHORTHANDS and isinstance(value, str) else value


def builtin(source: object) -> dict[str, Any]:
    """Task, decoder and preprocess of the built-in model that a source names, if it names one."""
    name = source.get("zoo") if isinstance(source, dict) else None
    model = zoo().get(name) if isinstance(name, str) else None
    if model is None:
        return {}
    return {
        "task": model.task,
        "decoder": _as_toml(model.decoder),
        "preprocess": _as_toml(dataclasses.asdict(model.preprocess)),
    }


def zoo() -> Mapping[str, Any]:
    """Return the built-in models by name: none where quantgate was installed without them."""
    try:
        models: Mapping[str, Any] = importlib.import_module("harness.zoo.catalog").ZOO
    except ModuleNotFoundError:
        return {}
    return models


def _as_toml(table: Mapping[str, Any]) -> dict[str, Any]:
    """Write a table as a manifest would: lists for tuples."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in table.items()}
