"""Instance segmentation: object detection with masks for boxes throughout, and box AP beside mask AP.

Overlap, matching, tables and average precision take masks wherever every object has one
(:mod:`quantgate.tasks.detection.overlap`); this module sees to it that every object does.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.core.metrics import MetricKind
from quantgate.errors import DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection import task as detection
from quantgate.tasks.detection.accuracy import coco
from quantgate.tasks.detection.average_precision import STATISTICS
from quantgate.tasks.detection.severity import severity
from quantgate.tasks.detection.task import (
    FITNESS,
    LIMITS,
    TALLY,
    changes,
    detail,
    doubts,
    judge_quantity,
    pack,
    role_scores,
    smallest_drop,
    subject,
    tables,
    unpack,
    worst,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.core.pictures import PictureKind
    from quantgate.core.predictions import Detections, Truth
    from quantgate.pair import Role
    from quantgate.tasks.detection.matching import Detected

__all__ = [
    "DEFAULT_METRIC",
    "FITNESS",
    "LIMITS",
    "METRICS",
    "PICTURE",
    "TALLY",
    "TRUTH",
    "changes",
    "compact",
    "detail",
    "doubts",
    "judge_quantity",
    "metrics",
    "pack",
    "role_scores",
    "severity",
    "smallest_drop",
    "subject",
    "tables",
    "unpack",
    "worst",
]

DEFAULT_METRIC = "ap"
TRUTH: str | None = "masks"
PICTURE: PictureKind | None = "objects"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        **{
            name: replace(kind, title=f"Mask {kind.title}")
            for name, kind in detection.METRICS.items()
            if name in STATISTICS
        },
        **{
            f"box_{name}": MetricKind(f"Box {detection.METRICS[name].title}", judged=False)
            for name in STATISTICS
        },
    }
)


def compact(
    prediction: Pair[Detections], truth: Truth | None, name: str = "this image"
) -> Pair[Detections]:
    """Keep the best objects of both roles with their masks (run lengths).

    Raises
    ------
    DecoderError
        On NaN or infinity, and on objects without masks, naming the image.
    """
    for role in ROLES:
        if len(prediction[role]) and prediction[role].masks is None:
            raise DecoderError(
                f"{name}, {role} model: objects without masks; instance segmentation needs a decoder "
                'that gives masks, or task = "detection"'
            )
    return detection.compact(prediction, truth, name)


def metrics(comparison: Detected) -> Pair[dict[str, float]]:
    """Mask AP and box AP of both roles; a size of which nothing is annotated has none."""
    return Pair(*(_of_role(comparison, role) for role in ROLES))


def _of_role(comparison: Detected, role: Role) -> dict[str, float]:
    boxes = coco(comparison, role, "bbox").overall
    return {
        **coco(comparison, role).overall,
        **{f"box_{name}": value for name, value in boxes.items()},
    }
