"""Find a decoder's outputs among the model's."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import numpy as np

from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.decoders.protocol import Decoder, Outputs

Shape = tuple[int, ...]
Found = TypeVar("Found")


def as_table(shape: Shape) -> tuple[int, int] | None:
    """Rows and columns of an output whose leading dimensions are all 1 (or dynamic), else None."""
    if len(shape) < 2 or any(d not in {1, -1} for d in shape[:-2]):  # noqa: PLR2004 - two of a table
        return None
    return shape[-2], shape[-1]


def only(ports: Sequence[Port]) -> Port | None:
    """Give the one port of these, or None where there are none or several."""
    return ports[0] if len(ports) == 1 else None


def describe(ports: Sequence[Port]) -> str:
    """Every output with its shape, for messages: ``boxes [1,4420,4], scores [1,4420,2]``."""
    shapes = (
        f"{port.name} [{','.join('?' if d < 0 else str(d) for d in port.shape)}]" for port in ports
    )
    return ", ".join(shapes) or "none"


class MisfitError(DecoderError):
    """Outputs that a decoder cannot read; ``ports`` are those that were found."""

    def __init__(self, kind: str, expected: str, ports: Sequence[Port]) -> None:
        super().__init__(f"decoder {kind} expects {expected}, found the outputs {describe(ports)}")
        self.kind = kind
        self.ports = tuple(ports)


class NotFiniteError(DecoderError):
    """Outputs with NaN or infinity: no other way to read them would help."""


def chosen(ports: Sequence[Port], names: Sequence[str] | None) -> tuple[Port, ...]:
    """Ports with these names in this order, or all ports where no names are given.

    Raises
    ------
    DecoderError
        When the model has no output of a given name.
    """
    if names is None:
        return tuple(ports)
    by_name = _by_every_name(ports)
    missing = [name for name in names if name not in by_name]
    if missing:
        raise DecoderError(
            f"the decoder's outputs name {', '.join(missing)}, which the model does not have; "
            f"found the outputs {describe(ports)}"
        )
    return tuple(by_name[name] for name in names)


class ByShape(ABC, Generic[Found]):
    """The head of every decoder that reads particular outputs: its ``find`` picks them by shape."""

    __slots__ = ()

    #: Which outputs it reads, for messages.
    expects: ClassVar[str] = ""

    if TYPE_CHECKING:

        @property
        def kind(self) -> str:
            """Name in models.toml, a field of every decoder."""

        @property
        def outputs(self) -> tuple[str, ...] | None:
            """Names of the outputs it reads, a field of every decoder."""

    @abstractmethod
    def find(self, ports: Sequence[Port], *, named: bool) -> Found | None:
        """Pick the outputs it reads, or None where these do not fit; ``named``: in its own order."""

    def expected(self, ports: Sequence[Port]) -> str:  # noqa: ARG002 - some look at what is there
        """Say which outputs it reads, for the message when ``find`` picks none of ``ports``."""
        return self.expects

    @classmethod
    def fits(cls, ports: Sequence[Port]) -> bool:
        """Whether outputs of these shapes could be read, with no key set."""
        return cls().find(ports, named=False) is not None

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse outputs that do not fit (see Decoder)."""
        self.picked(ports)

    def picked(self, ports: Sequence[Port]) -> Found:
        """Give what ``find`` picks of the ports that were named, or of all.

        Raises
        ------
        MisfitError
            When it picks nothing.
        DecoderError
            When the model has no output of a given name.
        """
        own = chosen(ports, self.outputs)
        found = self.find(own, named=self.outputs is not None)
        if found is None:
            raise MisfitError(self.kind, self.expected(own), ports)
        return found


def _by_every_name(ports: Sequence[Port]) -> dict[str, Port]:
    """Ports by name and alias; TensorFlow's name of an operation stands for its first output."""
    every = {alias: port for port in ports for alias in port.aliases}
    every |= {port.name: port for port in ports}
    return {name.removesuffix(":0"): port for name, port in every.items()} | every


def with_own_names(decoder: Decoder, ports: Sequence[Port]) -> Decoder:
    """Replace aliases in a decoder's outputs by the names that the outputs are passed on with.

    Raises
    ------
    DecoderError
        When the model has no output of a given name.
    """
    if hasattr(decoder, "named_as"):  # it names outputs in other keys, too
        decoder = decoder.named_as(ports)
    if decoder.outputs is None:
        return decoder
    own = tuple(port.name for port in chosen(ports, decoder.outputs))
    return decoder if own == decoder.outputs else replace(cast("Any", decoder), outputs=own)


def ports_of(outputs: Outputs) -> tuple[Port, ...]:
    """Ports of one inference's raw outputs."""
    return tuple(Port(name, tuple(array.shape)) for name, array in outputs.items())


def finite(outputs: Outputs, name: str) -> NDArray[np.float32]:
    """Read one raw output as float32 [1, ...], the batch kept.

    Raises
    ------
    DecoderError
        When it holds NaN or infinity.
    """
    array: NDArray[Any] = np.asarray(outputs[name], dtype=np.float32)
    if _suspicious(array):
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise NotFiniteError(
                f"output {name} holds NaN or infinity in {bad} of {array.size} values; "
                "the model is broken for this image"
            )
    return array


def finite_rows(outputs: Outputs, ports: Sequence[Port]) -> NDArray[np.float32]:
    """Rows [n, columns] of several tables, one after the other.

    Raises
    ------
    DecoderError
        When one holds NaN or infinity.
    """
    rows = np.concatenate(
        [np.asarray(outputs[port.name], np.float32).reshape(-1, port.shape[-1]) for port in ports]
    )
    if _suspicious(rows):
        for port in ports:
            finite(outputs, port.name)
    return rows


def _suspicious(values: NDArray[np.float32]) -> bool:
    """Whether values [...] may hold NaN or infinity: one sum is several times cheaper than isfinite.

    A sum that overflows is to be looked at again.
    """
    with np.errstate(all="ignore"):
        return not math.isfinite(values.sum())
