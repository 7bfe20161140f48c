"""A limit: how much confidence in its answer the optimized model may lose, on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from quantgate.core.limit_kind import LimitKind
from quantgate.testing import Estimate, bootstrap_mean

if TYPE_CHECKING:
    from quantgate.core.comparison import Comparison
    from quantgate.entries import EvaluationPlan


def measure(comparison: Comparison[Any], plan: EvaluationPlan) -> Estimate:
    """Mean over images of the parent's best score less the optimized model's."""
    import numpy as np

    del plan
    both = [
        (image.record.parent.score, image.record.optimized.score) for image in comparison.images
    ]
    return bootstrap_mean(np.array([before - after for before, after in both])).estimate


KIND = LimitKind(
    "max_confidence_loss",
    "Confidence loss",
    "images",
    margin=0.01,
    of_loss=True,
    remedy="calibrate on images like those that are judged",
    measure=measure,
    hint=Annotated[float, Ge(0)] | None,
)
