"""Soft maps of one object (saliency, mattes): mean absolute error, and F over thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.bootstrap import Resampled, bootstrap_mean, divide
from quantgate.core.comparison import Comparison
from quantgate.errors import DatasetError, DecoderError
from quantgate.pair import ROLES
from quantgate.tasks.segmentation.record import SegmentationRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.pair import Role
    from quantgate.tasks.segmentation.soft import Softness

Segmented: TypeAlias = Comparison[SegmentationRecord]

#: Metrics of soft maps, and those of them that are errors.
SOFT = frozenset({"mae", "max_f"})
ERRORS = frozenset({"mae"})
#: How much less than precision recall weighs in F (Achanta, Hemami, Estrada and Süsstrunk, *Frequency-tuned
#: salient region detection*, CVPR 2009, equation 5; papers on saliency keep to it).
BETA_SQUARED = 0.3


@dataclass(frozen=True, slots=True)
class Curves:
    """Soft maps of all images: errors [images], precision and recall by threshold [images, 256]."""

    error: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def score(self, metric: str, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """One metric on every resample, [resamples], for weights [resamples, images].

        F is that of precision and recall averaged over the images, at the threshold where it is largest.
        """
        drawn = weights.astype(np.float64)
        images = drawn.sum(axis=1, keepdims=True)
        if metric == "mae":
            return np.asarray((drawn @ self.error) / images[:, 0])
        precision, recall = drawn @ self.precision / images, drawn @ self.recall / images
        weighed = BETA_SQUARED * precision + recall
        return np.asarray(
            np.nan_to_num(divide((1 + BETA_SQUARED) * precision * recall, weighed)).max(axis=1)
        )


def curves(comparison: Segmented, role: Role) -> Curves:
    """Collect one role's soft maps against the truth.

    Raises
    ------
    DecoderError
        Where an answer is no soft map.
    DatasetError
        Where an image has no annotated map of one object.
    """
    return comparison.once(f"curves {role}", lambda: _curves(comparison, role))


def _curves(comparison: Segmented, role: Role) -> Curves:
    rows = []
    for result in comparison.images:
        own = soft_of(result.record[role], result.name)
        if not np.isfinite(own.error):
            raise DatasetError(
                f"image {result.name}: mae and max_f need an annotated map of one object and its background, "
                f"found {'none' if result.truth is None else 'more classes, or nothing that counts'}"
            )
        rows.append(own)
    # Where nothing is found, or nothing is annotated, all of it is wrong.
    hits = np.stack([row.hits for row in rows])
    found = np.maximum(np.stack([row.found for row in rows]), 1.0)
    annotated = np.maximum(np.array([row.annotated for row in rows]), 1.0)
    error = np.array([row.error for row in rows])
    return Curves(error, hits / found, hits / annotated[:, None])


def soft_of(record: SegmentationRecord, name: str) -> Softness:
    """Give what is kept of a soft map; raises DecoderError where the decoder gave none."""
    if record.soft is None:
        raise DecoderError(
            f"image {name}: the decoder gives classes, no shares of one object: set decoder.activation to "
            "sigmoid (one channel of logits) or softmax (two channels), or use miou, foreground_iou or "
            "min_role_iou"
        )
    return record.soft


def is_soft(comparison: Segmented) -> bool:
    """Whether every answer of both roles is a soft map."""
    return all(
        result.record[role].soft is not None for result in comparison.images for role in ROLES
    )


def apart(comparison: Segmented) -> NDArray[np.float64]:
    """Mean absolute difference of the roles' soft maps, [images]."""
    return np.array([soft_of(one.record.optimized, one.name).apart for one in comparison.images])


def role_mae(comparison: Segmented) -> Resampled:
    """Mean absolute difference of the roles' soft maps, mean over the images."""
    return bootstrap_mean(apart(comparison))
