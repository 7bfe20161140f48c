"""Mean IoU from the accumulated confusion of classes, and its interval over images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from quantgate.core.bootstrap import (
    Resampled,
    bootstrap_ratio,
    divide,
    resampled,
    resampled_roles,
    summarize,
    summarize_roles,
)
from quantgate.core.comparison import Comparison
from quantgate.core.predictions import LabelMap
from quantgate.errors import DatasetError, DecoderError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.losses import refuse_perfect
from quantgate.tasks.segmentation.record import Meetings, SegmentationRecord
from quantgate.tasks.segmentation.soft_accuracy import ERRORS, SOFT, curves, is_soft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from quantgate.pair import Role

Segmented: TypeAlias = Comparison[SegmentationRecord]
Against = Literal["against_truth", "against_parent"]

#: Metrics of the second of two classes, the first being the background.
OF_FOREGROUND = frozenset({"foreground_iou", "foreground_f1"})
JUDGED = frozenset({"miou", "pixels", *OF_FOREGROUND, *SOFT})
#: Images that a class needs before its own drop is judged.
FEWEST_IMAGES = 10


@dataclass(frozen=True, slots=True)
class Areas:
    """Pixels by image and class, [images, classes]: in both, in the reference, in the prediction."""

    common: NDArray[np.int64]
    reference: NDArray[np.int64]
    predicted: NDArray[np.int64]

    def iou(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """IoU of every class on every resample, [resamples, classes]; NaN where it is nowhere."""
        # Floating point takes the fast matrix product, and is exact up to 2**53 pixels.
        drawn = weights.astype(np.float64)
        union = self.reference + self.predicted - self.common
        return divide(drawn @ self.common.astype(np.float64), drawn @ union.astype(np.float64))

    def of_set(self) -> NDArray[np.float64]:
        """IoU of every class over all images, [classes]."""
        whole = np.ones((1, len(self.common)), np.int32)
        return np.asarray(self.iou(whole)[0])


def areas(comparison: Segmented, role: Role, against: Against) -> Areas:
    """Count pixels of one role against the truth or the parent.

    Raises
    ------
    MeasurementError
        Where there is no image.
    DatasetError
        Where the truth is asked for and an image has none, or names a class outside the labels.
    DecoderError
        Where a prediction names a class outside the labels.
    """
    return comparison.once(f"areas {role} {against}", lambda: _areas(comparison, role, against))


def _areas(comparison: Segmented, role: Role, against: Against) -> Areas:
    if not len(comparison):
        raise MeasurementError("the evaluation set holds no image: nothing can be compared")
    listed: list[Meetings] = []
    for result in comparison.images:
        if against == "against_truth" and not isinstance(result.truth, LabelMap):
            raise DatasetError(
                f"image {result.name}: accuracy needs an annotated class map, found "
                f"{type(result.truth).__name__}; use an annotated dataset or min_agreement"
            )
        own: Meetings = getattr(result.record[role], against)
        _check(own, len(comparison.labels), result.name, against)
        listed.append(own)
    classes = len(comparison.labels) or 1 + max(
        int(max(m.predicted.max(initial=0), m.reference.max(initial=0))) for m in listed
    )
    cells = np.zeros((3, len(listed), classes), np.int64)
    for index, own in enumerate(listed):
        same = own.reference == own.predicted
        np.add.at(cells[0, index], own.reference[same], own.counts[same])
        np.add.at(cells[1, index], own.reference, own.counts)
        np.add.at(cells[2, index], own.predicted, own.counts)
    return Areas(*cells)


def _check(own: Meetings, classes: int, name: str, against: Against) -> None:
    if not classes or not len(own.cells):
        return
    if own.predicted.max() >= classes:
        raise DecoderError(
            f"image {name}: predicted class id {own.predicted.max()} is outside the list of "
            f"{classes} labels"
        )
    if against == "against_truth" and own.reference.max() >= classes:
        raise DatasetError(
            f"image {name}: annotated class id {own.reference.max()} is outside the list of "
            f"{classes} labels; 255 marks pixels that do not count"
        )


def mean_over_classes(iou: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the classes that occur, [..., classes] to [...]; NaN where none does."""
    held = np.isfinite(iou)
    return divide(np.where(held, iou, 0.0).sum(axis=-1), held.sum(axis=-1).astype(np.float64))


def score(found: Areas, metric: str, weights: NDArray[np.int32]) -> NDArray[np.float64]:
    """One metric on every resample, [resamples], for weights [resamples, images]."""
    if metric == "miou":
        return mean_over_classes(found.iou(weights))
    drawn = weights.astype(np.float64)
    if metric == "pixels":
        return divide(drawn @ found.common.sum(axis=1), drawn @ found.reference.sum(axis=1))
    if metric == "foreground_iou":
        return np.asarray(found.iou(weights)[:, 1])
    both = found.reference[:, 1] + found.predicted[:, 1]
    return divide(2.0 * (drawn @ found.common[:, 1]), drawn @ both.astype(np.float64))


def metric_value(comparison: Segmented, role: Role, metric: str) -> float:
    """Measure one metric of one role against the truth, over all images.

    Raises
    ------
    DatasetError
        Where nothing is annotated, or a metric of the foreground is asked for and there are more than two
        classes.
    """
    value = float(_score(comparison, role, metric, np.ones((1, len(comparison)), np.int32))[0])
    if not np.isfinite(value):
        raise DatasetError(
            f"no pixel of the evaluation set is annotated that {metric} counts: it is not defined"
        )
    return value


