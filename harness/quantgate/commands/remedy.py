"""``quantgate remedy``: search a recipe that meets the limits, and say what each one costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.arguments import minutes
from quantgate.commands.console import say, say_where
from quantgate.commands.prepare import add_arguments, opened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.core.remedy import Remedy


def add(verbs: Any) -> None:
    """Declare the verb."""
    remedy = verbs.add_parser(
        "remedy", help="search a recipe that meets the limits, weighed by accuracy, speed and size"
    )
    add_arguments(remedy)
    remedy.add_argument(
        "--minutes",
        metavar="M",
        type=minutes,
        default=600.0,
        dest="seconds",
        help="begin nothing new after this time (default: 10)",
    )
    remedy.add_argument(
        "--output",
        type=Path,
        default=Path("reports"),
        help="write the page and the tables here (default: reports)",
    )
    remedy.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Search for one model; the status says whether a recipe meets every limit."""
    from quantgate.report.files import file_name
    from quantgate.report.publish import write_remedy
    from quantgate.report.words.remedy import told

    found = _searched(options)
    for line in told(found):
        say(line)
    page = options.output / f"remedy-{file_name(found.model)}.html"
    write_remedy(page, found)
    say_where("\npage", page)
    return 0 if found.winner is not None and not found.winner.missed else 1


def _searched(options: argparse.Namespace) -> Remedy:
    from quantgate.engine.artifact import parent_artifact
    from quantgate.engine.worker.client import Step
    from quantgate.pipeline.data import load_data
    from quantgate.pipeline.remedied import refuse_hopeless, remedy_entry
    from quantgate.session.progress_bars import command_bars

    with opened(options) as (entry, run, worker):
        refuse_hopeless(entry)
        data = load_data(entry, run.manifest, run.store)
        place = (entry.source, entry.preprocess, run.manifest.root, run.store_of(entry.id))
        reading = Step("reading the model", entry.time_limit_s)
        parent = worker.call(reading, parent_artifact, *place, name=entry.id)
        given, seconds = (entry, run, parent, data), options.seconds
        with command_bars(entry.id) as progress:
            return worker.call(
                Step("searching a recipe"), remedy_entry, *given, seconds=seconds, progress=progress
            )
