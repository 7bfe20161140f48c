"""Values of options: what is no such value is refused before anything is measured."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError

HINTS = ("latency", "throughput")


def count(text: str) -> int:
    """Read a whole number above 0."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)


def counts(text: str) -> tuple[int, ...]:
    """Read whole numbers above 0 with commas between them."""
    return tuple(count(part.strip()) for part in text.split(","))


def milliseconds(text: str) -> float:
    """Read a time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"expected a number of milliseconds above 0, found {text!r}")
    return value


def hints(text: str) -> list[str]:
    """Read performance hints with commas between them."""
    asked = [part.strip() for part in text.split(",")]
    for hint in asked:
        if hint not in HINTS:
            raise ArgumentTypeError(f"expected {' or '.join(HINTS)}, found {hint!r}")
    return asked
