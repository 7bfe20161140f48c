"""Frozen dataclasses to JSON values and back, by their annotations."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from quantgate.borders import DAMAGE, reason_of
from quantgate.errors import ReportError
from quantgate.redaction import redacted

T = TypeVar("T")

#: JSON has no infinity: a table cell such as the SQNR of equal outputs is wrapped.
_NONFINITE = "nonfinite"
_PLAIN = (str, int, float, types.NoneType)
_JSON_KINDS = frozenset({*_PLAIN, bool})


def encode(value: object) -> Any:
    """Turn a tree of dataclasses, tuples, sets, mappings and enums into plain JSON values.

    Passwords and tokens in texts are masked, so that they are in no file made of these values.
    """
    if isinstance(value, _PLAIN) and not isinstance(value, Enum):  # most values by far
        return _encode_plain(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        unordered = isinstance(value, set | frozenset)
        return [encode(item) for item in (sorted(value) if unordered else value)]
    return _encode_plain(value)


def _encode_plain(value: object) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_NONFINITE: str(value)}
    return redacted(value) if isinstance(value, str) else value


def decode(kind: type[T], data: object) -> T:
    """Build a dataclass from the plain JSON value that `encode` made of it.

    Unknown keys are ignored (a newer writer), missing ones take their defaults.

    Raises
    ------
    ReportError
        Where the data do not have the shape of ``kind``.
    """
    try:
        return cast("T", _decode(kind, data))
    except DAMAGE as error:
        raise ReportError(
            f"this is no {kind.__name__} of a run: {reason_of(error)}; was the file edited, or written by "
            "another version? Run the gates again to get a fresh one."
        ) from error


def _decode(kind: Any, data: Any) -> Any:
    if not isinstance(data, list | dict) and kind in _JSON_KINDS:  # most values by far
        return float(data) if kind is float else data
    if isinstance(data, dict) and data.keys() == {_NONFINITE}:
        return float(data[_NONFINITE])
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data)
    if get_origin(kind) is not None:
        return _decode_generic(get_origin(kind), get_args(kind), data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if kind in _JSON_KINDS and isinstance(data, list | dict):
        raise TypeError(f"expected {kind.__name__}, found {type(data).__name__}")
    return data


def _decode_generic(origin: Any, kinds: tuple[Any, ...], data: Any) -> Any:
    if origin in {Union, types.UnionType}:
        return _decode_union(kinds, data)
    if origin is Literal and data not in kinds:
        raise ValueError(f"expected one of {', '.join(map(str, kinds))}")
    if origin is tuple:
        return _decode_tuple(kinds, data)
    if origin is frozenset:
        return frozenset(_decode(kinds[0], item) for item in data)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decode(kinds[1], item) for key, item in data.items()}
    return data


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@lru_cache(maxsize=256)
def _as_it_is(kind: Any) -> bool:
    """Whether values of a kind are JSON's own, as the many cells of tables are."""
    if get_origin(kind) in {Union, types.UnionType}:
        return all(part in _JSON_KINDS for part in get_args(kind))
    return kind in {str, bool}


def _decode_dataclass(kind: Any, data: Any) -> Any:
    hints = _hints(kind)
    names = [f.name for f in dataclasses.fields(kind) if f.name in data]
    return kind(**{name: _decode(hints[name], data[name]) for name in names})


def _decode_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    for kind in kinds:
        if dataclasses.is_dataclass(kind) or get_origin(kind) is not None:
            return _decode(kind, data)
    if isinstance(data, list | dict):
        raise TypeError(f"expected a plain value, found {type(data).__name__}")
    return data


def _decode_tuple(kinds: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis and _as_it_is(kinds[0]):
        return tuple(
            _decode(kinds[0], item) if isinstance(item, dict | list) else item for item in data
        )
    if kinds[-1] is Ellipsis:
        return tuple(_decode(kinds[0], item) for item in data)
    if len(kinds) != len(data):
        raise ValueError(f"expected {len(kinds)} items, found {len(data)}")
    return tuple(_decode(kind, item) for kind, item in zip(kinds, data, strict=True))
