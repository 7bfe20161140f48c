"""What the numbers of text are made of, image by image: enough to compute them on any of the images."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.bootstrap import RESAMPLES, divide
from quantgate.errors import DatasetError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.text.accuracy import METRICS, metric_of, role_sums, same_text, sums
from quantgate.tasks.text.letters import letter_sums, worst_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.record import Arrays
    from quantgate.tasks.text.record import Transcribed


@dataclass(frozen=True, slots=True)
class Scores:
    """Numbers on every resample: [resamples], of letters [resamples, letters]."""

    metric: Pair[NDArray[np.float64]] | None
    letters: NDArray[np.float64]
    same: NDArray[np.float64]
    error: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TextTally:
    """Sums by image, above and below the bar of each ratio.

    Parameters
    ----------
    metric
        What is judged against annotations.
    roles
        What that is the ratio of, by role, [2, images]; None without annotations.
    same
        Whether both roles read the same string, [images].
    error
        Edits between the roles and letters of the parent's, [2, images].
    lost, seen
        Of each letter that may be judged by itself how many were lost, and how many there are,
        [images, letters]; no letters without annotations.
    """

    metric: str
    roles: Pair[NDArray[np.float64]] | None
    same: NDArray[np.float64]
    error: NDArray[np.float64]
    lost: NDArray[np.float64]
    seen: NDArray[np.float64]

    @property
    def resamples(self) -> int:
        """As many as ever: each costs a sum."""
        return RESAMPLES

    def scores(self, weights: NDArray[np.int32]) -> Scores:
        """Every number, for weights [resamples, images]."""
        drawn = weights.astype(np.float64)
        roles = self.roles
        return Scores(
            None if roles is None else roles.map(lambda of: divide(drawn @ of[0], drawn @ of[1])),
            divide(drawn @ self.lost, drawn @ self.seen),
            divide(drawn @ self.same, drawn.sum(axis=1)),
            divide(drawn @ self.error[0], drawn @ self.error[1]),
        )

    def number(self, key: str, scores: Scores, whole: Scores) -> NDArray[np.float64] | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else."""
        del whole  # its own sums tell the worst letter
        if key in {"min_match_rate", "min_agreement"}:
            return scores.same
        if key == "max_role_cer":
            return scores.error
        if key == "max_class_drop":
            return scores.letters[:, worst_of(self.lost, self.seen)] if self.seen.size else None
        return None if scores.metric is None else self._of_metric(key, scores.metric)

    def _of_metric(self, key: str, values: Pair[NDArray[np.float64]]) -> NDArray[np.float64] | None:
        kind = METRICS[self.metric]
        if key == "max_accuracy_drop":
            lost = values.parent - values.optimized
            return -lost if kind.is_error else lost
        wrong = values if kind.is_error else values.map(lambda of: 1 - of)
        if key == "max_error_increase":
            return divide(wrong.optimized, wrong.parent) - 1
        return None

    def pack(self) -> Arrays:
        """Flatten it into arrays: [images], [2, images] and [images, letters]."""
        arrays: Arrays = {
            "metric": np.array([self.metric]),
            "same": self.same,
            "error": self.error,
            "lost": self.lost.astype(np.int32),
            "seen": self.seen.astype(np.int32),
        }
        if self.roles is not None:
            arrays |= {role: self.roles[role] for role in ROLES}
        return arrays


def tally(comparison: Transcribed, plan: EvaluationPlan) -> TextTally:
    """Sum up what the limits judge; against annotations where every image has some."""
    metric, roles = metric_of(plan), None
    lost = seen = np.zeros((len(comparison), 0))
    with suppress(DatasetError):  # not annotated: what the roles share is counted all the same
        roles = Pair(*(np.stack(sums(comparison, role, metric)) for role in ROLES))
        _, lost, seen = letter_sums(comparison, plan)
    same = same_text(comparison).astype(np.float64)
    return TextTally(metric, roles, same, np.stack(role_sums(comparison)), lost, seen)


def unpack(arrays: Mapping[str, NDArray[Any]]) -> TextTally:
    """Inverse of ``pack``: sums of arrays [images], [2, images] and [images, letters]."""
    roles = Pair(*(arrays[role] for role in ROLES)) if ROLES[0] in arrays else None
    letters = (arrays[name].astype(np.float64) for name in ("lost", "seen"))
    return TextTally(str(arrays["metric"][0]), roles, arrays["same"], arrays["error"], *letters)
