"""The operations that graphs are built from, wherever this OpenVINO keeps them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def opset() -> ModuleType:
    """Opset 13, which OpenVINO 2024 keeps in another package than OpenVINO 2026."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")
