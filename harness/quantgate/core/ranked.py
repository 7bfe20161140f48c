"""Average precision of shares: how well those of the images that have a label are ranked above the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Numbers that are held at once, resamples times images.
_CELLS = 4_000_000


def ranked_precision(
    scores: NDArray[np.floating],
    positive: NDArray[np.bool_],
    weights: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Average precision without interpolation, equal scores taken together, as scikit-learn computes it.

    Parameters
    ----------
    scores, positive
        [n]: of each image its share, and whether it has the label.
    weights
        How often each image counts, [resamples, n]; None: once, as the only resample.

    Returns
    -------
    array
        [resamples]; NaN where no image has the label.

    Examples
    --------
    >>> ranked_precision(np.array([0.9, 0.4, 0.6]), np.array([True, True, False])).round(3).tolist()
    [0.833]
    """
    n = len(scores)
    counts = np.ones((1, n), np.int32) if weights is None else weights
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ordered = np.asarray(scores)[order]
    # Where the next score is another one: shares that are equal are one threshold.
    ends = np.concatenate([np.flatnonzero(np.diff(ordered)), [n - 1]]) if n else np.zeros(0, int)
    step = max(1, _CELLS // max(1, n))
    parts = [
        _of_resamples(counts[at : at + step][:, order], positive[order], ends)
        for at in range(0, len(counts), step)
    ]
    return np.concatenate(parts)


def _of_resamples(
    counts: NDArray[np.integer], positive: NDArray[np.bool_], ends: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Average precision of weights [resamples, n] that are in the order of the scores."""
    drawn = counts.astype(np.float64)
    true = np.cumsum(drawn * positive, axis=1)[:, ends]
    every = np.cumsum(drawn, axis=1)[:, ends]
    total = true[:, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(every > 0, true / every, 0.0)
        recall = true / total
    # From the last threshold to the first: the sum is rounded as scikit-learn's is.
    ends_first = np.concatenate([recall[:, ::-1], np.zeros((len(recall), 1))], axis=1)
    found = -np.sum(np.diff(ends_first, axis=1) * precision[:, ::-1], axis=1)
    return np.where(total[:, 0] > 0, np.maximum(found, 0.0), np.nan)
