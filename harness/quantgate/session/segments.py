"""Which declared things can change a number: where they change, a series starts a new segment.

A looser limit, a tag or a longer time budget moves no number, so it starts none. Neither does a new
model behind the same entry, or a new version of a library: that is what a history is watched for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.core.limits import LIMITS
from quantgate.escaping import printable
from quantgate.redaction import redacted_tree

if TYPE_CHECKING:
    from quantgate.core.limit_kind import Scope
    from quantgate.entries import ModelEntry

#: Keys of an entry that say what is run, or that only say how it is judged and shown.
_MADE_OF = ("source", "optimized", "preprocess")
#: The digest of the drawn images says it all; the rest only permits.
_BY_CONTENT = ("dataset", "subset", "seed", "hold_out", "allow_overlap", "device")


def declared_text(entry: ModelEntry, root: Path) -> str:
    """Write an entry as JSON: what differs from the defaults, paths from the manifest's folder."""
    told = redacted_tree(_plain(entry, root))
    return json.dumps(told, sort_keys=True, ensure_ascii=False)


def segment_of(entry: ModelEntry, key: str, digests: Mapping[str, str], root: Path) -> str:
    """Digest of everything declared that can change one number.

    Parameters
    ----------
    key
        Key of the limit.
    digests
        ``calibration`` and ``evaluation`` of the image sets, ``input`` of the image that is timed.
    root
        Folder of the manifest: the same checkout elsewhere is the same segment.

    Returns
    -------
    str
        The first 16 hex digits of a SHA-256.
    """
    parts = {**_optimized(entry, digests), **_judged(entry, key, digests)}
    text = json.dumps(_plain(parts, root), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _optimized(entry: ModelEntry, digests: Mapping[str, str]) -> dict[str, Any]:
    """Say what the two roles are made of."""
    parts: dict[str, Any] = {name: getattr(entry, name) for name in _MADE_OF}
    recipe = entry.calibrate
    if recipe is None:
        return parts
    parts["calibrate"] = _without(recipe, *_BY_CONTENT, "max_drop")
    parts["calibration"] = digests.get("calibration", "")
    if recipe.method == "accuracy-aware":
        drop = recipe.max_drop if recipe.max_drop is not None else entry.limits.max_accuracy_drop
        parts |= {"aim": drop, "aimed with": _scored(entry)}
    return parts


def _judged(entry: ModelEntry, key: str, digests: Mapping[str, str]) -> dict[str, Any]:
    """Say what the number is measured on, by what its limit's scope measures."""
    kind = LIMITS[key]
    conditions = {"benchmark": _without(entry.benchmark, "seconds")}
    real = {"input": digests.get("input", "")}
    device = {"device": entry.device_name}
    seen = {**device, "evaluation": digests.get("evaluation", "")}
    by_scope: dict[Scope, dict[str, Any]] = {
        "size": {},
        "memory": conditions,
        "speed": {**conditions, **real},
        "execution": {**device, **real},
        "fidelity": {**seen, **_scored(entry)},
        # Raw outputs are compared as they are: nothing is decoded, matched or scored.
        "outputs": {**seen, "precision": entry.evaluate.precision},
        "images": {**seen, **_scored(entry)},
    }
    parts = by_scope[kind.scope]
    if kind.to_baseline:
        parts["baseline"] = entry.baseline
    if kind.scope == "images" and not kind.of_metric:
        parts["evaluate"].pop("metric", None)
    if kind.between_devices:
        parts["devices"] = entry.lane.others if entry.lane else ()
    if kind.of_worst == "segment":
        parts["segments"] = digests.get("segments", "")
    return parts


def _scored(entry: ModelEntry) -> dict[str, Any]:
    evaluate = _without(entry.evaluate, *_BY_CONTENT)
    return {"task": entry.task, "decoder": entry.decoder, "evaluate": evaluate}


def _without(table: Any, *names: str) -> dict[str, Any]:
    """Give the fields of a table that are not the defaults, but for some."""
    return {
        field.name: value
        for field in fields(table)
        if field.name not in names and not field.metadata.get("derived")
        if (value := getattr(table, field.name)) != field.default and value != {}
    }


def _plain(value: Any, root: Path) -> Any:
    """Write values as JSON does; what has its default value is left out, as who wrote it may do."""
    if is_dataclass(value) and not isinstance(value, type):
        kind = getattr(value, "kind", None)
        said = _without(value) | ({"kind": kind} if kind is not None else {})
        return {name: _plain(item, root) for name, item in said.items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(item, root) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, root) for item in value]
    if isinstance(value, Path):
        return printable(Path(os.path.relpath(value, root)).as_posix())
    return value if isinstance(value, str | int | float | None) else str(value)
