"""Two maps of one grid that differ in their channels: which is which, and where the channels are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from quantgate.decoders.ports import finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.decoders.protocol import Outputs, Port

_RANK = 4
_FIRST, _LAST = 1, 3


class TwoMaps(NamedTuple):
    """Both ports, and the axis of their channels."""

    first: Port
    second: Port
    axis: int

    def read(self, outputs: Outputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Values of both, [h, w, channels].

        Raises
        ------
        DecoderError
            On NaN or infinity.
        """
        order = (1, 2, 0) if self.axis == _FIRST else (0, 1, 2)
        first, second = (finite(outputs, port.name)[0] for port in (self.first, self.second))
        return first.transpose(order), second.transpose(order)


def two_maps(ports: Sequence[Port], channels: tuple[int, int]) -> TwoMaps | None:
    """Find two maps [1, c, h, w] or [1, h, w, c] of so many channels and of one grid; None where it is not clear."""
    found = [
        TwoMaps(first, second, axis)
        for first in ports
        for second in ports
        for axis in (_FIRST, _LAST)
        if first is not second and _fit((first.shape, second.shape), channels, axis)
    ]
    return found[0] if len(found) == 1 else None


def _fit(shapes: tuple[Sequence[int], Sequence[int]], channels: tuple[int, int], axis: int) -> bool:
    if any(len(shape) != _RANK or shape[0] not in {1, -1} for shape in shapes):
        return False
    grids = [[*shape[1:axis], *shape[axis + 1 :]] for shape in shapes]
    return tuple(shape[axis] for shape in shapes) == channels and all(
        a == b or -1 in {a, b} for a, b in zip(*grids, strict=True)
    )
