"""``quantgate comment``: a run as one comment on a pull or merge request, updated in place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add(verbs: Any) -> None:
    """Declare the verb."""
    comment = verbs.add_parser(
        "comment", help="comment on a pull or merge request, updating the comment in place"
    )
    comment.add_argument(
        "directory",
        nargs="?",
        default=Path("reports/latest"),
        type=Path,
        metavar="RUN",
        help="a run's folder (default: reports/latest)",
    )
    comment.add_argument(
        "--base", type=Path, metavar="RUN", help="run of the base: shows what moved against it"
    )
    comment.add_argument(
        "--link", default="", help="address of the report (default: that of the pipeline's job)"
    )
    comment.add_argument(
        "--image-base",
        default="",
        metavar="URL",
        help="address at which the run's folder is served: shows the worst images",
    )
    comment.add_argument("--change", default="", metavar="N", help="number of the request")
    comment.add_argument("--dry-run", action="store_true", help="print the comment, post nothing")
    comment.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Write it, and say where."""
    from quantgate.report.ci import pipeline_of
    from quantgate.report.compare import compare_runs
    from quantgate.report.digest import comment, digest
    from quantgate.report.forge import change_of, post
    from quantgate.report.publish import load_run, run_folder

    report = load_run(options.directory)
    moved = None
    if options.base:
        folders = run_folder(options.base), run_folder(options.directory)
        moved = compare_runs(load_run(options.base), report, folders)
    pipeline = pipeline_of(os.environ)
    link = options.link or (pipeline.build_url if pipeline else "")
    body = comment(digest(report, link=link, images=options.image_base, moved=moved))
    if options.dry_run:
        for line in body.splitlines():
            say(line)
        return 0
    say(f"comment: {post(change_of(os.environ, options.change), body)}")
    return 0
