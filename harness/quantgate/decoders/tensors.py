"""No decoding at all: raw outputs as they are, for models of which only tensors are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from quantgate.core.predictions import RawOutputs
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import chosen, ports_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs, Port


@dataclass(frozen=True, slots=True)
class TensorsDecoder:
    """Any number of outputs of any shape, passed on as they are."""

    tasks: ClassVar[tuple[str, ...]] = ("generic",)
    kind: Literal["tensors"] = "tensors"
    outputs: OutputNames = None

    @staticmethod
    def fits(ports: Sequence[Port]) -> bool:
        """Whether there is an output: it is never proposed in place of a real decoder."""
        return len(ports) == 0

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse a model without an output of a given name (see Decoder)."""
        chosen(ports, self.outputs)

    def decode(self, outputs: Outputs, frame: Frame) -> RawOutputs:  # noqa: ARG002 - none is needed
        """Give the outputs themselves (see Decoder)."""
        names = [port.name for port in chosen(ports_of(outputs), self.outputs)]
        return RawOutputs({name: outputs[name] for name in names})
