"""Truths that are read from their files, or drawn, only when they are needed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from harness.core.predictions import IGNORED, LabelMap, Rendering
from harness.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

#: Modes of Pillow whose pixels are class ids: palette (the index), and 8 bits of grey.
_INDEXED = frozenset({"P", "L"})


class LabelMapFile(LabelMap):
    """A class map in a file: its pixels are read whenever they are asked for.

    Parameters
    ----------
    path
        The file.
    digest
        Hex digest of its bytes.
    table
        Label of each id in the file, -1: ignored, as are ids behind it; None: the ids are labels.
    """

    __slots__ = ("digest", "path", "table")
    path: Path
    digest: str
    table: tuple[int, ...] | None

    def __init__(self, path: Path, digest: str, table: tuple[int, ...] | None = None) -> None:
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "digest", digest if table is None else f"{digest} as {table}")
        object.__setattr__(self, "table", table)

    def __repr__(self) -> str:
        return f"LabelMapFile({self.path})"

    @property
    def labels(self) -> NDArray[np.uint8]:
        """As in LabelMap."""
        pixels = read_label_map(self.path)
        return pixels if self.table is None else _lookup(self.table)[pixels]


class RenderingFile(Rendering):
    """A picture in a file: its pixels are read whenever they are asked for; see LabelMapFile."""

    __slots__ = ("digest", "path")
    path: Path
    digest: str

    def __init__(self, path: Path, digest: str) -> None:
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "digest", digest)

    def __repr__(self) -> str:
        return f"RenderingFile({self.path})"

    @property
    def pixels(self) -> NDArray[np.float32]:
        """As in Rendering."""
        from harness.datasets.images import decode_image

        return decode_image(_bytes(self.path), str(self.path)).astype(np.float32)


class LabelMapDrawn(LabelMap):
    """A class map that is drawn whenever it is asked for.

    Parameters
    ----------
    draw
        Gives the classes, uint8 [height, width].
    digest
        Hex digest of everything that determines the drawing.
    """

    __slots__ = ("digest", "draw")
    draw: Callable[[], NDArray[np.uint8]]
    digest: str

    def __init__(self, draw: Callable[[], NDArray[np.uint8]], digest: str) -> None:
        object.__setattr__(self, "draw", draw)
        object.__setattr__(self, "digest", digest)

    def __repr__(self) -> str:
        return f"LabelMapDrawn({self.digest})"

    @property
    def labels(self) -> NDArray[np.uint8]:
        """As in LabelMap."""
        return self.draw()


class RenderingDrawn(Rendering):
    """A picture that is drawn, uint8 BGR, whenever it is asked for; see LabelMapDrawn."""

    __slots__ = ("digest", "draw")
    draw: Callable[[], NDArray[np.uint8]]
    digest: str

    def __init__(self, draw: Callable[[], NDArray[np.uint8]], digest: str) -> None:
        object.__setattr__(self, "draw", draw)
        object.__setattr__(self, "digest", digest)

    def __repr__(self) -> str:
        return f"RenderingDrawn({self.digest})"

    @property
    def pixels(self) -> NDArray[np.float32]:
        """As in Rendering."""
        return self.draw().astype(np.float32)


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

    try:
        with Image.open(io.BytesIO(_bytes(path))) as image:
            mode, pixels = image.mode, np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} cannot be decoded: its image data are damaged") from error
    if mode not in _INDEXED:
        raise DatasetError(
            f"{path} holds pixels of mode {mode}, expected class ids: a PNG with a palette or with 8 "
            "bits of grey"
        )
    return np.asarray(pixels, np.uint8)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
