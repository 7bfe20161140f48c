"""Outputs that list objects row by row, decoded and suppressed in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.decoders.ports import as_table, finite
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.decoders.protocol import Outputs, Port

#: Columns of a row: image id, class, score, box; box, score, class; box and score; box alone.
DETECTION, WITH_CLASS, WITH_SCORE, BOX = 7, 6, 5, 4
EXPECTED = (
    "boxes [N,5] with scores and labels [N], or boxes [N,4], scores [N] and labels [N], or one "
    "table [N,6] of box, score and label (name them in `outputs`, in this order, if ambiguous)"
)


@dataclass(frozen=True, slots=True)
class RowPorts:
    """The table of boxes, and where scores and labels are if not in it."""

    boxes: Port
    scores: Port | None = None
    labels: Port | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Boxes [n, 4] as the model gives them, scores, and class numbers."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    relative: bool = False


def find_rows(ports: Sequence[Port], *, named: bool) -> RowPorts | None:
    """Find boxes, scores and labels by their shapes; named ports come in this order.

    A count of the objects is passed over: rows behind the last have no score.
    """
    tables = [p for p in ports if (t := as_table(p.shape)) and BOX <= t[1] <= DETECTION]
    vectors = [p for p in ports if p not in tables and _is_vector(p)]
    if len(tables) != 1 or len(tables) + len(vectors) != len(ports):
        return None
    if not all(map(_is_count, vectors)):
        vectors = [p for p in vectors if not _is_count(p)]
    boxes, width = tables[0], tables[0].shape[-1]
    if width >= WITH_CLASS:
        return None if vectors else RowPorts(boxes)
    if width == WITH_SCORE:
        return RowPorts(boxes, labels=next(iter(vectors), None)) if len(vectors) < 2 else None  # noqa: PLR2004
    labels = [p for p in vectors if "label" in p.name.lower() or "class" in p.name.lower()]
    scores = [p for p in vectors if p not in labels]
    if named and len(vectors) == 2:  # noqa: PLR2004 - scores, labels
        return RowPorts(boxes, *vectors)
    if len(scores) != 1 or len(labels) > 1:
        return None
    return RowPorts(boxes, scores[0], next(iter(labels), None))


def read_rows(outputs: Outputs, ports: RowPorts) -> Rows:
    """Read all rows; an image id below 0 ends them.

    Raises
    ------
    DecoderError
        On NaN or infinity, and where scores or labels are not as many as boxes.
    """
    width = ports.boxes.shape[-1]
    table = finite(outputs, ports.boxes.name).reshape(-1, width)
    if width == DETECTION:
        ended = np.flatnonzero(table[:, 0] < 0)
        table = table[: ended[0]] if len(ended) else table
        return Rows(table[:, 3:], table[:, 2], _whole(table[:, 1]), relative=True)
    boxes = table[:, :BOX]
    scores = table[:, 4] if ports.scores is None else _column(outputs, ports.scores, len(table))
    if width == WITH_CLASS:
        classes = _whole(table[:, 5])
    elif ports.labels is None:
        classes = np.zeros(len(table), np.int64)
    else:
        classes = _whole(_column(outputs, ports.labels, len(table)))
    return Rows(boxes, scores, classes)


def _column(outputs: Outputs, port: Port, rows: int) -> NDArray[np.float32]:
    values = finite(outputs, port.name).reshape(-1)
    if len(values) != rows:
        raise DecoderError(
            f"output {port.name} holds {len(values)} values for {rows} boxes; there must be one each"
        )
    return values


def _whole(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Class numbers, which a float output may have rounded."""
    return np.rint(np.clip(values, -1, 1e6)).astype(np.int64)


def _is_count(port: Port) -> bool:
    return all(d == 1 for d in port.shape)


def _is_vector(port: Port) -> bool:
    return sum(d not in {1, -1} for d in port.shape) <= 1 and len(port.shape) <= 2  # noqa: PLR2004
