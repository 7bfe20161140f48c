"""Limits for one run, without editing models.toml: ``--limit MODEL.KEY=VALUE`` and ``--limits-from FILE``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from quantgate.core.limits import LIMITS
from quantgate.errors import UsageError
from quantgate.manifest.document import read_document
from quantgate.manifest.problems import unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from quantgate.manifest.draft import ModelDraft
    from quantgate.manifest.problems import KeyPath

_OPTION, _FILE = "--limit", "--limits-from"
_FORM = "expected MODEL.KEY=VALUE, such as ssd.max_accuracy_drop=0.01"


@dataclass(frozen=True, slots=True)
class GivenLimits:
    """Limits by model and key, and the option that gave each.

    Parameters
    ----------
    limits
        As models.toml would say them: a number, or a number an ISA class.
    """

    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def over(self, own: ModelDraft) -> ModelDraft:
        """Lay the limits of one model over what its manifest says."""
        given = self.limits.get(own.id)
        if not given:
            return own
        table = {**own.table, "limits": {**own.table.get("limits", {}), **given}}
        places: dict[KeyPath, KeyPath] = {
            ("limits", key): (self.options[own.id, key], own.id, key) for key in given
        }
        return replace(own, table=table, written={**own.written, **places})


def given_limits(
    options: Sequence[str], files: Sequence[Path], models: Sequence[str]
) -> GivenLimits:
    """Read both options; a single limit stands above those of a file.

    Parameters
    ----------
    models
        Names of the manifest's models, which may hold dots.

    Raises
    ------
    UsageError
        For another form, and for a model or limit that there is not; names what is meant most likely.
    ManifestError
        Where a file cannot be read as TOML.
    """
    limits: dict[str, dict[str, Any]] = {}
    said: dict[tuple[str, str], str] = {}
    for path in files:
        for model, own in _of_file(path, models).items():
            limits.setdefault(model, {}).update(own)
            said |= {(model, key): _FILE for key in own}
    for option in options:
        model, key, value = _parsed(option, models)
        before = limits.setdefault(model, {}).get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        limits[model][key] = {**before, **value} if both else value  # type: ignore[dict-item]
        said[model, key] = _OPTION
    return GivenLimits(limits, said)


def _parsed(option: str, models: Sequence[str]) -> tuple[str, str, Any]:
    left, equals, text = option.partition("=")
    fitting = [model for model in models if left.startswith(f"{model}.")]
    if not equals or "." not in left:
        raise UsageError(f"{_OPTION} {option}: {_FORM}")
    if not fitting:
        name = left.partition(".")[0]
        raise UsageError(f"{_OPTION} {option}: {unknown_name('model', name, models)}")
    model = max(fitting, key=len)
    key, _, isa = left.removeprefix(f"{model}.").removeprefix("limits.").partition(".")
    _refuse_unknown(f"{_OPTION} {option}", key)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{_OPTION} {option}: expected a number, found {text!r}; {_FORM}")
    return model, key, {isa: value} if isa else value


def _of_file(path: Path, models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read ``[models.NAME.limits]`` of a file, as `quantgate suggest` prints them; other models' do not matter."""
    document = read_document(path)
    tables = document.get("models")
    found = {
        name: table["limits"]
        for name, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict) and isinstance(table.get("limits"), dict)
    }
    if not found.keys() & set(models):
        held = f"but those of {', '.join(found)}" if found else "at all"
        raise UsageError(
            f"{_FILE} {path}: expected [models.NAME.limits] of a model of this manifest ({', '.join(models)}), found "
            f"no limits {held}"
        )
    kept = {name: limits for name, limits in found.items() if name in models}
    for limits in kept.values():
        for key in limits:
            _refuse_unknown(f"{_FILE} {path}", key)
    return kept


def _refuse_unknown(where: str, key: str) -> None:
    if key not in LIMITS and key not in {"outputs", "devices"}:
        raise UsageError(f"{where}: {unknown_name('limit', key, LIMITS)}")
