"""Prior boxes that a detector's paper fixes: by name, computed from the size of the input.

FaceBoxes: Zhang et al. 2017 (arXiv:1708.05234), with small boxes more densely; RetinaFace: Deng et
al. 2019 (arXiv:1905.00641).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Level:
    """One grid: pixels a cell, and for each square box its side, px, and how many fit a cell's side."""

    stride: int
    boxes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Priors:
    """Grids in the order of the model's rows; ``clipped``: numbers are kept within 0..1."""

    levels: tuple[Level, ...]
    clipped: bool = False


#: Priors by their name in models.toml.
PRIORS: Mapping[str, Priors] = {
    "faceboxes": Priors(
        (
            Level(32, ((32, 4), (64, 2), (128, 1))),
            Level(64, ((256, 1),)),
            Level(128, ((512, 1),)),
        ),
        clipped=True,
    ),
    "retinaface": Priors(
        (
            Level(8, ((16, 1), (32, 1))),
            Level(16, ((64, 1), (128, 1))),
            Level(32, ((256, 1), (512, 1))),
        )
    ),
}


@lru_cache(maxsize=8)
def named_priors(name: str, size: tuple[int, int]) -> NDArray[np.float32]:
    """Centre and size ``x, y, w, h`` [n, 4] in fractions of an input of ``(width, height)``."""
    priors = PRIORS[name]
    made = np.concatenate([_level(level, size) for level in priors.levels])
    made /= np.array([*size, *size])
    made = np.clip(made, 0, 1) if priors.clipped else made
    made = made.astype(np.float32)
    made.setflags(write=False)
    return made


def _level(level: Level, size: tuple[int, int]) -> NDArray[np.float64]:
    """Boxes of one grid in pixels, cell by cell, row by row; in a cell in the order of its boxes."""
    columns, rows = (-(-side // level.stride) for side in size)
    places = np.array([place for box in level.boxes for place in _in_cell(*box)])
    y, x = np.indices((rows, columns)).reshape(2, -1, 1)
    made = np.empty((rows * columns, len(places), 4))
    made[..., 0] = (x + places[:, 0]) * level.stride
    made[..., 1] = (y + places[:, 1]) * level.stride
    made[..., 2:] = places[:, 2:]
    return made.reshape(-1, 4)


def _in_cell(side: int, density: int) -> list[tuple[float, float, int, int]]:
    """Centres within a cell, row by row: its middle, or where several fit, from its corner on."""
    steps = [k / density for k in range(density)] if density > 1 else [0.5]
    return [(x, y, side, side) for y in steps for x in steps]


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
