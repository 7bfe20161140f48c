"""A picture out of the model: style transfer, super-resolution, restoration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from typing_extensions import Doc

from quantgate.core.predictions import Rendering
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

_RANK = 4
_FLAT = 2
#: Below this a side of [1, h, w] is no picture's, but a table's.
_SMALLEST_PX = 8
_CHANNELS = frozenset({1, 3})


@dataclass(frozen=True, slots=True)
class ImageDecoder(ByShape[Port]):
    """One picture of three channels, or of one, at the model's own output size."""

    tasks: ClassVar[tuple[str, ...]] = ("image_to_image",)
    expects: ClassVar[str] = "one picture [1,3,h,w], [1,h,w,3], [1,1,h,w], [1,h,w,1] or [1,h,w]"
    kind: Literal["image"] = "image"
    colour: Annotated[Literal["bgr", "rgb"], Doc("order of the output's channels")] = "bgr"
    scale: Annotated[
        float, Gt(0), Doc("multiplied to reach 0..255: 255 for outputs 0..1, 1 for 0..255")
    ] = 255.0
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one picture."""
        return only(_pictures(ports))

    def decode(self, outputs: Outputs, frame: Frame) -> Rendering:  # noqa: ARG002 - its own size
        """Give the picture, cut to 0..255 (see Decoder)."""
        pixels = np.clip(self.picture(outputs), 0, 255)
        return Rendering(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))))

    def picture(self, outputs: Outputs) -> NDArray[np.float32]:
        """Give the picture [h, w, channels] in BGR, not cut to 0..255.

        Raises
        ------
        DecoderError
            On NaN or infinity, and where there is not one picture.
        """
        found = self.picked(ports_of(outputs))
        values = finite(outputs, found.name)[0]
        if values.ndim == _FLAT:
            values = values[..., None]
        elif values.shape[2] not in _CHANNELS:
            values = values.transpose(1, 2, 0)
        if self.colour == "rgb":
            values = values[..., ::-1]
        return np.asarray(values * np.float32(self.scale))


def _pictures(ports: Sequence[Port]) -> list[Port]:
    return [port for port in ports if _is_picture(port.shape)]


def _is_picture(shape: tuple[int, ...]) -> bool:
    if len(shape) == _FLAT + 1:  # [1, h, w]: one channel, and no table of a few columns
        return shape[0] in {1, -1} and not any(0 <= side < _SMALLEST_PX for side in shape[1:])
    return len(shape) == _RANK and (shape[1] in _CHANNELS or shape[3] in _CHANNELS)
