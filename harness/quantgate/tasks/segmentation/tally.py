"""What mean IoU is made of, image by image: enough to compute it again on any of the images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quantgate.core.bootstrap import RESAMPLES, divide
from quantgate.core.predictions import LabelMap
from quantgate.pair import ROLES
from quantgate.tasks.segmentation.accuracy import (
    FEWEST_IMAGES,
    JUDGED,
    Areas,
    areas,
    foreground_checked,
    mean_over_classes,
    score,
)
from quantgate.tasks.segmentation.soft_accuracy import ERRORS, SOFT, Curves, apart, curves, is_soft

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.detection.record import Arrays
    from quantgate.tasks.segmentation.accuracy import Segmented

#: Each role against the truth, and the roles against each other.
_VIEWS = ("parent", "optimized", "roles")
_CELLS = ("common", "reference", "predicted")
_CURVES = ("error", "precision", "recall")


class Overlaps(NamedTuple):
    """IoU of every class on every resample, [resamples, classes]; shares of equal pixels, [resamples].

    ``metric`` is what is judged against the truth, [resamples], by role where there is one; ``apart`` the
    difference of the roles' soft maps, where they are soft.
    """

    iou: Mapping[str, NDArray[np.float64]]
    same: NDArray[np.float64]
    metric: Mapping[str, NDArray[np.float64]]
    apart: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class PixelTally:
    """Pixels by image and class: of each role against the truth, where there is one, and of the roles."""

    views: Mapping[str, Areas]
    metric: str = "miou"
    curves: Mapping[str, Curves] = field(default_factory=dict)
    apart: NDArray[np.float64] | None = None

    @property
    def resamples(self) -> int:
        """How many an interval rests on."""
        return RESAMPLES

    def scores(self, weights: NDArray[np.int32]) -> Overlaps:
        """IoU of every class and view, for weights [resamples, images]."""
        drawn, roles = weights.astype(np.float64), self.views["roles"]
        sums = (cells.sum(axis=1).astype(np.float64) for cells in (roles.common, roles.reference))
        iou = {name: own.iou(weights) for name, own in self.views.items()}
        judged = {
            role: score(own, self.metric, weights)
            for role, own in self.views.items()
            if role != "roles" and self.metric not in SOFT
        }
        judged |= {role: own.score(self.metric, weights) for role, own in self.curves.items()}
        apart = None if self.apart is None else drawn @ self.apart / drawn.sum(axis=1)
        return Overlaps(iou, divide(*(drawn @ column for column in sums)), judged, apart)

    def number(self, key: str, scores: Overlaps, whole: Overlaps) -> NDArray[np.float64] | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else.

        ``whole`` are the scores of the run's own images, by which it found its worst class.
        """
        if key == "min_agreement":
            return scores.same
        if key == "max_role_mae":
            return scores.apart
        if key == "min_role_iou":
            return mean_over_classes(scores.iou["roles"])
        if key == "min_class_iou":
            return scores.iou["roles"][:, int(np.nanargmin(whole.iou["roles"][0]))]
        return self._against_truth(key, scores, whole) if "parent" in self.views else None

    def _against_truth(
        self, key: str, scores: Overlaps, whole: Overlaps
    ) -> NDArray[np.float64] | None:
        parent, optimized = scores.iou["parent"], scores.iou["optimized"]
        if key == "max_class_drop":
            annotated = (self.views["parent"].reference > 0).sum(axis=0)
            large = np.flatnonzero(annotated >= FEWEST_IMAGES)
            if not len(large):
                return None
            lost = (whole.iou["parent"] - whole.iou["optimized"])[0, large]
            label = large[np.argmax(lost)]
            return np.asarray(parent[:, label] - optimized[:, label])
        if "parent" not in scores.metric:
            return None
        parent, optimized = scores.metric["parent"], scores.metric["optimized"]
        is_error = self.metric in ERRORS
        if key == "max_accuracy_drop":
            return np.asarray(optimized - parent if is_error else parent - optimized)
        wrong = (parent, optimized) if is_error else (1 - parent, 1 - optimized)
        return divide(wrong[1], wrong[0]) - 1 if key == "max_error_increase" else None

    def pack(self) -> Arrays:
        """Flatten it into arrays [images, classes]."""
        arrays: Arrays = {"metric": np.array([self.metric])} | {
            f"{view}_{cells}": getattr(own, cells)
            for view, own in self.views.items()
            for cells in _CELLS
        }
        if self.apart is not None:
            arrays["apart"] = self.apart
        for role, own in self.curves.items():
            arrays |= {f"soft_{role}_{name}": getattr(own, name) for name in _CURVES}
        return arrays


def tally(comparison: Segmented, plan: EvaluationPlan) -> PixelTally:
    """Count the pixels of all images; against the truth where every image has one."""
    metric = plan.metric if plan.metric in JUDGED else "miou"
    views = {"roles": areas(comparison, "optimized", "against_parent")}
    if all(isinstance(image.truth, LabelMap) for image in comparison.images):
        views |= {
            role: foreground_checked(areas(comparison, role, "against_truth"), metric)
            for role in ("parent", "optimized")
        }
    soft = is_soft(comparison)
    return PixelTally(
        views,
        metric,
        {role: curves(comparison, role) for role in ROLES if "parent" in views and metric in SOFT},
        apart(comparison) if soft else None,
    )


def unpack(arrays: Mapping[str, NDArray[Any]]) -> PixelTally:
    """Inverse of ``pack``: views of arrays [images, classes]."""
    return PixelTally(
        {
            view: Areas(*(arrays[f"{view}_{cells}"] for cells in _CELLS))
            for view in _VIEWS
            if f"{view}_common" in arrays
        },
        str(arrays["metric"][0]),
        {
            role: Curves(*(arrays[f"soft_{role}_{name}"] for name in _CURVES))
            for role in ROLES
            if f"soft_{role}_{_CURVES[0]}" in arrays
        },
        arrays.get("apart"),
    )
