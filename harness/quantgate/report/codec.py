"""Frozen dataclasses to JSON values and back, by their annotations."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Hashable, Mapping
from enum import Enum
from functools import lru_cache, partial
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from quantgate.borders import DAMAGE, reason_of
from quantgate.errors import ReportError
from quantgate.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")
_Coder: TypeAlias = Callable[[Any], Any]

#: JSON has no infinity: a table cell such as the SQNR of equal outputs is wrapped.
_NONFINITE = "nonfinite"
_JSON_KINDS = frozenset({str, int, float, bool, types.NoneType})


def encode(value: object) -> Any:
    """Turn a tree of dataclasses, tuples, sets, mappings and enums into plain JSON values.

    Passwords and tokens in texts are masked, so that they are in no file made of these values.
    """
    return _ENCODERS.get(type(value), _encode_rarer)(value)


def _encode_rarer(value: Any) -> Any:
    kind: Any = type(value)
    names = _names(kind)
    if names is not None:
        return {name: encode(getattr(value, name)) for name in names}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        unordered = isinstance(value, set | frozenset)
        return _encode_items(sorted(value) if unordered else value)
    return _encode_plain(value)


def _encode_items(items: Iterable[object]) -> list[Any]:
    # As `encode`, without a call for each of the many cells of tables.
    return [_ENCODERS.get(type(item), _encode_rarer)(item) for item in items]


@lru_cache(maxsize=256)
def _names(kind: Hashable) -> tuple[str, ...] | None:
    """Names of a dataclass's fields; None for other types."""
    if not dataclasses.is_dataclass(kind):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


def _encode_plain(value: Any) -> Any:
    if isinstance(value, float):
        return _encode_float(value)
    return redacted(value) if isinstance(value, str) else value


def _encode_float(value: float) -> Any:
    return value if math.isfinite(value) else {_NONFINITE: str(value)}


def _as_it_is(value: Any) -> Any:
    return value


#: Of the types that the many cells of tables have.
_ENCODERS: Mapping[type, _Coder] = {
    str: redacted,
    float: _encode_float,
    int: _as_it_is,
    bool: _as_it_is,
    types.NoneType: _as_it_is,
    tuple: _encode_items,
    list: _encode_items,
}


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
    return _reader(kind)(data)


@lru_cache(maxsize=512)
def _reader(kind: Any) -> _Coder:
    """Make the function that reads values of a kind: a report holds thousands of each."""
    read = _own_reader(kind)

    def reader(data: Any) -> Any:
        if type(data) is dict and data.keys() == {_NONFINITE}:
            return float(data[_NONFINITE])
        return read(data)

    return reader


def _own_reader(kind: Any) -> _Coder:
    if kind in _JSON_KINDS:
        return partial(_read_plain, kind)
    if dataclasses.is_dataclass(kind):
        return partial(_read_dataclass, kind)
    if get_origin(kind) is not None:
        return _generic_reader(get_origin(kind), get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _as_it_is


def _generic_reader(origin: Any, kinds: tuple[Any, ...]) -> _Coder:
    if origin in {Union, types.UnionType}:
        return _union_reader(kinds)
    if origin is Literal:
        return partial(_read_literal, kinds)
    if origin is tuple:
        return _tuple_reader(kinds)
    if origin is frozenset:
        one = _reader(kinds[0])
        return lambda data: frozenset(map(one, data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        value = _reader(kinds[1])
        return lambda data: {key: value(item) for key, item in data.items()}
    return _as_it_is


def _union_reader(kinds: tuple[Any, ...]) -> _Coder:
    """Read a union by the one of its kinds that is more than a plain value, if one is."""
    rich = [kind for kind in kinds if dataclasses.is_dataclass(kind) or get_origin(kind)]
    if not rich:
        return partial(_read_plain, None)
    read = _reader(rich[0])
    return lambda data: None if data is None else read(data)


def _tuple_reader(kinds: tuple[Any, ...]) -> _Coder:
    if kinds[-1] is not Ellipsis:
        return partial(_read_items, tuple(map(_reader, kinds)))
    one = _reader(kinds[0])
    if _is_as_it_is(kinds[0]):
        nested = (dict, list)
        return lambda data: tuple(one(item) if isinstance(item, nested) else item for item in data)
    return lambda data: tuple(map(one, data))


def _is_as_it_is(kind: Any) -> bool:
    """Whether values of a kind are JSON's own, as the many cells of tables are."""
    if get_origin(kind) in {Union, types.UnionType}:
        return all(part in _JSON_KINDS for part in get_args(kind))
    return kind in {str, bool}


def _read_plain(kind: Any, data: Any) -> Any:
    if isinstance(data, list | dict):
        expected = "a plain value" if kind is None else kind.__name__
        raise TypeError(f"expected {expected}, found {type(data).__name__}")
    return float(data) if kind is float else data


def _read_literal(kinds: tuple[Any, ...], data: Any) -> Any:
    if data not in kinds:
        raise ValueError(f"expected one of {', '.join(map(str, kinds))}")
    return data


def _read_items(readers: Sequence[_Coder], data: Any) -> tuple[Any, ...]:
    if len(readers) != len(data):
        raise ValueError(f"expected {len(readers)} items, found {len(data)}")
    return tuple(read(item) for read, item in zip(readers, data, strict=True))


def _read_dataclass(kind: Any, data: Any) -> Any:
    fields = _field_readers(kind)
    return kind(**{name: read(data[name]) for name, read in fields.items() if name in data})


@lru_cache(maxsize=256)
def _field_readers(kind: type) -> Mapping[str, _Coder]:
    """Readers by field; made with the first value, as a dataclass may hold others of its kind."""
    hints = get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}
