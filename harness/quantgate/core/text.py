"""Strings that a model reads: how far two are apart, and which letter of one stands for which of the other."""

from __future__ import annotations

import unicodedata
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def composed(text: str) -> str:
    r"""Spell a string in composed letters (NFC), so that one letter is one character.

    Examples
    --------
    >>> len("e\u0301"), len(composed("e\u0301"))
    (2, 1)
    """
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Keep letters and digits alone, in one case, as benchmarks of scene text compare.

    Examples
    --------
    >>> folded("It's 5 O'CLOCK!")
    'its5oclock'
    """
    return "".join(each for each in text.casefold() if each.isalnum())


def edits(first: str, second: str) -> int:
    """Count the letters to replace, put in or take out until one string is the other (Levenshtein).

    Examples
    --------
    >>> edits("kitten", "sitting")
    3
    """
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(first, second))


def matching(first: str, second: str) -> float:
    """Share of two strings that is common to both, 0..1: 1 where they are the same."""
    longest = max(len(first), len(second))
    return 1 - edits(first, second) / longest if longest else 1.0


def aligned(centre: str, others: Sequence[str]) -> list[tuple[str, ...]]:
    """Write strings below each other, letter by letter, each along the first.

    Returns
    -------
    list of tuple
        One column a place: the letter of ``centre`` and of each of ``others``, empty where there is none.

    Examples
    --------
    >>> aligned("cat", ("cart", "at"))
    [('c', 'c', ''), ('a', 'a', 'a'), ('', 'r', ''), ('t', 't', 't')]
    """
    rows = [_along(centre, other) for other in others]
    columns: list[tuple[str, ...]] = []
    for place in range(len(centre) + 1):
        between = [inserted[place] for _, inserted in rows]
        columns += [("", *letters) for letters in zip_longest(*between, fillvalue="")]
        if place < len(centre):
            columns.append((centre[place], *(kept[place] for kept, _ in rows)))
    return columns


def _along(centre: str, other: str) -> tuple[list[str], list[str]]:
    """For each letter of ``centre`` what stands for it, and what is put in before it (and behind all)."""
    from rapidfuzz.distance import Levenshtein

    kept, inserted = [""] * len(centre), [""] * (len(centre) + 1)
    for step in Levenshtein.opcodes(centre, other):
        letters = other[step.dest_start : step.dest_end]
        if step.tag == "insert":
            inserted[step.src_start] += letters
        elif step.tag != "delete":
            kept[step.src_start : step.src_end] = letters
    return kept, inserted
