"""Small ONNX models, encoded by hand: the package onnx is not needed to write them."""

from __future__ import annotations

import numpy as np


def varint(value: int) -> bytes:
    """Encode as protobuf does."""
    low = value & 0x7F
    return bytes([low | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([low])


def field(number: int, value: bytes | int | str) -> bytes:
    """Encode one protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def value_info(name: str) -> bytes:
    """Describe a float tensor [2]."""
    shape = field(2, field(1, field(1, 2)))
    return field(1, name) + field(2, field(1, field(1, 1) + shape))


def onnx_model(tensor: bytes) -> bytes:
    """Encode y = x + w as an ONNX model, with the initializer as given."""
    node = field(1, "x") + field(1, "w") + field(2, "y") + field(4, "Add")
    initializer = field(1, 2) + field(2, 1) + field(8, "w") + tensor
    graph = field(1, node) + field(2, "g") + field(5, initializer)
    graph += field(11, value_info("x")) + field(12, value_info("y"))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


INSIDE = field(9, np.array([1, 2], np.float32).tobytes())


def outside(location: str) -> bytes:
    """Encode where an initializer's data lie."""
    return field(13, field(1, "location") + field(2, location)) + field(14, 1)


def network(
    nodes: list[bytes],
    constants: dict[str, np.ndarray],
    ends: tuple[tuple[str, list[int]], tuple[str, list[int]]],
    metadata: dict[str, str] | None = None,
) -> bytes:
    """Encode a model of one float input and one float output: name and shape of each in ``ends``."""
    graph = b"".join(field(1, one) for one in nodes) + field(2, "g")
    graph += b"".join(field(5, _constant(name, value)) for name, value in constants.items())
    graph += field(11, _tensor_info(*ends[0])) + field(12, _tensor_info(*ends[1]))
    told = {**(metadata or {})}
    props = b"".join(field(14, field(1, key) + field(2, text)) for key, text in told.items())
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)) + props


def node(kind: str, inputs: list[str], output: str, **integers: int | list[int]) -> bytes:
    """Encode one operation with attributes of whole numbers."""
    said = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for key, value in integers.items():
        listed = isinstance(value, list)
        numbers = b"".join(field(8, each) for each in value) if listed else field(3, value)  # type: ignore[union-attr, arg-type]
        said += field(5, field(1, key) + numbers + field(20, 7 if listed else 2))
    return said


def _constant(name: str, value: np.ndarray) -> bytes:
    kind = 7 if value.dtype == np.int64 else 1
    dims = b"".join(field(1, int(side)) for side in value.shape)
    return dims + field(2, kind) + field(8, name) + field(9, value.tobytes())


def _tensor_info(name: str, shape: list[int]) -> bytes:
    dims = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def square_detector(
    side: int = 128,
    *,
    cell: int = 16,
    bgr: bool = False,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """Detect red, green and blue squares on a grid, fed in RGB 0..1 or BGR; outputs as YOLO v8's: [1, 4 + 3, cells].

    A square as large as a cell is found where it fills one.
    """
    grid = side // cell
    cells = grid * grid
    centres = (np.arange(grid, dtype=np.float32) + 0.5) * cell
    boxes = np.stack(
        [np.tile(centres, grid), np.repeat(centres, grid), *[np.full(cells, cell)] * 2]
    )
    weights = (
        np.full((3, 3, 1, 1), -10.0, np.float32) + 34 * np.eye(3, dtype=np.float32)[..., None, None]
    )
    weights = weights[:, ::-1].copy() if bgr else weights
    nodes = [
        node("AveragePool", ["images"], "means", kernel_shape=[cell, cell], strides=[cell, cell]),
        node("Conv", ["means", "weights", "bias"], "logits", kernel_shape=[1, 1]),
        node("Sigmoid", ["logits"], "shares"),
        node("Reshape", ["shares", "rows"], "scores"),
        node("Concat", ["boxes", "scores"], "output0", axis=1),
    ]
    constants = {
        "weights": weights,
        "bias": np.full(3, -9.0, np.float32),
        "rows": np.array([1, 3, cells], np.int64),
        "boxes": boxes[None].astype(np.float32),
    }
    ends = ("images", [1, 3, side, side]), ("output0", [1, 7, cells])
    return network(nodes, constants, ends, metadata)
