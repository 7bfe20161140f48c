"""Check an ignored scope against the graph before NNCF sees it, and suggest what was meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from quantgate.errors import QuantizationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openvino as ov

    from quantgate.entries import IgnoredScope

_WEIGHTY = frozenset({"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"})


def check_ignored(model: ov.Model, ignored: IgnoredScope) -> None:
    """Refuse an ignored scope that fits no layer.

    Raises
    ------
    QuantizationError
        Says what comes near.
    """
    ops = [op for op in model.get_ordered_ops() if op.get_type_name() != "Constant"]
    # The layers people mean come first: graphs are full of small nodes with numbers for names.
    ops.sort(key=lambda op: op.get_type_name() not in _WEIGHTY)
    names = [op.get_friendly_name() for op in ops]
    types = sorted({op.get_type_name() for op in ops})
    _check_among(ignored.names, names, "names")
    _check_among(ignored.types, types, "types")
    for number, part in enumerate(ignored.subgraphs):
        _check_among(part.inputs, names, f"subgraphs[{number}].inputs")
        _check_among(part.outputs, names, f"subgraphs[{number}].outputs")
    for pattern in ignored.patterns:
        try:
            fits = re.compile(pattern).match
        except re.error as error:
            raise QuantizationError(
                f"calibrate.ignored.patterns: {pattern!r} is not a regular expression ({error})"
            ) from error
        if not any(map(fits, names)):
            raise QuantizationError(
                f"calibrate.ignored.patterns: {pattern!r} matches the start of no layer's name; "
                f"names look like {', '.join(map(repr, names[:3]))}"
            )


def _check_among(asked: Sequence[str], present: Sequence[str], field: str) -> None:
    for name in asked:
        if name not in present:
            near = get_close_matches(name, present, n=3, cutoff=0.5) or list(present[:3])
            raise QuantizationError(
                f"calibrate.ignored.{field}: the model has no {name!r}; did you mean "
                f"{' or '.join(map(repr, near))}?"
            )
