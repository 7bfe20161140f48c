"""Which other files an ONNX model keeps its weights in, read from the protobuf wire format.

Field numbers: onnx.proto3 (ONNX IR), ModelProto and the messages below it. Only what leads to
tensors is followed; payloads are skipped, never copied.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from quantgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LENGTH_DELIMITED = 2
_FIXED_SIZES = {1: 8, 5: 4}

#: Message → {field number: message it holds}; "text" is a string that ends the path.
_FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
}


def external_locations(path: Path) -> tuple[str, ...]:
    """Names of the files beside an ONNX model that hold its tensors, sorted.

    Raises
    ------
    SourceError
        Where the file ends in the middle of a message, or points outside of its folder.
    """
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        try:
            found = {name.decode() for name in _locations(data, "model", (0, len(data)))}
        except (IndexError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise SourceError(
                f"{path}: is not a complete ONNX file (truncated or damaged): get it again"
            ) from error
    outside = [name for name in found if name.startswith("/") or ".." in name.split("/")]
    if outside:
        raise SourceError(f"{path}: points outside of its folder for its weights ({outside[0]})")
    return tuple(sorted(found))


def _locations(data: mmap.mmap, message: str, span: tuple[int, int]) -> Iterator[bytes]:
    known = _FIELDS[message]
    for number, start, stop in chunks(data, span):
        inner = known.get(number)
        if inner == "external":
            entry = {field: data[a:b] for field, a, b in chunks(data, (start, stop))}
            if entry.get(1) == b"location":
                yield entry.get(2, b"")
        elif inner is not None:
            yield from _locations(data, inner, (start, stop))


def chunks(data: mmap.mmap, span: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield field number, start and stop of every length-delimited field of a message."""
    at, end = span
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _LENGTH_DELIMITED:
            length, at = _varint(data, at)
            if at + length > end:
                raise IndexError("a field is longer than its message")
            yield number, at, at + length
            at += length
        elif wire == 0:
            _, at = _varint(data, at)
        elif wire in _FIXED_SIZES:
            at += _FIXED_SIZES[wire]
        else:
            raise IndexError("unknown wire type")
    if at != end:
        raise IndexError("a field is longer than its message")


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
