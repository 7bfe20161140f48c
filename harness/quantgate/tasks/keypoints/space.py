"""Poses in space: how far key points of three numbers are apart, once both poses are moved to their root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.skeletons import Skeleton

#: The unit of what a model gives in space: millimetres, metres or pixels, as it was trained.
UNIT = "units"


def apart_in_space(
    known: NDArray[np.floating], found: NDArray[np.floating] | None, skeleton: Skeleton
) -> NDArray[np.float64]:
    """Distance of each key point of two poses [points, 3], both about their root: [points], NaN where not known.

    The root is the mean of the skeleton's root where that is known, else of all key points that are. Without
    ``found``, an object that a model does not see, all key points lie in the root.
    """
    own = np.asarray(known, np.float64)
    there = np.asarray(~np.isnan(own).any(axis=1))
    if not there.any():
        return np.full(len(own), np.nan)
    named = list(skeleton.root)
    root = np.array(named) if named and there[named].all() else np.flatnonzero(there)
    other = np.zeros_like(own) if found is None else np.asarray(found, np.float64)
    moved = (own - own[root].mean(axis=0)) - (other - other[root].mean(axis=0))
    return np.where(there, np.linalg.norm(moved, axis=1), np.nan)


def object_means(apart: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over the key points of each object [n, points], 0 where none is known; and 1 where some are, [n] each."""
    known = ~np.isnan(apart)
    counts = known.sum(axis=1)
    return np.where(known, apart, 0.0).sum(axis=1) / np.maximum(counts, 1), (counts > 0).astype(
        float
    )
