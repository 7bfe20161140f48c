"""Making a converted model take one image and give outputs that decoders know.

Inputs whose value accuracy-check.yml states (the size of the image, indices of a sequence), and what a network of
clips remembers, which is zero, become constants; super-resolution's second input, the enlarged image, is computed from the first; YOLO
v2's flat heads get their grid back. None of it changes what the model computes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.errors import SourceError
from quantgate.sources import reading
from quantgate.sources.omz.adapters import adapter_of
from quantgate.sources.omz.feeding import FeedingUnknownError, image_input
from quantgate.sources.omz.index import find_model
from quantgate.sources.omz.inputs import enlarged_input, is_stated, masked_input, remembered
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from types import ModuleType

    import openvino as ov

    from quantgate.sources.files import SourceFile
    from quantgate.sources.omz.index import OmzModel

_FLAT_RANK = 2
#: Side of the square that an inpainting network restores, and what it is painted with.
_HIDDEN_PX, _WHITE = 128, 255


def read(source: SourceFile) -> ov.Model:
    """Read a fetched model, and adapt it.

    Raises
    ------
    SourceError
        Where it does not parse, or its inputs and outputs are not what OMZ says of them.
    """
    model = find_model(source.path.stem)
    return adapt(model, reading.read(source))


def adapt(model: OmzModel, network: ov.Model) -> ov.Model:
    """Replace known inputs by their values, and restore flat heads, in place.

    Raises
    ------
    SourceError
        Where a stated value does not fit its input, or a flat head its grid.
    """
    ops = opset()
    for parameter in list(network.get_parameters()):
        node = _value(model, network, parameter, ops)
        if node is not None:
            parameter.output(0).replace(node.output(0))
            network.remove_parameter(parameter)
    if adapter_of(model.accuracy)[0] == "yolo_v2":
        _restore_grids(model, network, ops)
    network.validate_nodes_and_infer_types()
    return network


def _value(model: OmzModel, network: ov.Model, parameter: Any, ops: ModuleType) -> Any:
    """Return the node that replaces an input, or None if it takes the image."""
    names = {parameter.get_friendly_name(), *parameter.output(0).get_names()}
    if enlarged_input(model) in names:
        return _enlarge(model, network, parameter, ops)
    for entry in model.accuracy.get("inputs", ()):
        if entry["name"] in names and is_stated(entry):
            return ops.constant(_stated(model, entry, parameter))
    if masked_input(model) in names:
        return _hidden(network, parameter, ops)
    if names & set(remembered(model)):
        shape, kind = tuple(parameter.output(0).get_shape()), parameter.get_element_type()
        return ops.constant(np.zeros(shape, kind.to_dtype()))
    return None


def _hidden(network: ov.Model, parameter: Any, ops: ModuleType) -> Any:
    """Mark a square in the middle, [1, h, w, 1], and paint it white in the image that the network sees."""
    shape = tuple(parameter.output(0).get_shape())
    mask = np.zeros(shape, np.float32)
    top, left = ((side - _HIDDEN_PX) // 2 for side in shape[1:3])
    mask[:, top : top + _HIDDEN_PX, left : left + _HIDDEN_PX] = 1
    (image,) = (one for one in network.get_parameters() if one is not parameter)
    kept = image.output(0)
    readers = list(kept.get_target_inputs())
    shown = ops.add(ops.multiply(kept, 1 - mask), mask * np.float32(_WHITE))
    for reader in readers:
        reader.replace_source_output(shown.output(0))
    return ops.constant(mask)


def _stated(model: OmzModel, entry: dict[str, Any], parameter: Any) -> Any:
    shape, dtype = tuple(parameter.output(0).get_shape()), parameter.get_element_type().to_dtype()
    if entry["type"] == "ORIG_IMAGE_INFO":
        _, (width, height), _ = image_input(model)
        value: Any = [[height, width]]
    else:
        value = entry["value"]
    try:
        return np.broadcast_to(np.asarray(value, dtype), shape).copy()
    except ValueError as error:
        raise SourceError(
            f"omz model {model.name!r}: input {entry['name']} has shape {list(shape)}, its stated "
            f"value {list(np.shape(value))}"
        ) from error


def _enlarge(model: OmzModel, network: ov.Model, parameter: Any, ops: ModuleType) -> Any:
    try:
        name, _, _ = image_input(model)
    except FeedingUnknownError as error:
        raise SourceError(f"omz model {model.name!r}: {error}") from error
    size = np.asarray(parameter.output(0).get_shape()[2:], np.int64)
    return ops.interpolate(
        network.input(name).node,
        ops.constant(size),
        mode="cubic",
        shape_calculation_mode="sizes",
        axes=ops.constant(np.array([2, 3], np.int64)),
    )


def _restore_grids(model: OmzModel, network: ov.Model, ops: ModuleType) -> None:
    _, options = adapter_of(model.accuracy)
    channels = int(options.get("num", 5)) * (5 + int(options.get("classes", 20)))
    _, (width, height), _ = image_input(model)
    for result in network.get_results():
        source = result.input(0).get_source_output()
        shape = tuple(source.get_shape())
        if len(shape) != _FLAT_RANK:
            continue
        cells = shape[1] / channels
        rows = round(math.sqrt(cells * height / width))
        columns = round(cells / rows) if rows else 0
        if rows * columns * channels != shape[1]:
            raise SourceError(
                f"omz model {model.name!r}: an output of {shape[1]} numbers is no grid of {channels}"
            )
        grid = ops.constant(np.array([1, channels, rows, columns], np.int64))
        reshaped = ops.reshape(source, grid, special_zero=False).output(0)
        names = source.get_names()
        source.set_names(set())
        reshaped.set_names(names)
        result.input(0).replace_source_output(reshaped)
