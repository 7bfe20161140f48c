"""Maps of numbers in files: PNG of 8 or 16 bits, npy, EXR, and optical flow of Middlebury and KITTI."""

from __future__ import annotations

import io
import os
import struct
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from quantgate.borders import border
from quantgate.datasets.headers import HEAD_BYTES, image_kind, pixel_size
from quantgate.datasets.truths import LazyDense
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.entries import DatasetEntry

_FLO_MAGIC = 202021.25
#: Larger components are Middlebury's mark of what is not known.
_FLO_UNKNOWN = 1e9
_RANK, _CHANNELS = 3, frozenset({1, 2})
#: KITTI's flow: 16 bits of red and green less 2**15, in 1/64 px, and blue where it is known.
_KITTI_ZERO, _KITTI_STEP = 2.0**15, 64.0


def dense_file(
    path: Path, digest: str, entry: DatasetEntry, scale: float | None = None
) -> LazyDense:
    """Make the map in a file, as the keys of its dataset say what its numbers are.

    Parameters
    ----------
    digest
        Hex digest of the file's bytes.
    scale
        In place of the dataset's ``value_scale``.
    """
    factor = entry.value_scale if scale is None else scale
    keys = (factor, entry.invalid, entry.valid_range)
    return LazyDense(partial(_values, path, keys), f"map {digest} {keys}", entry.unit or "")


def own_planes(path: Path, unit: str) -> LazyDense:
    """Make a and b of CIE Lab of a picture itself: what colourization of its lightness should give."""
    return LazyDense(partial(_planes, path), "a and b of the image", unit)


def _values(
    path: Path,
    keys: tuple[float, tuple[float, ...] | None, tuple[float, float] | None],
) -> NDArray[np.float32]:
    """Read a map [h, w, c], scaled, NaN where nothing is known."""
    scale, invalid, bounds = keys
    stored = read_values(path)
    marks = invalid if invalid is not None else (0.0,) if stored.shape[2] == 1 else ()
    unknown = ~np.isfinite(stored).all(axis=2)
    for mark in marks:
        unknown |= (stored == np.float32(mark)).all(axis=2)
    values = stored * np.float32(scale)
    if bounds is not None:
        with np.errstate(invalid="ignore"):
            unknown |= ((values < bounds[0]) | (values > bounds[1])).any(axis=2)
    values[unknown] = np.nan
    return values


def _planes(path: Path) -> NDArray[np.float32]:
    import cv2

    from quantgate.datasets.truths import picture

    pixels = picture(path).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)[..., 1:])


def read_values(path: Path) -> NDArray[np.float32]:
    """Numbers of a file as they are stored, float32 [height, width, channels].

    Raises
    ------
    DatasetError
        Where it cannot be read, or holds something else than one or two numbers a pixel.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(f"{path} is no map; expected {', '.join(sorted(READERS))}")
    with border(DatasetError, f"{path} cannot be read as a map", "write it anew"):
        values = np.asarray(reader(path), np.float32)
    if values.ndim == _RANK and values.shape[0] in _CHANNELS and values.shape[2] not in _CHANNELS:
        values = values.transpose(1, 2, 0)
    if values.ndim == _RANK - 1:
        values = values[..., None]
    if values.ndim != _RANK or values.shape[2] not in _CHANNELS or not values.size:
        raise DatasetError(
            f"{path} holds an array of {list(values.shape)}, expected [height, width], with one number or two "
            "a pixel"
        )
    return np.ascontiguousarray(values)


def size_of(path: Path) -> tuple[int, int] | None:
    """Width and height that the head of a file tells; None where it has to be read whole."""
    data = _bytes(path)
    if path.suffix.lower() == ".flo" and len(data) >= 12:  # noqa: PLR2004 - mark, width, height
        width, height = struct.unpack("<ii", data[4:12])
        return width, height
    return pixel_size(data) if image_kind(data[:HEAD_BYTES]) else None


def _from_png(path: Path) -> NDArray[np.float32]:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DatasetError(f"{path} cannot be decoded; write it anew")
    if pixels.ndim == _RANK and pixels.dtype == np.uint16 and pixels.shape[2] == _RANK:
        return _kitti_flow(pixels)
    if pixels.ndim == _RANK:
        raise DatasetError(
            f"{path} holds colours, expected a number a pixel: 8 or 16 bits of grey (a picture of depth in false "
            "colours cannot be read back)"
        )
    return np.asarray(pixels, np.float32)


def _kitti_flow(pixels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Flow of KITTI's PNG, [h, w, 2], of pixels [h, w, 3] in BGR."""
    flow = (pixels[..., :0:-1].astype(np.float32) - np.float32(_KITTI_ZERO)) / np.float32(
        _KITTI_STEP
    )
    flow[pixels[..., 0] == 0] = np.nan
    return flow


def _from_npy(path: Path) -> NDArray[np.float32]:
    found = np.load(io.BytesIO(_bytes(path)), allow_pickle=False)
    return np.asarray(found, np.float32)


def _from_flo(path: Path) -> NDArray[np.float32]:
    data = _bytes(path)
    magic, width, height = struct.unpack("<fii", data[:12])
    if magic != _FLO_MAGIC or len(data) != 12 + 8 * width * height or min(width, height) < 1:
        raise DatasetError(f"{path} is no flow as Middlebury writes it; write it anew")
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2).copy()
    flow[(np.abs(flow) > _FLO_UNKNOWN).any(axis=2)] = np.nan
    return flow


def _from_exr(path: Path) -> NDArray[np.float32]:
    import cv2

    # OpenCV's builds have the reader, and ask for this word before they use it.
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
    try:
        pixels = cv2.imdecode(np.frombuffer(_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DatasetError(
            f"{path}: this build of OpenCV does not read OpenEXR; write the map as .npy"
        ) from error
    if pixels is None:
        raise DatasetError(f"{path} cannot be decoded as OpenEXR; write the map as .npy")
    same = pixels.ndim == _RANK and (pixels == pixels[..., :1]).all()
    return np.asarray(pixels[..., 0] if same else pixels, np.float32)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error


#: What reads the numbers of a file, by its suffix.
READERS: Mapping[str, Callable[[Path], NDArray[np.float32]]] = {
    ".png": _from_png,
    ".tif": _from_png,
    ".tiff": _from_png,
    ".npy": _from_npy,
    ".exr": _from_exr,
    ".flo": _from_flo,
}
