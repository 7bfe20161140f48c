"""The sentences of the three numbers: where a loss arose, and what cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.numbers import signed, written

if TYPE_CHECKING:
    from harness.report.model import Metric

#: Below this a metric says that the model sees nothing.
_NOTHING_LEFT = 0.02


def metric_note(metric: Metric) -> str:
    """Say where a loss arose, or that the parent itself is broken; empty where nothing stands out."""
    source, parent = metric.source, metric.parent
    if parent is None:
        return ""
    if parent < _NOTHING_LEFT and (source is None or source > 10 * _NOTHING_LEFT):
        return (
            f"{metric.title} of the parent is near zero: suspect preprocess (colour order, mean, "
            "scale) or the labels, not quantization"
        )
    if source is None or metric.optimized is None:
        return ""
    before, quantization = source - parent, parent - metric.optimized
    if before > max(0.01, quantization):
        return (
            f"{metric.title} of the parent is {written(before, 'fraction')} below the published "
            f"{written(source, 'fraction')} ({metric.origin}): a difference that was there before "
            "quantization, by conversion, by preprocessing, or only by other images; quantization "
            f"changed it by {signed(-quantization, 'fraction')}"
        )
    return ""


def without_truth(task: str) -> str:
    """Say which report is missing where nothing was measured against annotations."""
    if task == "generic":
        return "Raw outputs have no metric: their distance is all there is to report."
    return (
        "The images are not annotated: no validation report; comparison with the parent and tensor "
        "distance need no annotations."
    )
