"""``quantgate recover``: the report of a run that was killed, from what it had written down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say, say_where

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    recover = verbs.add_parser(
        "recover", help="make the report of a run that was killed before it wrote one"
    )
    recover.add_argument("folder", type=Path, metavar="RUN", help="the run's folder, reports/RUN")
    recover.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Write the report, and show its table."""
    from quantgate.report.text_table import summary_lines
    from quantgate.report.words.run import run_summary, summary_rows
    from quantgate.session.recover import recover_run

    directory = options.folder.absolute()
    report = recover_run(directory)
    for line in summary_lines(summary_rows(report.judged, report.problems)):
        say(line)
    for note in report.notes:
        say(f"NOTE  {note}")
    say(f"recovered: {run_summary(report)}")
    say_where("report", directory / "index.html")
    return 0
