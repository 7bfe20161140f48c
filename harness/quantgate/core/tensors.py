"""Distance between the raw outputs of the two roles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quantgate.core.comparison import TensorDistance
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROLES = ("parent", "optimized model")
#: Values at a time. From 10,000 on BLAS starts threads beside those that infer, and its sum depends on their number.
_BLOCK = 8192


def tensor_distance(name: str, parent: NDArray[Any], optimized: NDArray[Any]) -> TensorDistance:
    """Measure how far one raw output of the optimized model is from the parent's.

    Parameters
    ----------
    name
        Name of the output.
    parent, optimized
        Arrays [...] of equal shape, any numeric type; computed in float64.

    Raises
    ------
    DecoderError
        On shapes that differ, empty outputs, NaN or infinity, naming the output.

    Examples
    --------
    >>> found = tensor_distance("out", np.ones(100), np.full(100, 1.1))
    >>> round(found.relative, 6), round(found.sqnr_db, 6)
    (0.01, 20.0)
    """
    if parent.shape != optimized.shape:
        raise DecoderError(
            f"output {name}: the parent gives shape {parent.shape}, the optimized model "
            f"{optimized.shape}; a tensor distance needs equal shapes"
        )
    first, second = parent.ravel(), optimized.ravel()
    size = first.size
    if size == 0:
        raise DecoderError(f"output {name} is empty (shape {parent.shape}): no distance is defined")
    with np.errstate(all="ignore"):
        centres = float(first.mean(dtype=np.float64)), float(second.mean(dtype=np.float64))
    for role, values, mean in zip(_ROLES, (first, second), centres, strict=True):
        # A mean is finite where all values are; one that overflows is looked at again.
        if not math.isfinite(mean) and not np.isfinite(values).all():
            raise DecoderError(f"output {name} of the {role} holds NaN or infinity")
    sums = _sums(first, second, centres)
    spreads = sums.first / size, sums.second / size
    powers = spreads[0] + centres[0] ** 2, spreads[1] + centres[1] ** 2
    mse = sums.error / size
    relative = _relative(mse, powers[0])
    return TensorDistance(
        output=name,
        mse=mse,
        relative=relative,
        sqnr_db=_decibel(relative),
        cosine=_cosine(sums.product / size + centres[0] * centres[1], powers),
        largest=sums.largest,
        centre=centres[0],
        spread=math.sqrt(spreads[0]),
        centred_cosine=_centred_cosine(sums),
    )


class _Sums(NamedTuple):
    """Sums of squares and products over a pair of outputs less their means, and of the error between them."""

    first: float
    second: float
    product: float
    error: float
    largest: float


def _sums(
    first: NDArray[np.number], second: NDArray[np.number], centres: tuple[float, float]
) -> _Sums:
    """Go through two outputs [n] once, in blocks that stay in the processor's cache."""
    squares = products = others = errors = largest = 0.0
    for start in range(0, first.size, _BLOCK):
        one = first[start : start + _BLOCK].astype(np.float64)
        other = second[start : start + _BLOCK].astype(np.float64)
        error = other - one
        one -= centres[0]
        other -= centres[1]
        squares += float(one @ one)
        others += float(other @ other)
        products += float(one @ other)
        errors += float(error @ error)
        largest = max(largest, float(error.max()), -float(error.min()))
    return _Sums(squares, others, products, errors, largest)


def _centred_cosine(sums: _Sums) -> float:
    power = math.sqrt(sums.first * sums.second)
    return max(-1.0, min(1.0, sums.product / power)) if power else math.nan


def _relative(mse: float, power: float) -> float:
    if mse == 0:
        return 0.0
    return mse / power if power else math.inf


def _decibel(relative: float) -> float:
    if relative == 0:
        return math.inf
    return -10 * math.log10(relative) if math.isfinite(relative) else -math.inf


def _cosine(product: float, powers: tuple[float, float]) -> float:
    """1 for two zero vectors (equal), 0 where only one is zero (nothing in common)."""
    if not all(powers):
        return 1.0 if powers[0] == powers[1] else 0.0
    return max(-1.0, min(1.0, product / math.sqrt(powers[0] * powers[1])))
