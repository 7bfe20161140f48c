"""Truths that are read from their files, or drawn, only when they are needed."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from quantgate.borders import border
from quantgate.core.predictions import IGNORED, DenseMap, LabelMap, Rendering
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

#: Modes of Pillow whose pixels are class ids: palette (the index), 8 bits of grey, and one bit.
_INDEXED = frozenset({"P", "L", "1"})
#: The value of a grey pixel that is all of the object.
_LARGEST = 255


class _Lazy:
    """A truth whose pixels are created on demand; its subclasses hold the slots.

    Parameters
    ----------
    make
        Gives the pixels.
    digest
        Of everything that determines them: the same digest means the same pixels.
    """

    __slots__ = ()
    make: Callable[[], NDArray[np.uint8]]
    digest: str

    def __init__(self, make: Callable[[], NDArray[np.uint8]], digest: str) -> None:
        object.__setattr__(self, "make", make)
        object.__setattr__(self, "digest", digest)

    def __reduce__(self) -> tuple[type[_Lazy], tuple[Callable[[], NDArray[np.uint8]], str]]:
        """Let it be pickled: slots that hide fields of a frozen class cannot be set one by one."""
        return type(self), (self.make, self.digest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.digest})"


class LazyLabelMap(_Lazy, LabelMap):
    """A class map, uint8 [height, width], that is read or drawn when it is needed."""

    __slots__ = ("digest", "make")

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Class of every pixel [h, w], as in LabelMap."""
        return self.make()

    @property
    def shares(self) -> NDArray[np.float32] | None:
        """None: classes are whole [h, w]."""
        return None


class LazyMatte(LazyLabelMap):
    """A grey mask whose values are shares of the object, 255 all of it, that is read when it is needed."""

    __slots__ = ()

    @property
    def labels(self) -> NDArray[np.uint8]:
        """1 where at least half of a pixel is of the object, else 0, [h, w]."""
        return (self.make() > _LARGEST // 2).astype(np.uint8)

    @property
    def shares(self) -> NDArray[np.float32]:
        """Share of the object [h, w], as in LabelMap."""
        return self.make().astype(np.float32) / np.float32(_LARGEST)


class LazyDense(DenseMap):
    """Numbers at every pixel that are read or drawn when they are needed; ``make`` gives them, float32."""

    __slots__ = ("digest", "make")
    make: Callable[[], NDArray[np.float32]]
    digest: str

    def __init__(
        self, make: Callable[[], NDArray[np.float32]], digest: str, unit: str = ""
    ) -> None:
        own = {"make": make, "digest": digest, "unit": unit, "inverse": False, "align": "none"}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def __reduce__(
        self,
    ) -> tuple[type[LazyDense], tuple[Callable[[], NDArray[np.float32]], str, str]]:
        """Let it be pickled, as `_Lazy`."""
        return type(self), (self.make, self.digest, self.unit)

    def __repr__(self) -> str:
        return f"LazyDense({self.digest})"

    @property
    def values(self) -> NDArray[np.float32]:
        """Numbers [h, w, channels], NaN where nothing is known, as in DenseMap."""
        return self.make()


class LazyRendering(_Lazy, Rendering):
    """A picture, uint8 BGR, that is read or drawn when it is needed."""

    __slots__ = ("digest", "make")

    @property
    def pixels(self) -> NDArray[np.float32]:
        """BGR [h, w, 3], 0..255, as in Rendering."""
        return self.make().astype(np.float32)


def label_map_file(path: Path, digest: str, table: tuple[int, ...] | None = None) -> LazyLabelMap:
    """Make the class map in a file.

    Parameters
    ----------
    digest
        Hex digest of the file's bytes.
    table
        Label of each id in the file, -1: ignored, as are ids behind it; None: the ids are labels.
    """
    whole = digest if table is None else f"{digest} as {table}"
    return LazyLabelMap(partial(_labels, path, table), f"file {whole}")


def matte_file(path: Path, digest: str) -> LazyMatte:
    """Make the shares in a grey file; ``digest`` is that of its bytes."""
    return LazyMatte(partial(read_label_map, path), f"matte {digest}")


def rendering_file(path: Path, digest: str) -> LazyRendering:
    """Make the picture in a file; ``digest`` is that of its bytes."""
    return LazyRendering(partial(picture, path), f"file {digest}")


def _labels(path: Path, table: tuple[int, ...] | None) -> NDArray[np.uint8]:
    pixels = read_label_map(path)
    return pixels if table is None else _lookup(table)[pixels]


def picture(path: Path) -> NDArray[np.uint8]:
    """Pixels of an image file, uint8 [height, width, 3] BGR."""
    from quantgate.datasets.images import decode_image

    return decode_image(_bytes(path), str(path))


def _lookup(table: tuple[int, ...]) -> NDArray[np.uint8]:
    labels = np.full(256, IGNORED, np.uint8)
    known = np.asarray(table[:256])
    labels[: len(known)] = np.where(known < 0, IGNORED, known)
    return labels


def read_label_map(path: Path) -> NDArray[np.uint8]:
    """Class ids [height, width] of a PNG: palette indices, or grey values.

    Raises
    ------
    DatasetError
        Where the file is damaged, or holds colours instead of class ids.
    """
    from PIL import Image

    with (
        border(
            DatasetError,
            f"{path} cannot be decoded",
            also=(Image.DecompressionBombError, Warning),
        ),
        Image.open(io.BytesIO(_bytes(path))) as image,
    ):
        mode, pixels = image.mode, np.asarray(image)
    if mode not in _INDEXED:
        raise DatasetError(
            f"{path} holds pixels of mode {mode}, expected class ids: a PNG with a palette, with 8 bits of "
            "grey, or with one"
        )
    return np.asarray(pixels, np.uint8)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
