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
