"""Inputs beside the image, replaced by stated values before anything else sees the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.errors import PreprocessError
from quantgate.sources.opset import opset

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openvino as ov
    from numpy.typing import NDArray

Value = float | tuple[float, ...]


def fix_inputs(model: ov.Model, constants: Mapping[str, Value]) -> None:
    """Replace inputs by constants, in place; a dynamic dimension becomes 1.

    Parameters
    ----------
    constants
        By the input's name: a number for all its elements, or all of them row by row.

    Raises
    ------
    PreprocessError
        For a name that no input has, and for numbers that are not as many as the input takes.
    """
    found = {name: port for port in model.inputs for name in port.get_names()}
    for name, value in constants.items():
        if name not in found:
            raise PreprocessError(
                f"preprocess.constants names {name!r}, found the inputs "
                f"{', '.join(sorted(found)) or 'none'}; name one of them"
            )
        port = found[name]
        parameter: Any = port.get_node()
        constant = opset().constant(_filled(name, value, port))
        parameter.output(0).replace(constant.output(0))
        model.remove_parameter(parameter)
    if constants:
        model.validate_nodes_and_infer_types()


def _filled(name: str, value: Value, port: Any) -> NDArray[Any]:
    partial = port.get_partial_shape()
    if partial.rank.is_dynamic:
        raise PreprocessError(f"preprocess.constants.{name}: the input has no shape to be filled")
    shape = tuple(1 if side.is_dynamic else side.get_length() for side in partial)
    numbers = np.asarray(value, dtype=port.get_element_type().to_dtype())
    if numbers.ndim == 0:
        return np.full(shape, numbers)
    if numbers.size != np.prod(shape, dtype=np.int64):
        raise PreprocessError(
            f"preprocess.constants.{name} gives {numbers.size} numbers, the input of shape "
            f"{list(shape)} takes {int(np.prod(shape, dtype=np.int64))}"
        )
    return numbers.reshape(shape)
