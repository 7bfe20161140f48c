"""What a compiled model really executes, read from its runtime graph and not from the request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from quantgate.core.timing import ArmName

#: Executed layer types that multiply and accumulate, in any plugin's spelling.
COMPUTING = frozenset(
    {"convolution", "groupconvolution", "deconvolution", "fullyconnected", "matmul", "gemm"}
)
INT8 = frozenset({"i8", "u8"})
#: Executed layer types that are no work of the model's own: data, and what the plugin folds.
NOT_LAYERS = frozenset({"const", "input", "output", "parameter", "result", "constant"})


@dataclass(frozen=True, slots=True)
class ExecutedLayer:
    """One node of the runtime graph.

    Parameters
    ----------
    type, primitive
        Layer type ("Convolution") and the kernel that ran it ("brgconv_avx512_amx_i8").
    precision
        Precision it computed in, lower case: "i8", "u8", "bf16", "f32", …
    originals
        Names of the model's operations that were fused into it; empty for inserted reorders.
    inputs
        Names of the executed layers that feed it.
    """

    name: str
    type: str
    primitive: str
    precision: str
    originals: tuple[str, ...]
    inputs: tuple[str, ...]

    @property
    def computing(self) -> bool:
        """Whether it multiplies and accumulates."""
        return self.type.lower() in COMPUTING


def executed_layers(compiled: Any) -> tuple[ExecutedLayer, ...]:
    """List the executed layers of an ``ov.CompiledModel`` in execution order."""
    found = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        facts = {key: value.astype(str) for key, value in node.get_rt_info().items()}
        kind = facts.get("layerType", node.get_type_name())
        originals = facts.get("originalLayersNames", "")
        found.append(
            ExecutedLayer(
                node.get_friendly_name(),
                kind,
                facts.get("primitiveType", ""),
                facts.get("runtimePrecision", "").lower(),
                tuple(filter(None, originals.split(","))),
                tuple(
                    port.get_source_output().get_node().get_friendly_name()
                    for port in node.inputs()
                ),
            )
        )
    return tuple(found)


def named_anew(
    model: Any, executed: Sequence[ExecutedLayer], macs: Mapping[str, int]
) -> tuple[ExecutedLayer, ...]:
    """Give computing layers without work the operation of an ``ov.Model`` whose name the plugin lost.

    It fuses what scales a convolution into its kernel and names the kernel after the scale: the operation is the
    one in front of that.
    """
    named = {name for layer in executed for name in layer.originals}
    without = {
        name: place
        for place, layer in enumerate(executed)
        if layer.computing and not any(name in macs for name in layer.originals)
        for name in layer.originals
    }
    found = list(executed)
    for node in model.get_ordered_ops():
        name = node.get_friendly_name()
        place = without.get(_behind(node, without)) if name in macs and name not in named else None
        if place is not None and found[place] is executed[place]:
            found[place] = replace(found[place], originals=(name, *found[place].originals))
    return tuple(found)


def _behind(node: Any, names: Collection[str]) -> str:
    """Name the first operation behind one that is among some names, across constants alone; empty where none is."""
    while len(readers := node.output(0).get_target_inputs()) == 1:
        node = next(iter(readers)).get_node()
        if node.get_friendly_name() in names:
            return str(node.get_friendly_name())
        sources = [port.get_source_output().get_node().get_type_name() for port in node.inputs()]
        if sum(kind != "Constant" for kind in sources) != 1 or not node.get_output_size():
            break
    return ""


def executed_precisions(compiled: Any) -> Mapping[str, int]:
    """Count the computing layers by executed precision, {"i8": 52}.

    A model without any (only element-wise operations) is counted over all of its layers.
    """
    layers = executed_layers(compiled)
    working = [layer for layer in layers if layer.computing]
    if not working:
        working = [layer for layer in layers if layer.type.lower() not in NOT_LAYERS]
    return dict(Counter(layer.precision for layer in working))


def executed_problem(name: ArmName, executed: Mapping[str, int]) -> str:
    """Say in one sentence why an arm did not execute as declared; empty where it did."""
    total = sum(executed.values())
    in_int8 = sum(count for precision, count in executed.items() if precision in INT8)
    if name == "baseline":
        return ""  # whatever was released is compared as it runs
    if name == "optimized":
        if in_int8 == 0:
            return f"none of the optimized model's {total} computing layers executed in INT8"
        return ""
    if in_int8:
        return (
            f"{in_int8} of the parent's {total} computing layers executed in INT8: it is quantized "
            "already, or the two models are swapped"
        )
    other = {key: count for key, count in executed.items() if key in {"bf16", "f16"}}
    if name != "parent_default" and other:
        said = ", ".join(f"{count} in {key}" for key, count in sorted(other.items()))
        return f"the parent was to execute in f32, and of its {total} computing layers {said}"
    return ""
