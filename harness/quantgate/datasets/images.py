"""Reading one image as every model sees it: uint8 BGR, upright."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quantgate.borders import border
from quantgate.datasets.appearance import LARGEST_PX, unread
from quantgate.datasets.headers import HEAD_BYTES, fault, image_kind, pixel_size
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.datasets.sample import Sample


def read_image(sample: Sample) -> NDArray[np.uint8]:
    """Read the pixels of a sample: uint8 [height, width, 3], BGR.

    EXIF orientation is applied, grey becomes BGR, alpha is dropped, 16 bits become 8: as OpenCV's
    imread does it.

    Raises
    ------
    DatasetError
        When the file is gone, damaged, no image, or above 100 megapixels; names the file.
    """
    if not isinstance(sample.image, Path):
        return sample.image()
    path = sample.image
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decode a whole image file to BGR [h, w, 3]; ``where`` names it in errors (as :func:`read_image`)."""
    import cv2

    reason = fault(data)
    if reason is not None:
        raise DatasetError(f"{where} cannot be read: {reason}")
    size = pixel_size(data)
    if size is not None and size[0] * size[1] > LARGEST_PX:
        raise DatasetError(
            f"{where} has {size[0]}x{size[1]} pixels, more than the {LARGEST_PX // 10**6} megapixels "
            "that are read; scale it down or leave it out"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise DatasetError(f"{where} cannot be decoded: {error.err}") from error
    if image is None and image_kind(data[:HEAD_BYTES]) == "gif":
        return _decode_gif(data, where)
    if image is None:
        own = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        raise DatasetError(f"{where} cannot be decoded: {unread(own)}")
    pixels: NDArray[np.uint8] = image
    return pixels


def _decode_gif(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decode the first frame by Pillow: builds of OpenCV before 4.12 have no GIF."""
    from PIL import Image

    with (
        border(
            DatasetError,
            f"{where} cannot be decoded",
            also=(Image.DecompressionBombError, Warning),
        ),
        Image.open(io.BytesIO(data)) as image,
    ):
        pixels = np.asarray(image.convert("RGB"))
    return np.ascontiguousarray(pixels[..., ::-1])
