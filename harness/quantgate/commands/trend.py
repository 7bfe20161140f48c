"""``quantgate trend``: which recorded numbers changed, when, and what was committed or upgraded then."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say, say_where
from quantgate.commands.histories import add_option, history_url

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.report.trend.model import Trend


def add(verbs: Any) -> None:
    """Declare the verb."""
    trend = verbs.add_parser(
        "trend", help="report which recorded numbers changed, when and by how much"
    )
    trend.add_argument("url", nargs="?", metavar="URL", help="history to read, as with --history")
    add_option(trend)
    trend.add_argument("--model", help="show this model only")
    trend.add_argument("--quantity", metavar="KEY", help="show this limit only, e.g. min_speedup")
    trend.add_argument("--machine", help="show this class of machines only")
    trend.add_argument("--stack", help="show this stack only")
    trend.add_argument(
        "--output",
        type=Path,
        default=Path("reports/trend.html"),
        help="write the page here (default: reports/trend.html)",
    )
    trend.add_argument(
        "--fail-on-change",
        action="store_true",
        help="exit with status 1 if a number got worse and nobody accepted it",
    )
    trend.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Say what moved, write the page, and fail for it where that is wanted."""
    from quantgate.history.store import open_history
    from quantgate.pipeline.trend import FILTERS, Shown, look
    from quantgate.report.trend.page import write_trend

    history = open_history(history_url(options.url or options.history), create=False)
    shown = Shown(**{name: getattr(options, name) for name in FILTERS})
    trend = look(history, dt.datetime.now(dt.UTC).date(), shown)
    _tell(trend)
    if trend.series:
        write_trend(trend, options.output)
        say_where("page", options.output)
    return 1 if options.fail_on_change and trend.open else 0


def _tell(trend: Trend) -> None:
    from quantgate.report.text_table import summary_lines
    from quantgate.report.words.trend import MOST_ROWS, machine_lines, summary, trend_rows

    told = sorted(trend.told, key=lambda change: not change.open)
    if told:
        for line in summary_lines(trend_rows(told[:MOST_ROWS])):
            say(line)
        if len(told) > MOST_ROWS:
            say(f"… and {len(told) - MOST_ROWS} more, on the page")
    for line in machine_lines(trend.changes):
        say(line)
    say(summary(trend))
