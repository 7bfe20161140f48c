"""Darknet's activations as OpenVINO operations, in one visible table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

#: Takes the opset and a node, returns the activated node.
Activation: TypeAlias = Callable[[ModuleType, Any], Any]


def _leak(slope: float) -> Activation:
    return lambda ops, x: ops.prelu(x, ops.constant(np.array([slope], np.float32)))


def _loggy(ops: ModuleType, x: Any) -> Any:
    two, one = (ops.constant(np.float32(value)) for value in (2.0, 1.0))
    return ops.subtract(ops.multiply(ops.sigmoid(x), two), one)


def _ramp(ops: ModuleType, x: Any) -> Any:
    return ops.add(ops.relu(x), ops.multiply(x, ops.constant(np.float32(0.1))))


def _selu(ops: ModuleType, x: Any) -> Any:
    return ops.selu(x, ops.constant(np.float32(1.6732)), ops.constant(np.float32(1.0507)))


def _hard_mish(ops: ModuleType, x: Any) -> Any:
    # x for x > 0, x²/2 + x for -2 < x <= 0, else 0: the parabola is 0 at both ends of its clamp.
    low = ops.clamp(x, -2.0, 0.0)
    parabola = ops.add(ops.multiply(ops.multiply(low, low), ops.constant(np.float32(0.5))), low)
    return ops.add(ops.relu(x), parabola)


ACTIVATIONS: Mapping[str, Activation] = {
    "elu": lambda ops, x: ops.elu(x, 1.0),
    "gelu": lambda ops, x: ops.gelu(x, "tanh"),
    "hard_mish": _hard_mish,
    "hardtan": lambda ops, x: ops.clamp(x, -1.0, 1.0),
    "leaky": _leak(0.1),
    "linear": lambda _ops, x: x,
    "loggy": _loggy,
    "logistic": lambda ops, x: ops.sigmoid(x),
    "mish": lambda ops, x: ops.mish(x),
    "ramp": _ramp,
    "relie": _leak(0.01),
    "relu": lambda ops, x: ops.relu(x),
    "relu6": lambda ops, x: ops.clamp(x, 0.0, 6.0),
    "selu": _selu,
    "silu": lambda ops, x: ops.swish(x),
    "swish": lambda ops, x: ops.swish(x),
    "tanh": lambda ops, x: ops.tanh(x),
}
