"""Rows of cells as a table of plain text, for the terminal, and of Markdown."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from quantgate.escaping import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Where the continuation of a line begins: behind its first word, or further in than its own indent.
_HEAD = re.compile(r"[A-Z]+  +|\s*")
_DEEPER = "    "
#: Lines that people copy: broken, they would not run.
_COPIED = re.compile(r"\s*(Repeat: |load  )")


def folded(line: str, width: int | None) -> list[str]:
    """Break a line at spaces where it is wider than ``width``, its continuation indented.

    A word is never broken, nor is a command to copy; ``None`` breaks nothing.
    """
    if width is None or len(line) <= width or _COPIED.match(line):
        return [line]
    head = _HEAD.match(line)
    start = head.group() if head else ""
    hang = " " * len(start) if start.strip() else start + _DEEPER
    wrap = textwrap.TextWrapper(
        width,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    return wrap.wrap(line)


def summary_lines(rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Align rows of cells into a table; the first row is the heading.

    Where the table is wider than ``width``, the model (the second cell) stands on a line of its own above
    its rows.
    """
    lines = _aligned(rows)
    if width is None or max(map(len, lines)) <= width:
        return lines
    narrow = _aligned([(row[0], *row[2:]) for row in rows])
    shown, model = narrow[:2], ""
    for row, line in zip(rows[1:], narrow[2:], strict=True):
        if row[1] != model:
            model = row[1]
            shown.append(model)
        shown.append(line)
    return shown


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of cells in Markdown; the first row is the heading."""
    lines = [f"| {' | '.join(markdown(cell) for cell in row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)
