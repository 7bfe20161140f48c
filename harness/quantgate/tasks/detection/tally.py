"""What average precision is made of, image by image: enough to compute it again on any of the images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from quantgate.core.average_precision import ClassFlags, Interpolation, average_precision
from quantgate.core.bootstrap import FEWEST_RESAMPLES, divide
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.accuracy import (
    FEWEST_OBJECTS,
    class_mean,
    flags_of,
    outline_of,
    resamples,
)
from quantgate.tasks.detection.average_precision import THRESHOLDS, interpolation_of
from quantgate.tasks.detection.record import Arrays, offsets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.tasks.detection.matching import Detected

#: Average precision of every class on every resample, by role.
Precisions: TypeAlias = "Pair[dict[int, NDArray[np.float64]]]"


@dataclass(frozen=True, slots=True)
class ObjectTally:
    """What became of the detections of every annotated class, by role; ``rule`` says how they make the metric."""

    metric: str
    flags: Pair[dict[int, ClassFlags]]
    rule: Interpolation

    @property
    def resamples(self) -> int:
        """A quarter of what one run's interval may cost: two runs are resampled, and every model."""
        return max(FEWEST_RESAMPLES, resamples(self.flags) // 4)

    def scores(self, weights: NDArray[np.int32]) -> Precisions:
        """Average precision of every class, for weights [resamples, images]."""
        return self.flags.map(
            lambda role: {
                label: average_precision(own, weights, self.rule) for label, own in role.items()
            }
        )

    def number(self, key: str, scores: Precisions, whole: Precisions) -> NDArray[np.float64] | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else.

        ``whole`` are the scores of the run's own images, by which it found its worst class.
        """
        if key == "max_class_drop":
            label = self._worst_class(whole)
            return None if label is None else scores.parent[label] - scores.optimized[label]
        parent, optimized = scores.map(class_mean)
        made = {
            "max_accuracy_drop": lambda: parent - optimized,
            "max_error_increase": lambda: divide(1 - optimized, 1 - parent) - 1,
        }.get(key)
        return None if made is None else made()

    def _worst_class(self, whole: Precisions) -> int | None:
        counted = {label: int(own.positives.sum()) for label, own in self.flags.parent.items()}
        large = [label for label in sorted(counted) if counted[label] >= FEWEST_OBJECTS]
        lost = {label: float(whole.parent[label][0] - whole.optimized[label][0]) for label in large}
        return max(large, key=lost.__getitem__, default=None)

    def pack(self) -> Arrays:
        """Flatten it into arrays; the flags of one detection at all thresholds are its bits."""
        arrays: Arrays = {
            "metric": np.array([self.metric]),
            "rule": np.array([self.rule]),
            "labels": np.array(list(self.flags.parent), np.int64),
            "positives": np.stack([own.positives for own in self.flags.parent.values()]),
        }
        for role in ROLES:
            flags = list(self.flags[role].values())
            arrays |= {
                f"{role}_thresholds": np.array([len(flags[0].hit)], np.int64),
                f"{role}_starts": offsets([len(own.image) for own in flags]),
                f"{role}_image": np.concatenate([own.image for own in flags]).astype(np.uint32),
                f"{role}_hit": np.packbits(np.hstack([own.hit for own in flags]), axis=0),
                f"{role}_ignored": np.packbits(np.hstack([own.ignored for own in flags]), axis=0),
            }
        return arrays


def tally(comparison: Detected, metric: str) -> ObjectTally | None:
    """Match both roles with the truth, as their metric asks; None where it is not average precision.

    Raises
    ------
    DatasetError
        Where an image has no annotation.
    """
    if metric not in THRESHOLDS and metric not in {"voc", "voc11"}:
        return None
    flags = Pair(*(flags_of(comparison, role, metric) for role in ROLES))
    rule = interpolation_of(metric, outline_of(comparison))
    return ObjectTally(metric, flags, rule) if flags.parent else None


def unpack(arrays: Mapping[str, NDArray[Any]]) -> ObjectTally:
    """Inverse of ``pack``: flags of arrays [detections] and objects [classes, images]."""
    metric = str(arrays["metric"][0])
    # Files of earlier versions know no quadrilaterals.
    rule = str(arrays["rule"][0]) if "rule" in arrays else interpolation_of(metric, "bbox")
    flags = Pair(*(_role_flags(arrays, role) for role in ROLES))
    return ObjectTally(metric, flags, cast("Interpolation", rule))


def _role_flags(arrays: Mapping[str, NDArray[Any]], role: str) -> dict[int, ClassFlags]:
    count = int(arrays[f"{role}_thresholds"][0])
    hit, ignored = (
        np.unpackbits(arrays[f"{role}_{name}"], axis=0, count=count).astype(np.bool_)
        for name in ("hit", "ignored")
    )
    image = arrays[f"{role}_image"].astype(np.int64)
    parts = pairwise(arrays[f"{role}_starts"].tolist())
    return {
        int(label): ClassFlags(image[a:b], hit[:, a:b], ignored[:, a:b], positives)
        for label, positives, (a, b) in zip(
            arrays["labels"], arrays["positives"], parts, strict=True
        )
    }
