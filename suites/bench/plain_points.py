"""The obvious way to read key points: numpy, and a loop over objects, cells or points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame

    Array = NDArray[np.float32]
    Outputs = dict[str, Array]


def in_image(place: Any, frame: Frame) -> tuple[float, float]:
    """Bring one point of the input to the picture."""
    x, y = place
    return (x - frame.offset[0]) / frame.scale[0], (y - frame.offset[1]) / frame.scale[1]


def heat_maps(outputs: Outputs, frame: Frame) -> list[Any]:
    """Look for the peak of each map, and at its four neighbours."""
    (maps,) = outputs.values()
    high, wide = maps.shape[2:]
    found = []
    for heat in maps[0]:
        y, x = np.unravel_index(np.argmax(heat), heat.shape)
        px, py = float(x), float(y)
        if 0 < x < wide - 1 and 0 < y < high - 1:
            px += 0.25 * np.sign(heat[y, x + 1] - heat[y, x - 1])
            py += 0.25 * np.sign(heat[y + 1, x] - heat[y - 1, x])
        cell = (px + 0.5) * frame.model[0] / wide, (py + 0.5) * frame.model[1] / high
        place = in_image(cell, frame)
        found.append((*place, float(np.clip(heat[y, x], 0, 1))))
    return found


def simcc(outputs: Outputs, frame: Frame) -> list[Any]:
    """Look for the highest bin of each key point on both axes."""
    across, down = outputs.values()
    found = []
    for x, y in zip(across[0], down[0], strict=True):
        place = in_image((np.argmax(x) / 2, np.argmax(y) / 2), frame)
        found.append((*place, float(min(np.max(x), np.max(y)))))
    return found


def suppress(rows: list[tuple[float, Any, Any]], threshold: float, most: int) -> list[Any]:
    """Keep boxes greedily, each against those that are kept."""
    kept: list[Any] = []
    for row in sorted(rows, key=lambda one: -one[0]):
        box = row[1]
        if len(kept) == most:
            break
        if all(overlap(box, other[1]) <= threshold for other in kept):
            kept.append(row)
    return kept


def overlap(a: Any, b: Any) -> float:
    """IoU of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return float(width * height / (both - width * height))


def yolo_pose(outputs: Outputs, frame: Frame) -> list[Any]:
    """Take every column above the threshold, suppress, then place every key point."""
    (table,) = outputs.values()
    rows = []
    for row in table[0].T:
        if row[4] >= 0.01:
            cx, cy, w, h = row[:4]
            rows.append((float(row[4]), (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), row[5:]))
    found = []
    for score, box, numbers in suppress(rows, 0.7, 300):
        points = [
            (*in_image((x, y), frame), float(sure))
            for x, y, sure in numbers.reshape(-1, 3).tolist()
        ]
        found.append((score, in_image(box[:2], frame), in_image(box[2:], frame), points))
    return found


def yunet(outputs: Outputs, frame: Frame) -> list[Any]:
    """Go through the cells of every stride."""
    rows = []
    for stride in (8, 16, 32):
        columns = -(-frame.model[0] // stride)
        cls, own, boxes, points = (outputs[f"{k}{stride}"][0] for k in ("cls", "obj", "box", "kps"))
        for cell in range(len(cls)):
            score = float(np.sqrt(np.clip(cls[cell, 0] * own[cell, 0], 0, 1)))
            if score < 0.01:
                continue
            y, x = divmod(cell, columns)
            cx, cy = (x + boxes[cell, 0]) * stride, (y + boxes[cell, 1]) * stride
            w, h = np.exp(boxes[cell, 2]) * stride, np.exp(boxes[cell, 3]) * stride
            places = [
                ((x + px) * stride, (y + py) * stride) for px, py in points[cell].reshape(-1, 2)
            ]
            rows.append((score, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), places))
    return [
        (
            score,
            in_image(box[:2], frame),
            in_image(box[2:], frame),
            [in_image(p, frame) for p in own],
        )
        for score, box, own in suppress(rows, 0.4, 200)
    ]


def retinaface(outputs: Outputs, frame: Frame) -> list[Any]:
    """Go through the priors of every stride."""
    boxes, scores, points = (outputs[name][0] for name in ("boxes", "scores", "points"))
    rows, at = [], 0
    for stride, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for y in range(-(-frame.model[1] // stride)):
            for x in range(-(-frame.model[0] // stride)):
                for side in sides:
                    if scores[at, 1] >= 0.02:
                        cx = (x + 0.5) * stride + boxes[at, 0] * 0.1 * side
                        cy = (y + 0.5) * stride + boxes[at, 1] * 0.1 * side
                        w, h = side * np.exp(boxes[at, 2] * 0.2), side * np.exp(boxes[at, 3] * 0.2)
                        places = [
                            (
                                (x + 0.5) * stride + px * 0.1 * side,
                                (y + 0.5) * stride + py * 0.1 * side,
                            )
                            for px, py in points[at].reshape(-1, 2)
                        ]
                        box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
                        rows.append((float(scores[at, 1]), box, places))
                    at += 1
    return [
        (
            score,
            in_image(box[:2], frame),
            in_image(box[2:], frame),
            [in_image(p, frame) for p in own],
        )
        for score, box, own in suppress(rows, 0.4, 750)
    ]
