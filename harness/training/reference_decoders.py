"""Objects in the raw outputs of the built-in models, apart from the harness's own decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.zoo.catalog import ZooModel

Outputs = dict[str, NDArray[Any]]
#: Label, score, box xyxy px, mask of the whole image.
Object = tuple[int, float, NDArray[Any], NDArray[np.bool_] | None]

_LEAST_SCORE = 0.01
_MOST_OVERLAP = 0.5


def objects(model: ZooModel, outputs: Outputs) -> list[Object]:
    """Objects of one image of the model's own size."""
    return list(_READERS[str(model.decoder["kind"])](model, outputs))


def _ssd(model: ZooModel, outputs: Outputs) -> Iterator[Object]:
    table = outputs["detection_out"].reshape(-1, 7)
    ends = np.flatnonzero(table[:, 0] < 0)
    for row in table[: ends[0] if len(ends) else len(table)]:
        yield int(row[1]) - 1, float(row[2]), row[3:] * np.tile(model.preprocess.size, 2), None


def _mask_rcnn(model: ZooModel, outputs: Outputs) -> Iterator[Object]:
    columns = (outputs[name] for name in ("boxes", "labels", "masks"))
    for row, label, mask in zip(*columns, strict=True):
        if row[4] >= _LEAST_SCORE:
            yield int(label), float(row[4]), row[:4], _pasted(mask, row, model.preprocess.size)


def _pasted(mask: NDArray[Any], box: NDArray[Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Enlarge by hand: bilinear between the centres of the mask's cells, nothing beyond them."""
    weights = []
    for axis, extent in enumerate(size):
        low, high, cells = box[axis], box[axis + 2], mask.shape[1 - axis]
        centre = np.arange(extent) + 0.5
        place = (centre - low) / max(high - low, 1e-6) * cells - 0.5
        near = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells)))
        weights.append(near * ((centre > low) & (centre < high))[:, None])
    return np.asarray(weights[1] @ mask @ weights[0].T > 0.5)


def _yolo(model: ZooModel, outputs: Outputs) -> Iterator[Object]:
    boxes, scores = (np.concatenate(part) for part in zip(*_heads(model, outputs), strict=True))
    for label, column in enumerate(scores.T):
        order = np.flatnonzero(column >= _LEAST_SCORE)
        order = order[np.argsort(-column[order], kind="stable")]
        while len(order):
            best, order = order[0], order[1:]
            yield label, float(column[best]), boxes[best], None
            order = order[_iou(boxes[best], boxes[order]) <= _MOST_OVERLAP]


def _heads(model: ZooModel, outputs: Outputs) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Boxes [n, 4] and class scores [n, classes] of every head, the finest grid first."""
    told, scale = model.decoder["anchors"], model.decoder["scale_xy"]
    assert isinstance(told, tuple)
    anchors = np.reshape(np.asarray(told, np.float64), (2, -1, 2))
    assert isinstance(scale, float)
    for own, name in zip(anchors, model.outputs, strict=True):
        _, _, rows, columns = outputs[name].shape
        values = outputs[name].reshape(len(own), -1, rows, columns).transpose(0, 2, 3, 1)
        sure = 1 / (1 + np.exp(-values))
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
        stride = np.divide(model.preprocess.size, (columns, rows))
        centre = (grid + (sure[..., :2] - 0.5) * scale + 0.5) * stride
        half = np.exp(values[..., 2:4]) * own[:, None, None] / 2
        boxes = np.concatenate((centre - half, centre + half), axis=-1)
        yield boxes.reshape(-1, 4), (sure[..., 4:5] * sure[..., 5:]).reshape(-1, len(model.labels))


def _iou(one: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    return np.asarray(
        shared / ((one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - shared)
    )


_READERS = {"ssd": _ssd, "mask-rcnn": _mask_rcnn, "yolo": _yolo}
