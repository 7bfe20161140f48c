"""One ``[models.NAME]``, merged with ``[defaults]``: validated key by key, checked, made frozen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from quantgate.decoders.catalog import DECODERS, kinds_for
from quantgate.entries import Benchmark, DatasetEntry, Limits, ModelEntry
from quantgate.manifest import datasets, hints
from quantgate.manifest.draft import DEFAULTABLE, SHORTHANDS, ModelDraft, spell
from quantgate.manifest.judging import (
    check_expected,
    check_limits,
    check_published,
    declared,
    without_shared,
)
from quantgate.manifest.models import check_model
from quantgate.manifest.problems import (
    KeyPath,
    ManifestProblem,
    dotted,
    found,
    names,
    unknown_dataset,
    unknown_key,
    unknown_name,
)
from quantgate.manifest.reading import Reading, devices_of
from quantgate.manifest.shape import read, say
from quantgate.sources.catalog import AnySource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

#: What built-in models and those of Open Model Zoo need not say.
_BY_NAME = frozenset({"task", "decoder"})


def check_defaults(
    defaults: Mapping[str, Any], known: Mapping[str, object], problems: list[ManifestProblem]
) -> None:
    """Validate ``[defaults]`` on its own, so that errors show even if no model inherits them."""
    for key, value in defaults.items():
        if key not in DEFAULTABLE:
            problems.append(ManifestProblem(("defaults", key), unknown_key(key, DEFAULTABLE)))
            continue
        hint, inside = _field(key), spell(key, value)
        place: KeyPath = ("defaults", key)
        found_here: list[ManifestProblem] = []
        read(hint, inside, place, found_here)
        if key in {"calibrate", "evaluate"} and isinstance(inside, dict):
            name = inside.get("dataset")
            if isinstance(name, str) and name not in known:
                found_here.append(
                    ManifestProblem((*place, "dataset"), unknown_dataset(name, known))
                )
        problems.extend(
            ManifestProblem(("defaults", key) if isinstance(value, str) else at, problem.sentence)
            for problem in found_here
            if not _absent(inside, (at := problem.place)[2:])
        )


def _absent(table: object, inside: KeyPath) -> bool:
    """Whether the problem at this key is that it is missing."""
    return isinstance(table, dict) and len(inside) == 1 and inside[0] not in table


@cache
def _field(key: str) -> Any:
    """Hint of a model's key, without what surrounds a table."""
    hint = hints.fields(ModelEntry)[key]
    tables = [bare for bare, _ in map(hints.unwrap, hints.options(hint)) if hints.is_table(bare)]
    return tables[0] if len(tables) == 1 else hint


def read_model(
    one: ModelDraft,
    known: Mapping[str, DatasetEntry | None],
    root: Path,
    problems: list[ManifestProblem],
) -> ModelEntry | None:
    """Read one model; None, and its problems appended, where anything in the manifest is wrong."""
    mistaken: list[ManifestProblem] = []
    values = _values(one, mistaken)
    problems.extend(mistaken)
    for key in ("source", "optimized", "baseline", "decoder"):
        if values.get(key) is not None:
            values[key] = datasets.located(values[key], root)
    broken = {part for problem in mistaken for part in problem.place[1:] if isinstance(part, str)}
    reading = Reading(one, values, known, frozenset(broken))
    if values.get("limits") is not None:
        values["limits"] = without_shared(reading)
        problems.extend(check_limits(reading))
        problems.extend(check_expected(reading))
    problems.extend(check_published(reading))
    problems.extend(check_model(reading))
    if problems:
        return None
    places = {key: dotted(*one.where("limits", key)) for key in declared(values["limits"])}
    benchmark = values.pop("benchmark", Benchmark())
    first, *further = devices_of(benchmark)
    values["benchmark"] = replace(benchmark, device=first)
    return ModelEntry(id=one.id, limit_places=places, timed_on=tuple(further), **values)


