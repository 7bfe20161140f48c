"""What is kept of a soft map of one object: how far it is off, and what every threshold would cut out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import LabelMap

#: Thresholds of the curve.
LEVELS = 256
_NUMBERS = 3


@dataclass(frozen=True, slots=True)
class Softness:
    """What is kept of one role's soft map.

    Parameters
    ----------
    apart
        Mean absolute difference from the parent's map.
    error
        The same from the annotated map; NaN where there is none.
    hits, found
        Pixels of a share of at least ``level / 255``: of the annotated object, and all, float64 [256].
    annotated
        Pixels of the annotated object.
    """

    apart: float
    error: float
    hits: NDArray[np.float64]
    found: NDArray[np.float64]
    annotated: float


def soft_truth(truth: LabelMap) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Share of the object in every pixel [h, w], and which pixels count; None of maps of more classes."""
    labels = truth.labels
    counted = labels != IGNORED
    if int(np.max(labels, where=counted, initial=0)) > 1:
        return None
    shares = truth.shares
    return (labels == 1).astype(np.float32) if shares is None else shares, counted


def softness(
    shares: NDArray[np.float32], parent: NDArray[np.float32], truth: LabelMap | None
) -> Softness:
    """Compare one role's shares [h, w] with the parent's and with the annotation."""
    apart = float(np.abs(shares - parent, dtype=np.float64).mean())
    known = None if truth is None else soft_truth(truth)
    if known is None or not known[1].any():
        none = np.full(LEVELS, np.nan)
        return Softness(apart, np.nan, none, none, np.nan)
    wanted, counted = known
    own, aim = shares[counted], wanted[counted]
    level = np.clip(np.rint(own * (LEVELS - 1)), 0, LEVELS - 1).astype(np.int64)
    inside = aim >= 0.5  # noqa: PLR2004 - half of a pixel
    hits, found = (_at_least(level[inside]), _at_least(level))
    error = float(np.abs(own - aim, dtype=np.float64).mean())
    return Softness(apart, error, hits, found, float(inside.sum()))


def _at_least(levels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count values of at least each level, [256]."""
    return np.cumsum(np.bincount(levels, minlength=LEVELS)[::-1])[::-1].astype(np.float64)


def packed(listed: Sequence[Softness | None]) -> NDArray[np.float64]:
    """Flatten records, [images, numbers]: NaN where there is none."""
    rows = np.full((len(listed), _NUMBERS + 2 * LEVELS), np.nan)
    for row, own in zip(rows, listed, strict=True):
        if own is not None:
            row[:] = np.concatenate([[own.apart, own.error, own.annotated], own.hits, own.found])
    return rows if any(own is not None for own in listed) else rows[:, :0]


def unpacked(rows: NDArray[np.float64]) -> list[Softness | None]:
    """Inverse of ``packed``, of [images, numbers]."""
    if not rows.shape[1]:
        return [None] * len(rows)
    return [
        None
        if np.isnan(row[0])
        else Softness(
            float(row[0]),
            float(row[1]),
            row[_NUMBERS : _NUMBERS + LEVELS],
            row[-LEVELS:],
            float(row[2]),
        )
        for row in rows
    ]
