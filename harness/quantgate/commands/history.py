"""``quantgate history``: list, record, export and import recorded runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import complain, say
from quantgate.commands.histories import add_option, history_of
from quantgate.errors import HistoryError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.report.model import RunReport

_STDOUT = Path("-")


def add(verbs: Any) -> None:
    """Declare the verb and its own verbs."""
    history = verbs.add_parser("history", help="list, record, export or import recorded runs")
    own = history.add_subparsers(dest="what", required=True, metavar="WHAT")
    listed = own.add_parser("list", help="list the recorded runs, oldest first")
    listed.set_defaults(run=_list)
    recorded = own.add_parser("record", help="record finished runs from their folders")
    recorded.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    recorded.set_defaults(run=_record)
    exported = own.add_parser("export", help="export everything as JSON Lines")
    exported.add_argument("file", type=Path, help="file to write; - for standard output")
    exported.set_defaults(run=_export)
    imported = own.add_parser(
        "import", help="import exports into this history, each completely or not at all"
    )
    imported.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="file written by history export"
    )
    imported.set_defaults(run=_import)
    for parser in (listed, recorded, exported, imported):
        add_option(parser)


def _list(options: argparse.Namespace, _: Sequence[str]) -> int:
    from quantgate.report.text_table import summary_lines

    rows = [("run", "started", "numbers", "isa", "stack", "commit", "branch", "report")]
    for run, numbers in history_of(options).counted():
        started = f"{run.at:%Y-%m-%d %H:%M}"
        rows.append(
            (
                run.id,
                started,
                str(numbers),
                run.isa,
                run.stack,
                run.commit[:10],
                run.branch,
                run.place,
            )
        )
    for line in summary_lines(rows):
        say(line)
    return 0


def _record(options: argparse.Namespace, _: Sequence[str]) -> int:
    from quantgate.history.record import run_record
    from quantgate.report.publish import load_run

    reports = [(folder, load_run(folder)) for folder in options.runs]
    for folder, report in reports:
        _demand_recordable(folder, report)
    history = history_of(options, create=True)
    for folder, report in reports:
        kept = history.record(run_record(report, place=str(folder.resolve())))
        say(f"{'recorded' if kept.new else 'there already'}: {report.run} in {history.name}")
        for note in kept.notes:
            complain(note)
    return 0


def _demand_recordable(folder: Path, report: RunReport) -> None:
    """Refuse what holds nothing, and what `quantgate merge --record` keeps: numbers count once."""
    if not report.judged:
        raise HistoryError(
            f"{folder}: nothing was judged in this run, so there is nothing to record"
        )
    if report.shard is not None:
        part = f"shard {report.shard.index} of {report.shard.count}"
        raise HistoryError(
            f"{folder}: expected a whole run, found {part}, whose numbers would count twice beside those "
            "of the merged run; `quantgate merge --record` keeps what all shards judged"
        )
    if report.mixed:
        raise HistoryError(
            f"{folder}: expected a run of one class of machine, found one that was merged from several; "
            "`quantgate merge --mixed-machines --record` keeps each shard as the run it is"
        )


def _export(options: argparse.Namespace, _: Sequence[str]) -> int:
    from quantgate.history.jsonl import export

    history, target = history_of(options), options.file
    if target == _STDOUT:
        export(history, sys.stdout.buffer)
        return 0
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            runs = export(history, file)
        aside.replace(target)
    except OSError as error:
        raise HistoryError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)
    say(f"exported: {runs} runs of {history.name} to {target}")
    return 0


def _import(options: argparse.Namespace, _: Sequence[str]) -> int:
    from quantgate.history.jsonl import import_

    history = history_of(options, create=True)
    for path in options.files:
        found = import_(history, path)
        say(
            f"imported: {found.runs} runs and {found.accepted} accepted steps of {path} into "
            f"{history.name}; {found.known} were there already"
        )
    return 0
