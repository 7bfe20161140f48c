"""``quantgate explore``: streams × batch × hint × threads, both roles, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.arguments import counts, hints, milliseconds
from quantgate.commands.console import say, say_where
from quantgate.commands.prepare import add_arguments, prepared

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from quantgate.engine.explore import Exploration, Figures, Point, Setting

_NS_PER_MS = 1e6


def add(verbs: Any) -> None:
    """Declare the verb."""
    explore = verbs.add_parser(
        "explore", help="find the fastest combination of streams, batch, hint and threads"
    )
    add_arguments(explore)
    explore.add_argument(
        "--streams",
        type=counts,
        default=(1, 2),
        help="try these numbers of streams, e.g. 1,2,4 (default: 1,2)",
    )
    explore.add_argument(
        "--batch", type=counts, default=(1,), help="try these batch sizes, e.g. 1,4,8 (default: 1)"
    )
    explore.add_argument(
        "--threads",
        type=counts,
        default=(None,),
        help="try these numbers of threads, e.g. 1,2 (default: the device chooses)",
    )
    explore.add_argument(
        "--hint",
        type=hints,
        default=["latency", "throughput"],
        help="try latency, throughput, or both separated by a comma (default: both)",
    )
    explore.add_argument(
        "--latency-ms",
        type=milliseconds,
        help="also report the fastest setting within this p90 latency",
    )
    explore.add_argument(
        "--output",
        type=Path,
        default=Path("reports"),
        help="write the measurements and the page here (default: reports)",
    )
    explore.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Measure the grid, going on where an interrupted exploration stopped."""
    from quantgate.engine.explore import Resume, explore, grid, measure_setting
    from quantgate.pipeline.exploration import (
        as_explored,
        identity,
        keep_point,
        kept_points,
        points_file,
    )
    from quantgate.report.publish import write_exploration
    from quantgate.session.progress_bars import command_bars

    settings = grid(options.hint, options.streams, options.threads, options.batch)
    with prepared(options) as model:
        kept = points_file(options.output, model.entry.id)
        same = identity(model.entry, model.artifacts)
        known = [point for point in kept_points(kept, same) if point.setting in settings]
        given = (model.paths, model.inputs, model.entry.benchmark)

        def measure(setting: Setting) -> Point:
            return model.call(f"measuring {setting.key}", measure_setting, *given, setting)

        with command_bars(model.entry.id) as progress:
            resume = Resume(known, lambda point: keep_point(kept, same, point))
            found = explore(settings, measure, resume=resume, progress=progress)
    _show(found, options, model.entry.id)
    page = kept.with_suffix(".html")
    points = as_explored(model.entry.id, found.points)
    write_exploration(page, model.entry.id, points, _within_ns(options))
    say_where("\nplot", page)
    return 0 if found.best() is not None else 1


def _within_ns(options: argparse.Namespace) -> float | None:
    return None if options.latency_ms is None else options.latency_ms * _NS_PER_MS


def _show(found: Exploration, options: argparse.Namespace, model: str) -> None:
    from quantgate.engine.explore import setting_snippet
    from quantgate.report.text_table import summary_lines

    rows: list[tuple[str, ...]] = [("setting", "parent img/s", "optimized img/s", "p90 ms", "")]
    for point in found.points:
        rates = [_rate(point.figures.get(role)) for role in ("parent", "optimized")]
        optimized = point.figures.get("optimized")
        p90 = "–" if optimized is None else f"{optimized.p90_ns / _NS_PER_MS:.2f}"
        rows.append((point.setting.key, *rates, p90, point.problem))
    for line in summary_lines(rows):
        say(line)
    within = _within_ns(options)
    for title, best in (
        ("fastest", found.best()),
        ("within the latency", found.best(within_ns=within)),
    ):
        if best is not None and (title == "fastest" or within is not None):
            say(f"\n# {title}")
            say(setting_snippet(model, best).rstrip())
    if within is not None and found.best(within_ns=within) is None:
        say(f"\nno setting answers within {options.latency_ms:g} ms at p90")


def _rate(figures: Figures | None) -> str:
    if figures is None:
        return "–"
    return f"{figures.rate_per_s:.0f} [{figures.low_per_s:.0f}, {figures.high_per_s:.0f}]"
