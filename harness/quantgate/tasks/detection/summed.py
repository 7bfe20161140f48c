"""Metrics of objects that are ratios of two sums over images, beside average precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from quantgate.core.bootstrap import (
    Resampled,
    resampled_ratios,
    summarize_roles,
)
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection import accuracy as of_objects
from quantgate.tasks.losses import error_growth, paired_drop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.metrics import MetricKind
    from quantgate.pair import Role
    from quantgate.tasks.detection.matching import Detected

#: What a metric is the ratio of, summed over each image, [images] twice.
Sums: TypeAlias = "tuple[NDArray[np.float64], NDArray[np.float64]]"


@dataclass(frozen=True, slots=True)
class Summed:
    """What limits against annotations are measured with: sums by image, or average precision.

    Parameters
    ----------
    kinds
        Every metric of the task.
    sums
        Of a comparison, a role and one of ``names``: what it is the ratio of.
    lacking
        Says of one of them why there is nothing to divide by, and what to do.
    class_remedy
        What to use in place of a drop by class.
    whole
        Gives the comparison whose average precision is measured.
    """

    kinds: Mapping[str, MetricKind]
    names: frozenset[str]
    sums: Callable[[Detected, Role, str], Sums]
    lacking: Callable[[str], str]
    class_remedy: str
    whole: Callable[[Detected], Detected]

    def _resampled(
        self, comparison: Detected, metric: str
    ) -> tuple[Pair[float], Pair[NDArray[np.float64]]]:
        """Measure a sum's ratio of each role, and that of the same resamples of both, [resamples] each."""
        both = Pair(*(self.sums(comparison, role, metric) for role in ROLES))
        if any(not below.sum() for _, below in both):
            raise DatasetError(
                f"{self.kinds[metric].title} is not defined on these {len(comparison)} images: "
                f"{self.lacking(metric)}"
            )
        return both.map(lambda of: float(of[0].sum() / of[1].sum())), resampled_ratios(both)

    def accuracy_drop(self, comparison: Detected, metric: str) -> Resampled:
        """``parent - optimized``, of errors the other way round, with its paired interval."""
        if metric not in self.names:
            return of_objects.accuracy_drop(self.whole(comparison), metric)
        value, samples = self._resampled(comparison, metric)
        return paired_drop(self.kinds[metric], value, samples, len(comparison))

    def metric_values(self, comparison: Detected, metric: str) -> Pair[float]:
        """Return the metric of both roles."""
        if metric not in self.names:
            return of_objects.metric_values(self.whole(comparison), metric)
        return self._resampled(comparison, metric)[0]

    def role_scores(self, comparison: Detected, metric: str) -> Pair[Resampled]:
        """Measure the metric of each role, with its own interval."""
        if metric not in self.names:
            return of_objects.role_scores(self.whole(comparison), metric)
        return summarize_roles(*self._resampled(comparison, metric), len(comparison))

    def error_increase(self, comparison: Detected, metric: str) -> Resampled:
        """Relative growth of the error: of an error itself, else of what is missing to 1.

        Raises
        ------
        MeasurementError
            Where the parent makes no error.
        """
        if metric not in self.names:
            return of_objects.error_increase(self.whole(comparison), metric)
        value, samples = self._resampled(comparison, metric)
        return error_growth((metric, self.kinds[metric]), value, samples, len(comparison))

    def class_drop(self, comparison: Detected, metric: str) -> Resampled:
        """Measure the drop of the class that lost most.

        Raises
        ------
        MeasurementError
            For a metric that is not of single classes.
        """
        if metric in self.names:
            raise MeasurementError(
                f"limits.max_class_drop is not defined for {self.kinds[metric].title}; {self.class_remedy}"
            )
        return of_objects.class_drop(self.whole(comparison), metric)
