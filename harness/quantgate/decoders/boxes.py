"""From scored boxes in input pixels to detections: formats, suppression, order, limits."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - read at run time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from quantgate.core.predictions import Detections
from quantgate.decoders.diou import diou_nms
from quantgate.decoders.fields import class_table
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame

#: Only so many of the best candidates of an image enter suppression: beyond them lies noise alone.
MOST_CANDIDATES = 3000
#: exp() of a regression is cut here: far beyond any real box, and far from overflow.
LARGEST_EXPONENT = 15.0
#: Candidates that enter suppression at first, at least.
_FEWEST = 128


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scored boxes before suppression, n of them.

    Parameters
    ----------
    boxes
        ``xyxy`` float32 [n, 4] in input pixels; or what computes those of an index [k]. Of thousands
        of candidates suppression looks at the best hundreds.
    """

    boxes: NDArray[np.float32] | Callable[[NDArray[np.int64]], NDArray[np.float32]]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def boxes_of(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Boxes [k, 4] of an index [k]."""
        return self.boxes(index) if callable(self.boxes) else self.boxes[index]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: NMS threshold (None: suppressed already), most objects, label of each class.

    ``agnostic``: a box suppresses those of other classes too.
    """

    max_detections: int
    iou_threshold: float | None = None
    class_table: tuple[int, ...] | None = None
    measure: Literal["iou", "diou"] = "iou"
    agnostic: bool = False


def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)) of each value of an array [...], without overflow."""
    return np.float32(1) / (np.float32(1) + np.exp(-np.clip(values, -80, 80)))


def softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares of each row of values [n, classes], without overflow."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def centre_to_corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn ``cx, cy, w, h`` [n, 4] into ``x0, y0, x1, y1``."""
    half = boxes[:, 2:] * np.float32(0.5)
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def above(
    scores: NDArray[np.float32], threshold: float, *, multi_label: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and classes of scores [n, classes] that reach the threshold.

    ``multi_label`` gives every class of a row that does, else only a row's best class. Where more
    than ``MOST_CANDIDATES`` do, the best of them are given (ties at the edge included).
    """
    classes = scores.shape[1]
    if multi_label:
        flat = np.flatnonzero(scores >= threshold)
    else:
        flat = scores.argmax(axis=1) + np.arange(len(scores)) * classes
        flat = flat[scores.reshape(-1)[flat] >= threshold]
    if len(flat) > MOST_CANDIDATES:
        values = scores.reshape(-1)[flat]
        least = np.partition(values, len(values) - MOST_CANDIDATES)[-MOST_CANDIDATES]
        flat = flat[values >= least]
    rows, labels = np.divmod(flat, classes)
    return rows.astype(np.int64), labels.astype(np.int64)


def suppress(
    candidates: Candidates, iou_threshold: float, most: int, measure: str = "iou"
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Greedy NMS per class: indices [k] of the best ``most`` survivors, by score (stable), and their boxes [k, 4].

    Whether a box survives depends on better boxes alone, so only as many of the best candidates
    are looked at as are needed to fill ``most``; the result is that of looking at all.
    """
    if measure == "diou":
        order = np.argsort(-candidates.scores, kind="stable")
        boxes = candidates.boxes_of(order)
        first = diou_nms(boxes, candidates.labels[order], iou_threshold, most)
        return order[first], boxes[first]
    order = kept = np.zeros(0, np.int64)
    boxes = np.zeros((0, 4), np.float32)
    seen, end = 0, max(_FEWEST, most * 7 // 4)
    while seen < len(candidates.scores) and len(kept) < most:
        if end > len(order):
            order = best(candidates.scores, 2 * end)
        new = order[seen:end]
        rivals = np.concatenate([kept, new])
        boxes = np.concatenate([boxes, candidates.boxes_of(new)])
        index = _nms(boxes, candidates.labels[rivals], iou_threshold)
        kept, boxes = rivals[index], boxes[index]
        # As many again as kept so many so far; each costs a comparison with all that are kept.
        seen, end = end, end + max(_FEWEST // 2, (most - len(kept)) * end // len(kept))
    return kept[:most], boxes[:most]


def best(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Indices [k] of at least ``count`` of the highest scores [n], or of all: the highest first (stable)."""
    if len(scores) <= 2 * count:
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, len(scores) - count)[-count]
    index = np.flatnonzero(scores >= least)
    return index[np.argsort(-scores[index], kind="stable")]


def _nms(
    corners: NDArray[np.float32], labels: NDArray[np.int64], threshold: float
) -> NDArray[np.int64]:
    """Indices of the boxes [n, 4] that survive, the surest first."""
    import cv2

    boxes = corners.astype(np.float64)
    # OpenCV keeps classes apart by shifting them by the largest coordinate: none may be negative.
    boxes -= min(float(boxes.min()), 0.0)
    boxes[:, 2:] -= boxes[:, :2]
    # As lists: the binding converts them faster than arrays. Scores of 0 would be dropped.
    ranks = list(range(len(boxes), 0, -1))
    kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), ranks, labels.tolist(), 0.0, threshold)
    return np.asarray(kept, dtype=np.int64).reshape(-1)


def detections(candidates: Candidates, frame: Frame, keeping: Keeping) -> Detections:
    """Name classes as labels, suppress, map back to the original image, and keep the best.

    Boxes that are empty once clipped to the image are dropped.
    """
    return select(candidates, frame, keeping)[0]


def select(
    candidates: Candidates, frame: Frame, keeping: Keeping
) -> tuple[Detections, NDArray[np.int64]]:
    """Like :func:`detections`, with the index of each object's candidate, [objects]."""
    labels = as_labels(candidates.labels, keeping.class_table)
    index = np.flatnonzero(labels >= 0)
    rivals = Candidates(
        lambda some: candidates.boxes_of(index[some]),
        candidates.scores[index],
        np.zeros_like(index) if keeping.agnostic else labels[index],
    )
    most = keeping.max_detections
    if keeping.iou_threshold is None:
        kept = best(rivals.scores, most)[:most]
        boxes = rivals.boxes_of(kept)
    else:
        kept, boxes = suppress(rivals, keeping.iou_threshold, most, keeping.measure)
    boxes = frame.to_image(boxes)
    real = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    kept = index[kept[real]]
    return Detections(boxes[real], candidates.scores[kept], labels[kept]), kept


def as_labels(classes: NDArray[np.int64], table: tuple[int, ...] | None) -> NDArray[np.int64]:
    """Label of each of the model's classes [n] by a table, -1: ignored; classes themselves where there is none."""
    if table is None or not len(classes):
        return classes
    largest = int(classes.max())
    if largest >= len(table):
        raise DecoderError(
            f"class_ids names {len(table)} classes, the model found class {largest}; "
            "give one label index (or -1) for each class of the model"
        )
    return np.asarray(table, dtype=np.int64)[classes]


class Suppressing(Protocol):
    """The keys that every decoder with suppression has."""

    @property
    def max_detections(self) -> int:
        """Most objects an image."""
        ...

    @property
    def iou_threshold(self) -> float | None:
        """NMS threshold, or None where nothing is suppressed."""
        ...

    @property
    def agnostic(self) -> bool:
        """Whether boxes suppress those of other classes too."""
        ...

    @property
    def class_ids(self) -> str | Sequence[int] | None:
        """Label of each class."""
        ...


def keeping_of(decoder: Suppressing) -> Keeping:
    """What the decoder's keys say of suppression, limits and labels."""
    return Keeping(
        decoder.max_detections,
        decoder.iou_threshold,
        class_table(decoder.class_ids),
        agnostic=decoder.agnostic,
    )
