"""Bytes of models.toml → a plain document, or the one problem that keeps it from being read."""

from __future__ import annotations

import datetime as dt
import math
import stat
import tomllib
from typing import TYPE_CHECKING, Any

from quantgate.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quantgate.manifest.problems import ManifestProblem

#: What a 64-bit signed integer holds: TOML promises no more, and NNCF and NumPy take no more.
_LARGEST_INT = 2**63 - 1
#: models.NAME.limits.min_speedup.amx is five deep; whatever goes far beyond is no manifest.
_DEEPEST = 32


def read_document(path: Path) -> dict[str, Any]:
    """Read and parse a manifest.

    Raises
    ------
    ManifestError
        The file is missing, not a file, not UTF-8 or not TOML; says the line and column.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(
                path, f"expected a file, found {_kind(path)}: name the models.toml itself"
            )
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _refused(
            path,
            "no such file: write one (the README shows a whole models.toml in ten lines), "
            "or name another",
        ) from error
    except (OSError, ValueError) as error:
        raise _refused(path, f"cannot be read: {error}") from error
    return parse(content, path)


def parse(content: bytes, path: Path) -> dict[str, Any]:
    """Parse the bytes of a manifest; ``path`` is for messages only."""
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise _refused(
            path,
            f"line {line}, column {column}: expected UTF-8 text, found the byte "
            f"0x{content[error.start]:02x}: save the file as UTF-8",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise _refused(path, f"expected TOML: {error}") from error
    except RecursionError as error:
        raise _refused(path, "expected TOML, found lists or tables nested too deeply") from error
    except ValueError as error:
        # tomllib lets int() refuse numbers of several thousand digits.
        raise _refused(
            path, f"expected TOML, found a value that cannot be read: {error}"
        ) from error
    if _depth(document) > _DEEPEST:
        raise _refused(path, "expected TOML, found lists or tables nested too deeply")
    return document


def _depth(document: dict[str, Any]) -> int:
    depth = 0
    level: list[Any] = [document]
    while level:
        depth += 1
        level = [
            item
            for node in level
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, dict | list)
        ]
    return depth


def plain(value: object, *, key: str = "") -> Any:
    """Copy a value into what JSON can say; whatever no key accepts becomes NaN, which is refused.

    TOML knows dates, and Python integers of any size; a date may stand at ``expires`` only.
    """
    if isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_INT else math.nan
    if isinstance(value, dict):
        return {name: plain(item, key=name) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if key == "expires" and isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    return math.nan


def in_order(
    document: dict[str, Any], problems: list[ManifestProblem]
) -> Iterator[ManifestProblem]:
    """Sort problems in file order; missing keys come at the end of their table."""
    indices: dict[int, dict[str, int]] = {}

    def rank(problem: ManifestProblem) -> tuple[int, ...]:
        ranks: list[int] = []
        node: Any = document
        for part in problem.place:
            if isinstance(node, dict):
                index = indices.setdefault(id(node), {key: i for i, key in enumerate(node)})
                ranks.append(index.get(str(part), len(node)))
                node = node.get(part)
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                ranks.append(part)
                node = node[part]
        return tuple(ranks)

    yield from sorted(dict.fromkeys(problems), key=rank)


def _refused(path: Path, sentence: str) -> ManifestError:
    return ManifestError(str(path), (sentence,))


def _kind(path: Path) -> str:
    return "a folder" if path.is_dir() else "something else"
