"""models.toml → a frozen manifest, or every problem in it at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from harness.decoders.catalog import DECODERS
from harness.entries import AnySource, DatasetEntry, Limits, Manifest, ModelEntry, ReportPlan
from harness.errors import ManifestError
from harness.manifest import datasets, hints
from harness.manifest.document import in_order, read_document
from harness.manifest.draft import DEFAULTABLE, SHORTHANDS, Draft, draft, spell
from harness.manifest.judging import check_expected, check_limits, declared, without_shared
from harness.manifest.models import Reading, check_model
from harness.manifest.problems import Place, Problem, dotted, found, unknown_key, unknown_name
from harness.manifest.shape import read, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Tables that stand at the top of a manifest.
TABLES = ("defaults", "datasets", "models", "report")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def load_manifest(path: Path) -> Manifest:
    """Read, merge, validate and check a manifest.

    Parameters
    ----------
    path
        The models.toml; relative paths inside it are resolved against its folder.

    Returns
    -------
    Manifest
        Frozen, with absolute paths: whatever it names was there a moment ago.

    Raises
    ------
    ManifestError
        With every problem, in the order of the file: dotted path, what was expected, what was
        found, and what was probably meant.
    """
    document = read_document(path)
    problems: list[Problem] = []
    tables = _tables(document, problems)
    root = path.absolute().parent
    known = dict.fromkeys(tables.get("datasets", {})) | {
        name: _dataset(name, table, root, problems)
        for name, table in _named(tables, "datasets", problems).items()
    }
    _check_defaults(tables.get("defaults", {}), problems)
    drafts = [
        draft(name, own, tables.get("defaults", {}))
        for name, own in _named(tables, "models", problems).items()
    ]
    models = [_model(one, known, root, problems) for one in drafts]
    report = read(ReportPlan, tables.get("report", {}), ("report",), problems)
    if problems:
        raise ManifestError(str(path), tuple(map(str, in_order(document, problems))))
    return Manifest(
        path=path.absolute(),
        models={model.id: model for model in models if model is not None},
        datasets={name: entry for name, entry in known.items() if entry is not None},
        report=report,
    )


def _tables(document: Mapping[str, Any], problems: list[Problem]) -> dict[str, dict[str, Any]]:
    """Tables at the top; whatever else stands there is a problem."""
    tables: dict[str, dict[str, Any]] = {}
    for key, value in document.items():
        if key == "$schema" and isinstance(value, str):
            continue
        if key not in TABLES:
            problems.append(Problem((key,), unknown_key(key, TABLES)))
        elif not isinstance(value, dict):
            problems.append(Problem((key,), f"expected a table, found {found(value)}"))
        else:
            tables[key] = value
    if document.get("models", {}) == {}:
        problems.append(Problem(("models",), "missing, expected at least one [models.NAME]"))
    return tables


def _named(
    tables: Mapping[str, Mapping[str, Any]], key: str, problems: list[Problem]
) -> dict[str, dict[str, Any]]:
    """Tables by name below a table; names become parts of test ids and of file names."""
    sound: dict[str, dict[str, Any]] = {}
    lower: dict[str, str] = {}
    for name, value in tables.get(key, {}).items():
        if not _NAME.fullmatch(name):
            sentence = (
                f"expected a name of letters, digits, '.', '-' and '_' (at most 100, a letter or "
                f"digit first), found {found(name)}"
            )
            problems.append(Problem((key, name), sentence))
        if (twin := lower.setdefault(name.lower(), name)) != name:
            sentence = (
                f"expected names that differ in more than case, found {dotted(key, twin)} too"
            )
            problems.append(Problem((key, name), sentence))
        if isinstance(value, dict):
            sound[name] = value
        else:
            problems.append(Problem((key, name), f"expected a table, found {found(value)}"))
    return sound


def _dataset(
    name: str, table: dict[str, Any], root: Path, problems: list[Problem]
) -> DatasetEntry | None:
    place: Place = ("datasets", name)
    entry: DatasetEntry | None = read(DatasetEntry, table, place, problems)
    if entry is None:
        return None
    entry = datasets.located(entry, root)
    problems.extend(datasets.check_dataset(entry, table, place))
    problems.extend(datasets.check_files(entry, place))
    return entry


def _check_defaults(defaults: Mapping[str, Any], problems: list[Problem]) -> None:
    """Validate ``[defaults]`` by itself, so that it is right even where no model inherits it."""
    for key, value in defaults.items():
        if key not in DEFAULTABLE:
            problems.append(Problem(("defaults", key), unknown_key(key, DEFAULTABLE)))
            continue
        hint, inside = _field(key), spell(key, value)
        found_here: list[Problem] = []
        read(hint, inside, ("defaults", key), found_here)
        problems.extend(
            Problem(("defaults", key) if isinstance(value, str) else at, problem.sentence)
            for problem in found_here
            if not _absent(inside, (at := problem.place)[2:])
        )


def _absent(table: object, inside: Place) -> bool:
    """Whether the problem at this place of a table is that nothing stands there."""
    return isinstance(table, dict) and len(inside) == 1 and inside[0] not in table


def _field(key: str) -> Any:
    """Hint of a model's key, without what surrounds a table."""
    hint = hints.fields(ModelEntry)[key]
    bare, _ = hints.unwrap(hint)
    return bare if hints.is_table(bare) else hint


