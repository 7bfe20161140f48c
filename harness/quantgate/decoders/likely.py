"""What a hint leaves out: outputs that a decoder could read by their shapes, and is never meant for.

A vector [1,10] is a table of one row, and a table of a thousand boxes a narrow picture. Only hints ask here:
whoever names a decoder may have outputs of any size.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from quantgate.decoders.ports import Shape, as_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quantgate.decoders.protocol import Port

#: Candidates for each number that they have, at least; ratio of a picture's sides, at most; its least side.
_ROWS_A_COLUMN, _RATIO, _LEAST_PX = 2, 4, 8
#: Cells along a side, and numbers a cell, of detectors' heads: of 20 to 365 classes at strides from 8 on.
_MOST_CELLS, _LEAST_CELLS, _MOST_CHANNELS = 200, 2, 2048
_TABLE, _MAP = 3, 4
#: Key points of faces, bodies (AI Challenger, MPII, COCO, OpenPose, Halpe) and hands; and the largest of their maps.
_POINTS = frozenset({5, *range(14, 22), 26, 68, 98, 106, 133, -1})
_MOST_HEATED_PX = 128
#: Steps of a line of text, and symbols of an alphabet with a mark: no number of cells at strides of 8, 16 and 32
#: (21 times what the last has), and no width of features.
_FEWEST_STEPS, _MOST_STEPS, _FEWEST_SYMBOLS = 8, 1000, 11
_OF_STRIDES, _OF_FEATURES = 21, 64
#: Numbers of a head that nobody described, at most.
_SMALL_HEAD = 100
#: Numbers of an embedding: a multiple of the last; so many are no usual number of classes.
_SHORTEST, _LONGEST, _STEP = 32, 8192, 32
#: Candidates of detectors of turned boxes, at least, and their numbers, at most (DOTA has 15 to 18 classes); the side
#: of maps of text, at least.
_FEWEST_TURNED, _MOST_TURNED, _LEAST_TEXT_PX = 1000, 24, 320


def likely(kind: str, ports: Sequence[Port]) -> bool:
    """Whether somebody with these outputs may mean this decoder."""
    asked = _LIKELY.get(kind)
    return asked is None or asked(ports)


def _candidates(ports: Sequence[Port], *, either_way: bool = False) -> bool:
    """One table of far more candidates than numbers each, and nothing beside it that has as many."""
    tables = [port for port in ports if len(port.shape) == _TABLE and as_table(port.shape)]
    sizes = [_rows(port.shape, either_way=either_way) for port in tables]
    long = [port for port, size in zip(tables, sizes, strict=True) if size]
    if not long:
        return False
    count = next(filter(None, sizes))
    others = [port for port in ports if port is not long[0]]
    return count < 0 or not any(count in port.shape for port in others)


def _rows(shape: Shape, *, either_way: bool) -> int:
    """Candidates of a table, -1 where that is dynamic; 0 where it is none."""
    rows, columns = shape[-2:]
    if -1 in {rows, columns}:
        return -1
    if either_way and rows < columns:
        rows, columns = columns, rows
    return rows if rows >= _ROWS_A_COLUMN * columns else 0


def _columns_or_rows(ports: Sequence[Port]) -> bool:
    return _candidates(ports, either_way=True)


def _turned(ports: Sequence[Port]) -> bool:
    """One table of so many candidates, and so few classes, as detectors of turned boxes have."""
    tables = [port.shape[-2:] for port in ports if len(port.shape) == _TABLE]
    return _columns_or_rows(ports) and any(
        max(table) >= _FEWEST_TURNED and 0 < min(table) <= _MOST_TURNED for table in tables
    )


def _text_map(ports: Sequence[Port]) -> bool:
    """One map of one channel as large as pictures of text are, or of any size."""
    maps = [port.shape for port in ports if len(port.shape) == _MAP and 1 in port.shape[1::2]]
    return len(maps) == 1 and all(
        side < 0 or side >= _LEAST_TEXT_PX
        for sides in _sides(maps[0])
        for side in sides
        if side != 1
    )


def _sides(shape: Shape) -> Sequence[tuple[int, int]]:
    """Height and width that a map may have, channels first, last, or none."""
    if len(shape) == _TABLE:
        return [(shape[1], shape[2])]
    if len(shape) == _MAP:
        return [(shape[2], shape[3]), (shape[1], shape[2])]
    return []


def _maps(ports: Sequence[Port]) -> bool:
    """Some output has the sides of a picture; without channels, it is alone."""
    return any(
        port.shape[0] in {1, -1}
        and any(max(s) < 0 or (min(s) >= _LEAST_PX and max(s) <= _RATIO * min(s)) for s in sides)
        for port in ports
        if (sides := _sides(port.shape)) and (len(port.shape) == _MAP or len(ports) == 1)
    )


def _pictures(ports: Sequence[Port]) -> bool:
    """Some output has the sides of a picture, and at most three channels."""
    return _maps([port for port in ports if len(port.shape) == _TABLE or _is_picture(port.shape)])


def _is_picture(shape: Shape) -> bool:
    return len(shape) == _MAP and bool({shape[1], shape[3]} & {1, 3, -1})


def _grids(ports: Sequence[Port]) -> bool:
    """Every output is a grid of cells: not a picture, and not a single cell."""
    grids = [shape[-2:] if len(shape) == _MAP else shape[2:4] for shape in (p.shape for p in ports)]
    return all(
        len(grid) == 2  # noqa: PLR2004 - rows and columns
        and (
            -1 in grid
            or (min(grid) >= _LEAST_CELLS and max(grid) <= min(_MOST_CELLS, _RATIO * min(grid)))
        )
        for grid in grids
    ) and all(port.shape[1] <= _MOST_CHANNELS for port in ports)


def _one_grid(ports: Sequence[Port]) -> bool:
    return len(ports) == 1 and _grids(ports)


def _vectors(ports: Sequence[Port]) -> bool:
    """Every output is one row of numbers, or one number."""
    return all(
        port.shape[:1] in {(), (1,), (-1,)} and math.prod(port.shape[1:]) in {1, *port.shape[1:]}
        for port in ports
    )


def _one_of_vectors(ports: Sequence[Port]) -> bool:
    """One row of numbers, or several of which others are too large to be heads beside it."""
    small = all(math.prod(port.shape[1:]) <= _SMALL_HEAD for port in ports)
    return _vectors(ports) and not (len(ports) > 1 and small)


def _masks(ports: Sequence[Port]) -> bool:
    """Some output of several pictures has their sides."""
    return any(
        len(port.shape) in {_TABLE, _MAP}
        and (-1 in port.shape[-2:] or max(port.shape[-2:]) <= _RATIO * min(port.shape[-2:]))
        for port in ports
        if min(port.shape[-2:], default=0) > 1 or -1 in port.shape[-2:]
    )


def _heat_maps(ports: Sequence[Port]) -> bool:
    """One output of as many small maps as people annotate key points."""
    shapes = [port.shape for port in ports if len(port.shape) == _MAP]
    return len(shapes) == len(ports) == 1 and any(
        count in _POINTS and max(sides) <= _MOST_HEATED_PX
        for count, *sides in (shapes[0][1:], (shapes[0][3], *shapes[0][1:3]))
    )


def _tagged_maps(ports: Sequence[Port]) -> bool:
    """Two outputs of as many small maps as people annotate key points."""
    return all(port.shape[1] in _POINTS - {-1} for port in ports)


def _landmarks(ports: Sequence[Port]) -> bool:
    """One vector of two numbers for each of as many key points as people annotate."""
    return len(ports) == 1 and math.prod(ports[0].shape[1:]) in {2 * count for count in _POINTS}


def _text(ports: Sequence[Port]) -> bool:
    """Some output has symbols at each step: alone with its steps, and neither a detector's candidates nor features."""
    return any(
        len(port.shape) == _TABLE
        and _steps(port.shape)
        and not any(
            set(port.shape) & set(other.shape) - {1, -1} for other in ports if other is not port
        )
        for port in ports
    )


