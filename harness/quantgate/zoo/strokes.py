"""Handwritten digits as smooth pen strokes, split so that no stroke is in two splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import numpy as np

from quantgate.zoo.material import scans

if TYPE_CHECKING:
    from numpy.typing import NDArray

Split: TypeAlias = Literal["train", "calibrate", "evaluate"]

#: Position of a split in this tuple seeds its generator: never reorder.
SPLITS: Final[tuple[str, ...]] = get_args(Split)
_SHARES: Final = (0.6, 0.15, 0.25)
_SHUFFLE_SEED: Final = 20240229

CELL_PX: Final = 8
_PAD_CELLS: Final = 2
_HALVINGS: Final = 3
_HALF_COVERED: Final = 127


@dataclass(frozen=True, slots=True)
class Stroke:
    """One handwritten digit.

    Parameters
    ----------
    label
        The digit, 0..9.
    pyramid
        Opacity, uint8 [side, side]; each level half the size of the one before it.
    box
        ``x0, y0, x1, y1`` of the ink in px of the first level.
    points
        Middles of its four ends in ``STROKE_POINTS``'s order, [4, 2] of x and y in the same px.
    """

    label: int
    pyramid: tuple[NDArray[np.uint8], ...]
    box: tuple[int, int, int, int]
    points: NDArray[np.float64]


@cache
def split_members(split: Split) -> tuple[int, ...]:
    """List the digits of scikit-learn's set that a split uses: the same share of every class."""
    place = SPLITS.index(split)
    labels = scans()[1]
    rng = np.random.default_rng(_SHUFFLE_SEED)
    chosen: list[int] = []
    for label in range(10):
        members = rng.permutation(np.flatnonzero(labels == label))
        edges = np.round(np.cumsum((0.0, *_SHARES)) * len(members)).astype(int)
        chosen += members[edges[place] : edges[place + 1]].tolist()
    return tuple(sorted(chosen))


#: Key points of a stroke, in this order.
STROKE_POINTS: Final = ("top", "right", "bottom", "left")
#: Share of a stroke's extent that counts as its end: narrow ones jump from bulge to bulge of an 8.
_END: Final = 0.25


def _ends(level: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """Middles of the ink in the outermost quarter on each side, [4, 2], of a first level [side, side]."""
    rows, columns = np.nonzero(level > _HALF_COVERED)
    places = np.stack([columns, rows], axis=1) + 0.5
    x0, y0, x1, y1 = box
    width, height = _END * (x1 - x0), _END * (y1 - y0)
    ends = (
        places[:, 1] < y0 + height,
        places[:, 0] > x1 - width,
        places[:, 1] > y1 - height,
        places[:, 0] < x0 + width,
    )
    return np.stack([places[end].mean(axis=0) for end in ends])


@cache
def stroke(member: int) -> Stroke:
    """Trace one digit of scikit-learn's set: 8x8 cells become an anti-aliased outline."""
    import cv2

    cells, labels = scans()
    padded = np.pad(cells[member], _PAD_CELLS)
    side = padded.shape[0] * CELL_PX
    smooth = cv2.resize(padded, (side, side), interpolation=cv2.INTER_CUBIC)
    # A cell holds the share of it that the pen covered, so the outline is near one half; thin
    # strokes never reach that, hence the lower level.
    ink = np.clip((smooth - 0.36) / 0.14, 0.0, 1.0)
    levels = [np.asarray(ink * 255.0, dtype=np.uint8)]
    for _ in range(_HALVINGS):
        half = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    rows, columns = (np.flatnonzero((levels[0] > _HALF_COVERED).any(axis=axis)) for axis in (1, 0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Stroke(int(labels[member]), tuple(levels), box, _ends(levels[0], box))
