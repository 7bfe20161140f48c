"""Accuracy of quadrilaterals against the truth: average precision by DOTA's rules, and h-mean as for text.

DOTA's are VOC's: the area under the whole curve, a second detection of an object is false, what is difficult counts
neither for nor against.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.metrics import MetricKind
from quantgate.tasks.detection import accuracy as of_objects
from quantgate.tasks.detection.summed import Summed
from quantgate.tasks.quads.regions import sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.pair import Role
    from quantgate.tasks.detection.matching import Detected

METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "ap50": MetricKind("Turned AP50"),
        "ap75": MetricKind("Turned AP75"),
        "ap": MetricKind("Turned AP@[.5:.95]"),
        "voc11": MetricKind("Turned AP50 (11 points)"),
        "hmean": MetricKind("H-mean at IoU .5"),
        "precision": MetricKind("Precision at IoU .5", judged=False),
        "recall": MetricKind("Recall at IoU .5", judged=False),
    }
)
#: Metrics that are a ratio of two sums over images.
SUMS = frozenset({"hmean", "precision", "recall"})


def _lacking(metric: str) -> str:
    return f"no role finds anything that {metric} could be of; lower decoder.score_threshold"


def _itself(comparison: Detected) -> Detected:
    return comparison


#: What limits against annotations are measured with.
MEASURES = Summed(METRICS, SUMS, sums, _lacking, "use ap, ap50 or ap75 in evaluate.metric", _itself)


def role_metrics(comparison: Detected, role: Role) -> dict[str, float]:
    """Every metric of one role; what nothing found or annotated defines is left out."""
    found = dict(of_objects.coco(comparison, role).overall)
    found["voc11"] = float(np.mean([*of_objects.class_metrics(comparison, role, "voc11").values()]))
    for metric in ("hmean", "precision", "recall"):
        above, below = sums(comparison, role, metric)
        if below.sum():
            found[metric] = float(above.sum() / below.sum())
    return {name: found[name] for name in METRICS if name in found}


def by_class(metric: str) -> bool:
    """Whether a metric is the mean of one a class."""
    return metric not in SUMS
