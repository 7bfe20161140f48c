"""The .weights file: a header, then float32 in the order of the layers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from quantgate.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Darknet before 0.2 counted the images seen in 32 bits; versions from 1000 on mark transposed files.
_WIDE_FROM = 2
_TRANSPOSED_FROM = 1000


class WeightReader:
    """Reads the floats of a .weights file in order, and knows how many are left.

    Raises
    ------
    SourceError
        Where the file is missing, shorter than its header, or no whole number of floats.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
        offset = _header_bytes(path, data)
        if (len(data) - offset) % 4:
            raise SourceError(
                f"{path}: expected whole 4-byte floats after the header, found {len(data) - offset} "
                "bytes: the file is truncated, fetch it again"
            )
        self._floats: NDArray[np.float32] = np.frombuffer(data, dtype="<f4", offset=offset)
        self._next = 0

    def take(self, count: int, where: str) -> NDArray[np.float32]:
        """Return the next floats [count], for the layer that ``where`` names.

        Raises
        ------
        SourceError
            Where fewer are left, or one of them is NaN or infinite.
        """
        left = len(self._floats) - self._next
        if count > left:
            raise SourceError(
                f"{self._path}: {where} needs {count} floats, found {left} (expected at least "
                f"{self._next + count} in the file, found {len(self._floats)}): it is truncated or "
                "belongs to another cfg"
            )
        chunk = self._floats[self._next : self._next + count]
        if not np.isfinite(chunk).all():
            raise SourceError(f"{self._path}: {where} has NaN or infinite weights")
        self._next += count
        return chunk

    def finish(self, where: str) -> None:
        """Raise a SourceError where floats are left after the last layer, which ``where`` names."""
        if self._next != len(self._floats):
            raise SourceError(
                f"{self._path}: expected {self._next} floats up to the end of {where}, found "
                f"{len(self._floats)}: it belongs to another cfg"
            )


def _header_bytes(path: Path, data: bytes) -> int:
    if len(data) >= 12:  # noqa: PLR2004 - three int32
        major, minor, _ = struct.unpack_from("<3i", data)
        wide = major * 10 + minor >= _WIDE_FROM and max(major, minor) < _TRANSPOSED_FROM
        size = 20 if wide else 16
        if min(major, minor) >= 0 and len(data) >= size:
            return size
    raise SourceError(
        f"{path}: expected a Darknet .weights file (a header of 16 or 20 bytes, then float32), found "
        f"{len(data)} bytes of other data"
    )
