"""What the bytes of an image file say before they are decoded: format, size in pixels, wholeness.

Decoders draw a truncated JPEG grey and carry on, so that wholeness has to be looked at here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Suffixes of files that claim to be images.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"}
)
#: Enough bytes to tell every format apart.
HEAD_BYTES = 16

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"BM", "bmp"),
)
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN = 0xDA


def image_kind(head: bytes) -> str | None:
    """Format by the first bytes (jpeg, png, gif, tiff, bmp, webp), or None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return next((kind for magic, kind in _SIGNATURES if head.startswith(magic)), None)


def kind_of(path: Path) -> str | None:
    """Format of a file, or None; as `image_kind`."""
    with path.open("rb") as file:
        return image_kind(file.read(HEAD_BYTES))


def fault(data: bytes) -> str | None:
    """Say why a whole file is no readable image; None where nothing speaks against it."""
    if not data:
        return "empty file"
    kind = image_kind(data[:HEAD_BYTES])
    if kind is None:
        return "not an image (JPEG, PNG, BMP, WebP, TIFF or GIF)"
    return None if _COMPLETE[kind](data) else f"truncated {kind.upper()}"


def pixel_size(data: bytes) -> tuple[int, int] | None:
    """``(width, height)`` as the header declares it, or None where it declares none."""
    kind = image_kind(data[:HEAD_BYTES])
    try:
        return None if kind is None else _SIZES[kind](data)
    except (struct.error, IndexError):
        return None


def _jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Marker and offset of every segment up to the first scan, which comes last if it is there."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - a marker's first byte
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill byte
            at += 1
            continue
        found.append((marker, at))
        if marker == _SCAN:
            break
        at += 2 if marker in _BARE_MARKERS else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def _jpeg_complete(data: bytes) -> bool:
    # A thumbnail inside the header has an end marker of its own: look behind the scan's start.
    segments = _jpeg_segments(data)
    return bool(segments) and segments[-1][0] == _SCAN and data.rfind(b"\xff\xd9") > segments[-1][1]


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, at in _jpeg_segments(data):
        if marker in _SIZE_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    if data[12:16] == b"VP8X":
        return (
            1 + int.from_bytes(data[24:27], "little"),
            1 + int.from_bytes(data[27:30], "little"),
        )
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_size(data: bytes) -> tuple[int, int] | None:
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    sides = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in {256, 257}:
            short = kind == 3  # noqa: PLR2004 - TIFF's SHORT, else LONG
            (sides[tag],) = struct.unpack_from(order + ("H" if short else "I"), data, at + 8)
    return (sides[256], sides[257]) if len(sides) == 2 else None  # noqa: PLR2004


def _bmp_size(data: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


_COMPLETE: dict[str, Callable[[bytes], bool]] = {
    "jpeg": _jpeg_complete,
    "png": lambda data: b"IEND" in data[-4096:],
    "gif": lambda data: data.rstrip(b"\x00").endswith(b"\x3b"),
    "tiff": lambda data: len(data) > 8,  # noqa: PLR2004 - its header
    "bmp": lambda data: len(data) > 26 and int.from_bytes(data[2:6], "little") <= len(data),  # noqa: PLR2004
    "webp": lambda data: int.from_bytes(data[4:8], "little") + 8 <= len(data),
}
_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "jpeg": _jpeg_size,
    "png": lambda data: struct.unpack_from(">II", data, 16),
    "gif": lambda data: struct.unpack_from("<HH", data, 6),
    "tiff": _tiff_size,
    "bmp": _bmp_size,
    "webp": _webp_size,
}
