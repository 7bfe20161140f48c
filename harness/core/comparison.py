"""The result of running both roles over one evaluation set: what accuracy gates and reports read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.pair import Pair

if TYPE_CHECKING:
    from harness.core.predictions import Truth

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TensorDistance:
    """Distance of one raw output between the roles on one image.

    ``mse`` mean squared error; ``relative`` mse / mean square of the parent; ``sqnr_db`` (inf
    where the outputs are equal); ``cosine`` similarity; ``largest`` absolute difference.
    """

    output: str
    mse: float
    relative: float
    sqnr_db: float
    cosine: float
    largest: float


@dataclass(frozen=True, slots=True)
class ImageResult(Generic[R]):
    """One image: its truth and both roles' compact records (what the task keeps of a prediction)."""

    name: str
    size: tuple[int, int]
    truth: Truth | None
    record: Pair[R]
    distances: tuple[TensorDistance, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison(Generic[R]):
    """Both roles over the same images, in dataset order: the whole evaluation of one entry.

    ``images_digest`` is the dataset's digest after subset and hold-out.
    """

    labels: tuple[str, ...]
    images: tuple[ImageResult[R], ...]
    images_digest: str

    def __len__(self) -> int:
        return len(self.images)
