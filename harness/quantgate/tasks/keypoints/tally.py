"""What the numbers of key points are made of, image by image: enough to compute them on any of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.bootstrap import RESAMPLES, divide
from quantgate.errors import DatasetError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection import tally as by_objects
from quantgate.tasks.detection.task import metric_of
from quantgate.tasks.keypoints.accuracy import METRICS, SUMS, role_sums, space_sums, sums, worst_of
from quantgate.tasks.keypoints.placement import SAME_WITHIN, between_roles, by_image, right
from quantgate.tasks.keypoints.wholes import first_regions, pooled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.matching import Detected
    from quantgate.tasks.detection.record import Arrays
    from quantgate.tasks.detection.tally import ObjectTally, Precisions

_OBJECTS = "objects_"


@dataclass(frozen=True, slots=True)
class Scores:
    """Numbers on every resample: of AP by class, of a sum's ratio by role, of both roles' nearness."""

    precisions: Precisions | None
    metric: Pair[NDArray[np.float64]] | None
    oks: NDArray[np.float64]
    space: NDArray[np.float64]
    points: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointTally:
    """Sums by image, above and below the bar of each ratio.

    Parameters
    ----------
    metric
        What is judged against annotations.
    objects
        What average precision is made of, where it is judged.
    first
        Index of the first region of each whole image, [whole images], where samples are regions; else all of
        them: average precision is over whole images, and an image is drawn as often as that.
    roles
        What another metric is the ratio of, by role, [2, images].
    oks
        OKS of matched objects and their number, [2, images].
    space
        Mean distances in space of matched objects and their number, [2, images].
    near, seen
        Matched objects in which each key point stays, and in which it is seen, [images, points].
    """

    metric: str
    objects: ObjectTally | None
    first: NDArray[np.int64]
    roles: Pair[NDArray[np.float64]] | None
    oks: NDArray[np.float64]
    space: NDArray[np.float64]
    near: NDArray[np.float64]
    seen: NDArray[np.float64]

    @property
    def resamples(self) -> int:
        """How many its size allows."""
        return RESAMPLES if self.objects is None else self.objects.resamples

    def scores(self, weights: NDArray[np.int32]) -> Scores:
        """Every number, for weights [resamples, images]."""
        drawn = weights.astype(np.float64)
        return Scores(
            None if self.objects is None else self.objects.scores(weights[:, self.first]),
            None
            if self.roles is None
            else self.roles.map(lambda of: divide(drawn @ of[0], drawn @ of[1])),
            divide(drawn @ self.oks[0], drawn @ self.oks[1]),
            divide(drawn @ self.space[0], drawn @ self.space[1]),
            divide(drawn @ self.near, drawn @ self.seen),
        )

    def number(self, key: str, scores: Scores, whole: Scores) -> NDArray[np.float64] | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else.

        ``whole`` are the scores of the run's own images, by which it found its worst class or key point.
        """
        if key == "min_role_oks":
            return scores.oks if self.oks[1].sum() else None
        if key == "max_role_mpjpe":
            return scores.space if self.space[1].sum() else None
        if key == "min_keypoint_pck":
            worst = worst_of(self.near.sum(axis=0), self.seen.sum(axis=0))
            return None if worst is None else scores.points[:, worst]
        if self.objects is not None and scores.precisions and whole.precisions:
            return self.objects.number(key, scores.precisions, whole.precisions)
        return None if scores.metric is None else self._of_sums(key, scores.metric)

    def _of_sums(self, key: str, values: Pair[NDArray[np.float64]]) -> NDArray[np.float64] | None:
        is_error = METRICS[self.metric].is_error
        if key == "max_accuracy_drop":
            lost = values.parent - values.optimized
            return -lost if is_error else lost
        wrong = values if is_error else values.map(lambda of: 1 - of)
        if key == "max_error_increase":
            return divide(wrong.optimized, wrong.parent) - 1
        return None

    def pack(self) -> Arrays:
        """Flatten it into arrays: [2, images] and [images, points], those of average precision by a prefix."""
        arrays: Arrays = {
            "metric": np.array([self.metric]),
            "first": self.first.astype(np.uint32),
            "oks": self.oks,
            "space": self.space,
            "near": self.near.astype(np.uint32),
            "seen": self.seen.astype(np.uint32),
        }
        if self.roles is not None:
            arrays |= {role: self.roles[role] for role in ROLES}
        if self.objects is not None:
            arrays |= {f"{_OBJECTS}{name}": own for name, own in self.objects.pack().items()}
        return arrays


def tally(comparison: Detected, plan: EvaluationPlan) -> PointTally:
    """Sum up what the limits judge; against annotations where every image has some."""
    metric, images = metric_of(plan), len(comparison)
    placed = between_roles(comparison, plan)
    near, seen = (
        np.stack([by_image(placed, column, images) for column in values.T], axis=1)
        if values.shape[1]
        else np.zeros((images, 0))
        for values in right(placed, SAME_WITHIN)
    )
    objects, roles = None, None
    try:
        if metric in SUMS:
            roles = Pair(*(np.stack(sums(comparison, role, metric)) for role in ROLES))
        else:
            objects = by_objects.tally(pooled(comparison), metric)
    except DatasetError:
        pass  # not annotated: what the roles share is counted all the same
    oks, space = (np.stack(of(comparison, plan)) for of in (role_sums, space_sums))
    first = first_regions(comparison) if comparison.cuts else np.arange(images)
    return PointTally(metric, objects, first, roles, oks, space, near, seen)


def unpack(arrays: Mapping[str, NDArray[Any]]) -> PointTally:
    """Inverse of ``pack``: sums of arrays [2, images] and [images, points]."""
    own = {
        name.removeprefix(_OBJECTS): array
        for name, array in arrays.items()
        if name.startswith(_OBJECTS)
    }
    return PointTally(
        str(arrays["metric"][0]),
        by_objects.unpack(own) if own else None,
        arrays.get("first", np.arange(arrays["oks"].shape[1])).astype(np.int64),
        Pair(*(arrays[role] for role in ROLES)) if ROLES[0] in arrays else None,
        arrays["oks"],
        arrays.get("space", np.zeros_like(arrays["oks"])),
        arrays["near"].astype(np.float64),
        arrays["seen"].astype(np.float64),
    )
