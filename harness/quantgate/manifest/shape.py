"""One value of the document → the frozen value its hint names, or every problem inside it."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from quantgate.errors import HarnessError
from quantgate.manifest import hints
from quantgate.manifest.document import plain
from quantgate.manifest.problems import KeyPath, ManifestProblem, found, meant, unknown_key

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails


def read(hint: Any, raw: object, place: KeyPath, problems: list[ManifestProblem]) -> Any:
    """Validate one value strictly.

    Parameters
    ----------
    hint
        Type of the value; a table is a dataclass.
    raw
        The value in the document.
    place
        Where it stands, for the problems.
    problems
        Every problem found is appended here.

    Returns
    -------
    Any
        The value. Keys with problems are left out of a table so that other checks can go on;
        ``None`` where nothing could be read.
    """
    value, wrong = _validate(hint, raw)
    if not wrong:
        return value
    problems.extend(
        ManifestProblem((*place, *at), said) if said else _problem(hint, raw, place, at)
        for at, said in wrong.items()
    )
    if hints.is_table(hint) and isinstance(raw, dict):
        sound = {key: item for key, item in raw.items() if key not in {at[0] for at in wrong if at}}
        return _validate(hint, sound)[0]
    return None


def _validate(hint: Any, raw: object) -> tuple[Any, dict[KeyPath, str]]:
    """Return the value and the places that are wrong, with what a constructor said of them."""
    from pydantic import ValidationError

    strange = _strange_names(hint, raw)
    try:
        # A list around the value, because pydantic takes no configuration for a bare dataclass.
        value = strict(hint).validate_json(json.dumps([plain(raw)]))[0]
    except ValidationError as error:
        return None, {**strange, **_deepest(raw, error.errors(include_url=False))}
    except HarnessError as error:
        return None, {(): str(error)}
    return (None, strange) if strange else (value, {})


def _strange_names(hint: Any, raw: object) -> dict[KeyPath, str]:
    """Places of strings that no catalog holds: to pydantic they are strings like others."""
    if not hints.is_table(hint) or not isinstance(raw, dict):
        return {}
    named = hints.named(hint)
    said = {key: raw[key] for key in named if isinstance(raw.get(key), str)}
    return {(key,): "" for key, name in said.items() if name not in hints.names_in(named[key])}


@cache
def strict(hint: Any) -> TypeAdapter[list[Any]]:
    """Make the validator of a list of such values: no conversions, no other keys, no NaN."""
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    return TypeAdapter(list[hint], config=config)


def _deepest(raw: object, errors: list[ErrorDetails]) -> dict[KeyPath, str]:
    """Places of the errors, once each; a union complains once an alternative: keep the deepest."""
    said = {
        _place(raw, error): str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
        for error in errors
    }
    return {
        place: text
        for place, text in said.items()
        if not any(len(other) > len(place) and other[: len(place)] == place for other in said)
    }


def _place(raw: object, error: ErrorDetails) -> KeyPath:
    """Walk the location down the value: what is neither its key nor its index names a union's arm."""
    place: list[str | int] = []
    node: Any = raw
    for part in error["loc"][1:]:
        is_key = isinstance(node, dict) and part in node
        if is_key or (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            node = node[part]
            place.append(part)
        elif isinstance(node, dict) and error["type"] == "missing":
            place.append(part)
    return tuple(place)


def _problem(hint: Any, raw: object, place: KeyPath, at: KeyPath) -> ManifestProblem:
    """Say what the hint expects at a place inside the value, and what is there."""
    node: Any = raw
    for depth, part in enumerate(at):
        keys = _keys(hint, node)
        if isinstance(part, str) and keys is not None and part not in keys:
            return ManifestProblem((*place, *at[: depth + 1]), unknown_key(part, keys))
        hint = _inside(hint, part)
        if isinstance(node, dict) and part not in node:
            return ManifestProblem((*place, *at[: depth + 1]), f"missing, expected {say(hint)}")
        node = node[part]
    sentence = f"expected {say(hint)}, found {found(node)}{meant(node, hints.choices(hint))}"
    return ManifestProblem((*place, *at), sentence)


def say(hint: Any) -> str:
    """Say what a hint accepts, with its description."""
    explained = hints.doc(hint)
    return hints.expected(hint) + (f" ({explained})" if explained else "")


def _keys(hint: Any, node: object) -> list[str] | None:
    """Keys that a table may have; None if any key is allowed."""
    for option in hints.options(hint) if isinstance(node, dict) else []:
        bare, _ = hints.unwrap(option)
        if hints.is_table(bare):
            return list(hints.fields(bare))
        if get_args(bare):
            return list(hints.choices(get_args(bare)[0])) or None
    return None


def _inside(hint: Any, part: str | int) -> Any:
    """Hint of a key or an item of what the hint describes."""
    for option in hints.options(hint):
        bare, _ = hints.unwrap(option)
        if isinstance(part, str) and hints.is_table(bare):
            return hints.fields(bare)[part]
        items = get_args(bare)
        if isinstance(part, int) and get_origin(bare) is tuple:
            return items[0] if items[-1] is Ellipsis else items[part]
        if isinstance(part, str) and len(items) > 1 and get_origin(bare) is not tuple:
            return items[1]
    return hint
