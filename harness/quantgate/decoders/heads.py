"""Several small heads: a class, labels or numbers each, as outputs of their own or as parts of one."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping  # noqa: TC003 - read at run time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, MinLen
from typing_extensions import Doc

from quantgate.core.heads import Head, HeadKind
from quantgate.core.predictions import Attributes
from quantgate.decoders.boxes import sigmoid, softmax
from quantgate.decoders.fields import Fraction, OutputNames
from quantgate.decoders.ports import ByShape, describe, finite, ports_of
from quantgate.decoders.protocol import Port  # noqa: TC001 - read at run time
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

#: Shares may sum to 1 only roughly: a quantized softmax rounds each of them.
_SUM_TOLERANCE = 0.1
#: Numbers of a head that nobody described, at most.
_SMALL = 100
_SEVERAL = 2
_KINDS: Mapping[str, HeadKind] = {"softmax": "class", "sigmoid": "label", "value": "value"}


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """``decoder.heads.NAME``: what one head says, and where in the outputs it is."""

    output: Annotated[
        str | None, Doc("its output; default: the one of its name, or the only one there is")
    ] = None
    part: Annotated[
        tuple[Annotated[int, Ge(0)], Annotated[int, Gt(0)]] | None,
        Doc(
            "which numbers of the output are its own, from the first to that behind the last, counted from 0: "
            "[0, 4] are four; default: all"
        ),
    ] = None
    kind: Annotated[
        Literal["softmax", "sigmoid", "value"] | None,
        Doc(
            "softmax: one of several classes; sigmoid: labels that are there or not; value: numbers as they are; "
            "default: softmax of several numbers, value of one"
        ),
    ] = None
    names: Annotated[
        Annotated[tuple[str, ...], MinLen(1)] | None,
        Doc(
            "of its numbers, in the model's order: the classes of a softmax; of sigmoid and value the attributes "
            "that the numbers are"
        ),
    ] = None
    logits: Annotated[
        bool | None,
        Doc(
            "softmax or sigmoid is still to be applied; default: softmax where its numbers do not sum to 1, "
            "sigmoid never"
        ),
    ] = None
    threshold: Annotated[Fraction, Doc("sigmoid: share from which on a label is there")] = 0.5
    scale: Annotated[float, Doc("value: what the model gives is multiplied by this")] = 1.0
    offset: Annotated[float, Doc("value: and this is added")] = 0.0
    unit: Annotated[str, Doc("value: what it is then, as in years")] = ""
    period: Annotated[
        Annotated[float, Gt(0)] | None,
        Doc("value: after which it begins anew, 360 for degrees; default: never"),
    ] = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One head, and where its numbers are."""

    name: str
    entry: HeadEntry
    output: str
    span: slice
    size: int

    @property
    def kind(self) -> Literal["softmax", "sigmoid", "value"]:
        """As the entry says, or by the count of its numbers."""
        return self.entry.kind or ("value" if self.size == 1 else "softmax")

    def heads(self) -> Iterator[Head]:
        """Give its attributes: one of a softmax, else one a number."""
        entry, kind = self.entry, _KINDS[self.kind]
        if kind == "class":
            yield Head(self.name, kind, self.size, entry.names or ())
            return
        plain = (
            (self.name,) if self.size == 1 else tuple(f"{self.name}[{i}]" for i in range(self.size))
        )
        group = self.name if entry.names else ""
        for name in entry.names or plain:
            if kind == "label":
                yield Head(name, kind, threshold=entry.threshold, group=group)
            else:
                yield Head(name, kind, unit=entry.unit, period=entry.period)

    def read(self, outputs: Outputs) -> NDArray[np.float32]:
        """Its numbers, [size]: shares of classes and labels, values in their unit."""
        values = finite(outputs, self.output).reshape(-1)[self.span]
        entry, kind = self.entry, self.kind
        if kind == "value":
            return np.asarray(values * np.float32(entry.scale) + np.float32(entry.offset))
        if kind == "sigmoid":
            return sigmoid(values) if entry.logits else values
        return (
            softmax(values)
            if entry.logits or (entry.logits is None and not _sums(values))
            else values
        )


