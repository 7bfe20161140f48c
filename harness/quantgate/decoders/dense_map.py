"""Numbers at every pixel: depth, disparity, optical flow, planes of colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from typing_extensions import Doc

from quantgate.core.predictions import DenseMap
from quantgate.decoders.class_map import to_original
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

_FLAT, _RANK = 3, 4
_CHANNELS = frozenset({1, 2})
#: Below this a side of [1, h, w] is no map's, but a table's.
_SMALLEST_PX = 8


@dataclass(frozen=True, slots=True)
class DenseMapDecoder(ByShape[Port]):
    """One map of one number a pixel, or of two, brought to the size of the original image."""

    tasks: ClassVar[tuple[str, ...]] = ("dense",)
    expects: ClassVar[str] = "one map [1,1,h,w], [1,h,w,1], [1,h,w], [1,2,h,w] or [1,h,w,2]"
    kind: Literal["dense-map"] = "dense-map"
    factor: Annotated[
        float, Gt(0), Doc("multiplied to reach the unit of the annotations: 0.001 for mm to m")
    ] = 1.0
    inverse: Annotated[
        bool, Doc("the model gives the inverse of what is annotated: inverse depth, disparity")
    ] = False
    align: Annotated[
        Literal["none", "scale", "scale-shift"],
        Doc(
            "how far the model's numbers are known, in each image anew: up to a factor (the ratio of the medians), or "
            "up to factor and shift (least squares, as MiDaS evaluates), of inverse numbers before they are inverted"
        ),
    ] = "none"
    vectors: Annotated[
        bool,
        Doc("two channels are a displacement in pixels of the input, as optical flow has them"),
    ] = False
    resize: Annotated[
        Literal["linear", "nearest"], Doc("how the map is brought to the image's size")
    ] = "linear"
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one map."""
        return only([port for port in ports if _is_map(port.shape, vectors=self.vectors)])

    def decode(self, outputs: Outputs, frame: Frame) -> DenseMap:
        """Numbers at every pixel of the original image (see Decoder)."""
        values = to_original(self.map(outputs), frame, self.resize)
        if self.vectors:
            values = np.asarray(values / np.array(frame.scale, np.float32), np.float32)
        return DenseMap(np.ascontiguousarray(values), self.inverse, self.align)

    def map(self, outputs: Outputs) -> NDArray[np.float32]:
        """Give the map [h, w, channels] as the model has it, in the annotations' unit.

        Raises
        ------
        DecoderError
            On NaN or infinity, and where there is not one map.
        """
        found = self.picked(ports_of(outputs))
        values = finite(outputs, found.name)[0]
        if values.ndim == _FLAT - 1:
            values = values[..., None]
        elif values.shape[0] in _CHANNELS and values.shape[2] not in _CHANNELS:
            values = values.transpose(1, 2, 0)
        return np.ascontiguousarray(values * np.float32(self.factor))


def _is_map(shape: tuple[int, ...], *, vectors: bool) -> bool:
    if not shape or shape[0] not in {1, -1}:
        return False
    sides, channels = shape[1:], 1
    if len(shape) == _RANK:
        first = shape[1] in _CHANNELS and shape[3] not in _CHANNELS
        channels = shape[1] if first else shape[3]
        sides = shape[2:] if first else shape[1:3]
    elif len(shape) != _FLAT:
        return False
    wanted = {2} if vectors else _CHANNELS
    return channels in wanted and not any(0 <= side < _SMALLEST_PX for side in sides)
