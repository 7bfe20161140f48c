"""Whether a graph is quantized: its FakeQuantize nodes, and weights kept as integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino as ov

_INTEGER_WEIGHTS = frozenset({"i4", "u4", "i8", "u8", "int4_t", "uint4_t", "int8_t", "uint8_t"})
_USES_WEIGHTS = frozenset({"Convolution", "GroupConvolution", "MatMul", "Multiply", "Subtract"})


@dataclass(frozen=True, slots=True)
class QuantizationTrace:
    """What in a graph shows that it was quantized.

    Parameters
    ----------
    fake_quantize
        How many FakeQuantize nodes there are.
    integer_weights
        How many weight constants are held in 4 or 8 bits.
    first
        Name and type of the first such node, in the order of execution; empty where there is none.
    """

    fake_quantize: int
    integer_weights: int
    first: str

    def __bool__(self) -> bool:
        return self.fake_quantize + self.integer_weights > 0


def quantization_trace(model: ov.Model) -> QuantizationTrace:
    """Look for quantization in a graph."""
    ops = model.get_ordered_ops()
    fakes = [op for op in ops if op.get_type_name() == "FakeQuantize"]
    weights = [op for op in ops if _is_integer_weight(op)]
    first = next(iter([*fakes, *weights]), None)
    told = "" if first is None else f"{first.get_friendly_name()} ({first.get_type_name()})"
    return QuantizationTrace(len(fakes), len(weights), told)


def _is_integer_weight(op: ov.Node) -> bool:
    """Whether an op is an integer constant that is converted and then used as weights."""
    if op.get_type_name() != "Constant" or len(op.output(0).get_shape()) < 2:  # noqa: PLR2004
        return False
    if op.output(0).get_element_type().get_type_name() not in _INTEGER_WEIGHTS:
        return False
    converts = [
        target.get_node()
        for target in op.output(0).get_target_inputs()
        if target.get_node().get_type_name() == "Convert"
    ]
    return any(
        target.get_node().get_type_name() in _USES_WEIGHTS
        for convert in converts
        for target in convert.output(0).get_target_inputs()
    )