@dataclass(frozen=True, slots=True)
class HeadsDecoder(ByShape[tuple[_Part, ...]]):
    """Attributes by name: classes (softmax), labels (sigmoid) and values, each head an output or a part of one."""

    tasks: ClassVar[tuple[str, ...]] = ("attributes",)
    expects: ClassVar[str] = (
        "several outputs of one row of numbers each, [1,8], [1,8,1,1] or [1,1]; of one output its parts, by "
        "decoder.heads"
    )
    kind: Literal["heads"] = "heads"
    heads: Annotated[
        Mapping[str, HeadEntry],
        Doc(
            "what the model says, by name; default: each output is a head of its name, of one number a value, of "
            'more a softmax; { age = { output = "fc3", scale = 100, unit = "years" } }'
        ),
    ] = field(default_factory=dict)
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[_Part, ...] | None:
        """Find the numbers of every head; without any described, each of several small rows is one."""
        if self.heads:
            return tuple(_part(name, _entry(own), ports) for name, own in self.heads.items())
        rows = [_row(port) for port in ports]
        enough = len(ports) >= (1 if named else _SEVERAL)
        if not enough or not all(count and count <= _SMALL for count in rows):
            return None
        return tuple(
            _Part(port.name, HeadEntry(), port.name, slice(0, count), count)
            for port, count in zip(ports, rows, strict=True)
            if count
        )

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse outputs that do not fit, and two attributes of one name (see Decoder)."""
        names = [head.name for part in self.picked(ports) for head in part.heads()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DecoderError(
                f"decoder.heads gives two attributes the name {twice!r}: annotations could not tell them apart; "
                "choose others in decoder.heads.NAME.names"
            )

    def named_as(self, ports: Sequence[Port]) -> HeadsDecoder:
        """Name the output of each head as it is passed on, whatever alias the manifest has."""
        found = {part.name: replace(part.entry, output=part.output) for part in self.picked(ports)}
        return replace(self, heads=found if self.heads else {})

    def decode(self, outputs: Outputs, frame: Frame) -> Attributes:  # noqa: ARG002 - no geometry
        """What each head says of one image (see Decoder)."""
        parts = self.picked(ports_of(outputs))
        heads = tuple(head for part in parts for head in part.heads())
        return Attributes(heads, np.concatenate([part.read(outputs) for part in parts]))


def _entry(given: HeadEntry | Mapping[str, object]) -> HeadEntry:
    """What describes a head, also where it was read from a file."""
    return given if isinstance(given, HeadEntry) else HeadEntry(**given)  # type: ignore[arg-type]


def _part(name: str, entry: HeadEntry, ports: Sequence[Port]) -> _Part:
    """Find the numbers of a head that is described.

    Raises
    ------
    DecoderError
        Where its output or its part is not there, or names are as many as its numbers are not.
    """
    where = f"decoder.heads.{name}"
    port = _port(where, name, entry, ports)
    count = _row(port)
    if count is None:
        raise DecoderError(f"{where}.output: expected one row of numbers, found {describe([port])}")
    first, last = entry.part or (0, count)
    if not first < last <= count:
        raise DecoderError(
            f"{where}.part: expected numbers from 0 to {count} of {describe([port])}, the first below the last, "
            f"found [{first}, {last}]"
        )
    size = last - first
    if entry.names and len(entry.names) != size:
        raise DecoderError(
            f"{where}.names: {len(entry.names)} names for {size} numbers of {describe([port])}: name each, in the "
            "model's order, or choose its numbers by part"
        )
    if entry.kind == "softmax" and size == 1:
        raise DecoderError(
            f"{where}.kind: a softmax of one number always gives 1; say sigmoid or value for {describe([port])}"
        )
    return _Part(name, entry, port.name, slice(first, last), size)


def _port(where: str, name: str, entry: HeadEntry, ports: Sequence[Port]) -> Port:
    wanted = entry.output or name
    by_name = {alias: port for port in ports for alias in (*port.aliases, port.name)}
    if wanted in by_name:
        return by_name[wanted]
    if entry.output is None and len(ports) == 1:
        return ports[0]
    near = difflib.get_close_matches(wanted, by_name, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    key = f"{where}.output" if entry.output else where
    raise DecoderError(
        f"{key}: the model has no output {wanted!r}, found the outputs {describe(ports)}{meant}"
    )


def _row(port: Port) -> int | None:
    """Numbers of an output whose only dimension above 1 is not the batch; None of any other."""
    shape = port.shape
    if shape[:1] not in {(), (1,), (-1,)} or any(side < 1 for side in shape[1:]):
        return None
    count = math.prod(shape[1:])
    return count if count == max(shape[1:], default=1) else None


def _sums(values: NDArray[np.float32]) -> bool:
    return (
        float(values.min()) >= 0 and abs(float(values.sum(dtype=np.float64)) - 1) <= _SUM_TOLERANCE
    )
