"""What got slower by quantization, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.numbers import amount, counted, written

if TYPE_CHECKING:
    from harness.core.table import Cell, Table

_NS_PER_US = 1e3
_NAMED = 3


def slower_sentence(layers: Table) -> str:
    """Name what got slower first, each with its time in both roles, and what it comes to.

    ``Slower than in the parent: conv7 (Convolution, f32) 0.20 ms → 0.35 ms, and 2 more layers;
    0.16 ms in all. Everything together: 5.10 ms → 2.30 ms.``
    """
    place = {column.key: index for index, column in enumerate(layers.columns)}
    slower = [layers.rows[index] for index in sorted(layers.erroneous)]
    totals = [
        written(sum(amount(row[place[key]]) for row in layers.rows) * _NS_PER_US, "duration")
        for key in ("parent_us", "optimized_us")
    ]
    together = f"Everything together: {totals[0]} → {totals[1]}."
    if not slower:
        return f"No layer is slower than in the parent. {together}"
    named = [_named(row, place) for row in slower[:_NAMED]]
    if len(slower) > _NAMED:
        named.append(f"and {counted(len(slower) - _NAMED, 'more layers')}")
    lost = sum(amount(row[place["difference_us"]]) for row in slower) * _NS_PER_US
    return f"Slower than in the parent: {', '.join(named)}; {written(lost, 'duration')} in all. {together}"


def _named(row: tuple[Cell, ...], place: dict[str, int]) -> str:
    times = [
        written(amount(row[place[key]]) * _NS_PER_US, "duration")
        for key in ("parent_us", "optimized_us")
    ]
    precision = row[place["optimized_precision"]] or row[place["parent_precision"]]
    said = f"{row[place['layer']]} ({row[place['type']]}, {precision})"
    return f"{said} {times[0]} → {times[1]}"
