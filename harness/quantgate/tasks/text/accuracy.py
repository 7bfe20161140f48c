"""Accuracy of read text: right words and wrong letters of each role, and between the roles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import (
    Counted,
    Resampled,
    bootstrap_mean,
    bootstrap_ratio,
    resampled_ratios,
    summarize_roles,
)
from quantgate.core.metrics import MetricKind
from quantgate.core.predictions import Transcript
from quantgate.core.text import edits, folded
from quantgate.errors import DatasetError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.losses import chosen_metric, error_growth, paired_drop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.comparison import ImageResult
    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.text.record import Transcribed

DEFAULT_METRIC = "word_accuracy"
METRICS: Mapping[str, MetricKind] = MappingProxyType(
    {
        "word_accuracy": MetricKind("Word accuracy"),
        "word_accuracy_folded": MetricKind("Word accuracy, letters and digits in one case"),
        "cer": MetricKind("CER", worst=1.0, is_error=True),
        "cer_folded": MetricKind("CER, letters and digits in one case", worst=1.0, is_error=True),
    }
)
#: Ends the names of metrics that compare letters and digits alone, in one case.
_FOLDED = "_folded"
Sums = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


def metric_of(plan: EvaluationPlan) -> str:
    """Return the metric that a plan asks for.

    Raises
    ------
    MeasurementError
        Where it is one of another task.
    """
    return chosen_metric(plan, DEFAULT_METRIC, METRICS, "text")


def spelled(text: str, metric: str) -> str:
    """Spell a string as a metric compares it."""
    return folded(text) if metric.endswith(_FOLDED) else text


def annotated(result: ImageResult[Transcript]) -> str:
    """Give the annotated text of one image.

    Raises
    ------
    DatasetError
        Where it has none.
    """
    if not isinstance(result.truth, Transcript):
        raise DatasetError(
            f"image {result.name}: accuracy needs an annotated text, found "
            f"{type(result.truth).__name__}; use an annotated dataset or limits that need none "
            "(min_match_rate, max_role_cer)"
        )
    return result.truth.text


def is_right(result: ImageResult[Transcript], role: Role, metric: str) -> bool:
    """Whether a role reads what is annotated, spelled as the metric does."""
    return spelled(result.record[role].text, metric) == spelled(annotated(result), metric)


def sums(comparison: Transcribed, role: Role, metric: str) -> Sums:
    """What a metric is the ratio of, by image, [images] twice: right ones of all, or edits of letters."""
    return comparison.once(f"sums {role} {metric}", lambda: _sums(comparison, role, metric))


def _sums(comparison: Transcribed, role: Role, metric: str) -> Sums:
    check(comparison)
    if metric.startswith("word"):
        right = [is_right(result, role, metric) for result in comparison.images]
        return np.array(right, np.float64), np.ones(len(right))
    pairs = [
        (spelled(annotated(r), metric), spelled(r.record[role].text, metric))
        for r in comparison.images
    ]
    above = np.array([edits(*pair) for pair in pairs], np.float64)
    return above, np.array([len(truth) for truth, _ in pairs], np.float64)


def check(comparison: Transcribed) -> None:
    """Refuse an empty set."""
    if not len(comparison):
        raise MeasurementError("the evaluation set holds no image: nothing can be compared")


@dataclass(frozen=True, slots=True)
class _Measured:
    """A metric of both roles, and on the same resamples of both, [resamples] each."""

    value: Pair[float]
    samples: Pair[NDArray[np.float64]]


def _measured(comparison: Transcribed, metric: str) -> _Measured:
    both = Pair(*(sums(comparison, role, metric) for role in ROLES))
    if not both.parent[1].sum():
        raise MeasurementError(
            f"{METRICS[metric].title} is not defined on these {len(comparison)} images: no letter is annotated"
        )
    return _Measured(both.map(lambda of: float(of[0].sum() / of[1].sum())), resampled_ratios(both))


def role_metrics(comparison: Transcribed, role: Role) -> dict[str, float]:
    """Every metric of one role; what nothing annotated defines is left out."""
    found = {}
    for metric in METRICS:
        above, below = sums(comparison, role, metric)
        if below.sum():
            found[metric] = float(above.sum() / below.sum())
    return found


def accuracy_drop(comparison: Transcribed, plan: EvaluationPlan) -> Resampled:
    """``parent - optimized``, of errors the other way round, paired by image."""
    metric = metric_of(plan)
    found = _measured(comparison, metric)
    return paired_drop(METRICS[metric], found.value, found.samples, len(comparison))


def role_scores(comparison: Transcribed, plan: EvaluationPlan) -> Pair[Resampled]:
    """Measure the metric of each role, with its own interval."""
    found = _measured(comparison, metric_of(plan))
    return summarize_roles(found.value, found.samples, len(comparison))


def error_increase(comparison: Transcribed, plan: EvaluationPlan) -> Resampled:
    """Relative growth of wrong words, or of wrong letters.

    Raises
    ------
    MeasurementError
        Where the parent makes no error.
    """
    metric = metric_of(plan)
    found = _measured(comparison, metric)
    return error_growth((metric, METRICS[metric]), found.value, found.samples, len(comparison))


def identical(comparison: Transcribed, plan: EvaluationPlan) -> Resampled:
    """Share of images that both roles read as the same string.

    Raises
    ------
    MeasurementError
        Where neither role reads anything: they would agree on nothing.
    """
    del plan
    same = same_text(comparison)
    if not any(record.text for result in comparison.images for record in result.record):
        raise MeasurementError(
            f"neither model reads a letter on any of these {len(comparison)} images: there is nothing to "
            "agree on; check preprocess and decoder.blank"
        )
    counted = Counted(len(same), int((~same).sum()), "images")
    return replace(bootstrap_mean(same.astype(np.float64)), counted=counted)


def same_text(comparison: Transcribed) -> NDArray[np.bool_]:
    """Whether both roles read the same string, [images]."""
    check(comparison)
    return np.array([r.record.parent.text == r.record.optimized.text for r in comparison.images])


def role_sums(comparison: Transcribed) -> Sums:
    """Edits between the roles' strings, and letters of the parent's, by image, [images] twice."""

    def counted() -> Sums:
        check(comparison)
        texts = [(r.record.parent.text, r.record.optimized.text) for r in comparison.images]
        above = np.array([edits(*pair) for pair in texts], np.float64)
        return above, np.array([len(parent) for parent, _ in texts], np.float64)

    return comparison.once("role sums", counted)


def role_cer(comparison: Transcribed, plan: EvaluationPlan) -> Resampled:
    """Edits between the roles' strings over the letters of the parent's.

    Raises
    ------
    MeasurementError
        Where the parent reads no letter at all.
    """
    del plan
    above, below = role_sums(comparison)
    if not below.sum():
        raise MeasurementError(
            f"the parent reads no letter on any of these {len(comparison)} images: no error between the roles "
            "is defined; check preprocess and decoder.blank"
        )
    return bootstrap_ratio(above, below)
