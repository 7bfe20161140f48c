"""File names that are no UTF-8, spelled so that terminals, JSON and pages can hold them."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Spell a text that may hold bytes of a file name which Python could not decode.

    Where the system's own encoding is narrower than UTF-8 (``LC_ALL=C`` without Python's UTF-8 mode)
    the letters come back; bytes that are no UTF-8 are written as Python writes them, ``\xe9``.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate of another origin: an escape in somebody's JSON
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")
