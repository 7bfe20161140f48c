"""What the numbers of attributes are made of, image by image: enough to compute them on any of the images."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.bootstrap import RESAMPLES, divide
from quantgate.errors import HarnessError
from quantgate.pair import ROLES
from quantgate.tasks.attributes.accuracy import METRICS, metric_of, places_of, sums
from quantgate.tasks.attributes.answers import FEWEST_IMAGES, answers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.attributes.record import Told

#: Ratios on every resample, [resamples, heads], by name.
Scores = dict[str, "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class AttributesTally:
    """Sums by image, above and below the bar of each ratio.

    Parameters
    ----------
    metric
        What is judged against annotations.
    parts
        By name, [2, images, heads]: ``same`` and ``apart`` between the roles; each role's metric and, as
        ``mae parent`` and ``mae optimized``, the error of its values, where they are such ratios and annotated.
    """

    metric: str
    parts: Mapping[str, NDArray[np.float64]]

    @property
    def resamples(self) -> int:
        """As many as ever: each costs a sum."""
        return RESAMPLES

    def scores(self, weights: NDArray[np.int32]) -> Scores:
        """Every ratio, for weights [resamples, images]."""
        drawn = weights.astype(np.float64)
        return {
            name: divide(drawn @ above, drawn @ below)
            for name, (above, below) in self.parts.items()
        }

    def number(self, key: str, scores: Scores, whole: Scores) -> NDArray[np.float64] | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else."""
        del whole  # its own sums tell the worst head
        own = {name: above.sum(0) / below.sum(0) for name, (above, below) in self.parts.items()}
        if key in {"min_agreement", "min_head_agreement"} and "same" in scores:
            worst = int(own["same"].argmin())
            return scores["same"].mean(1) if key == "min_agreement" else scores["same"][:, worst]
        if key == "max_head_mae" and "apart" in scores:
            return scores["apart"][:, int(own["apart"].argmax())]
        if key == "max_mae_increase" and "mae parent" in scores:
            return self._worst("mae ", _lost("mae", own, "mae "), _lost("mae", scores, "mae "))
        return self._of_metric(key, scores, own) if "parent" in scores else None

    def _of_metric(self, key: str, scores: Scores, own: Scores) -> NDArray[np.float64] | None:
        lost = _lost(self.metric, scores)
        if key == "max_accuracy_drop":
            return np.asarray(lost.mean(1))
        if key == "max_class_drop":
            return self._worst("", _lost(self.metric, own), lost)
        if key == "max_error_increase":
            means = [scores[role].mean(1) for role in ROLES]
            parent, optimized = means if METRICS[self.metric].is_error else [1 - m for m in means]
            return divide(optimized, parent) - 1
        return None

    def _worst(
        self, prefix: str, own: NDArray[np.float64], lost: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Of losses [resamples, heads] those of the head that lost most, if any is annotated often enough."""
        below = self.parts[f"{prefix}parent"][1]
        large = np.count_nonzero(below, axis=0) >= FEWEST_IMAGES
        return lost[:, int(np.where(large, own, -np.inf).argmax())] if large.any() else None

    def pack(self) -> dict[str, NDArray[Any]]:
        """Flatten it into arrays: a name [1], and parts [2, images, heads]."""
        return {"metric": np.array([self.metric]), **self.parts}


def _lost(metric: str, of: Scores, prefix: str = "") -> NDArray[np.float64]:
    parent, optimized = (of[f"{prefix}{role}"] for role in ROLES)
    return optimized - parent if METRICS[metric].is_error else parent - optimized


def tally(comparison: Told, plan: EvaluationPlan) -> AttributesTally:
    """Sum up what the limits judge; against annotations where there are some."""
    metric, all_of = metric_of(plan), answers_of(comparison)
    parts: dict[str, NDArray[np.float64]] = {}
    for name, table in (("same", all_of.same.astype(np.float64)), ("apart", all_of.apart)):
        if table.shape[1]:
            parts[name] = np.stack([table, np.ones_like(table)])
    with suppress(HarnessError):  # not annotated: what the roles share is counted all the same
        for prefix, one in (("", metric), ("mae ", "mae")):
            places = places_of(comparison, one)
            if places and one != "map":
                parts |= {
                    f"{prefix}{role}": np.stack(sums(comparison, role, one))[:, :, places]
                    for role in ROLES
                }
    return AttributesTally(metric, parts)


def unpack(arrays: Mapping[str, NDArray[Any]]) -> AttributesTally:
    """Inverse of ``pack``: a name [1], and parts [2, images, heads]."""
    parts = {name: array for name, array in arrays.items() if name != "metric"}
    return AttributesTally(str(arrays["metric"][0]), parts)
