"""``quantgate explain``: find the layers that lose accuracy, and whether quantization is to blame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.arguments import count, seconds
from quantgate.commands.console import say, say_where
from quantgate.commands.prepare import add_arguments, prepared
from quantgate.core.explained import KINDS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.core.explained import Explanation, Group

#: Groups of a kind that the terminal lists: all are in the files.
_ROWS = 5


def add(verbs: Any) -> None:
    """Declare the verb."""
    explain = verbs.add_parser(
        "explain",
        help="find the layers that lose accuracy, and whether quantization or execution is to blame",
    )
    add_arguments(explain)
    explain.add_argument(
        "--images", type=count, default=64, help="evaluate at most this many images (default: 64)"
    )
    explain.add_argument(
        "--groups",
        type=count,
        default=10,
        help="measure this many groups of layers both ways, most suspect first (default: 10)",
    )
    explain.add_argument(
        "--seconds",
        type=seconds,
        help="start no new measurement after this time (default: report.explain_s of the manifest)",
    )
    explain.add_argument(
        "--output",
        type=Path,
        default=Path("reports"),
        help="write the page and the tables here (default: reports)",
    )
    explain.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Explain one model; the status only says whether that was possible."""
    from quantgate.pipeline.explained import Budget, explain_entry, lay_part
    from quantgate.report.files import file_name
    from quantgate.report.publish import write_explanation
    from quantgate.session.progress_bars import command_bars
    from quantgate.store import Store

    with prepared(options) as model, command_bars(model.entry.id) as progress:
        seconds = options.seconds or model.run.manifest.report.explain_s or Budget().seconds
        store = Store(model.run.store, model=model.entry.id)
        given = (model.entry, store, model.artifacts, model.data)
        budget = Budget(options.images, seconds, options.groups)
        found = model.call(
            "explaining the loss", explain_entry, *given, budget=budget, progress=progress
        )
    page = options.output / f"explain-{file_name(found.model)}.html"
    if found.execution is not None:
        execution = lay_part(found.execution, page.parent / page.stem)
        found = replace(found, execution=execution)
    _show(found)
    write_explanation(page, found)
    say_where("\npage", page)
    return 0


def _show(found: Explanation) -> None:
    from quantgate.report.text_table import summary_lines
    from quantgate.report.words.explained import headline, sentences

    say(f"{found.model}: {headline(found)}")
    for sentence in sentences(found):
        say(f"  {sentence}")
    told = [group for kind in KINDS for group in found.ranked(kind)[:_ROWS] if group.asked]
    if told:
        say("")
        heading = ("by", "group", "layers", "of the loss", "quantized alone", "put back")
        for line in summary_lines([heading, *(_row(found, group) for group in told)]):
            say(line)


def _row(found: Explanation, group: Group) -> tuple[str, ...]:
    from quantgate.report.words.explained import arm_text
    from quantgate.report.words.numbers import written

    part = written(group.costs(found.base), "percent")
    arms = (arm_text(found, loss) for loss in (group.only, group.back))
    return (group.kind, group.name, str(len(group.layers)), part, *arms)
