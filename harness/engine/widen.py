"""Weights that a file keeps in FP16, back in FP32: the parent is what quantization is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.sources.opset import opset

if TYPE_CHECKING:
    import openvino as ov


def widen(model: ov.Model) -> int:
    """Replace FP16 constants that are only converted to FP32 by FP32 ones; return how many.

    The numbers stay the same: every FP16 number is an FP32 number.
    """
    ops = opset()
    chosen = [op for op in model.get_ordered_ops() if _is_widened(op)]
    for convert in chosen:
        narrow: Any = convert.input_value(0).get_node()
        wide = ops.constant(narrow.data.astype(np.float32), name=convert.get_friendly_name())
        convert.output(0).replace(wide.output(0))
    return len(chosen)


def _is_widened(op: ov.Node) -> bool:
    if op.get_type_name() != "Convert":
        return False
    source = op.input_value(0)
    types = (source.get_element_type().get_type_name(), op.get_element_type().get_type_name())
    return source.get_node().get_type_name() == "Constant" and types == ("f16", "f32")