def _steps(shape: Shape) -> bool:
    """Whether [1, steps, channels], or [steps, 1, channels], may be text."""
    if 1 not in shape[:2] and -1 not in shape[:2]:
        return False
    steps = shape[1] if shape[0] in {1, -1} else shape[0]
    channels = shape[2]
    likely_steps = (steps < 0 or _FEWEST_STEPS <= steps <= _MOST_STEPS) and steps != channels
    told = channels >= _FEWEST_SYMBOLS and channels % _OF_STRIDES and channels % _OF_FEATURES
    return likely_steps and bool(told)


def _embedding(ports: Sequence[Port]) -> bool:
    """One row of as many numbers as embeddings have."""
    if len(ports) != 1 or not _vectors(ports):
        return False
    length = math.prod(ports[0].shape[1:])
    return _SHORTEST <= length <= _LONGEST and length % _STEP == 0


#: By kind; of others, their shapes say enough.
_LIKELY: Mapping[str, Callable[[Sequence[Port]], bool]] = MappingProxyType(
    {
        "class-scores": _one_of_vectors,
        "yolox": _candidates,
        "yolo-v5": _candidates,
        "yolo-v8": _columns_or_rows,
        "yolo-v8-pose": _columns_or_rows,
        "yolo-v8-seg": _columns_or_rows,
        "yolo-obb": _turned,
        "yolo-obb-rows": _candidates,
        "db": _text_map,
        "yolo": _grids,
        "yolof": _one_grid,
        "fastestdet": _one_grid,
        "heat-maps": _heat_maps,
        "associative-embedding": _tagged_maps,
        "landmarks": _landmarks,
        "ctc": _text,
        "sequence": _text,
        "vector": _embedding,
        "heads": _vectors,
        "class-map": _maps,
        "dense-map": _pictures,
        "image": _pictures,
        "mask-rcnn": _masks,
    }
)
