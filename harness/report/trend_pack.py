"""The numbers of a series as the bytes that the trend page's script unpacks: eight a night."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from harness.core.series import Columns

#: Steps in which values and half intervals are kept: finer than a pixel, and to four digits.
_VALUES, _HALVES = 65_535, 255


@dataclass(frozen=True, slots=True)
class Packed:
    """A series laid out.

    Parameters
    ----------
    facts
        What unpacking needs, and where its limits and segments change: plain values for JSON.
    data
        Run steps u32, values u16, half intervals below and above u8, to whole words.
    """

    facts: Mapping[str, Any]
    data: bytes


def pack(one: Columns) -> Packed:
    """Lay out a series that has a night at least."""
    below, above = one.value - one.low, one.high - one.value
    low, high = float(one.value.min()), float(one.value.max())
    half = max(float(below.max()), float(above.max()))
    steps = one.runs.astype("<u4")
    steps[1:] -= steps[:-1].copy()
    values = np.rint((one.value - low) / ((high - low) or 1.0) * _VALUES).astype("<u2")
    halves = np.rint(np.concatenate([below, above]) / (half or 1.0) * _HALVES).astype("u1")
    data = steps.tobytes() + values.tobytes() + halves.tobytes()
    facts = {
        "n": len(one),
        "low": low,
        "high": high,
        "half": half,
        "limits": _limits(one.threshold),
        "segments": (np.flatnonzero(one.segment[1:] != one.segment[:-1]) + 1).tolist(),
    }
    return Packed(facts, data + bytes(-len(data) % 4))


def joined(series: Iterable[Packed]) -> str:
    """Compress some series together, as text."""
    return base64.b64encode(zlib.compress(b"".join(one.data for one in series))).decode("ascii")


def _limits(threshold: NDArray[np.float64]) -> list[list[Any]]:
    """List ``[place, limit]`` wherever the limit changes; null where there is none."""
    # NaN differs from itself, and no limit is infinite.
    known = np.where(np.isnan(threshold), np.inf, threshold)
    places = [0, *(np.flatnonzero(known[1:] != known[:-1]) + 1).tolist()]
    return [[place, float(known[place]) if known[place] < np.inf else None] for place in places]
