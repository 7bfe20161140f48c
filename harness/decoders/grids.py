"""The cells of anchor-free heads: which pixel and which stride each row of an output has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DecoderError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cell_counts(size: tuple[int, int], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Cells of every grid over an input of ``(width, height)``; a started cell counts."""
    width, height = size
    return tuple(-(-width // s) * -(-height // s) for s in strides)


@lru_cache(maxsize=32)
def cells(size: tuple[int, int], strides: tuple[int, ...]) -> NDArray[np.float32]:
    """Cells of all grids, row by row, finest first: float32 [n, 3] of column, row and stride."""
    width, height = size
    grids = []
    for stride in strides:
        rows, columns = np.indices((-(-height // stride), -(-width // stride)), dtype=np.float32)
        column = columns.ravel()
        grids.append(np.stack([column, rows.ravel(), np.full_like(column, stride)], axis=1))
    table = np.concatenate(grids)
    table.setflags(write=False)
    return table


def check_cells(found: int, size: tuple[int, int], strides: tuple[int, ...]) -> None:
    """Refuse an output whose rows are not the cells of these strides.

    Raises
    ------
    DecoderError
        Says how many rows were expected for which size and strides.
    """
    expected = sum(cell_counts(size, strides))
    if found != expected:
        raise DecoderError(
            f"an input of {size[0]}x{size[1]} with strides {', '.join(map(str, strides))} has "
            f"{expected} cells, found {found} rows; set the decoder's strides"
        )
