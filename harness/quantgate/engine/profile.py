"""Profile one role: which layers really executed, in which precision, and how long each took."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quantgate.core.layers import layer_table, type_table
from quantgate.core.profile import Layer, Profile, int8_share, reorder_share, work_shares
from quantgate.engine.compiling import Copier, set_inputs
from quantgate.engine.executed import NOT_LAYERS, ExecutedLayer, executed_layers, named_anew
from quantgate.engine.quiet import machine_lock
from quantgate.engine.runtime import own_choice
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "Profile",
    "int8_share",
    "layer_table",
    "macs_by_name",
    "profile",
    "reorder_share",
    "type_table",
    "work_shares",
]

#: Compiled copies of which the median is taken: at most, and fewer once this time is spent.
COPIES, COPIES_S, LEAST_COPIES = 5, 4.0, 3
#: Inferences of each copy, fewer where they take longer than this together.
INFERENCES, INFERENCES_S = 10, 1.0
US_TO_NS = 1000
INT8 = frozenset({"i8", "u8"})


def profile(
    path: Path,
    device: str,
    inputs: Mapping[str, NDArray[np.generic]],
    precision: Literal["default", "f32"] = "default",
    *,
    most: int = COPIES,
) -> Profile:
    """Compile a model a few times with counters on, and read what it executed.

    Parameters
    ----------
    path
        The IR.
    inputs
        A real preprocessed sample: input name to array [1, ...].
    precision
        "default": as the device runs it; "f32": floating point demanded in f32.
    most
        Compiled copies that are timed at most: one tells what is executed, if hardly how long that takes.

    Raises
    ------
    MeasurementError
        When the model does not read, compile or run with these inputs.
    """
    import openvino as ov

    core = ov.Core()
    chosen: dict[str, Any] = {"PERF_COUNT": True, "PERFORMANCE_HINT": "LATENCY"}
    chosen |= own_choice(device)
    if precision == "f32":
        chosen["INFERENCE_PRECISION_HINT"] = "f32"
    copies: list[dict[str, int]] = []
    try:
        model = core.read_model(path)
        macs = macs_by_name(_shaped(model, inputs))
        with machine_lock():
            begin = time.perf_counter()
            copier = Copier(core, model, device, chosen)
            compiled = copier.compiled()
            copier.export(compiled)
            copies.append(_times_ns(compiled, inputs))
            while len(copies) < most and (
                len(copies) < LEAST_COPIES or time.perf_counter() - begin < COPIES_S
            ):
                copies.append(_times_ns(copier.copy(), inputs))
    except RuntimeError as error:
        raise MeasurementError(f"{path} cannot be profiled on {device}: {error}") from error
    executed = named_anew(model, live_layers(executed_layers(compiled)), macs)
    return _profile((device, precision), executed, macs, copies)


def _profile(
    asked: tuple[str, str],
    executed: Sequence[ExecutedLayer],
    macs: Mapping[str, int],
    copies: Sequence[Mapping[str, int]],
) -> Profile:
    layers = tuple(
        Layer(
            found.name,
            found.type,
            found.primitive,
            found.precision,
            int(np.median([times.get(found.name, 0) for times in copies])),
            sum(macs.get(name, 0) for name in found.originals),
            found.originals,
        )
        for found in executed
    )
    shares = (_reorder_share(layers, times) for times in copies)
    named = {name for layer in layers for name in layer.originals}
    return Profile(
        *asked,
        layers,
        transitions(executed),
        sum(macs.values()),
        tuple(name for name in macs if name not in named),
        tuple(share for share in shares if share is not None),
    )


def _reorder_share(layers: Sequence[Layer], times: Mapping[str, int]) -> float | None:
    total = sum(times.get(layer.name, 0) for layer in layers)
    reorders = sum(times.get(layer.name, 0) for layer in layers if layer.reorder)
    return reorders / total if total else None


def _shaped(model: Any, inputs: Mapping[str, NDArray[np.generic]]) -> Any:
    """Give dynamic inputs the sample's shape, and keep commas out of names: they separate them."""
    if model.is_dynamic() and len(inputs) == len(model.inputs):
        arrays = dict(inputs)
        only = next(iter(arrays.values()))
        model.reshape(
            {
                port: list(next((arrays[n] for n in port.get_names() if n in arrays), only).shape)
                for port in model.inputs
            }
        )
    for op in model.get_ops():
        if "," in op.get_friendly_name():
            op.set_friendly_name(op.get_friendly_name().replace(",", ";"))
    return model


