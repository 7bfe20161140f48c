"""A decoder: the class of the highest score, of outputs [1, classes]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from quantgate.core.predictions import ClassScores
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs


@dataclass(frozen=True, slots=True)
class DemoScores(ByShape[Port]):
    """Probabilities [1, classes], as they are."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "demo-top")
    expects: ClassVar[str] = "one output [1, classes]"
    kind: Literal["demo-scores"] = "demo-scores"
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:
        """Pick the one table of one row."""
        del named
        return only([port for port in ports if len(port.shape) == 2 and port.shape[0] == 1])

    def decode(self, outputs: Outputs, frame: Frame) -> ClassScores:
        """Hand the scores on."""
        del frame
        found = self.picked(ports_of(outputs))
        return ClassScores(finite(outputs, found.name).reshape(-1))
