"""The JSON Schema of models.toml, from the types: completion and checks in editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from quantgate.core.limits import LIMITS
from quantgate.decoders.catalog import DECODERS
from quantgate.entries import (
    DatasetEntry,
    EvaluationPlan,
    ExpectedFailure,
    ModelEntry,
    Published,
    Recipe,
    ReportPlan,
)
from quantgate.manifest import hints, history
from quantgate.manifest.draft import DEFAULTABLE, SHORTHANDS
from quantgate.manifest.shape import strict
from quantgate.sources.catalog import AnySource
from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What ``[defaults]`` can complete: nothing is required of these tables where they stand.
_COMPLETED = (Recipe, EvaluationPlan)


def json_schema() -> dict[str, Any]:
    """Generate the schema of a whole manifest (JSON Schema 2020-12, shorthands included)."""
    definitions = _definitions()
    models = definitions["ModelEntry"]["properties"]
    shared = {key: models[key] for key in DEFAULTABLE}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "models.toml",
        "description": "Models to quantize and to judge, their data and their limits.",
        **_table(
            {
                "$schema": {"type": "string", "description": "address of this schema"},
                "defaults": {
                    "description": "Merged under each model's own tables; the model's key wins.",
                    **_table(shared),
                },
                "datasets": _named("DatasetEntry"),
                "models": _named("ModelEntry") | {"minProperties": 1},
                "report": {"$ref": "#/$defs/ReportPlan"},
                history.KEY: {"type": "string", "minLength": 1, "description": history.MEANING},
            },
            ["models"],
        ),
        "$defs": dict(sorted(definitions.items())),
    }


def _definitions() -> dict[str, Any]:
    """Tables by the names of their types, each with the descriptions of its keys: all that any key leads to."""
    found: dict[str, Any] = {}
    # What keys without a type of their own lead to: tables by the names of limits and metrics.
    waiting: list[type] = [ModelEntry, DatasetEntry, ReportPlan, ExpectedFailure, Published]
    while waiting:
        table = waiting.pop()
        if table.__name__ not in found:
            found[table.__name__] = _definition(table)
            waiting += _tables_of(table)
    return found


def _tables_of(table: type) -> Iterator[type]:
    """Give the types of the tables that a table's keys hold, in lists and by names, too."""
    if table is ModelEntry:
        yield from (*DECODERS.values(), *get_args(AnySource))
    for hint in hints.fields(table).values():
        yield from _inside(hint)


def _inside(hint: Any) -> Iterator[type]:
    bare, _ = hints.unwrap(hint)
    if hints.is_table(bare):
        yield bare
    for part in get_args(bare):
        yield from _inside(part)


def _definition(table: type) -> dict[str, Any]:
    properties = {
        key: _property(key, hint) | hints.default(table, key)
        for key, hint in hints.fields(table).items()
    }
    needed = [] if table in _COMPLETED else list(hints.required(table))
    if table is ModelEntry:
        needed = ["source"]
    if table in DECODERS.values():
        needed = ["kind", *needed]
    summary = (table.__doc__ or "").strip().splitlines()[0].replace("``", "`")
    return {"description": summary, **_table(properties, needed)}


def _property(key: str, hint: Any) -> dict[str, Any]:
    """Schema of one key: its type's, with the shorthand beside it and its description."""
    tables = [hints.unwrap(one)[0] for one in hints.options(hint)]
    if all(hints.is_table(one) for one in tables):
        arms: list[dict[str, Any]] = [{"$ref": f"#/$defs/{one.__name__}"} for one in tables]
        if key == "decoder":
            short = [kind for kind, one in DECODERS.items() if not hints.required(one)]
            arms.append({"type": "string", "enum": short})
        elif key in SHORTHANDS:
            arms.append({"type": "string", "description": f"short for {{ {SHORTHANDS[key]} = … }}"})
        generated = arms[0] if len(arms) == 1 else {"anyOf": arms}
    elif key == "expected_failure":
        failures = {name: {"$ref": "#/$defs/ExpectedFailure"} for name in LIMITS}
        generated = _table(failures)
    elif key == "published":
        metrics = dict.fromkeys(name for task in TASKS.values() for name in task.METRICS)
        generated = _table({name: {"$ref": "#/$defs/Published"} for name in metrics})
    else:
        generated = _plain(hint)
    explained = hints.doc(hint)
    return ({"description": explained} if explained else {}) | generated


def _plain(hint: Any) -> dict[str, Any]:
    """Schema of a value without tables, as pydantic derives it; TOML has no null."""
    generated = strict(hint).json_schema()["items"]
    arms = [arm for arm in generated.get("anyOf", []) if arm != {"type": "null"}]
    if len(arms) == 1:
        return dict(arms[0])
    return {"anyOf": arms} if arms else dict(generated)


def _table(properties: dict[str, Any], needed: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        **({"required": needed} if needed else {}),
        "additionalProperties": False,
    }


def _named(definition: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{definition}"}}
