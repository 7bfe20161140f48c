"""What the scenes are made of: files inside scikit-learn, which itself need not be imported.

Its import takes seconds in every process that draws.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE: Final = 8


@cache
def scans() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read scikit-learn's handwritten digits: float32 [n, 8, 8] in 0..1, and the digit of each, int64 [n].

    The same as ``sklearn.datasets.load_digits`` gives.
    """
    lines = gzip.decompress(_file("data/digits.csv.gz")).decode().splitlines()
    table = np.loadtxt(lines, delimiter=",")
    images = table[:, :-1].reshape(-1, _SIDE, _SIDE)
    return images.astype(np.float32) / 16.0, table[:, -1].astype(np.int64)


@cache
def photograph(name: str) -> NDArray[np.uint8]:
    """Decode one of its photographs: uint8 [height, width, 3], BGR."""
    import cv2

    encoded = np.frombuffer(_file(f"images/{name}"), np.uint8)
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)


def _file(name: str) -> bytes:
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("scikit-learn is not installed: built-in scenes are made of it")
    return Path(found.submodule_search_locations[0], "datasets", name).read_bytes()
