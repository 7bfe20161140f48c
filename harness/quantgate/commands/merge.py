"""``quantgate merge``: merge the shards of a run; the exit status is the gate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import complain, say, say_where

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.report.shards.reports import Merged


def add(verbs: Any) -> None:
    """Declare the verb."""
    merge = verbs.add_parser(
        "merge", help="merge the shards of a run into one; fails if the whole run would have failed"
    )
    merge.add_argument("shards", nargs="+", type=Path, metavar="RUN", help="folder of a shard")
    merge.add_argument(
        "--output",
        type=Path,
        default=Path("reports/merged"),
        help="write the merged run here (default: reports/merged)",
    )
    merge.add_argument(
        "--mixed-machines",
        action="store_true",
        help="also merge shards of machines with different INT8 instructions",
    )
    merge.add_argument(
        "--shard-durations",
        type=Path,
        metavar="FILE",
        help="renew this file of durations: models that no shard judged keep what it says of them",
    )
    merge.add_argument(
        "--record",
        metavar="URL",
        nargs="?",
        const="",
        help="record the judged numbers in a history, see gate --record; without a value, the one that "
        "QUANTGATE_HISTORY names, or history.sqlite beside the output",
    )
    merge.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Write the whole run and say whether the gate is passed."""
    from quantgate.report.shards.files import merge_runs
    from quantgate.report.shards.unfit import unfit_shards
    from quantgate.report.text_table import summary_lines
    from quantgate.report.words.run import run_summary, summary_rows

    merged = merge_runs(
        options.shards,
        options.output,
        mixed=options.mixed_machines,
        environ=os.environ,
        durations=options.shard_durations,
    )
    report = merged.report
    for line in summary_lines(summary_rows(report.judged, report.problems)):
        say(line)
    for model, key in merged.missing:
        complain(f"NOT JUDGED  {model}: {key}: declared in models.toml, and no shard judged it")
    for index in merged.failed:
        complain(f"shard {index} failed: its own exit status was not 0")
    for one in unfit_shards(merged.shards):
        complain(f"UNFIT  {one.sentence}")
    say(f"{run_summary(report)}: {'passed' if merged.passed else 'failed'}")
    say_where("report", options.output / "index.html")
    recorded = _record(options, merged)
    return 0 if merged.passed and recorded else 1


def _record(options: argparse.Namespace, merged: Merged) -> bool:
    """Record the merged run where that is wanted; False where it failed."""
    from quantgate.session import history

    if options.record is None:
        return True
    url = history.named(options.record, options.output.parent)
    answers = [history.record_at(url, options.output, one) for one in merged.recordable]
    for failed, lines in answers:
        for line in lines:
            (complain if failed else say)(line)
    return not any(failed for failed, _ in answers)
