"""Peaks of many maps at once: which cells are higher than all around them, and where within its cell a peak lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Persons of one picture, at most, of which peaks are kept.
MOST_PEAKS = 30


@dataclass(frozen=True, slots=True)
class Summits:
    """Peaks of maps, those of one map together, its highest first: map, row, column and height, [n] each."""

    part: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    height: NDArray[np.float32]

    @property
    def cells(self) -> NDArray[np.float64]:
        """Column and row of each peak, [n, 2]."""
        return np.stack([self.column, self.row], axis=1).astype(np.float64)


def summits(maps: NDArray[np.float32], least: float, reach: int, most: int) -> Summits:
    """Find cells above ``least`` that none within ``reach`` cells exceeds, at most so many of each map [maps, h, w].

    Of neighbours that are equally high, the first counts.
    """
    part, row, column = np.unravel_index(np.flatnonzero(maps > least), maps.shape)
    height = maps[part, row, column]
    steps = np.indices((2 * reach + 1, 2 * reach + 1)).reshape(2, -1).T - reach
    before = np.arange(len(steps)) < len(steps) // 2
    y, x = row[:, None] + steps[:, 0], column[:, None] + steps[:, 1]
    inside = (y >= 0) & (y < maps.shape[1]) & (x >= 0) & (x < maps.shape[2])
    around = maps[part[:, None], np.where(inside, y, 0), np.where(inside, x, 0)]
    lower = np.where(before, around < height[:, None], around <= height[:, None]) | ~inside
    kept = np.flatnonzero(lower.all(axis=1))
    kept = kept[np.lexsort((-height[kept], part[kept]))]
    first = np.searchsorted(part[kept], part[kept])
    kept = kept[np.arange(len(kept)) - first < most]
    return Summits(part[kept], row[kept], column[kept], height[kept])


def slopes(
    maps: NDArray[np.float32],
    part: NDArray[np.int64],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Tell on which side of cells [n] of maps [maps, h, w] the higher neighbour is: -1, 0 or 1 in x and y, [n, 2].

    At the edge of a map, where a neighbour is missing, 0.
    """
    before, after = _neighbours(maps, part, row, column)
    return np.asarray(np.sign(after - before), np.float64)


def apexes(maps: NDArray[np.float32], found: Summits) -> NDArray[np.float64]:
    """Say where in x and y the parabola through a peak and its neighbours is highest, in cells from its own, [n, 2].

    At the edge of a map 0; at most half a cell.
    """
    before, after = _neighbours(maps, found.part, found.row, found.column)
    bend = 2 * found.height.astype(np.float64)[:, None] - before - after
    away = np.divide(after - before, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return np.asarray(np.clip(away, -0.5, 0.5))


def _neighbours(
    maps: NDArray[np.float32],
    part: NDArray[np.int64],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Values before and after cells [n] of maps [maps, h, w], in x and in y, [n, 2]; their own where one is missing."""
    high, wide = maps.shape[1:]
    flat = maps.reshape(-1)
    own = (part * high + row) * wide + column
    step = np.empty((len(own), 2), np.int64)
    step[:, 0] = (column > 0) & (column < wide - 1)
    step[:, 1] = ((row > 0) & (row < high - 1)) * wide
    return flat[own[:, None] - step], flat[own[:, None] + step]
