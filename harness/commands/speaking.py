"""How commands speak: results on standard output, errors on standard error."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Write a line of the result."""
    sys.stdout.write(line + "\n")


def complain(line: str) -> None:
    """Write a line about what went wrong."""
    sys.stderr.write(line + "\n")
