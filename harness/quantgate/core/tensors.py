"""Distance between the raw outputs of the two roles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.comparison import TensorDistance
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    first = np.asarray(parent, np.float64).ravel()
    second = np.asarray(optimized, np.float64).ravel()
    if first.size == 0:
        raise DecoderError(f"output {name} is empty (shape {parent.shape}): no distance is defined")
    for role, values in (("parent", first), ("optimized model", second)):
        if not np.isfinite(values).all():
            raise DecoderError(f"output {name} of the {role} holds NaN or infinity")
    error = second - first
    mse, power = _dot(error, error) / error.size, _dot(first, first) / first.size
    relative = _relative(mse, power)
    centres = float(first.mean()), float(second.mean())
    spread = math.sqrt(max(0.0, power - centres[0] ** 2))
    return TensorDistance(
        output=name,
        mse=mse,
        relative=relative,
        sqnr_db=_decibel(relative),
        cosine=_cosine(first, second, power),
        largest=float(np.abs(error).max()),
        centre=centres[0],
        spread=spread,
        centred_cosine=_centred_cosine(first, second, centres),
    )


def _centred_cosine(
    first: NDArray[np.float64], second: NDArray[np.float64], centres: tuple[float, float]
) -> float:
    one, other = first - centres[0], second - centres[1]
    power = math.sqrt(_dot(one, one) * _dot(other, other))
    return max(-1.0, min(1.0, _dot(one, other) / power)) if power else math.nan


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    # Not `@`: BLAS would start threads beside those that infer, and its sum depends on their number.
    return float(np.einsum("i,i->", a, b))


def _relative(mse: float, power: float) -> float:
    if mse == 0:
        return 0.0
    return mse / power if power else math.inf


def _decibel(relative: float) -> float:
    if relative == 0:
        return math.inf
    return -10 * math.log10(relative) if math.isfinite(relative) else -math.inf


def _cosine(first: NDArray[np.float64], second: NDArray[np.float64], power: float) -> float:
    """1 for two zero vectors (equal), 0 where only one is zero (nothing in common)."""
    other = _dot(second, second) / second.size
    if not power or not other:
        return 1.0 if power == other else 0.0
    cosine = _dot(first, second) / first.size / math.sqrt(power * other)
    return max(-1.0, min(1.0, cosine))
