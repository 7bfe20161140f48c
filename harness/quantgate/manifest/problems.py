"""A problem of models.toml: its location and one sentence."""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from quantgate.escaping import toml_key

#: Keys and list indices from the root of the document.
KeyPath: TypeAlias = tuple[str | int, ...]

_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ManifestProblem:
    """One sentence about one place; the place is put in front of it when it is shown."""

    place: KeyPath
    sentence: str

    def __str__(self) -> str:
        return f"{dotted(*self.place)}: {self.sentence}" if self.place else self.sentence


def dotted(*place: str | int) -> str:
    """Write a place as TOML would: ``models."yolo v5".limits``, list items as ``mean[1]``."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = toml_key(part)
            key = key if key == part else shorten(key)
            text += f".{key}" if text else key
    return text


def shorten(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """Cut a text that would drown the sentence around it."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def found(value: object) -> str:
    """Say a value of the document as its author wrote it, with its kind where that helps."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return shorten(json.dumps(value, ensure_ascii=False))
        case dt.date() | dt.time():
            return f"the date or time {value}"
        case Mapping():
            return "a table" + (f" with {names(value)}" if value else " without keys")
        case Sequence():
            return shorten("[" + ", ".join(found(item) for item in value[:8]) + "]")
        case _:
            return shorten(repr(value))


def names(keys: Iterable[object], most: int = 20) -> str:
    """List keys for a sentence, the first few."""
    known = [str(key) for key in keys]
    rest = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(shorten(key) for key in known[:most]) + rest


def meant(wrong: object, known: Iterable[object]) -> str:
    """Suggest the known word nearest to a wrong one, as the end of a sentence, or say nothing."""
    if not isinstance(wrong, str):
        return ""
    words = {str(word).lower(): str(word) for word in known}
    near = difflib.get_close_matches(wrong.lower()[:_LONGEST_SHOWN], words, n=1, cutoff=0.6)
    return f"; did you mean {words[near[0]]}?" if near else ""


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that a key is not known, with those that are."""
    known = list(known)
    return f"unknown key, expected one of {names(known)}{meant(key, known)}"


def unknown_name(kind: str, name: object, known: Iterable[str], most: int = 20) -> str:
    """Say that a value names nothing that exists, with the first of what does."""
    known = list(known)
    listed = f"expected one of {names(known, most)}" if known else "there is none"
    return f"no such {kind}, {listed}, found {found(name)}{meant(name, known)}"


def unknown_dataset(name: str, known: Iterable[str]) -> str:
    """Say that no ``[datasets.NAME]`` has this name, with those that there are."""
    if not (known := list(known)):
        return f"expected the name of a [datasets.NAME], there is none, found {found(name)}"
    return unknown_name("dataset", name, known)
