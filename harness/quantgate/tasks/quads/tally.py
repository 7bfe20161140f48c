"""What the numbers of quadrilaterals are made of, image by image: enough to compute them on any of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.bootstrap import RESAMPLES, divide
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection import tally as by_objects
from quantgate.tasks.quads.accuracy import SUMS
from quantgate.tasks.quads.regions import sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.tasks.detection.matching import Detected
    from quantgate.tasks.detection.record import Arrays
    from quantgate.tasks.detection.tally import ObjectTally


@dataclass(frozen=True, slots=True)
class RegionTally:
    """Sums by image and role, [2, images]: above and below the bar of the metric."""

    metric: str
    roles: Pair[NDArray[np.float64]]

    @property
    def resamples(self) -> int:
        """As many as ever: each costs a sum."""
        return RESAMPLES

    def scores(self, weights: NDArray[np.int32]) -> Pair[NDArray[np.float64]]:
        """The metric of both roles, for weights [resamples, images]."""
        drawn = weights.astype(np.float64)
        return self.roles.map(lambda of: divide(drawn @ of[0], drawn @ of[1]))

    def number(
        self, key: str, scores: Pair[NDArray[np.float64]], whole: Pair[NDArray[np.float64]]
    ) -> NDArray[np.float64] | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else."""
        del whole  # nothing is of the worst of several
        parent, optimized = scores
        if key == "max_accuracy_drop":
            return parent - optimized
        return divide(1 - optimized, 1 - parent) - 1 if key == "max_error_increase" else None

    def pack(self) -> Arrays:
        """Flatten it into arrays [2, images], one a role."""
        return {"metric": np.array([self.metric]), **{role: self.roles[role] for role in ROLES}}


def tally(comparison: Detected, metric: str) -> ObjectTally | RegionTally | None:
    """Match both roles with the truth, as their metric asks.

    Raises
    ------
    DatasetError
        Where an image has no annotation.
    """
    if metric not in SUMS:
        return by_objects.tally(comparison, metric)
    return RegionTally(metric, Pair(*(np.stack(sums(comparison, role, metric)) for role in ROLES)))


def unpack(arrays: Mapping[str, NDArray[Any]]) -> ObjectTally | RegionTally:
    """Inverse of ``pack``: sums of arrays [2, images], or flags."""
    metric = str(arrays["metric"][0])
    if metric not in SUMS:
        return by_objects.unpack(arrays)
    return RegionTally(metric, Pair(*(arrays[role] for role in ROLES)))
