"""What was timed and executed as tables: beside the page as CSV and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.table import Cell, Column, Table
from quantgate.pair import ROLES
from quantgate.report.html.explained import explained_tables
from quantgate.report.html.exploration import exploration_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.report.model import Metric, ModelReport
    from quantgate.report.performance import Range, Share, Speedup, TimedArm

_PERCENTILES = ("p50", "p90", "p99")
_ARM_COLUMNS = (
    Column("arm", "Model as Timed"),
    Column("precision", "Executed in"),
    *(
        Column(f"{key}{end}", f"{title}{words}", "number")
        for key, title in (("rate_per_s", "Images/s"), *((f"{p}_ns", p) for p in _PERCENTILES))
        for end, words in (("", ""), ("_low", ", low"), ("_high", ", high"))
    ),
    Column("first_ns", "First Inference, ns", "number"),
    Column("compile_ns", "Compile, ns", "number"),
    Column("size_bytes", "Size, bytes", "count"),
    Column("memory_bytes", "Peak Memory, bytes", "count"),
)
_METRIC_COLUMNS = (
    Column("metric", "Metric"),
    Column("source", "Source, Published", "fraction"),
    Column("origin", "Origin"),
    *(
        Column(f"{role}{end}", f"{role.capitalize()}{words}", "fraction")
        for role in ROLES
        for end, words in (("", ""), ("_low", ", low"), ("_high", ", high"))
    ),
)


def every_table(model: ModelReport) -> Iterator[Table]:
    """Give all tables of a model, each of which has rows, in the order of the page."""
    made = (
        metrics_table(model.metrics),
        arms_table(model.arms),
        speedups_table(model.speedups),
        rounds_table(model.speedups),
        shares_table(model.shares),
        exploration_table(model.explored),
        model.layer_types,
        model.layers,
        *explained_tables(model.explanation),
        *model.tables,
    )
    yield from (table for table in made if table is not None and table.rows)


def metrics_table(metrics: Sequence[Metric]) -> Table:
    """Tabulate the three numbers."""
    rows = tuple((m.title, m.source, m.origin or None, *_role_cells(m)) for m in metrics)
    return Table("metrics", "The three numbers", _METRIC_COLUMNS, rows)


def _role_cells(metric: Metric) -> Iterator[float | None]:
    for role in ROLES:
        yield from (getattr(metric, role), *metric.intervals.get(role, (None, None)))


def arms_table(arms: Sequence[TimedArm]) -> Table:
    """Tabulate every model as it was timed: rates a second, times in ns, sizes in bytes."""
    rows = tuple(tuple(_arm_cells(arm)) for arm in arms)
    return Table("performance", "Performance", _ARM_COLUMNS, rows)


def speedups_table(speedups: Sequence[Speedup]) -> Table:
    """Tabulate the paired speedups with their intervals."""
    columns = (
        Column("speedup", "Speedup"),
        *(Column(key, key.capitalize(), "number") for key in ("value", "low", "high")),
        Column("rounds", "Rounds", "count"),
        Column("limit", "Limit", "number"),
    )
    rows = tuple(
        (s.title, s.estimate.value, s.estimate.low, s.estimate.high, len(s.rounds), s.limit)
        for s in speedups
    )
    return Table("speedups", "Speedups", columns, rows)


def rounds_table(speedups: Sequence[Speedup]) -> Table:
    """Tabulate every round's ratio, in the order measured."""
    columns = (
        Column("speedup", "Speedup"),
        Column("round", "Round", "count"),
        Column("ratio", "Parent / Optimized", "number"),
    )
    rows = tuple((s.title, place, ratio) for s in speedups for place, ratio in enumerate(s.rounds))
    return Table("rounds", "Rounds of the speedups", columns, rows)


def shares_table(shares: Sequence[Share]) -> Table:
    """Tabulate how much of the work executed in which precision."""
    columns = (
        Column("role", "Role"),
        Column("of", "Share of"),
        Column("precision", "Precision"),
        Column("share", "Share", "fraction"),
    )
    rows = tuple(
        (share.role, share.of, precision, part)
        for share in shares
        for precision, part in share.by_precision.items()
    )
    return Table("executed-precision", "Executed precision", columns, rows)


def _arm_cells(arm: TimedArm) -> Iterator[Cell]:
    yield from (arm.name, arm.precision)
    for value, ends in (
        (arm.rate_per_s, arm.rate_range_per_s),
        (arm.p50_ns, arm.p50_range_ns),
        (arm.p90_ns, arm.p90_range_ns),
        (arm.p99_ns, arm.p99_range_ns),
    ):
        yield from (value, *_ends(ends))
    yield from (arm.first_ns, arm.compile_ns, arm.size_bytes, arm.memory_bytes)


def _ends(ends: Range | None) -> tuple[Cell, Cell]:
    return (None, None) if ends is None else ends
