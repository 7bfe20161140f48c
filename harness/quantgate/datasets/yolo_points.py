"""Key points behind the box of a row of YOLO's text: x and y, or x, y and visibility, in fractions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.datasets.places import file_of, read_text
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.entries import DatasetEntry

_SIDES, _PAIR, _TRIPLE = 4, 2, 3
_VISIBILITIES = frozenset({0.0, 1.0, 2.0})
#: Key points of an object, and numbers of each.
Shape = tuple[int, int]


def said_shape(name: str, entry: DatasetEntry, root: Path) -> Shape | None:
    """Read ``kpt_shape`` of YOLO's data.yaml, where ``labels`` is one; None where it says none.

    Raises
    ------
    DatasetError
        Where it is no pair of key points and numbers of each.
    """
    import yaml

    labels = entry.labels
    if labels is None or isinstance(labels, tuple) or labels.suffix not in {".yaml", ".yml"}:
        return None
    content = yaml.safe_load(read_text(name, file_of(name, labels, root)))
    said = content.get("kpt_shape") if isinstance(content, dict) else None
    if said is None:
        return None
    if (
        not isinstance(said, list)
        or len(said) != _PAIR
        or said[0] not in range(1, 1000)
        or said[1] not in {_PAIR, _TRIPLE}
    ):
        raise DatasetError(
            f"datasets.{name}.labels: {labels} has the kpt_shape {said}; expected [key points, 2 or 3]"
        )
    return said[0], said[1]


def likely_shape(numbers: Sequence[float], *, asked: bool) -> Shape | None:
    """Guess which key points a row of numbers has behind its box; None where it may be a polygon.

    With visibilities of 0, 1 or 2 in every third place there are three numbers each, in an even number of them
    where key points are ``asked`` for; two each are not told from a polygon.
    """
    rest = numbers[_SIDES:]
    triples = bool(rest) and not len(rest) % _TRIPLE and set(rest[2::_TRIPLE]) <= _VISIBILITIES
    told = triples and (asked or len(numbers) % _PAIR)
    return (len(rest) // _TRIPLE, _TRIPLE) if told else None


def points_of(rows: Sequence[Sequence[float]], shape: Shape) -> NDArray[np.float32]:
    """Key points [n, points, 3] of rows of numbers, with COCO's visibility; a row without any has none annotated.

    Without visibilities a key point at 0, 0 is not annotated.
    """
    count, width = shape
    found = np.zeros((len(rows), count, _TRIPLE), np.float32)
    for own, numbers in zip(found, rows, strict=True):
        if numbers:
            own[:, :width] = np.asarray(numbers, np.float32).reshape(count, width)
            if width == _PAIR:
                own[:, 2] = 2 * own.any(axis=1)
    return found
