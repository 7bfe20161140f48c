"""From ``calibrate.advanced`` to NNCF's own parameters, as far as the installed version knows them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from quantgate.errors import QuantizationError

if TYPE_CHECKING:
    from quantgate.entries import Advanced

PLACE = "calibrate.advanced"


def advanced_parameters(nncf: Any, asked: Advanced) -> Any:
    """Make NNCF's parameters of what was set; what was not set is NNCF's default.

    Raises
    ------
    QuantizationError
        Where the installed NNCF lacks a parameter or one of its values; names it.
    """
    return _made(nncf.AdvancedQuantizationParameters, asked, PLACE)


def _made(kind: Any, asked: Any, place: str) -> Any:
    hints, made = get_type_hints(kind), {}
    for item in fields(asked):
        value, here = getattr(asked, item.name), f"{place}.{item.name}"
        if not _is_set(value):
            continue
        if item.name not in hints:
            raise QuantizationError(
                f"{here}: NNCF {version('nncf')} has no such parameter; leave it out, or install a version "
                "that has it"
            )
        made[item.name] = _value(hints[item.name], value, here)
    return kind(**made)


def _is_set(value: Any) -> bool:
    """Whether models.toml said something: an empty table, or one of nothing but empty keys, says nothing."""
    if is_dataclass(value):
        return any(_is_set(getattr(value, item.name)) for item in fields(value))
    return value is not None and value != {}


def _value(hint: Any, value: Any, place: str) -> Any:
    kinds = [one for one in (hint, *get_args(hint)) if isinstance(one, type)]
    if is_dataclass(value):
        return _made(next(filter(is_dataclass, kinds)), value, place)
    listed = next((one for one in kinds if issubclass(one, Enum)), None)
    if listed is None:
        return value
    known = {name: one for one in listed for name in (one.name.lower(), str(one.value))}
    if value not in known:
        raise QuantizationError(
            f"{place}: NNCF {version('nncf')} has no {value!r}; it knows "
            f"{', '.join(one.name.lower() for one in listed)}"
        )
    return known[value]
