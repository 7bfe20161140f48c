"""``quantgate compare``: finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say, say_where

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    compare = verbs.add_parser(
        "compare", help="compare two runs, or more side by side, and show what changed"
    )
    compare.add_argument("before", type=Path, help="folder of the earlier run, or its run.json")
    compare.add_argument(
        "after", type=Path, nargs="?", help="folder of the later run, or its run.json"
    )
    compare.add_argument(
        "more",
        type=Path,
        nargs="*",
        help="more runs, such as other recipes or stacks: all are compared with the first",
    )
    compare.add_argument(
        "--against",
        choices=("last-green",),
        help="compare one run with the last green run before it, in the same folder and on its branch",
    )
    compare.add_argument(
        "--page",
        type=Path,
        default=Path("reports/comparison.html"),
        help="write the page here (default: reports/comparison.html)",
    )
    compare.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Write the page and say what moved."""
    from quantgate.errors import UsageError
    from quantgate.report.compare import comparison_lines
    from quantgate.report.green import last_green
    from quantgate.report.publish import write_comparison, write_side_by_side
    from quantgate.report.side_by_side import side_lines

    before, after = options.before, options.after
    if (after is None) != bool(options.against):
        raise UsageError("compare: give two runs, or one run with --against last-green")
    if after is None:
        before, after = last_green(before), before
    if options.more:
        lines = side_lines(write_side_by_side([before, after, *options.more], options.page))
    else:
        lines = comparison_lines(write_comparison(before, after, options.page))
    for line in lines:
        say(line)
    say_where("page", options.page)
    return 0
