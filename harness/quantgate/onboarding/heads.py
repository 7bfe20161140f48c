"""Heads of a model whose outputs are several small rows, named by the columns that people annotated."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

from quantgate.core.heads import plain
from quantgate.core.predictions import Facts
from quantgate.decoders.heads import HeadEntry, HeadsDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quantgate.core.predictions import Truth
    from quantgate.decoders.protocol import Port

_NOT_KNOWN = frozenset({"", "nan", "none", "?", "-", "-1"})
_TWO_WAYS = frozenset({"0", "1", "yes", "no", "true", "false"})
#: What values may be multiplied by: ages are given in hundredths.
_SCALES = (1.0, 100.0)
#: Orders of two classes that are tried; of more classes only that of their names.
_TWO = 2


def described(ports: Sequence[Port], truths: Sequence[Truth | None]) -> Iterator[HeadsDecoder]:
    """Yield decoders whose heads are the annotated columns, by names and by how many numbers each output has.

    Classes that are named come in the order of their names, of two also the other way round; a value is taken
    as it is, and in hundredths. Nothing is yielded where no column fits any output.
    """
    columns = _columns(truths)
    found: dict[str, list[HeadEntry]] = {}
    # Those that are called as a column first: what is left is matched by the count of numbers.
    called = {port.name: _named(port, columns) for port in ports}
    for port in sorted(ports, key=lambda one: (not called[one.name], -_count(one))):
        left = {key: texts for key, texts in columns.items() if key not in found}
        name = called[port.name] or _nearest(port, left)
        if name in left:
            found[name] = _ways(port.name, _count(port), left[name])
    if not found:
        return
    for chosen in product(*found.values()):
        yield HeadsDecoder(heads=dict(zip(found, chosen, strict=True)))


def _columns(truths: Sequence[Truth | None]) -> Mapping[str, tuple[str, ...]]:
    """What each column says, once each, sorted; what says nothing left out."""
    said: dict[str, set[str]] = {}
    for truth in truths:
        for name, text in truth.cells if isinstance(truth, Facts) else ():
            if text.strip().lower() not in _NOT_KNOWN:
                said.setdefault(name, set()).add(text.strip())
    return {name: tuple(sorted(texts)) for name, texts in said.items()}


def _count(port: Port) -> int:
    return math.prod(port.shape[1:])


def _named(port: Port, columns: Mapping[str, tuple[str, ...]]) -> str:
    """The column that is called as an output and fits it; empty where there is none."""
    own = {plain(one) for one in (port.name, *port.aliases)}
    fitting = (name for name, texts in columns.items() if _fits(_count(port), texts))
    return next((name for name in fitting if plain(name) in own), "")


def _nearest(port: Port, columns: Mapping[str, tuple[str, ...]]) -> str:
    """The column whose classes are as many as an output's numbers, names before numbers; empty where none fits."""
    count = _count(port)
    fitting = {name: texts for name, texts in columns.items() if _fits(count, texts)}
    return min(
        fitting,
        key=lambda name: (abs(count - len(fitting[name])), _number(fitting[name][0]) is not None),
        default="",
    )


def _fits(count: int, texts: tuple[str, ...]) -> bool:
    """Whether a column may be of an output of so many numbers."""
    numbers = [_number(text) for text in texts]
    if count == 1:
        return None not in numbers or {text.lower() for text in texts} <= _TWO_WAYS
    if None not in numbers:
        return all(n is not None and n.is_integer() and 0 <= n < count for n in numbers)
    return 1 < len(texts) <= count


def _ways(output: str, count: int, texts: tuple[str, ...]) -> list[HeadEntry]:
    if count == 1:
        if {text.lower() for text in texts} <= _TWO_WAYS:
            return [HeadEntry(output, kind="sigmoid")]
        return [HeadEntry(output, kind="value", scale=scale) for scale in _SCALES]
    if _number(texts[0]) is not None or len(texts) != count:
        return [HeadEntry(output)]
    orders = [texts, texts[::-1]] if count == _TWO else [texts]
    return [HeadEntry(output, names=names) for names in orders]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
