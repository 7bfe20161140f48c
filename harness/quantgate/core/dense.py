"""Errors of maps of numbers (depth, disparity, flow), with and without alignment to their reference."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from quantgate.core.predictions import Alignment

    Values = NDArray[np.float64]

#: What one image is measured by, in the order of ``errors``.
MEASURES = ("abs_rel", "rmse", "log10", "delta1", "epe")
#: Ratio of prediction and reference up to which a pixel counts as right.
_NEAR = 1.25
#: Predictions of 0 or less have no logarithm: they count as this share of the smallest reference.
_LEAST = 1e-3
#: Ranges of the reference by powers of two: that of 1 to 2 has this index, and there are so many.
ONE, RANGES = 16, 40
_ONE_CHANNEL, _LEAST_VARIES = 1, 1e-12


def reference_pixels(
    found: NDArray[np.float32], wanted: NDArray[np.float32], *, inverse: bool = False
) -> tuple[Values, Values]:
    """Pixels of both maps [h, w, c] at which the reference is known, float64 [n, c] twice.

    ``inverse``: of a reference whose inverse is predicted only what is above 0 counts.
    """
    known = np.isfinite(wanted).all(axis=2)
    if inverse:
        known &= (wanted > 0).all(axis=2)
    return found[known].astype(np.float64), wanted[known].astype(np.float64)


def factor_and_shift(found: Values, wanted: Values, align: Alignment) -> tuple[float, float]:
    """Bring predictions [n, c] to the reference: ``found * factor + shift``.

    Least squares of both are those of Ranftl et al., *Towards Robust Monocular Depth Estimation* (TPAMI 44, 2022),
    equation 4, as MiDaS evaluates; one factor alone is the ratio of the medians, as Zhou et al., *Unsupervised
    Learning of Depth and Ego-Motion from Video* (CVPR 2017) evaluate. A constant prediction becomes the mean.

    Examples
    --------
    >>> factor_and_shift(np.array([[1.0], [2.0]]), np.array([[5.0], [7.0]]), "scale-shift")
    (2.0, 3.0)
    """
    if align == "none" or not found.size:
        return 1.0, 0.0
    if align == "scale":
        middle = float(np.median(found))
        return (float(np.median(wanted)) / middle if middle else 1.0), 0.0
    centre, target = float(found.mean()), float(wanted.mean())
    around = found - centre
    power = float((around * around).sum())
    if power <= _LEAST_VARIES * max(1.0, centre * centre) * found.size:
        return 0.0, target
    factor = float((around * (wanted - target)).sum()) / power
    return factor, target - factor * centre


def alignment(
    found: NDArray[np.float32],
    wanted: NDArray[np.float32],
    align: Alignment,
    *,
    inverse: bool = False,
) -> tuple[float, float]:
    """Factor and shift that bring a prediction [h, w, c] to the reference, or to its inverse."""
    if align == "none":
        return 1.0, 0.0
    own, aim = reference_pixels(found, wanted, inverse=inverse)
    return factor_and_shift(own, 1.0 / aim if inverse else aim, align)


def aligned(
    found: NDArray[np.float32],
    wanted: NDArray[np.float32],
    align: Alignment,
    *,
    inverse: bool = False,
) -> NDArray[np.float32]:
    """Bring a prediction [h, w, c] into the reference's numbers: aligned in its own, then inverted.

    What is known as an inverse is aligned with the inverse of the reference; beyond the farthest reference
    pixel nothing is told apart any more, so that it ends there (the cap of MiDaS's evaluation).
    """
    factor, shift = alignment(found, wanted, align, inverse=inverse)
    moved = found if (factor, shift) == (1.0, 0.0) else found * factor + shift
    _, aim = reference_pixels(found, wanted, inverse=inverse)
    if inverse and len(aim):
        moved = 1.0 / np.maximum(moved, 1.0 / float(aim.max()))
    return np.asarray(moved, np.float32)


def errors(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure a prediction [h, w, c] against a reference: ``MEASURES``, [5], NaN where one is not defined.

    ``abs_rel`` mean of ``|found - wanted| / wanted``; ``rmse``; ``log10`` mean difference of logarithms;
    ``delta1`` share of pixels at most 25 % off, all three over references above 0 and of one channel alone (Eigen,
    Puhrsch and Fergus, *Depth Map Prediction from a Single Image*, NIPS 2014); ``epe`` mean length of the
    difference (Baker et al., *A Database and Evaluation Methodology for Optical Flow*, IJCV 92, 2011), of one
    channel the mean absolute error.
    """
    own, aim = reference_pixels(found, wanted)
    if not len(own):
        return np.full(len(MEASURES), np.nan)
    return np.array([_MEASURED[name](own, aim) for name in MEASURES])


def _rmse(own: Values, aim: Values) -> float:
    return math.sqrt(float(np.square(own - aim).sum(axis=1).mean()))


def _epe(own: Values, aim: Values) -> float:
    return float(lengths(own - aim).mean())


def lengths(vectors: Values) -> Values:
    """Length of every vector [n, c], [n]."""
    if vectors.shape[1] == _ONE_CHANNEL:
        return np.asarray(np.abs(vectors[:, 0]))
    return np.asarray(np.sqrt(np.square(vectors).sum(axis=1)))


def _above_0(measure: Callable[[Values, Values], float]) -> Callable[[Values, Values], float]:
    """Measure one channel where the reference is above 0; NaN where that is nowhere."""

    def measured(own: Values, aim: Values) -> float:
        above = aim[:, 0] > 0
        if own.shape[1] != _ONE_CHANNEL or not above.any():
            return math.nan
        return measure(own[above, 0], aim[above, 0])

    return measured


def _abs_rel(own: Values, aim: Values) -> float:
    return float((np.abs(own - aim) / aim).mean())


def _log10(own: Values, aim: Values) -> float:
    return float(np.abs(np.log10(np.maximum(own, _LEAST * float(aim.min())) / aim)).mean())


def _delta1(own: Values, aim: Values) -> float:
    return float(((own < _NEAR * aim) & (aim < _NEAR * own)).mean())


_MEASURED: Mapping[str, Callable[[Values, Values], float]] = MappingProxyType(
    {
        "abs_rel": _above_0(_abs_rel),
        "rmse": _rmse,
        "log10": _above_0(_log10),
        "delta1": _above_0(_delta1),
        "epe": _epe,
    }
)


def by_range(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum up pixels by the size of the reference, in powers of two: [40, 3].

    Pixels, lengths of the reference, lengths of the difference of maps [h, w, c]; what is 0 is in the first row.
    """
    own, aim = reference_pixels(found, wanted)
    size = lengths(aim)
    with np.errstate(divide="ignore"):
        place = np.clip(np.floor(np.log2(size)) + ONE, 0, RANGES - 1).astype(np.int64)
    columns = (np.ones(len(size)), size, lengths(own - aim))
    return np.stack([np.bincount(place, column, RANGES) for column in columns], axis=1)
