"""Other ways to read the same outputs: settings of a decoder, and decoders of the same task."""

from __future__ import annotations

import dataclasses
import typing
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from quantgate.decoders.catalog import DECODERS, fitting_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from quantgate.decoders.protocol import Decoder, Port

#: Settings that say what the outputs are; the others say what is kept of them.
_MEANING = ("units", "activation", "softmax", "background", "box_format", "label_offset", "decoded",
            "activated", "classes", "scale", "layout", "blank", "angle", "inverse")  # fmt: skip
#: Values to try where the type does not list them.
_VALUES: dict[str, tuple[Any, ...]] = {"label_offset": (0, 1), "scale": (1.0, 255.0)}
_MOST_COEFFICIENTS = 160


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """A decoder that would read the outputs as it promises, and its table in models.toml."""

    decoder: Decoder
    changed: tuple[str, ...]

    @property
    def text(self) -> str:
        """As models.toml has it: ``{ kind = "yolo-v8", coefficients = 51 }``."""
        said = [f'kind = "{self.decoder.kind}"']
        said += [f"{key} = {_toml(getattr(self.decoder, key))}" for key in self.changed]
        return f"{{ {', '.join(said)} }}"


def readings(decoder: Decoder, reads: Callable[[Decoder], bool]) -> list[Reading]:
    """Find settings of a decoder with which it reads the outputs: fewest changes first.

    Parameters
    ----------
    reads
        Whether a decoder's answers are as promised.
    """
    changes = list(_changes(decoder))
    for together in (1, 2):
        found = []
        for chosen in combinations(changes, together):
            keys = tuple(key for key, _ in chosen)
            if len(set(keys)) < together:
                continue
            other = _with(decoder, dict(chosen))
            if reads(other):
                found.append(Reading(other, keys))
            elif "coefficients" not in keys:
                continue
        if not found:
            found = _with_coefficients(decoder, changes if together == 2 else [], reads)  # noqa: PLR2004
        if found:
            return found
    return []


def _with_coefficients(
    decoder: Decoder, changes: Sequence[tuple[str, Any]], reads: Callable[[Decoder], bool]
) -> list[Reading]:
    """Leave out as few columns behind the classes as makes the rest scores."""
    if not hasattr(decoder, "coefficients"):
        return []
    found = []
    for changed in [(), *(((key, value),) for key, value in changes)]:
        for count in range(1, _MOST_COEFFICIENTS):
            other = _with(decoder, {**dict(changed), "coefficients": count})
            if reads(other):
                found.append(Reading(other, (*dict(changed), "coefficients")))
                break
    return found


def variants(decoder: Decoder, most: int = 2) -> Iterator[Reading]:
    """Yield a decoder as it is and with every setting, or up to ``most`` together, that says what outputs are."""
    yield Reading(decoder, ())
    changes = list(_changes(decoder))
    for together in range(1, most + 1):
        for chosen in combinations(changes, together):
            keys = tuple(key for key, _ in chosen)
            if len(set(keys)) == together:
                yield Reading(_with(decoder, dict(chosen)), keys)


def others(
    task: str, ports: Sequence[Port], reads: Callable[[Decoder], bool], *, but: str
) -> tuple[list[Reading], tuple[str, ...]]:
    """Decoders of a task that read the outputs as they are, and those that need settings first."""
    proven: list[Reading] = []
    possible: list[str] = []
    for kind in fitting_kinds(ports, task):
        if kind == but:
            continue
        if needs_settings(DECODERS[kind]):
            possible.append(kind)
        elif reads(cast("Decoder", DECODERS[kind]())):
            proven.append(Reading(DECODERS[kind](), ()))
    return proven, tuple(possible)


def needs_settings(decoder: Any) -> bool:
    """Whether a kind of decoder cannot be made without some."""
    return any(
        field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(decoder)
    )


def _changes(decoder: Decoder) -> Iterator[tuple[str, Any]]:
    hints = typing.get_type_hints(type(decoder), include_extras=False)
    for field in dataclasses.fields(cast("Any", decoder)):
        if field.name in _MEANING:
            now = getattr(decoder, field.name)
            values = _VALUES.get(field.name) or tuple(_listed(hints[field.name]))
            yield from ((field.name, value) for value in values if value != now)


def _listed(hint: Any) -> Iterator[Any]:
    """Every value that a type lists: of Literal, bool and None."""
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    elif hint is bool:
        yield from (True, False)
    else:
        for part in get_args(hint):
            yield from _listed(part)


def _with(decoder: Decoder, changes: dict[str, Any]) -> Decoder:
    return cast("Decoder", dataclasses.replace(cast("Any", decoder), **changes))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = …' for key in value)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
