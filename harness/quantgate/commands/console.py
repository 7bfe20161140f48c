"""Output of commands: results on standard output, errors on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from quantgate.escaping import one_line, terminal
from quantgate.redaction import redacted

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO


def say(line: str) -> None:
    """Write a line of the result."""
    _write(sys.stdout, line)


def say_where(what: str, path: Path) -> None:
    """Write where a file or folder lies, on one line whatever its name holds."""
    say(f"{what}: {one_line(str(path))}")


def complain(line: str) -> None:
    """Write a line about what went wrong."""
    _write(sys.stderr, line)


def _write(stream: TextIO, line: str) -> None:
    """Write what the stream's encoding has, and the rest as Python escapes it."""
    encoding = stream.encoding or "utf-8"
    shown = terminal(redacted(line)).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(shown + "\n")
    stream.flush()  # into a file or a pipe, too: what takes minutes is followed there
