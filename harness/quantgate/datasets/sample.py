"""A sample and a dataset: what every loader returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - read at run time
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - read at run time
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from quantgate.core.comparison import Comparison

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quantgate.core.comparison import ImageResult
    from quantgate.core.predictions import Truth
    from quantgate.core.regions import Cut
    from quantgate.core.skeletons import Skeleton

R = TypeVar("R")
#: Where pixels come from: a file, or a function that renders them (built-in data).
ImageSource: TypeAlias = "Path | Callable[[], NDArray[np.uint8]]"


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its truth, if there is one; the image is read only when it is needed.

    Parameters
    ----------
    name
        Posix path relative to the dataset's root: unique within the dataset, stable across runs.
    image
        A path, or a function returning uint8 [height, width, 3] in BGR order.
    digest
        Hex digest of the image's content (file bytes, or everything that determines a rendering).
    truth
        The annotation, or None in a not-annotated dataset.
    group
        Key for stratified subsets (class id of the annotation), or None.
    """

    name: str
    image: ImageSource
    digest: str
    truth: Truth | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A frozen list of samples.

    Parameters
    ----------
    name
        The key in ``[datasets.NAME]``.
    labels
        Class names; predictions and truths index into them. Empty where nothing names classes.
    digest
        Hex digest over every sample's name, content and truth, in order: the same digest means
        the same evaluation set.
    skipped
        ``(name, reason)`` of every file left out: unreadable ones are at most 1 % of all images.
    labels_open
        The names were gathered from the images and end with the highest class among them: a model
        may know more classes. Declared names are all there are.
    notes
        Sentences about what is odd in images or annotations, and no proof of a mistake.
    segments
        Names of the segments that an image belongs to (night, camera = left), by its name.
    turned
        EXIF's orientation of images, by name, where nothing tells whether boxes or maps are of the upright
        picture.
    skeleton
        What the key points of its objects are, where some are annotated.
    cuts
        Of samples that are regions, by their name, what they were cut of.
    score_threshold
        Of the entry that is judged on it: from which score on a metric counts objects that it does not rank.
    """

    name: str
    samples: tuple[Sample, ...]
    labels: tuple[str, ...]
    digest: str
    skipped: tuple[tuple[str, str], ...] = ()
    labels_open: bool = False
    notes: tuple[str, ...] = ()
    segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    turned: Mapping[str, int] = field(default_factory=dict)
    skeleton: Skeleton | None = None
    cuts: Mapping[str, Cut] = field(default_factory=dict)
    score_threshold: float = 0.5

    @property
    def annotated(self) -> bool:
        """Whether every sample has a truth."""
        return all(sample.truth is not None for sample in self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def compared(
        self, images: tuple[ImageResult[R], ...], skipped: tuple[tuple[str, str], ...] = ()
    ) -> Comparison[R]:
        """Put what both roles say of its images together, with all that is known of them."""
        return Comparison(
            self.labels,
            images,
            self.digest,
            skipped,
            labels_open=self.labels_open,
            segments=self.segments,
            skeleton=self.skeleton,
            cuts=self.cuts,
            score_threshold=self.score_threshold,
        )
