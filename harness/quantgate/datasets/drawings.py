"""Rendered scenes as they were drawn, kept in the store.

Every step of every model reads them again, and drawing one takes many times as long as reading it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from quantgate.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

#: A set that takes more is drawn whenever it is read.
MOST_BYTES = 256 * 2**20
_KIND, _FILE = "scenes", "pixels.bin"


@dataclass(frozen=True, slots=True)
class Drawings:
    """The images of one set.

    Parameters
    ----------
    series
        What is drawn.
    renderer
        Digest of what draws it.
    shape
        ``(images, height, width)``, and 3 where they are in colour.
    cache
        Root of the store; None where nothing is kept.
    """

    series: str
    renderer: str
    shape: tuple[int, ...]
    cache: Path | None

    def draw(self, draw: Callable[[Callable[[NDArray[np.uint8]], object]], None]) -> bool:
        """Keep what is drawn; False where nothing is, or it is there already: nothing was drawn then.

        Parameters
        ----------
        draw
            Draws all images, and gives each, [height, width, ...], to what it is called with, in order.
        """
        if self.cache is None or math.prod(self.shape) > MOST_BYTES:
            return False
        built = False

        def build(folder: Path) -> None:
            nonlocal built
            with (folder / _FILE).open("wb") as file:
                draw(lambda image: file.write(np.ascontiguousarray(image).tobytes()))
            built = True

        Store(self.cache).get_or_build(_KIND, self.key(), build)
        return built

    def image(self, index: int) -> NDArray[np.uint8] | None:
        """Read one image, uint8 [height, width] or [height, width, 3]; None where it is not kept."""
        file = _whole(self)
        if file is None:
            return None
        size = math.prod(self.shape[1:])
        try:
            pixels = np.fromfile(file, np.uint8, size, offset=index * size)
        except OSError:  # removed meanwhile
            return None
        return pixels.reshape(self.shape[1:]) if pixels.size == size else None

    def key(self) -> dict[str, str]:
        """Everything that determines the pixels."""
        return {"renderer": self.renderer, "series": self.series}


@lru_cache(maxsize=16)
def _whole(drawings: Drawings) -> Path | None:
    """Find the file, and check that nobody changed it: once a process."""
    if drawings.cache is None:
        return None
    store = Store(drawings.cache)
    held = store.holds(_KIND, drawings.key())
    return store.address(_KIND, drawings.key()) / _FILE if held else None
