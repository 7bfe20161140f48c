"""Whether a graph is quantized, and how: its FakeQuantize nodes, and weights kept as integers."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino as ov

How: TypeAlias = Literal["statically", "dynamically", "weights alone", ""]

_INTEGERS = frozenset({"i4", "u4", "i8", "u8", "int4_t", "uint4_t", "int8_t", "uint8_t"})
_USES_WEIGHTS = frozenset({"Convolution", "GroupConvolution", "MatMul", "Multiply", "Subtract"})
_HAS_WEIGHTS = frozenset(
    {
        "Convolution",
        "GroupConvolution",
        "ConvolutionBackpropData",
        "GroupConvolutionBackpropData",
        "MatMul",
        "LSTMSequence",
        "GRUSequence",
        "RNNSequence",
    }
)
#: What may stand between quantized numbers and the layer that takes them.
_BETWEEN = frozenset(
    {"Convert", "Subtract", "Multiply", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Pad"}
)
_DEEPEST = 8
_HOW: Mapping[How, str] = MappingProxyType(
    {
        "statically": "quantized",
        "dynamically": "quantized dynamically, with ranges found at every inference",
        "weights alone": "quantized in its weights alone, with activations in floating point",
        "": "quantized",
    }
)


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
    layers
        How many layers with weights take quantized numbers.
    how
        ``statically``: the ranges of activations are in the graph; ``dynamically``: they are found
        with every inference; ``weights alone``: activations stay in floating point.
    """

    fake_quantize: int
    integer_weights: int
    first: str
    layers: int = 0
    how: How = ""

    def __bool__(self) -> bool:
        return self.fake_quantize + self.integer_weights > 0

    @property
    def short(self) -> str:
        """How it is quantized, and how many nodes show it: ``quantized (65 FakeQuantize nodes)``."""
        seen = _counted(self.fake_quantize, "FakeQuantize node") or _counted(
            self.integer_weights, "integer weight"
        )
        return f"{_HOW[self.how]} ({seen})" if self else "not quantized"


def quantization_trace(model: ov.Model) -> QuantizationTrace:
    """Look for quantization in a graph."""
    ops = model.get_ordered_ops()
    fakes = [op for op in ops if op.get_type_name() == "FakeQuantize"]
    weights = [op for op in ops if _is_integer_weight(op)]
    first = next(iter([*fakes, *weights]), None)
    told = "" if first is None else f"{first.get_friendly_name()} ({first.get_type_name()})"
    layers = sum(op.get_type_name() in _HAS_WEIGHTS and _takes_quantized(op) for op in ops)
    return QuantizationTrace(len(fakes), len(weights), told, layers, _how(ops, fakes, weights))


def _how(ops: list[ov.Node], fakes: list[ov.Node], weights: list[ov.Node]) -> How:
    if fakes:
        return "statically"
    if not weights:
        return ""
    # ONNX's DynamicQuantizeLinear, as OpenVINO spells it: a range is found, and values are rounded.
    kinds = {op.get_type_name() for op in ops}
    return "dynamically" if {"ReduceMin", "ReduceMax", "Round"} <= kinds else "weights alone"


def _takes_quantized(op: ov.Node) -> bool:
    return any(_is_quantized(value.get_node(), 0) for value in op.input_values())


def _is_quantized(op: ov.Node, depth: int) -> bool:
    """Whether numbers come from a FakeQuantize or an integer constant, through what only reshapes."""
    kind = op.get_type_name()
    if kind == "FakeQuantize":
        return True
    if kind == "Constant":
        return op.output(0).get_element_type().get_type_name() in _INTEGERS
    if kind not in _BETWEEN or depth == _DEEPEST:
        return False
    return _is_quantized(op.input_value(0).get_node(), depth + 1)


def _is_integer_weight(op: ov.Node) -> bool:
    """Whether an op is an integer constant that is converted and then used as weights."""
    if op.get_type_name() != "Constant" or len(op.output(0).get_shape()) < 2:  # noqa: PLR2004
        return False
    if op.output(0).get_element_type().get_type_name() not in _INTEGERS:
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


def _counted(count: int, noun: str) -> str:
    if not count:
        return ""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
