"""A Darknet cfg file as sections of typed options, each knowing its line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quantgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Far above any real network (YOLOv4 has 162 sections): a wrong file must not eat the memory.
MAX_BYTES = 4 << 20
#: No dimension, stride or filter count of a real network comes near; keeps shapes within 64 bits.
MAX_INTEGER = 1 << 16
_HEADER = re.compile(r"\[([A-Za-z0-9_]+)\]")
_NUMBER = re.compile(r"[+-]?\d+")


@dataclass(frozen=True, slots=True)
class Option:
    """The text of one option and its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """One ``[kind]`` with its options.

    Parameters
    ----------
    file
        Name of the cfg, for messages.
    kind
        Without brackets, as written.
    line
        Line of the header, from 1.
    index
        Number of the layer, as routes count it; -1 for ``[net]``.
    """

    file: str
    kind: str
    line: int
    index: int
    options: Mapping[str, Option] = field(default_factory=dict)

    def fail(self, message: str, key: str | None = None) -> SourceError:
        """Make the error for this section, located at the line of ``key`` where it is given."""
        option = self.options.get(key) if key else None
        line = option.line if option else self.line
        return SourceError(f"{self.file}, line {line}, [{self.kind}]: {message}")

    def text(self, key: str, default: str) -> str:
        """Return an option as written."""
        option = self.options.get(key)
        return option.text if option else default

    def integer(self, key: str, default: int | None = None, least: int = 1) -> int:
        """Return an integer option between ``least`` and 65,536.

        Raises
        ------
        SourceError
            Where it is no integer, out of range, or absent without a default.
        """
        if key not in self.options:
            if default is None:
                raise self.fail(f"{key} is missing; add {key}=NUMBER")
            return default
        text = self.options[key].text
        # The length bound comes first: int() of thousands of digits is slow, then refused.
        if len(text) > 12 or not _NUMBER.fullmatch(text):  # noqa: PLR2004 - any int32 fits
            raise self.fail(f"{key} must be an integer, found {text[:40]!r}", key)
        value = int(text)
        if not least <= value <= MAX_INTEGER:
            raise self.fail(f"{key} must lie in {least}..{MAX_INTEGER}, found {value}", key)
        return value

    def number(self, key: str, default: float) -> float:
        """Return a finite number, or raise a SourceError."""
        if key not in self.options:
            return default
        return self._finite(key, self.options[key].text)

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a comma-separated list of finite numbers; empty where the option is absent."""
        parts = [part for part in self.text(key, "").split(",") if part]
        return tuple(self._finite(key, part) for part in parts)

    def integers(self, key: str) -> tuple[int, ...]:
        """Return a comma-separated list of integers; empty where the option is absent."""
        values = self.numbers(key)
        for value in values:
            if value != int(value) or abs(value) > MAX_INTEGER:
                raise self.fail(f"{key} must be a list of integers, found {value:g}", key)
        return tuple(int(value) for value in values)

    def refuse(self, *keys: str) -> None:
        """Raise where an option that changes the arithmetic and is not implemented is switched on."""
        for key in keys:
            if self.number(key, 0.0) != 0.0:
                raise self.fail(f"{key}={self.options[key].text} is not supported", key)

    def _finite(self, key: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.fail(f"{key} must be a finite number, found {text[:40]!r}", key)
        return value


def read_cfg(path: Path) -> tuple[Section, ...]:
    """Read a cfg: the ``[net]`` section first, then every layer.

    Blanks mean nothing, ``#`` and ``;`` start comments, and the last of two equal keys counts, as
    in Darknet's own reader.

    Raises
    ------
    SourceError
        Naming the line, where the file is missing, is no text, or a line is neither a section,
        an option nor a comment.
    """
    sections: list[Section] = []
    options: dict[str, Option] = {}
    for number, raw in enumerate(_read_text(path).splitlines(), start=1):
        line = "".join(re.split(r"[#;]", raw, maxsplit=1)[0].split())
        if not line:
            continue
        if line.startswith("["):
            options = {}
            kind = _kind(path, line, number)
            sections.append(Section(path.name, kind, number, len(sections) - 1, options))
            continue
        key, separator, value = line.partition("=")
        if not separator or not key or not value or not sections:
            raise SourceError(
                f"{path.name}, line {number}: expected [section] or key=value, found {raw.strip()[:60]!r}"
            )
        options[key] = Option(value, number)
    _check_start(path, sections)
    return tuple(sections)


def _kind(path: Path, text: str, line: int) -> str:
    match = _HEADER.fullmatch(text)
    if match is None:
        raise SourceError(f"{path.name}, line {line}: expected [section], found {text[:60]!r}")
    return match[1]


def _check_start(path: Path, sections: list[Section]) -> None:
    if not sections:
        raise SourceError(f"{path}: expected a Darknet cfg, found no [section] in it")
    if sections[0].kind not in {"net", "network"}:
        raise SourceError(
            f"{path.name}, line {sections[0].line}: the first section must be [net], "
            f"found [{sections[0].kind}]"
        )
    if len(sections) == 1:
        raise SourceError(f"{path.name}: [net] is followed by no layer")


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES or b"\0" in data:
        raise SourceError(f"{path}: expected a Darknet cfg (text, at most 4 MB), found other data")
    return data.decode("utf-8", errors="replace")
