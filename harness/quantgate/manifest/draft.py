"""One model's table with shorthands written out, defaults and the built-in model filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantgate.decoders.catalog import DEFAULT_DECODERS
from quantgate.manifest.known import known_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from quantgate.manifest.problems import KeyPath

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
    "baseline": "path",
    "decoder": "kind",
    "calibrate": "dataset",
    "evaluate": "dataset",
}


@dataclass(frozen=True, slots=True)
class ModelDraft:
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
    written: Mapping[KeyPath, KeyPath] = field(default_factory=dict)

    def where(self, *parts: str | int) -> KeyPath:
        """Place in the document at which this key was written."""
        for length in (2, 1):
            if origin := self.written.get(parts[:length]):
                return (*origin, *parts[length:])
        return ("models", self.id, *parts)

    def is_own(self, *parts: str) -> bool:
        """Whether this is said of the model alone, and not in ``[defaults]``."""
        return self.where(*parts)[0] != "defaults"


def draft(name: str, own: Mapping[str, Any], defaults: Mapping[str, Any], root: Path) -> ModelDraft:
    """Merge a model's table over what its source knows over ``[defaults]``, one level deep.

    ``root`` is the folder of the manifest.
    """
    written: dict[KeyPath, KeyPath] = {}
    table: dict[str, Any] = {}
    shared = {key: defaults[key] for key in DEFAULTABLE if key in defaults}
    for origin, layer in (
        (("defaults",), shared),
        (("models", name), _known(own, root)),
        (("models", name), own),
    ):
        for key, value in layer.items():
            _lay(table, written, key, (value, (*origin, key)))
    if "optimized" in own and "calibrate" not in own:
        table.pop("calibrate", None)  # the defaults' recipe is for models that are quantized here
    if "decoder" not in table and (kind := _only_decoder(table.get("task"))):
        table["decoder"] = {"kind": kind}
    return ModelDraft(name, table, written)


def _known(own: Mapping[str, Any], root: Path) -> Mapping[str, Any]:
    """What the source knows; its figures belong to its own task only."""
    known = known_of(own.get("source"), root)
    if own.get("task", known.get("task")) != known.get("task"):
        known.pop("published", None)
    return known


def _only_decoder(task: object) -> str | None:
    """Kind of the decoder of a task that has one only."""
    return DEFAULT_DECODERS.get(task) if isinstance(task, str) else None


def _lay(
    table: dict[str, Any], written: dict[KeyPath, KeyPath], key: str, said: tuple[Any, KeyPath]
) -> None:
    """Lay one key over what is there, noting where each part of it was written."""
    value, origin = said
    spelled = spell(key, value)
    below = table.get(key)
    if not isinstance(spelled, dict) or not isinstance(below, dict) or _other(key, below, spelled):
        table[key] = spelled
        for place in [place for place in written if place[0] == key]:
            del written[place]
        written[key,] = origin
        below = {}
    else:
        table[key] = below | spelled
    for part in spelled if isinstance(spelled, dict) else ():
        written[key, part] = origin if isinstance(value, str) else (*origin, part)


def _other(key: str, below: Mapping[str, Any], spelled: Mapping[str, Any]) -> bool:
    """Whether a decoder is of another kind than the one below: then nothing of that one stays."""
    return key == "decoder" and spelled.get("kind", below.get("kind")) != below.get("kind")


def spell(key: str, value: object) -> Any:
    """Expand a shorthand into its table."""
    return {SHORTHANDS[key]: value} if key in SHORTHANDS and isinstance(value, str) else value
