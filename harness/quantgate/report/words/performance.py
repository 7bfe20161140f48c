"""What got slower by quantization, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.report.words.numbers import amount, cell, counted, interval, signed, written

if TYPE_CHECKING:
    from quantgate.core.table import Cell, Table
    from quantgate.pair import Role
    from quantgate.report.model import Metric

_NS_PER_US = 1e3
_NAMED = 3


def slower_sentence(layers: Table) -> str:
    """Name the layers that got slower, the largest slowdown first, and what it adds up to.

    ``Slower than in the parent: conv7 (Convolution, f32) 0.20 ms → 0.35 ms, and 2 more layers;
    0.16 ms in all. Total: 5.10 ms → 2.30 ms.``
    """
    place = {column.key: index for index, column in enumerate(layers.columns)}
    slower = [layers.rows[index] for index in sorted(layers.erroneous)]
    totals = [
        written(sum(amount(row[place[key]]) for row in layers.rows) * _NS_PER_US, "duration")
        for key in ("parent_us", "optimized_us")
    ]
    together = f"Total: {totals[0]} → {totals[1]}."
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


#: Below this a metric says that the model sees nothing.
_NOTHING_LEFT = 0.02


def metric_note(metric: Metric) -> str:
    """Say where a loss arose, or that the parent itself is broken; empty if nothing stands out."""
    source, parent = metric.source, metric.parent
    if parent is None:
        return ""
    # Only what is judged: a share at one false alarm in 100,000 may be nothing of a good model.
    nothing = bool(metric.intervals) and not metric.is_error and parent < _NOTHING_LEFT
    if nothing and (source is None or source > 10 * _NOTHING_LEFT):
        return (
            f"{metric.title} of the parent is near zero: suspect preprocess (colour order, mean, "
            "scale) or the labels, not quantization"
        )
    if source is None or metric.optimized is None:
        return ""
    sign = -1 if metric.is_error else 1
    before, quantization = sign * (source - parent), sign * (parent - metric.optimized)
    if before > max(0.01, quantization):
        return (
            f"{metric.title} of the parent is {written(before, 'fraction')} {'above' if metric.is_error else 'below'} the published "
            f"{written(source, 'fraction')} ({metric.origin}): a difference that was there before "
            "quantization, by conversion, by preprocessing, or only by other images; quantization "
            f"changed it by {signed(-sign * quantization, 'fraction')}"
        )
    return ""


def role_value(metric: Metric, role: Role) -> str:
    """Write a role's metric with its interval: ``0.878 [0.849, 0.905]``; a dash where there is none."""
    value, ends = getattr(metric, role), metric.intervals.get(role)
    if value is None or ends is None:
        return cell(value, "fraction")
    return f"{cell(value, 'fraction')} {interval(*(written(end, 'fraction') for end in ends))}"


def without_truth(task: str) -> str:
    """Say which report is missing where nothing was measured against annotations."""
    if task == "generic":
        return "Raw outputs have no metric: their distance is all there is to report."
    return (
        "The images are not annotated: no validation report; comparison with the parent and tensor "
        "distance need no annotations."
    )