def _values(one: ModelDraft, problems: list[ManifestProblem]) -> dict[str, Any]:
    """Validate every key of a model separately, so that one mistake does not hide others."""
    values: dict[str, Any] = {}
    known = hints.fields(ModelEntry)
    problems.extend(
        ManifestProblem(one.where(key), unknown_key(key, known))
        for key in one.table
        if key not in known
    )
    for key in known:
        if key in one.table:
            values[key] = _value(one, key, problems)
        elif key in hints.required(ModelEntry) and not _is_known_by_name(one, key):
            sentence = (
                f"missing, expected {'a string or ' if key in SHORTHANDS else ''}{say(known[key])}"
            )
            if key == "decoder":
                sentence = _no_decoder(one)
            problems.append(ManifestProblem(("models", one.id, key), sentence))
        elif key == "limits":
            values[key] = Limits()
    return values


def _no_decoder(one: ModelDraft) -> str:
    """Say which decoders serve the task that the entry gives, or list all."""
    kinds = kinds_for(one.table.get("task")) or list(DECODERS)
    return (
        "missing, expected how outputs are read: a string or a table whose kind is "
        f"{'one of ' if len(kinds) > 1 else ''}{names(kinds)}"
    )


def _is_known_by_name(one: ModelDraft, key: str) -> bool:
    """Whether a name in ``source`` would say the key, so that the name is the one thing to mend."""
    source = one.table.get("source")
    return (
        key in _BY_NAME
        and _BY_NAME.isdisjoint(one.table)
        and isinstance(source, dict)
        and not source.keys().isdisjoint({"zoo", "omz"})
    )


def _value(one: ModelDraft, key: str, problems: list[ManifestProblem]) -> Any:
    raw = one.table[key]
    if key in {"source", "decoder"}:
        if not isinstance(raw, dict):
            sentence = f"expected a string or {say(_field(key))}, found {found(raw)}"
            problems.append(ManifestProblem(one.where(key), sentence))
            return None
        chosen = (
            _source_of(one, raw, problems) if key == "source" else _decoder_of(one, raw, problems)
        )
        if chosen is None:
            return None
        hint = chosen
    else:
        hint = _field(key)
    inside: list[ManifestProblem] = []
    value = read(hint, raw, (), inside)
    for problem in inside:
        parts = (key, *problem.place)
        absent = _absent(raw, problem.place)
        place = ("models", one.id, *parts) if absent else one.where(*parts)
        problems.append(ManifestProblem(place, problem.sentence))
    return value


def _source_of(
    one: ModelDraft, raw: Mapping[str, Any], problems: list[ManifestProblem]
) -> type | None:
    """Kind of source whose first key is there."""
    kinds = {next(iter(hints.fields(kind))): kind for kind in get_args(AnySource)}
    chosen = next((kind for key, kind in kinds.items() if key in raw), None)
    if chosen is None:
        place = ("models", one.id, "source")
        problems.append(ManifestProblem(place, f"expected a table with one of {names(kinds)}"))
        problems.extend(_strange(one, "source", raw, kinds.values()))
    return chosen


def _decoder_of(
    one: ModelDraft, raw: Mapping[str, Any], problems: list[ManifestProblem]
) -> type | None:
    """Decoder that ``kind`` names."""
    kind = raw.get("kind")
    if isinstance(kind, str) and kind in DECODERS:
        return DECODERS[kind]  # type: ignore[no-any-return]
    known = kinds_for(one.table.get("task")) or list(DECODERS)
    if "kind" in raw:
        place = one.where("decoder", "kind")
        problems.append(ManifestProblem(place, unknown_name("decoder", kind, known, len(known))))
    else:
        place = ("models", one.id, "decoder", "kind")
        problems.append(
            ManifestProblem(place, f"missing, expected one of {names(known, len(known))}")
        )
        problems.extend(_strange(one, "decoder", raw, DECODERS.values()))
    return None


def _strange(
    one: ModelDraft, key: str, raw: Mapping[str, Any], kinds: Iterable[type]
) -> Iterator[ManifestProblem]:
    """Keys that no kind of table knows, if the kind itself is unknown."""
    known = list(dict.fromkeys(name for kind in kinds for name in hints.fields(kind)))
    for name in raw:
        if name not in known:
            yield ManifestProblem(one.where(key, name), unknown_key(name, known))
