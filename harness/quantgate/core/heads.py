"""Attributes of one image: classes, labels that are there or not, and numbers; what is annotated of each."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

#: One of several classes; there or not; a number.
HeadKind = Literal["class", "label", "value"]
#: How people write that nothing is known.
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "?", "-"})
_YES = frozenset({"1", "true", "yes", "y", "t"})
_NO = frozenset({"0", "false", "no", "n", "f"})
#: What parts several labels in one cell.
_APART = re.compile(r"[|;,\s]+")
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Head:
    """One attribute that a model tells of an image.

    Parameters
    ----------
    name
        As annotations call it.
    kind
        ``class``: one of several, ``label``: there or not, ``value``: a number.
    size
        How many numbers the model gives for it: one a class, else 1.
    classes
        Names of the classes; empty where nothing names them.
    threshold
        Share from which on a label is there.
    unit
        Of a value, such as years.
    period
        After which a value begins anew, such as 360 degrees; None where it does not.
    group
        What labels of one output are called together; empty where they have no such name.
    """

    name: str
    kind: HeadKind
    size: int = 1
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    unit: str = ""
    period: float | None = None
    group: str = ""

    def told(self, answer: float) -> str:
        """Write an answer for people; empty where there is none.

        Examples
        --------
        >>> Head("age", "value", unit="years").told(31.25), Head("hat", "label").told(1.0)
        ('31.2 years', 'yes')
        """
        if math.isnan(answer):
            return ""
        if self.kind == "value":
            return f"{answer:.3g}" + (f" {self.unit}" if self.unit else "")
        if self.kind == "label":
            return "yes" if answer else "no"
        index = int(answer)
        return self.classes[index] if index < len(self.classes) else f"class {index}"

    def apart(
        self, first: NDArray[np.floating] | float, second: NDArray[np.floating] | float
    ) -> NDArray[np.float64]:
        """Absolute difference of values, the shorter way around where they wrap; arrays [...] of one shape.

        Examples
        --------
        >>> Head("yaw", "value", period=360).apart(359, 2).item()
        3.0
        """
        difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
        if self.period is not None:
            difference = (difference + self.period / 2) % self.period - self.period / 2
        return np.asarray(np.abs(difference))


def spans(heads: Sequence[Head]) -> list[slice]:
    """Which numbers of a row are those of each head."""
    ends = np.cumsum([head.size for head in heads]).tolist()
    return [slice(end - head.size, end) for head, end in zip(heads, ends, strict=True)]


def answers(heads: Sequence[Head], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """What a model says: the best class, 1 or 0 of a label, or the value, [heads], of its numbers [total]."""
    found = []
    for head, span in zip(heads, spans(heads), strict=True):
        own = values[span]
        if head.kind == "class":
            found.append(float(own.argmax()))
        else:
            value = float(own[0])
            found.append(float(value >= head.threshold) if head.kind == "label" else value)
    return np.array(found, np.float64)


def annotated(heads: Sequence[Head], cells: Mapping[str, str]) -> NDArray[np.float64]:
    """Read what is annotated as answers are written, [heads]; NaN where nothing is.

    Parameters
    ----------
    cells
        Text by name of the attribute, in any case. Labels of a group may stand together in one, as ``hat|bag``.

    Raises
    ------
    ValueError
        Where a text is none that its head could say; names it.
    """
    by_name = {plain(name): text for name, text in cells.items()}
    return np.array([_annotated(head, heads, by_name) for head in heads], np.float64)


def _annotated(head: Head, heads: Sequence[Head], cells: Mapping[str, str]) -> float:
    said = cells.get(plain(head.name))
    if said is None and plain(head.group) in cells:
        return _listed(head, heads, cells[plain(head.group)])
    if said is None:
        return math.nan
    try:
        return _READ[head.kind](head, said.strip())
    except ValueError as error:
        raise ValueError(f"{head.name}: {error}") from error


def _listed(head: Head, heads: Sequence[Head], said: str) -> float:
    if said.strip().casefold() in _MISSING - {"", "none", "-"}:
        return math.nan
    named = {plain(one) for one in _APART.split(said) if one.casefold() not in _MISSING}
    known = {plain(other.name): other.name for other in heads if other.group == head.group}
    strange = sorted(named - known.keys())
    if strange:
        raise ValueError(f"{head.group}: {_none_of(strange[0], list(known.values()))}")
    return float(plain(head.name) in named)


def _class(head: Head, said: str) -> float:
    by_name = {plain(name): index for index, name in reversed(list(enumerate(head.classes)))}
    if said in head.classes:
        return float(head.classes.index(said))
    if plain(said) in by_name:
        return float(by_name[plain(said)])
    number = _whole(said)
    if said.casefold() in _MISSING or number == -1:
        return math.nan
    if number is None:
        raise ValueError(_none_of(said, head.classes))
    if not 0 <= number < head.size:
        raise ValueError(
            f"class {number} is annotated, and the model knows {head.size}, counted from 0"
        )
    return float(number)


def _label(head: Head, said: str) -> float:
    del head
    folded = said.casefold()
    number = _whole(said)
    folded = folded if number is None else str(number)
    if folded in _MISSING or number == -1:
        return math.nan
    if folded not in _YES | _NO:
        raise ValueError(f"{said!r} is neither yes nor no: write 1 or 0")
    return float(folded in _YES)


def _value(head: Head, said: str) -> float:
    del head
    if said.casefold() in _MISSING:
        return math.nan
    try:
        number = float(said)
    except ValueError:
        raise ValueError(f"{said!r} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{said!r} is no finite number")
    return number


_READ = {"class": _class, "label": _label, "value": _value}


def _whole(said: str) -> int | None:
    try:
        number = float(said)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Spell a name so that case, spaces, hyphens and underscores do not matter."""
    return re.sub(r"[\s_-]+", " ", name.casefold()).strip()


def _none_of(said: str, names: Sequence[str]) -> str:
    if not names:
        return (
            f"{said!r} names a class, and the decoder names none: give its classes as decoder.heads.NAME.names, "
            "in the order of the model's numbers"
        )
    near = difflib.get_close_matches(said.casefold(), {name.casefold(): name for name in names}, 1)
    meant = next((f"; did you mean {n}?" for n in names if near and n.casefold() == near[0]), "")
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{said!r} is none of {shown}{meant}"
