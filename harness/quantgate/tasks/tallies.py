"""What a task's numbers over a whole set are made of, image by image, in a file beside the run.

From two runs' tallies a number is computed on the images that both share, again and again on the same
resamples of them: its difference then has an interval of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from quantgate.tasks.detection import tally as objects
from quantgate.tasks.segmentation import tally as pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.tasks.detection.record import Arrays


class Tally(Protocol):
    """Counts by image; ``scores`` costs, ``number`` picks from them what one limit judges."""

    @property
    def resamples(self) -> int:
        """How many resamples its size allows."""

    def scores(self, weights: NDArray[np.int32]) -> Any:
        """Compute it on resamples that hold each image so often, weights [resamples, images]."""

    def number(self, key: str, scores: Any, whole: Any) -> NDArray[np.float64] | None:
        """Give what a limit judges, [resamples]; None for one that is made of something else."""

    def pack(self) -> Arrays:
        """Flatten it into arrays, each of its own shape [...]."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a task counts, and reads its counts back."""

    tally: Callable[[Comparison[Any], str], Tally | None]
    unpack: Callable[[Mapping[str, NDArray[Any]]], Tally]


_OBJECTS = _Kind(objects.tally, objects.unpack)
#: Numbers of the other tasks are sums over the rows of their tables, which runs keep anyway.
_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "detection": _OBJECTS,
        "instance_segmentation": _OBJECTS,
        "semantic_segmentation": _Kind(pixels.tally, pixels.unpack),
    }
)
_IMAGES = "images"


def save_tally(task: str, comparison: Comparison[Any], metric: str, path: Path) -> bool:
    """Write what the numbers of a comparison are made of; False for a task that needs no file.

    Raises
    ------
    HarnessError
        Where they are not defined on these images.
    """
    kind = _KINDS.get(task)
    found = None if kind is None else kind.tally(comparison, metric)
    if found is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {_IMAGES: np.array([image.name for image in comparison.images]), **found.pack()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return True


def load_tally(task: str, path: Path) -> tuple[tuple[str, ...], Tally]:
    """Read back the names of the images, and what the numbers are made of."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = dict(stored)
    return tuple(map(str, arrays.pop(_IMAGES).tolist())), _KINDS[task].unpack(arrays)
