"""What text recognizers share: scores [steps, channels] in their many shapes, and the text of chosen channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Transcript
from quantgate.core.text import composed
from quantgate.decoders.ports import NotFiniteError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from quantgate.decoders.ports import Shape

_RANKS = (2, 3, 4)
#: Shares may sum to 1 only roughly: a quantized softmax rounds each of them.
_SUM_TOLERANCE = 0.1
_BOTH = 2


def sides(shape: Shape) -> tuple[int, ...] | None:
    """Dimensions of an output but those of 1 (at most two: steps and channels); None for anything else."""
    if len(shape) not in _RANKS:
        return None
    found = tuple(side for side in shape if side != 1)
    if len(found) > _BOTH and shape[0] == -1:
        found = tuple(side for side in shape[1:] if side != 1)
    return found if len(found) <= _BOTH else None


def is_scores(shape: Shape) -> bool:
    """Whether an output may be scores of channels, step by step."""
    found = sides(shape)
    return found is not None and len(found) == _BOTH


def is_indices(shape: Shape) -> bool:
    """Whether an output may be one channel's index a step."""
    found = sides(shape)
    return found is not None and len(found) == 1


def as_table(values: NDArray[np.float32], counts: Collection[int]) -> NDArray[np.float32] | None:
    """Bring scores of any shape to [steps, channels]; ``counts`` are the numbers of channels that fit.

    Where both sides fit, the last is the channels'. None where neither does.
    """
    flat = tuple(side for side in values.shape if side != 1)
    if len(flat) < _BOTH:  # a single step
        return values.reshape(1, -1) if values.size in counts else None
    if len(flat) > _BOTH:
        return None
    table = values.reshape(flat)
    if flat[1] in counts:
        return table
    return table.T if flat[0] in counts else None


def best(table: NDArray[np.float32], output: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Best channel of each step and its score, [steps] both.

    NaN and infinity are the best of their step, so that looking at the best finds them.

    Raises
    ------
    NotFiniteError
        Where there is one.
    """
    chosen = table.argmax(axis=1)
    scores = table[np.arange(len(table)), chosen]
    if not np.isfinite(scores).all():
        raise NotFiniteError(
            f"output {output} holds NaN or infinity at {int((~np.isfinite(scores)).sum())} of "
            f"{len(scores)} steps; the model is broken for this image"
        )
    return chosen, scores


def shares(
    table: NDArray[np.float32], scores: NDArray[np.float32], steps: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Share of the best channel of some steps, [chosen]; softmax where rows are not shares already.

    ``table`` [steps, channels]; ``scores`` of the best channels [steps]. The first row tells for all.
    """
    if not len(steps):
        return np.zeros(0, np.float32)
    first = table[steps[0]]
    # Shares sum to 1, and their squares to no more; a product is cheaper than a look for the smallest.
    if abs(float(first.sum()) - 1) <= _SUM_TOLERANCE and first @ first <= 1 + _SUM_TOLERANCE:
        return scores[steps]
    rows = table[steps]
    return np.asarray(1 / np.exp(rows - scores[steps, None]).sum(axis=1), np.float32)


def transcript(symbols: Sequence[str], scores: NDArray[np.float32] | None) -> Transcript:
    """Join symbols; as sure as they are on average, scores [symbols] (None: the model gives none)."""
    text = composed("".join(symbols))
    if scores is None:
        return Transcript(text)
    # ndarray.mean costs more than all else of a short line.
    return Transcript(text, float(scores.sum()) / len(scores) if len(scores) else 0.0)
