"""How alike attributes are, and how well they fit what is annotated: 0 nothing, 1 the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.heads import annotated, answers, spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.heads import Head
    from quantgate.core.predictions import Attributes, Facts


def heads_alike(first: Attributes, second: Attributes) -> float:
    """Mean over heads: Bhattacharyya coefficient of classes and labels, nearness of values; NaN without heads."""
    if first.heads != second.heads or not first.heads:
        return math.nan
    return float(
        np.mean(
            [
                _alike(head, first.values[span], second.values[span])
                for head, span in zip(first.heads, spans(first.heads), strict=True)
            ]
        )
    )


def _alike(head: Head, first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    if head.kind == "value":
        return _near(head, float(first[0]), float(second[0]))
    one, other = (np.clip(each.astype(np.float64), 0, None) for each in (first, second))
    if head.kind == "class":
        total = float(one.sum() * other.sum())
        return float(np.sqrt(one * other).sum()) / math.sqrt(total) if total else 0.0
    p, q = min(1.0, float(one[0])), min(1.0, float(other[0]))
    return math.sqrt(p * q) + math.sqrt((1 - p) * (1 - q))


def heads_sure(prediction: Attributes) -> float:
    """How sure classes and labels are, mean over heads, 0..1; 0 where all are values."""
    sure = []
    for head, span in zip(prediction.heads, spans(prediction.heads), strict=True):
        best = float(prediction.values[span].max())
        if head.kind != "value":
            sure.append(best if head.kind == "class" else max(best, 1 - best))
    return float(np.mean(sure)) if sure else 0.0


def facts_fit(prediction: Attributes, truth: Facts) -> float:
    """Mean over annotated heads: root of the share of what is annotated, nearness of values; NaN without any."""
    try:
        known = annotated(prediction.heads, dict(truth.cells))
    except ValueError:  # which whoever judges says
        return math.nan
    said, found = answers(prediction.heads, prediction.values), []
    for k, (head, span) in enumerate(zip(prediction.heads, spans(prediction.heads), strict=True)):
        if math.isnan(known[k]):
            continue
        own = prediction.values[span]
        if head.kind == "value":
            found.append(_near(head, float(said[k]), float(known[k])))
        else:
            share = float(own[int(known[k])]) if head.kind == "class" else float(own[0])
            share = 1 - share if head.kind == "label" and not known[k] else share
            found.append(math.sqrt(min(1.0, max(0.0, share))))
    return float(np.mean(found)) if found else math.nan


def _near(head: Head, first: float, second: float) -> float:
    """How near two values are, 0..1: a half where they differ as much as they are large."""
    apart, size = float(head.apart(first, second)), (abs(first) + abs(second)) / 2
    return 1 / (1 + apart / size) if size else float(not apart)
