"""``quantgate explore``: streams × batch × hint × threads, both roles, with intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.prepare import Prepared, add_arguments, prepared
from harness.commands.speaking import say
from harness.terminal import summary_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from harness.engine.explore import Exploration, Figures, Point, Resume, Setting

_NS_PER_MS = 1e6


def add(verbs: Any) -> None:
    """Declare the verb."""
    explore = verbs.add_parser("explore", help="find the fastest streams, batch, hint and threads")
    add_arguments(explore)
    explore.add_argument("--streams", type=_numbers, default=(1, 2), help="e.g. 1,2,4")
    explore.add_argument("--batch", type=_numbers, default=(1,), help="e.g. 1,4,8")
    explore.add_argument("--threads", type=_numbers, default=(None,), help="e.g. 1,2")
    explore.add_argument(
        "--hint", type=lambda text: text.split(","), default=["latency", "throughput"]
    )
    explore.add_argument("--latency-ms", type=float, help="choose within this p90 latency")
    explore.add_argument(
        "--output", type=Path, default=Path("reports"), help="where points are kept"
    )
    explore.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Measure the grid, going on where an interrupted exploration stopped."""
    from harness.engine.explore import explore, grid

    with prepared(options) as model:
        settings = grid(options.hint, options.streams, options.threads, options.batch)
        kept = options.output / f"explore-{model.entry.id}.jsonl"
        found = explore(
            model.paths,
            model.inputs,
            model.entry.benchmark,
            settings,
            resume=_resume(kept, model, settings),
        )
    _show(found, options, model.entry.id)
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _resume(path: Path, model: Prepared, settings: Sequence[Setting]) -> Resume:
    """Take up the points of the same pair of models and conditions; forget those of others."""
    from harness.engine.explore import Resume, point_from_dict

    path.parent.mkdir(parents=True, exist_ok=True)
    same = [*model.artifacts.map(lambda artifact: artifact.digest), str(model.entry.benchmark)]
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    stored = [json.loads(line) for line in lines if line.endswith("}")]
    fitting = [item["point"] for item in stored if item["of"] == same]
    wanted = {setting.key for setting in settings}
    known = [point for point in map(point_from_dict, fitting) if point.setting.key in wanted]

    def keep(point: Point) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"of": same, "point": point.to_dict()}) + "\n")

    return Resume(known, keep)


def _show(found: Exploration, options: argparse.Namespace, model: str) -> None:
    from harness.engine.explore import setting_snippet

    rows: list[tuple[str, ...]] = [("setting", "parent img/s", "optimized img/s", "p90 ms", "")]
    for point in found.points:
        rates = [_rate(point.figures.get(role)) for role in ("parent", "optimized")]
        optimized = point.figures.get("optimized")
        p90 = "–" if optimized is None else f"{optimized.p90_ns / _NS_PER_MS:.2f}"
        rows.append((point.setting.key, *rates, p90, point.problem))
    for line in summary_lines(rows):
        say(line)
    within = None if options.latency_ms is None else options.latency_ms * _NS_PER_MS
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
