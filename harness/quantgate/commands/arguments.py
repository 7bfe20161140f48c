"""Parse option values; invalid ones are refused before anything is measured."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError

HINTS = ("latency", "throughput")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


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


def seconds(text: str) -> float:
    """Read a time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"expected a number of seconds above 0, found {text!r}")
    return value


def minutes(text: str) -> float:
    """Read a time above 0 as seconds."""
    try:
        value = 60 * float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"expected a number of minutes above 0, found {text!r}")
    return value


def hints(text: str) -> list[str]:
    """Read performance hints with commas between them."""
    asked = [part.strip() for part in text.split(",")]
    for hint in asked:
        if hint not in HINTS:
            raise ArgumentTypeError(f"expected {' or '.join(HINTS)}, found {hint!r}")
    return asked


def age(text: str) -> int:
    """Read a number of hours, days or weeks, such as 30d, as ns."""
    found = re.fullmatch(r"(\d+)([hdw])", text, re.ASCII | re.IGNORECASE)
    if not found:
        raise ArgumentTypeError(
            f"expected hours, days or weeks such as 12h, 30d or 8w, found {text!r}"
        )
    return int(found[1]) * _HOURS[found[2].lower()] * 3600 * 10**9


def size(text: str) -> int:
    """Read a size such as 500MB or 20G, in powers of 1000, as bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", text, re.ASCII | re.IGNORECASE)
    if not found:
        raise ArgumentTypeError(f"expected a size such as 500MB or 20GB, found {text!r}")
    return round(float(found[1]) * _BYTES[found[2].lower()])
