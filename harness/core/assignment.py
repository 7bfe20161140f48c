"""The assignment problem, restricted to the pairs that are contested at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def assign(weight: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair rows with columns one to one at maximum total weight; a weight of 0 is no pair.

    Parameters
    ----------
    weight
        [rows, columns], not negative.

    Returns
    -------
    tuple of ndarray
        Rows and columns of the pairs. Deterministic: ties are broken by the order of the matrix.
    """
    allowed = weight > 0
    rows, columns = np.nonzero(allowed)
    if len(rows) == 0:
        return rows, columns
    # A pair without rivals is in every optimum; only the contested rest needs the assignment.
    alone = (allowed.sum(axis=1)[rows] == 1) & (allowed.sum(axis=0)[columns] == 1)
    if alone.all():
        return rows, columns
    from scipy.optimize import linear_sum_assignment

    contested_rows, contested_columns = np.unique(rows[~alone]), np.unique(columns[~alone])
    part = weight[np.ix_(contested_rows, contested_columns)]
    r, c = linear_sum_assignment(part, maximize=True)
    taken = part[r, c] > 0
    return (
        np.concatenate([rows[alone], contested_rows[r[taken]]]),
        np.concatenate([columns[alone], contested_columns[c[taken]]]),
    )