def _model(
    one: Draft, known: Mapping[str, DatasetEntry | None], root: Path, problems: list[Problem]
) -> ModelEntry | None:
    mistaken: list[Problem] = []
    values = _values(one, mistaken)
    problems.extend(mistaken)
    for key in ("source", "decoder"):
        if values.get(key) is not None:
            values[key] = datasets.located(values[key], root)
    broken = {part for problem in mistaken for part in problem.place[1:] if isinstance(part, str)}
    reading = Reading(one, values, known, frozenset(broken))
    if values.get("limits") is not None:
        values["limits"] = without_shared(reading)
        problems.extend(check_limits(reading))
        problems.extend(check_expected(reading))
    problems.extend(check_model(reading))
    if problems:
        return None
    places = {key: dotted(*one.where("limits", key)) for key in declared(values["limits"])}
    return ModelEntry(id=one.id, limit_places=places, **values)


def _values(one: Draft, problems: list[Problem]) -> dict[str, Any]:
    """Validate every key of a model by itself, so that one mistake does not hide the others."""
    values: dict[str, Any] = {}
    known = hints.fields(ModelEntry)
    problems.extend(
        Problem(one.where(key), unknown_key(key, known)) for key in one.table if key not in known
    )
    for key, hint in known.items():
        if key in one.table:
            values[key] = _value(one, key, problems)
        elif key in hints.required(ModelEntry):
            sentence = f"missing, expected {'a string or ' if key in SHORTHANDS else ''}{say(hint)}"
            problems.append(Problem(("models", one.id, key), sentence))
        elif key == "limits":
            values[key] = Limits()
    return values


def _value(one: Draft, key: str, problems: list[Problem]) -> Any:
    raw, hint = one.table[key], _field(key)
    if key in {"source", "decoder"}:
        if not isinstance(raw, dict):
            sentence = f"expected a string or {say(hint)}, found {found(raw)}"
            problems.append(Problem(one.where(key), sentence))
            return None
        chosen = _source_of(raw) if key == "source" else _decoder_of(one, raw, problems)
        if chosen is None:
            return None
        hint = chosen
    inside: list[Problem] = []
    value = read(hint, raw, (), inside)
    for problem in inside:
        parts = (key, *problem.place)
        absent = _absent(raw, problem.place)
        place = ("models", one.id, *parts) if absent else one.where(*parts)
        problems.append(Problem(place, problem.sentence))
    return value


def _source_of(raw: Mapping[str, Any]) -> type:
    """Kind of source whose first key is there; where none is, a local file was meant."""
    kinds: tuple[type, ...] = get_args(AnySource)
    return next((kind for kind in kinds if next(iter(hints.fields(kind))) in raw), kinds[0])


def _decoder_of(one: Draft, raw: Mapping[str, Any], problems: list[Problem]) -> type | None:
    kind = raw.get("kind")
    if isinstance(kind, str) and kind in DECODERS:
        return DECODERS[kind]  # type: ignore[no-any-return]
    if "kind" in raw:
        problem = Problem(one.where("decoder", "kind"), unknown_name("decoder", kind, DECODERS))
    else:
        place = ("models", one.id, "decoder", "kind")
        problem = Problem(place, f"missing, expected one of {', '.join(DECODERS)}")
        known = dict.fromkeys(key for one in DECODERS.values() for key in hints.fields(one))
        problems.extend(
            Problem(one.where("decoder", key), unknown_key(key, known))
            for key in raw
            if key not in known
        )
    problems.append(problem)
    return None