def _score(
    comparison: Segmented, role: Role, metric: str, weights: NDArray[np.int32]
) -> NDArray[np.float64]:
    """One metric of one role on every resample, [resamples], for weights [resamples, images]."""
    if metric in SOFT:
        return curves(comparison, role).score(metric, weights)
    return score(
        foreground_checked(areas(comparison, role, "against_truth"), metric), metric, weights
    )


def foreground_checked(found: Areas, metric: str) -> Areas:
    """Give the areas back; raises DatasetError where they have no foreground that the metric is of."""
    classes = found.common.shape[1]
    if metric in OF_FOREGROUND and classes != 2:  # noqa: PLR2004 - the object, and all else
        raise DatasetError(
            f"{metric} is of masks with a background and one object, and there are {classes} classes: use "
            "miou in evaluate.metric"
        )
    return found


def role_metrics(comparison: Segmented, role: Role, metrics: Iterable[str]) -> dict[str, float]:
    """Every metric of one role that is defined: those of the foreground for two classes alone."""
    two = areas(comparison, role, "against_truth").common.shape[1] == 2  # noqa: PLR2004 - as above
    soft = two and is_soft(comparison)
    left_out = {*(() if two else OF_FOREGROUND), *(() if soft else SOFT)}
    asked = [metric for metric in metrics if metric not in left_out]
    return {metric: metric_value(comparison, role, metric) for metric in asked}


def _values(comparison: Segmented, metric: str) -> Pair[float]:
    return Pair(*(metric_value(comparison, role, metric) for role in ROLES))


def _scores(comparison: Segmented, metric: str) -> Pair[NDArray[np.float64]]:
    """One metric of both roles on the same resamples, [resamples]."""
    return resampled_roles(
        len(comparison), lambda role, drawn: _score(comparison, role, metric, drawn)
    )


def _samples(comparison: Segmented) -> Pair[NDArray[np.float64]]:
    """IoU of every class on the same resamples, both roles, [resamples, classes]."""
    return resampled_roles(
        len(comparison), lambda role, drawn: areas(comparison, role, "against_truth").iou(drawn)
    )


def accuracy_drop(comparison: Segmented, metric: str = "miou") -> Resampled:
    """Measure the metric of the parent less that of the optimized model; of errors the other way round."""
    value, samples = _values(comparison, metric), _scores(comparison, metric)
    sign = -1.0 if metric in ERRORS else 1.0
    lost = sign * (value.parent - value.optimized)
    return summarize(lost, sign * (samples.parent - samples.optimized), len(comparison))


def role_scores(comparison: Segmented, metric: str = "miou") -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    return summarize_roles(
        _values(comparison, metric), _scores(comparison, metric), len(comparison)
    )


def error_increase(comparison: Segmented, metric: str = "miou") -> Resampled:
    """Relative growth of what is missing to 1, or of the metric itself where it is an error."""
    value, samples = _values(comparison, metric), _scores(comparison, metric)
    if metric not in ERRORS:
        value, samples = value.map(lambda of: 1 - of), samples.map(lambda of: 1 - of)
    refuse_perfect(1 - value.parent, metric)
    ratios = divide(samples.optimized, samples.parent) - 1
    return summarize(value.optimized / value.parent - 1, ratios, len(comparison))


def class_drop(comparison: Segmented) -> Resampled:
    """Drop of IoU of the class that lost most, among those annotated on at least ten images."""
    label = worst_class(comparison)
    samples = _samples(comparison)
    return summarize(
        float(_class_drops(comparison)[label]),
        samples.parent[:, label] - samples.optimized[:, label],
        len(comparison),
    )


def _class_drops(comparison: Segmented) -> NDArray[np.float64]:
    found = Pair(*(areas(comparison, role, "against_truth").of_set() for role in ROLES))
    return found.parent - found.optimized


def worst_class(comparison: Segmented) -> int:
    """Class id with the largest drop, the first of several.

    Raises
    ------
    MeasurementError
        Where no class is annotated on ten images.
    """
    annotated = (areas(comparison, "parent", "against_truth").reference > 0).sum(axis=0)
    large = np.flatnonzero(annotated >= FEWEST_IMAGES)
    if not len(large):
        raise MeasurementError(
            f"no class is annotated on {FEWEST_IMAGES} of these {len(comparison)} images: "
            "limits.max_class_drop needs more images"
        )
    return int(large[np.argmax(_class_drops(comparison)[large])])


def role_ious(comparison: Segmented) -> NDArray[np.float64]:
    """IoU of both roles' class maps, [classes]; NaN where neither role has the class."""
    return areas(comparison, "optimized", "against_parent").of_set()


def role_iou(comparison: Segmented) -> Resampled:
    """IoU of both roles' class maps, mean over the classes that occur."""
    samples = resampled(len(comparison), areas(comparison, "optimized", "against_parent").iou)
    value = float(mean_over_classes(role_ious(comparison)))
    return summarize(value, mean_over_classes(samples), len(comparison))


def class_iou(comparison: Segmented) -> Resampled:
    """IoU of both roles' class maps in the class in which it is lowest."""
    label = least_alike_class(comparison)
    samples = resampled(len(comparison), areas(comparison, "optimized", "against_parent").iou)
    return summarize(float(role_ious(comparison)[label]), samples[:, label], len(comparison))


def least_alike_class(comparison: Segmented) -> int:
    """Class id with the lowest IoU between the roles, the first of several."""
    return int(np.nanargmin(role_ious(comparison)))


def agreement(comparison: Segmented) -> Resampled:
    """Share of pixels to which both roles give the same class."""
    found = areas(comparison, "optimized", "against_parent")
    return bootstrap_ratio(found.common.sum(axis=1), found.reference.sum(axis=1))
