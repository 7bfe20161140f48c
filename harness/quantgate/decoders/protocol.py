"""What a decoder is: a frozen dataclass of parameters that can check outputs and decode them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Prediction


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a model: its name and its shape (-1 where a dimension is dynamic).

    ``aliases`` are the other names that the model has for it.
    """

    name: str
    shape: tuple[int, ...]
    aliases: tuple[str, ...] = ()


#: Raw outputs of one inference by port name, in the model's order; the batch dimension is kept.
Outputs = Mapping[str, "NDArray[Any]"]


class Decoder(Protocol):
    """A frozen dataclass with a ``kind``; its other fields are the decoder's keys in models.toml."""

    #: Tasks that its predictions serve.
    tasks: ClassVar[tuple[str, ...]]

    @property
    def kind(self) -> str:
        """Name in models.toml."""
        ...

    @property
    def outputs(self) -> tuple[str, ...] | None:
        """Names of the outputs it reads; None: found by their shapes."""
        ...

    @staticmethod
    def fits(ports: Sequence[Port]) -> bool:
        """Whether outputs of these shapes could be read, with no key set."""
        ...

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse outputs that do not fit.

        Raises
        ------
        MisfitError
            Says which outputs were found and which shapes this decoder expects.
        """
        ...

    def decode(self, outputs: Outputs, frame: Frame) -> Prediction:
        """Turn the raw outputs of one image into a prediction in original-image pixels.

        Raises
        ------
        DecoderError
            On NaN or infinity.
        """
        ...
