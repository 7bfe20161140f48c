"""Finding a decoder's outputs among the model's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.decoders.protocol import Decoder, Outputs

Shape = tuple[int, ...]
T_co = TypeVar("T_co", covariant=True)


class Find(Protocol[T_co]):
    """Picks a decoder's outputs among ports; where they were named, in their order."""

    def __call__(self, ports: Sequence[Port], *, named: bool) -> T_co | None:
        """Give the outputs, or None where these ports do not fit."""
        ...


def as_table(shape: Shape) -> tuple[int, int] | None:
    """Rows and columns of an output whose leading dimensions are all 1 (or dynamic), else None."""
    if len(shape) < 2 or any(d not in {1, -1} for d in shape[:-2]):  # noqa: PLR2004 - two of a table
        return None
    return shape[-2], shape[-1]


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


def misfit(kind: str, expected: str, ports: Sequence[Port]) -> MisfitError:
    """Make the error for outputs that a decoder cannot read."""
    return MisfitError(kind, expected, ports)


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


def picked(decoder: Decoder, find: Find[T_co], expected: str, ports: Sequence[Port]) -> T_co:
    """Give what ``find`` picks of the ports that the decoder reads.

    Raises
    ------
    DecoderError
        When it picks nothing; ``expected`` says which outputs it looked for.
    """
    found = find(chosen(ports, decoder.outputs), named=decoder.outputs is not None)
    if found is None:
        raise misfit(decoder.kind, expected, ports)
    return found


def _by_every_name(ports: Sequence[Port]) -> dict[str, Port]:
    """Ports by name and alias; TensorFlow's name of an operation stands for its first output."""
    every = {alias: port for port in ports for alias in port.aliases}
    every |= {port.name: port for port in ports}
    return {name.removesuffix(":0"): port for name, port in every.items()} | every


def with_own_names(decoder: Decoder, ports: Sequence[Port]) -> Decoder:
    """Give the decoder the names by which outputs are handed on, in place of their aliases.

    Raises
    ------
    DecoderError
        When the model has no output of a given name.
    """
    if decoder.outputs is None:
        return decoder
    own = tuple(port.name for port in chosen(ports, decoder.outputs))
    return decoder if own == decoder.outputs else replace(cast("Any", decoder), outputs=own)


def ports_of(outputs: Outputs) -> tuple[Port, ...]:
    """Ports of one inference's raw outputs."""
    return tuple(Port(name, tuple(array.shape)) for name, array in outputs.items())


def finite(outputs: Outputs, name: str) -> NDArray[np.float32]:
    """Read one raw output as float32.

    Raises
    ------
    DecoderError
        When it holds NaN or infinity.
    """
    array: NDArray[Any] = np.asarray(outputs[name], dtype=np.float32)
    # One sum is several times cheaper than isfinite; a sum that overflows is looked at again.
    with np.errstate(all="ignore"):
        suspicious = not np.isfinite(array.sum())
    if suspicious:
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise DecoderError(
                f"output {name} holds NaN or infinity in {bad} of {array.size} values; "
                "the model is broken for this image"
            )
    return array
