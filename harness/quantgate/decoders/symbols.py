"""The symbols that a text recognizer's channels stand for: a file with one a line, a list, or one string."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from annotated_types import MinLen
from typing_extensions import Doc

from quantgate.errors import DecoderError

Characters = Annotated[
    Path | Annotated[tuple[str, ...], MinLen(1)] | None,
    Doc(
        "symbols in the order of the model's channels, without blank and marks: a text file with one a "
        'line (the dictionary of its training), or a list: ["<police>", "A", "B"]'
    ),
]
Alphabet = Annotated[
    Annotated[str, MinLen(1)] | None,
    Doc('the same as one string, a letter a symbol: "0123456789abcdefghijklmnopqrstuvwxyz"'),
]


def symbols_of(
    kind: str, characters: Path | tuple[str, ...] | None, alphabet: str | None
) -> tuple[str, ...]:
    """Give the symbols that a decoder's keys name.

    Raises
    ------
    DecoderError
        Where neither key or both are set, and where the file cannot be read or has an empty line.
    """
    if (characters is None) == (alphabet is None):
        raise DecoderError(
            f"decoder {kind} needs the symbols of the model's channels: set decoder.characters (a file with "
            "one a line, or a list) or decoder.alphabet (one string)"
            + (", not both" if alphabet is not None else "")
        )
    if alphabet is not None:
        return tuple(alphabet)
    if isinstance(characters, tuple):
        return characters
    assert characters is not None
    try:
        stamp = characters.stat()
        return _lines(characters, stamp.st_size, stamp.st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise DecoderError(
            f"decoder.characters: {characters} cannot be read as UTF-8 text ({error})"
        ) from error


@lru_cache(maxsize=8)
def _lines(path: Path, size: int, mtime_ns: int) -> tuple[str, ...]:
    """Symbols of a file, one a line: a space is one, and so is what Python takes for the end of a line."""
    del size, mtime_ns  # they name the version of the file
    text = path.read_text(encoding="utf-8-sig")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    empty = next((number for number, line in enumerate(lines, 1) if not line), None)
    if empty is not None or not lines:
        place = f"line {empty} is empty" if lines else "it is empty"
        raise DecoderError(
            f"decoder.characters: {path} has one symbol a line, but {place}; each line moves all symbols "
            "below it"
        )
    return tuple(lines)
