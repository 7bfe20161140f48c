"""A metric of classification: the annotated class is among the best three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.metrics import MetricKind
from quantgate.tasks.added import AddedMetric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.pair import Role


def score(comparison: Comparison[Any], role: Role, indices: NDArray[np.int64]) -> float:
    """Share of images whose class ranks first, second or third."""
    ranks = [getattr(image.record, role).truth_rank for image in comparison.images]
    return float(np.mean(np.array(ranks)[indices] < 3))


METRIC = AddedMetric("classification", MetricKind("Top-3 accuracy", guesses=3), score)
