"""How an image file looks once it is read: upright, and with how many bits a channel."""

from __future__ import annotations

import io
from dataclasses import dataclass

from quantgate.borders import DAMAGE
from quantgate.datasets.headers import HEAD_BYTES, image_kind, pixel_size

#: Orientations of EXIF that exchange width and height.
LYING = frozenset({5, 6, 7, 8})
#: Larger images are refused: one of them would take over 300 MB and starve everything else.
LARGEST_PX = 100_000_000
_ORIENTATION = 0x0112
_EXIF_MARKS = (b"Exif\0\0", b"eXIf", b"EXIF")
_PNG_DEPTH_AT, _DEEP = 24, 16
#: Bytes of a channel that readers of colours take, at most.
_READ_BYTES = 2


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a file's headers and EXIF say about its image; rare formats are decoded.

    Parameters
    ----------
    width, height
        Upright, in pixels; 0 where unknown.
    orientation
        EXIF's, 1 where there is none: the stored pixels are turned by it.
    bits
        Bits that the largest value of a channel takes, in files of 16 bits; 0 in others.
    reason
        Why it cannot be read after all; else empty.
    """

    width: int = 0
    height: int = 0
    orientation: int = 1
    bits: int = 0
    reason: str = ""

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the pixels before they are turned upright."""
        size = self.width, self.height
        return size[::-1] if self.orientation in LYING else size


def appearance(data: bytes) -> Appearance:
    """Look at a whole image file, which must be of a known format."""
    kind = image_kind(data[:HEAD_BYTES])
    turned = orientation(data) if kind == "tiff" or _has_exif(data) else 1
    deep = kind == "png" and data[_PNG_DEPTH_AT : _PNG_DEPTH_AT + 1] == bytes([_DEEP])
    # Readers differ in which formats they turn upright: what is rare is read to see.
    if kind == "tiff" or deep or (turned != 1 and kind != "jpeg"):
        return _decoded(data, turned)
    width, height = pixel_size(data) or (0, 0)
    return Appearance(*((height, width) if turned in LYING else (width, height)), turned)


def orientation(data: bytes) -> int:
    """EXIF orientation, 1..8; 1 if there is none or it cannot be determined."""
    from PIL import Image

    damage: tuple[type[Exception], ...] = (
        *DAMAGE,
        Image.DecompressionBombError,
        Warning,  # where warnings are errors
    )
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = image.getexif().get(_ORIENTATION)
    except damage:
        return 1  # the file is faulty, and left out with its reason where it is read
    return found if isinstance(found, int) and 1 <= found <= 8 else 1  # noqa: PLR2004 - EXIF's last


def _has_exif(data: bytes) -> bool:
    return any(mark in data for mark in _EXIF_MARKS)


def _decoded(data: bytes, turned: int) -> Appearance:
    import cv2
    import numpy as np

    size = pixel_size(data) or (0, 0)
    if size[0] * size[1] > LARGEST_PX:
        return Appearance(*size, turned)
    try:
        encoded = np.frombuffer(data, np.uint8)
        own = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        # A reader of colours refuses these, and warns of each on the terminal.
        wide = own is not None and own.dtype.itemsize > _READ_BYTES
        image = None if wide else cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error:
        return Appearance(*size, turned)
    if image is None:
        return Appearance(*size, turned, reason=unread(own))
    height, width = image.shape[:2]
    if own is None or own.dtype != np.uint16:
        return Appearance(width, height, turned)
    return Appearance(width, height, turned, max(1, int(own.max()).bit_length()))


def unread(pixels: object) -> str:
    """Say why pixels that a reader of colours refuses cannot be used."""
    kind = getattr(getattr(pixels, "dtype", None), "name", None)
    if kind is None:
        return "its image data are damaged"
    return f"its pixels are {kind}, whose range nothing tells: convert them to 8 or 16 bits"
