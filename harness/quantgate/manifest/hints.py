"""Type hints of the entries in words: what a message expects and what the reference says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Interval, Len, MinLen
from typing_extensions import Doc

from quantgate.datasets.catalog import DATASETS
from quantgate.decoders.catalog import DECODERS
from quantgate.entries.kinds import NameIn, TableOf
from quantgate.plugins import Lazy
from quantgate.tasks.catalog import TASKS

_SCALARS: dict[object, tuple[str, str]] = {
    bool: ("true or false", "booleans"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    Path: ("a path (a string)", "paths"),
    dt.date: ("a date such as 2027-01-31", "dates"),
}


@cache
def fields(table: type) -> Mapping[str, Any]:
    """Map the keys of a table (a dataclass) to their hints, ``Annotated`` included.

    A string that names something in a catalog is the choice of the names that are there, and a table of one of
    its kinds the union of them: looked up when the hint is asked for, since that may import all kinds.
    """
    return Lazy(_declared(table), lambda _, hint: _looked_up(hint))


@cache
def _declared(table: type) -> dict[str, Any]:
    hints = get_type_hints(table, include_extras=True)
    return {
        field.name: hints[field.name]
        for field in dataclasses.fields(table)
        if not field.metadata.get("derived")
    }


@cache
def named(table: type) -> Mapping[str, str]:
    """Map the keys of a table whose values are names in a catalog to that catalog."""
    return {
        key: item.catalog
        for key, hint in _declared(table).items()
        for one in options(hint)
        for item in unwrap(one)[1]
        if isinstance(item, NameIn)
    }


def _looked_up(hint: Any) -> Any:
    bare, metadata = unwrap(hint)
    if get_origin(bare) in {Union, types.UnionType}:
        bare = Union[tuple(map(_looked_up, get_args(bare)))]  # noqa: UP007 - known at run time only
    for item in metadata:
        if isinstance(item, NameIn):
            bare = Literal[tuple(dict.fromkeys(names_in(item.catalog)))]
        if isinstance(item, TableOf):
            bare = Union[tuple(DECODERS.values())]  # noqa: UP007 - known at run time only
    rest = tuple(item for item in metadata if not isinstance(item, NameIn | TableOf))
    return Annotated[(bare, *rest)] if rest else bare


def names_in(catalog: str) -> Iterator[str]:
    """Name what a catalog holds, plug-ins included; of metrics those that limits can be of, task by task."""
    if catalog == "metrics":
        kinds = (pair for task in TASKS.values() for pair in task.METRICS.items())
        return (name for name, kind in kinds if kind.judged)
    return iter(TASKS if catalog == "tasks" else DATASETS)


def is_table(hint: Any) -> TypeGuard[type]:
    """Whether a bare hint is a dataclass, so a table in TOML."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


@cache
def required(table: type) -> tuple[str, ...]:
    """Name the keys that a table must have."""
    return tuple(
        field.name
        for field in dataclasses.fields(table)
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        and not field.metadata.get("derived")
    )


@cache
def default(table: type, key: str) -> dict[str, Any]:
    """Return ``{"default": value}`` where the default of a key is a plain value, else nothing."""
    value = next(field.default for field in dataclasses.fields(table) if field.name == key)
    if isinstance(value, tuple):
        return {"default": list(value)}
    return {"default": value} if isinstance(value, bool | int | float | str) else {}


def unwrap(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split nested ``Annotated`` into the bare hint and all metadata, the innermost first."""
    if get_origin(hint) is Annotated:
        bare, *metadata = get_args(hint)
        inner, deeper = unwrap(bare)
        return inner, (*deeper, *metadata)
    return hint, ()


def options(hint: Any) -> list[Any]:
    """List the alternatives of a union (one if it is none), ``None`` left out."""
    bare, _ = unwrap(hint)
    if get_origin(bare) in {Union, types.UnionType}:
        return [one for arm in get_args(bare) for one in options(arm) if one is not type(None)]
    return [hint]


def doc(hint: Any) -> str:
    """Text of the outermost ``Doc``, or of one inside a union."""
    bare, metadata = unwrap(hint)
    texts = [item.documentation for item in metadata if isinstance(item, Doc)]
    if not texts and get_origin(bare) in {Union, types.UnionType}:
        texts = [text for arm in get_args(bare) if (text := doc(arm))]
    return texts[-1] if texts else ""


@cache
def expected(hint: Any) -> str:
    """Say in words what a hint accepts."""
    return " or ".join(dict.fromkeys(_expected_one(option) for option in options(hint)))


def choices(hint: Any) -> tuple[str, ...]:
    """List the words that a hint accepts, over all alternatives."""
    literals = [unwrap(option)[0] for option in options(hint)]
    return tuple(word for one in literals if get_origin(one) is Literal for word in get_args(one))


def _expected_one(hint: Any) -> str:
    bare, metadata = unwrap(hint)
    arguments = get_args(bare)
    if get_origin(bare) is Literal:
        words = ", ".join(map(str, arguments))
        return f"one of {words}" if len(arguments) > 1 else f'"{words}"'
    if get_origin(bare) is tuple:
        return _expected_list(arguments, metadata)
    if isinstance(get_origin(bare), type) and issubclass(get_origin(bare), Mapping):
        keys = ", ".join(choices(arguments[0]))
        return f"a table ({f'keys {keys}; ' if keys else ''}{expected(arguments[1])} each)"
    if is_table(bare):
        return "a table"
    return _SCALARS[bare][0] + _bounds(metadata)


def _expected_list(items: tuple[Any, ...], metadata: tuple[Any, ...]) -> str:
    bare, inner = unwrap(items[0])
    several = _SCALARS[bare][1] if bare in _SCALARS else f"({expected(bare)})"
    several += _bounds(inner)
    if items[-1] is not Ellipsis:
        return f"a list of {len(items)} {several}"
    for item in metadata:
        if isinstance(item, Len):
            return f"a list of {item.min_length} to {item.max_length} {several}"
        if isinstance(item, MinLen):
            return f"a list of at least {item.min_length} {several}"
    return f"a list of {several}"


def _bounds(metadata: tuple[Any, ...]) -> str:
    words = ""
    for item in metadata:
        match item:
            case Interval(ge=None):
                words += f" above {item.gt:g} and up to {item.le:g}"
            case Interval():
                words += f" from {item.ge:g} to {item.le:g}"
            case Gt():
                words += f" above {item.gt:g}"
            case Ge():
                words += f", {item.ge:g} or more"
            case MinLen():
                words += " that is not empty"
            case _:
                pass
    return words
