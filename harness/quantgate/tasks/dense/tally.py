"""What the numbers of dense values are made of, image by image: enough to compute them on any of the images."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from quantgate.core.bootstrap import RESAMPLES, divide
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.dense.accuracy import (
    METRICS,
    OF_ROLES,
    against_truth,
    between_roles,
    metric_of,
    resampled,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.dense.record import Mapped
    from quantgate.tasks.detection.record import Arrays


Samples: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class DenseTally:
    """Errors by image: of both roles against the truth by the judged metric, and of the roles by theirs.

    Parameters
    ----------
    metric
        What is judged against annotations.
    roles
        It, by role, [images] each; None without annotations.
    apart
        Each metric between the roles that is defined, [images].
    """

    metric: str
    roles: Pair[Samples] | None
    apart: Mapping[str, Samples]

    @property
    def resamples(self) -> int:
        """As many as ever: each costs a sum."""
        return RESAMPLES

    def scores(self, weights: NDArray[np.int32]) -> Mapping[str, Samples]:
        """Every number, [resamples] each, for weights [resamples, images]."""
        found = {name: resampled(name, own, weights) for name, own in self.apart.items()}
        if self.roles is None:
            return found
        roles = {role: resampled(self.metric, self.roles[role], weights) for role in ROLES}
        return found | roles

    def number(
        self, key: str, scores: Mapping[str, Samples], whole: Mapping[str, Samples]
    ) -> Samples | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else."""
        del whole  # no limit is about a worst one
        if key in OF_ROLES:
            return scores.get(OF_ROLES[key])
        if self.roles is None:
            return None
        is_error = METRICS[self.metric].is_error
        parent, optimized = (scores[role] if is_error else 1 - scores[role] for role in ROLES)
        if key == "max_accuracy_drop":
            return optimized - parent
        return divide(optimized, parent) - 1 if key == "max_error_increase" else None

    def pack(self) -> Arrays:
        """Flatten it into arrays [images]."""
        arrays: Arrays = {"metric": np.array([self.metric])}
        arrays |= {f"apart_{name}": own for name, own in self.apart.items()}
        if self.roles is not None:
            arrays |= {role: self.roles[role] for role in ROLES}
        return arrays


def tally(comparison: Mapped, plan: EvaluationPlan) -> DenseTally:
    """Collect what the limits judge; against annotations where every image has some."""
    metric, roles = metric_of(plan), None
    with suppress(DatasetError):  # not annotated: what the roles share is kept all the same
        roles = Pair(*(against_truth(comparison, role, metric) for role in ROLES))
    apart = {}
    for name in OF_ROLES.values():
        with suppress(MeasurementError):  # not defined for these maps
            apart[name] = between_roles(comparison, name)
    return DenseTally(metric, roles, apart)


def unpack(arrays: Mapping[str, NDArray[Any]]) -> DenseTally:
    """Inverse of ``pack``, of arrays [images]."""
    roles = Pair(*(arrays[role] for role in ROLES)) if ROLES[0] in arrays else None
    apart = {
        name: arrays[f"apart_{name}"] for name in OF_ROLES.values() if f"apart_{name}" in arrays
    }
    return DenseTally(str(arrays["metric"][0]), roles, apart)
