"""``quantgate report``: the Allure report of a run, built with Node from PyPI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say_where

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    report = verbs.add_parser("report", help="build the Allure report of a run")
    report.add_argument(
        "directory",
        nargs="?",
        default=Path("reports/latest"),
        type=Path,
        metavar="RUN",
        help="folder of the run (default: reports/latest)",
    )
    report.add_argument(
        "--single-file", action="store_true", help="build one HTML file that can be sent around"
    )
    report.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Build it beside the run's other files."""
    from quantgate.report.allure.build import build_report

    directory = Path(options.directory)
    page = build_report(
        directory / "allure-results",
        directory / "allure-report",
        single_file=options.single_file,
    )
    say_where("report", page)
    return 0