def _times_ns(compiled: Any, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, int]:
    """Infer a few times and read each layer's mean time."""
    request = compiled.create_infer_request()
    batch = next(iter(inputs.values())).shape[0]
    set_inputs(request, compiled, inputs, batch)
    begin = time.perf_counter()
    for _ in range(INFERENCES):
        request.infer()
        if time.perf_counter() - begin > INFERENCES_S:
            break
    found: dict[str, int] = {}
    for item in request.profiling_info:
        spent = round(item.real_time.total_seconds() * 1e6) * US_TO_NS
        found[item.node_name] = found.get(item.node_name, 0) + spent
    return found


def live_layers(executed: Sequence[ExecutedLayer]) -> tuple[ExecutedLayer, ...]:
    """Leave out data and what depends on constants only: it is computed once, when compiling."""
    constant: set[str] = set()
    live = []
    for layer in executed:
        kind = layer.type.lower()
        fed = layer.inputs and all(name in constant for name in layer.inputs)
        if kind in {"const", "constant"} or fed:
            constant.add(layer.name)
        elif kind not in NOT_LAYERS:
            live.append(layer)
    return tuple(live)


def transitions(live: Sequence[ExecutedLayer]) -> int:
    """Count connections between a layer in INT8 and one that is not; reorders are seen through."""
    by_name = {layer.name: layer for layer in live}

    def producer(name: str) -> ExecutedLayer | None:
        layer = by_name.get(name)
        while layer is not None and layer.type.lower() in {"reorder", "convert"}:
            layer = by_name.get(layer.inputs[0]) if layer.inputs else None
        return layer

    pairs = [
        (layer, producer(name))
        for layer in live
        if layer.type.lower() not in {"reorder", "convert"}
        for name in layer.inputs
    ]
    return sum(
        (before.precision in INT8) != (after.precision in INT8)
        for after, before in pairs
        if before is not None
    )


def macs_by_name(model: Any) -> dict[str, int]:
    """Multiply-accumulates of one inference for each operation of an ``ov.Model`` that has any.

    Convolutions (plain, grouped, transposed) and matrix products; counted from the shapes.
    """
    found = {}
    for op in model.get_ops():
        count = _MACS.get(op.get_type_name())
        if count is not None:
            found[op.get_friendly_name()] = count(op)
    return found


def _shape(port: Any) -> list[int]:
    partial = port.get_partial_shape()
    return [dimension.get_length() if dimension.is_static else 1 for dimension in partial]


def _convolution(op: Any) -> int:
    return math.prod(_shape(op.output(0))) * math.prod(_shape(op.input(1))[1:])


def _grouped(op: Any) -> int:
    return math.prod(_shape(op.output(0))) * math.prod(_shape(op.input(1))[2:])


def _transposed(op: Any) -> int:
    return math.prod(_shape(op.input(0))) * math.prod(_shape(op.input(1))[1:])


def _grouped_transposed(op: Any) -> int:
    return math.prod(_shape(op.input(0))) * math.prod(_shape(op.input(1))[2:])


def _matrix_product(op: Any) -> int:
    shape = _shape(op.input(0))
    transposed = len(shape) > 1 and bool(op.get_attributes()["transpose_a"])
    return math.prod(_shape(op.output(0))) * shape[-2 if transposed else -1]


_MACS = {
    "Convolution": _convolution,
    "GroupConvolution": _grouped,
    "ConvolutionBackpropData": _transposed,
    "GroupConvolutionBackpropData": _grouped_transposed,
    "MatMul": _matrix_product,
}
