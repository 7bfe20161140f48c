"""Rows of cells as a table of plain text, for the terminal, and of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.escaping import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence


def summary_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows of cells into a table; the first row is the heading."""
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
