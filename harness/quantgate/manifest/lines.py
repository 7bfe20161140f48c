"""Lines of models.toml: those that make one entry, and the one that sets a key."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HEADER = re.compile(r"\s*\[[^\[\]].*\]\s*(#.*)?")


def lines_of(text: str, model: str) -> str:
    """Find ``[defaults]`` and ``[models.NAME]`` with their sub-tables; empty where there are none.

    For people: an entry that is spelled as one inline table of ``[models]`` is shown with all of
    that table.
    """
    owned = _owned(text)
    places = sorted((*owned.get("", ()), *owned.get(model, ())))
    shown = [line for _, lines in places for line in (*lines, "")]
    return "\n".join(_without_gaps(shown)).strip()


@lru_cache(maxsize=1)
def _owned(text: str) -> Mapping[str, Sequence[tuple[int, Sequence[str]]]]:
    """Cut a document once for all its models: places and lines of tables by model, "" for what all have."""
    found: dict[str, list[tuple[int, Sequence[str]]]] = defaultdict(list)
    for place, (path, lines) in enumerate(_tables(text)):
        if path[:1] == ("defaults",) or path == ("models",):
            found[""].append((place, lines))
        elif path[:1] == ("models",):
            found[path[1]].append((place, lines))
    return found


def line_of(text: str, path: str) -> int:
    """Find the line that sets a dotted path, counted from 1; the nearest table above it, else 1.

    ``models.ssd.limits.min_match_rate`` is found as a key of ``[models.ssd.limits]``, as a dotted key, or as
    the line of ``limits = {…}`` that holds it.
    """
    keys = path.split(".")
    above = (".".join(keys[:count]) for count in range(1, len(keys) + 1))
    known = [place for one in above if (place := _places(text).get(one))]
    return -max(known, default=(0, -1))[1]


@lru_cache(maxsize=1)
def _places(text: str) -> Mapping[str, tuple[int, int]]:
    """Read a document once for all its paths: for each how many keys it has, and its first line, negated."""
    table: tuple[str, ...] = ()
    found: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _path(line)
        table = header or table
        if keys := header or _key(table, line):
            path = ".".join(keys)
            found[path] = max(found.get(path, (0, 0)), (len(keys), -number))
    return found


def _key(table: tuple[str, ...], line: str) -> tuple[str, ...]:
    """Read the whole path of ``key = …``; empty for a line that begins with no key."""
    left, equals, _ = line.partition("=")
    if not equals or left.lstrip().startswith(("#", "[", "{", '"""')):
        return ()
    own = _path(f"[{left.strip()}]")
    return (*table, *own) if own else ()


def _tables(text: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Cut a document at its table headers: the path of each, and its lines."""
    path: tuple[str, ...] = ()
    lines: list[str] = []
    for line in text.splitlines():
        header = _path(line)
        if header:
            yield path, lines
            path, lines = header, []
        lines.append(line)
    yield path, lines


def _path(line: str) -> tuple[str, ...]:
    """Read the keys of a table header; empty for every other line."""
    if not _HEADER.fullmatch(line):
        return ()
    try:
        node = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()  # a line of a list that is spread over several
    keys: list[str] = []
    while node:
        key, node = next(iter(node.items()))
        keys.append(key)
    return tuple(keys)


def _without_gaps(lines: list[str]) -> Iterator[str]:
    """Leave one empty line where several follow each other."""
    before = ""
    for line in lines:
        if line.strip() or before.strip():
            yield line.rstrip()
        before = line
