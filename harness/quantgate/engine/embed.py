"""Embedding colour, mean, scale and layout into the graph, before it is quantized and timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.errors import PreprocessError
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    import openvino as ov

    from quantgate.entries import Preprocess

_RANK = 4
_CHANNELS = (1, 3)
#: What 8 bits hold of lightness, 0..100, is multiplied by this (OpenCV's).
_LIGHTNESS = 2.55


def input_size(model: ov.Model, plan: Preprocess) -> tuple[int, int]:
    """``(width, height)`` that images must have: ``plan.size``, or the model's own.

    Raises
    ------
    PreprocessError
        When the input is no image, or is dynamic and the plan gives no size.
    """
    port = image_input(model, plan)
    if plan.size is not None:
        return plan.size
    _, height, width, _ = _nhwc(port, plan)
    if height < 0 or width < 0:
        raise PreprocessError(
            f"input {_name(port)} is {port.get_partial_shape()}, dynamic in size: set "
            "preprocess.size = [width, height]"
        )
    return width, height


def own_size(model: ov.Model, plan: Preprocess) -> tuple[int, int] | None:
    """Width and height that a model's input has by itself; None where it takes any, or tells none."""
    _, height, width, channels = _nhwc(image_input(model, plan), plan)
    return (width, height) if channels in _CHANNELS and min(width, height) > 0 else None


def embed(model: ov.Model, plan: Preprocess) -> ov.Model:
    """Copy the model with an input of u8 [1, height, width, channels] in BGR (or gray, lightness) order.

    Colour conversion, mean, scale and layout become operations of the graph; no resize does.

    Raises
    ------
    PreprocessError
        When the plan and the model's input do not fit; says what to set.
    """
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    width, height = input_size(model, plan)
    port = image_input(model, plan)
    channels = _check_channels(_nhwc(port, plan)[3], port, plan)
    copy = _reshaped(model, plan, (width, height, channels))
    processor = PrePostProcessor(copy)
    tensor = processor.input()
    tensor.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    tensor.tensor().set_shape([1, height, width, channels])
    steps = tensor.preprocess()
    if plan.colour == "rgb":
        tensor.tensor().set_color_format(ColorFormat.BGR)
        steps.convert_color(ColorFormat.RGB)
    steps.convert_element_type(Type.f32)
    if plan.colour == "lightness":
        steps.scale(_LIGHTNESS)
    for operation, value, neutral in ((steps.mean, plan.mean, 0), (steps.scale, plan.scale, 1)):
        values = list(value) if isinstance(value, tuple) else value
        if any(v != neutral for v in (value if isinstance(value, tuple) else (value,))):
            operation(values)
    tensor.model().set_layout(Layout(_layout(port, plan).upper()))
    try:
        return processor.build()
    except RuntimeError as error:
        raise PreprocessError(
            f"the preprocessing cannot be embedded at input {_name(port)} "
            f"{port.get_partial_shape()}: {_first_line(error)}"
        ) from error


def image_input(model: ov.Model, plan: Preprocess) -> Any:
    """Return the input that takes the image.

    Raises
    ------
    PreprocessError
        When ``plan.input`` names none, or the model has others that nothing would feed.
    """
    ports = model.inputs
    names = ", ".join(_name(port) for port in ports) or "none"
    if plan.input is not None and not any(plan.input in port.get_names() for port in ports):
        raise PreprocessError(
            f"preprocess.input is {plan.input!r}, found the inputs {names}; name one of them"
        )
    if len(ports) != 1:
        raise PreprocessError(
            f"the model has the inputs {names}; the image is one, give the values of all others "
            "under preprocess.constants"
        )
    port = ports[0]
    rank = port.get_partial_shape().rank
    if rank.is_dynamic or rank.get_length() != _RANK:
        raise PreprocessError(
            f"input {_name(port)} is {port.get_partial_shape()}; an image needs four dimensions"
        )
    return port


def _layout(port: Any, plan: Preprocess) -> str:
    if plan.layout is not None:
        return plan.layout
    shape = _shape(port)
    fits = [name for name, axis in (("nchw", 1), ("nhwc", 3)) if shape[axis] in _CHANNELS]
    if len(fits) != 1:
        raise PreprocessError(
            f"the layout of input {_name(port)} {port.get_partial_shape()} cannot be inferred from its "
            'shape: set preprocess.layout = "nchw" or "nhwc"'
        )
    return fits[0]


def _nhwc(port: Any, plan: Preprocess) -> tuple[int, int, int, int]:
    n, a, b, c = _shape(port)
    return (n, b, c, a) if _layout(port, plan) == "nchw" else (n, a, b, c)


def _shape(port: Any) -> tuple[int, int, int, int]:
    """Return the four dimensions, -1 where dynamic."""
    n, a, b, c = (-1 if d.is_dynamic else d.get_length() for d in port.get_partial_shape())
    return n, a, b, c


def _check_channels(channels: int, port: Any, plan: Preprocess) -> int:
    expected = plan.channels
    if channels not in {expected, -1}:
        raise PreprocessError(
            f"input {_name(port)} {port.get_partial_shape()} has {channels} channels, "
            f'preprocess.colour = "{plan.colour}" gives {expected}; set colour or layout'
        )
    for key, value in (("mean", plan.mean), ("scale", plan.scale)):
        if isinstance(value, tuple) and len(value) != expected:
            raise PreprocessError(
                f"preprocess.{key} has {len(value)} values, the input {_name(port)} has "
                f"{expected} channels; give one value, or one for each channel"
            )
    values = plan.scale if isinstance(plan.scale, tuple) else (plan.scale,)
    if 0 in values:
        raise PreprocessError("preprocess.scale holds 0; every pixel would be divided by it")
    return expected


def _reshaped(model: ov.Model, plan: Preprocess, form: tuple[int, int, int]) -> ov.Model:
    """Clone with a static input of one image."""
    width, height, channels = form
    copy = model.clone()
    port = copy.inputs[0]
    wanted = (
        [1, channels, height, width]
        if _layout(port, plan) == "nchw"
        else [1, height, width, channels]
    )
    if list(_shape(port)) == wanted:
        return copy
    try:
        copy.reshape({port: wanted})
    except RuntimeError as error:
        raise PreprocessError(
            f"input {_name(port)} {port.get_partial_shape()} cannot become {wanted}: "
            f"{_first_line(error)}; leave preprocess.size out to keep the model's own"
        ) from error
    return copy


def _name(port: Any) -> str:
    return min(port.get_names(), key=len) if port.get_names() else f"number {port.get_index()}"


def _first_line(error: RuntimeError) -> str:
    """Return the last line that says something: OpenVINO starts with source locations."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


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
