"""The result of running both roles over one evaluation set: what accuracy gates and reports read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quantgate.core.predictions import Truth
    from quantgate.core.regions import Cut
    from quantgate.core.skeletons import Skeleton
    from quantgate.pair import Pair

#: Images, or objects, that a segment needs before its own drop is judged.
FEWEST_IN_SEGMENT = 10
R = TypeVar("R")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class TensorDistance:
    """Distance of one raw output between the roles on one image.

    ``mse`` mean squared error; ``relative`` mse / mean square of the parent; ``sqnr_db`` (inf
    where the outputs are equal); ``cosine`` similarity; ``largest`` absolute difference. Of the
    parent: its mean, ``centre``, and standard deviation, ``spread``, over the output's elements;
    ``centred_cosine``: the similarity once each role's mean is taken away, NaN where one is constant.
    """

    output: str
    mse: float
    relative: float
    sqnr_db: float
    cosine: float
    largest: float
    centre: float = math.nan
    spread: float = math.nan
    centred_cosine: float = math.nan


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
    #: ``(name, reason)`` of images that could not be read, at most 1 % of all.
    skipped: tuple[tuple[str, str], ...] = ()
    #: As in the dataset: the labels were gathered, the model may know classes beyond them.
    labels_open: bool = False
    #: As in the dataset: names of the segments that an image belongs to, by the image's name.
    segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: As in the dataset: what key points are, where its objects have some.
    skeleton: Skeleton | None = None
    #: As in the dataset: of samples that are regions, by their name, what they were cut of.
    cuts: Mapping[str, Cut] = field(default_factory=dict)
    #: As in the dataset: from which score on a metric counts objects that it does not rank.
    score_threshold: float = 0.5
    _derived: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.images)

    def once(self, key: str, compute: Callable[[], V]) -> V:
        """Compute a value once per key and return it again on later calls.

        Limits, tables and pictures rest on the same matches and the same AP; those are computed
        once. ``key`` must name every parameter of the computation.
        """
        if key not in self._derived:
            self._derived[key] = compute()
        value: V = self._derived[key]
        return value
