"""Regions of text against the annotations, by the protocol of ICDAR 2015's challenge 4 (Karatzas et al., ICDAR 2015).

A region that a model finds is right where it overlaps an annotated one by an IoU above one half, one to one, in
the order in which both are listed. Annotated regions that nobody can read do not count, nor does what lies in one
of them by more than half of its own area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quantgate.core.quads import quad_ioa, quad_iou
from quantgate.errors import DatasetError
from quantgate.tasks.detection.matching import checked, objects_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.predictions import Detections, Objects
    from quantgate.pair import Role
    from quantgate.tasks.detection.matching import Detected
    from quantgate.tasks.detection.summed import Sums

#: Overlap that a match has to exceed, and share of a region that lies in one that does not count.
_IOU, _ASIDE = 0.5, 0.5


class Counts(NamedTuple):
    """Of each image, [images]: regions that are right, annotated regions that count, found ones that do."""

    right: NDArray[np.float64]
    annotated: NDArray[np.float64]
    found: NDArray[np.float64]


def counts_of(comparison: Detected, role: Role) -> Counts:
    """Count the regions of every image, those that reach the score threshold.

    Raises
    ------
    DatasetError
        Where no region that counts is annotated.
    """
    return comparison.once(f"regions {role}", lambda: _counts(comparison, role))


def _counts(comparison: Detected, role: Role) -> Counts:
    least = np.float32(comparison.score_threshold)
    images = checked(comparison)
    sure = [r.record[role].take(r.record[role].scores >= least) for r in images]
    rows = [_of_image(own, objects_of(r)) for own, r in zip(sure, images, strict=True)]
    found = Counts(*np.array(rows, np.float64).T)
    if not found.annotated.sum():
        raise DatasetError(
            f"none of {len(comparison)} images has an annotated quadrilateral that counts: nothing can be "
            "measured against them; check the dataset's annotations, or use limits that need none "
            "(min_match_rate, min_agreement)"
        )
    return found


def _of_image(found: Detections, truth: Objects) -> tuple[int, int, int]:
    """Count right, annotated and found regions of one image, each class apart."""
    counted = int((~truth.aside).sum())
    if found.quads is None or truth.quads is None or not len(found):
        return 0, counted, len(found)
    inside = quad_ioa(found.quads, truth.quads[truth.aside]) > _ASIDE
    kept = np.flatnonzero(~inside.any(axis=1))
    known = np.flatnonzero(~truth.aside)
    iou = quad_iou(truth.quads[known], found.quads[kept])
    same = truth.labels[known][:, None] == found.labels[kept][None, :]
    near = (iou > _IOU) & same
    free = np.ones(len(kept), np.bool_)
    right = 0
    for row in near:
        fitting = np.flatnonzero(row & free)
        if len(fitting):
            free[fitting[0]] = False
            right += 1
    return right, counted, len(kept)


def sums(comparison: Detected, role: Role, metric: str) -> Sums:
    """What h-mean, precision or recall is the ratio of, summed over each image, [images] twice.

    The harmonic mean of precision r/f and recall r/a is 2 r / (a + f).
    """
    right, annotated, found = counts_of(comparison, role)
    below = {"hmean": annotated + found, "precision": found, "recall": annotated}[metric]
    return (2 * right if metric == "hmean" else right), below
