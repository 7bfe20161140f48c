"""Performance as the templates show it: timed models, speedups, executed precision, layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from quantgate.report.html import charts
from quantgate.report.html.exploration import ExploredView, explored_view
from quantgate.report.html.view_tables import TableView, table_view
from quantgate.report.words import numbers, titles, verdicts
from quantgate.report.words.performance import slower_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.report.model import ModelReport
    from quantgate.report.performance import Range, Share, Speedup, TimedArm


@dataclass(frozen=True, slots=True)
class ArmView:
    """One timed model: its name, the executed precision, and ``(value, interval)`` of each figure."""

    title: str
    precision: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SpeedupView:
    """One paired speedup with its rounds."""

    speedup: Speedup
    chart: Markup
    sentence: str


@dataclass(frozen=True, slots=True)
class ShareView:
    """One share of work by precision; ``legend`` holds ``(css class, precision, share)``."""

    share: Share
    bar: Markup
    legend: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class PerformanceView:
    """The performance part of one model; what was not measured is empty."""

    arms: tuple[ArmView, ...]
    speedups: tuple[SpeedupView, ...]
    shares: tuple[ShareView, ...]
    slower: str
    chart: Markup
    types: TableView | None
    layers: TableView | None
    explored: ExploredView | None
    file: str


def performance_view(model: ModelReport, prefix: str, files: str) -> PerformanceView | None:
    """Prepare it; None where nothing was timed or profiled."""
    types, layers = model.layer_types, model.layers
    if not (model.arms or model.speedups or model.shares or types or layers or model.explored):
        return None
    return PerformanceView(
        arms=tuple(_arm(arm) for arm in model.arms),
        speedups=tuple(_speedup(speedup) for speedup in model.speedups),
        shares=tuple(_share(share) for share in sorted(model.shares, key=lambda s: s.of)),
        slower=slower_sentence(layers) if layers and layers.rows else "",
        chart=Markup(charts.types_chart(types) if types else ""),  # noqa: S704 - escaped there
        types=table_view(types, f"{prefix}-types", files=files) if types else None,
        layers=table_view(layers, f"{prefix}-layers", files=files) if layers else None,
        explored=_explored(model, prefix, files),
        file=f"{files}/performance" if model.arms else "",
    )


def _arm(arm: TimedArm) -> ArmView:
    return ArmView(
        titles.ARM_TITLES.get(arm.name, arm.name),
        arm.precision,
        (
            _ranged(arm.rate_per_s, arm.rate_range_per_s, numbers.rate),
            *(
                _ranged(value, ends, numbers.duration)
                for value, ends in (
                    (arm.p50_ns, arm.p50_range_ns),
                    (arm.p90_ns, arm.p90_range_ns),
                    (arm.p99_ns, arm.p99_range_ns),
                )
            ),
            (numbers.duration(arm.first_ns), ""),
            (numbers.duration(arm.compile_ns), ""),
            (numbers.size(arm.size_bytes), ""),
            (numbers.size(arm.memory_bytes), ""),
        ),
    )


def _ranged(
    value: float | None, ends: Range | None, written: Callable[[float], str]
) -> tuple[str, str]:
    if value is None:
        return numbers.MISSING, ""
    text = written(value)
    ranged = "" if ends is None else numbers.interval(*map(written, ends))
    return text, ranged.removesuffix(f" {text.partition(' ')[2]}")


def _explored(model: ModelReport, prefix: str, files: str) -> ExploredView | None:
    return explored_view(model.explored, f"{prefix}-x", files=files) if model.explored else None


def _speedup(speedup: Speedup) -> SpeedupView:
    chart = Markup(charts.rounds_chart(speedup))  # noqa: S704 - escaped there
    return SpeedupView(speedup, chart, verdicts.speedup_sentence(speedup))


def _share(share: Share) -> ShareView:
    bar = Markup(charts.share_bar(share.by_precision))  # noqa: S704 - escaped there
    return ShareView(share, bar, tuple(charts.share_legend(share.by_precision)))
