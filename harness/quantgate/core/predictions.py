"""What a model says about one image, and what is true of it, in columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.core.heads import Head


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores of every class for one image.

    Parameters
    ----------
    scores
        float32 [classes]; probabilities (softmax is applied by the decoder where the model has
        none). Class ids index the dataset's labels: a background class is removed by the decoder.
    """

    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Detections:
    """Objects found in one image, sorted by score, highest first (stable).

    Parameters
    ----------
    boxes
        float32 [n, 4], ``xyxy`` in pixels of the original image, clipped to it.
    scores
        float32 [n], in 0..1.
    labels
        int64 [n], 0-based indices into the dataset's labels.
    masks
        One COCO run-length encoding (``{"size": [h, w], "counts": bytes}``) an object, or None
        where the model gives no masks.
    points
        float32 [n, points, 3]: x and y of each key point in pixels of the original image, not clipped
        to it, and its confidence in 0..1; None where the model gives none.
    spatial
        float32 [n, points, 3]: x, y and z of each key point in the model's own unit, as it gives them; None
        where it gives no depth.
    quads
        float32 [n, 4, 2]: x and y of the corners of each object's quadrilateral in pixels of the original image,
        not clipped to it, of which ``boxes`` are the extents; None where the model gives none.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: tuple[dict[str, object], ...] | None = None
    points: NDArray[np.float32] | None = None
    spatial: NDArray[np.float32] | None = None
    quads: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes.shape != (n, 4) or self.labels.shape != (n,):
            raise ValueError(
                f"columns differ: boxes {self.boxes.shape}, scores {n}, labels {self.labels.shape}"
            )
        if self.points is not None and (self.points.shape[0], *self.points.shape[2:]) != (n, 3):
            raise ValueError(f"key points {self.points.shape}, expected [{n}, points, 3]")
        if self.spatial is not None and (
            self.points is None or self.spatial.shape != self.points.shape
        ):
            raise ValueError(
                f"key points in space {self.spatial.shape}, expected as many as in the picture"
            )
        if self.quads is not None and self.quads.shape != (n, 4, 2):
            raise ValueError(f"quadrilaterals {self.quads.shape}, expected [{n}, 4, 2]")

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Detections:
        """Select objects by index [k] or boolean mask [n], masks included."""
        chosen = np.arange(len(self))[index]
        masks = None if self.masks is None else tuple(self.masks[i] for i in chosen)
        points = None if self.points is None else self.points[chosen]
        spatial = None if self.spatial is None else self.spatial[chosen]
        quads = None if self.quads is None else self.quads[chosen]
        columns = self.boxes[chosen], self.scores[chosen], self.labels[chosen]
        return Detections(*columns, masks, points, spatial, quads)

    @classmethod
    def empty(cls) -> Detections:
        """No object."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), None
        )


@dataclass(frozen=True, slots=True)
class Objects:
    """The annotated objects of one image, ``xyxy`` px; ``crowd`` marks COCO's iscrowd regions.

    ``areas`` (px²) are the annotation's own (mask area where there is one), as COCO's size
    classes use them. ``points`` are float32 [n, points, 3]: x, y and COCO's visibility of each key
    point (0: not annotated, 1: hidden, 2: visible); None where none are annotated. ``outlines`` are
    the annotated polygons, float64 [corners, 2] px each (several parts one after the other), None of
    an object without; None where nothing asks for them. ``spatial`` are float32 [n, points, 3]: x, y and z in a
    unit of their own, NaN where not annotated. ``facts`` are what is annotated of each object besides; None where
    nothing is. ``quads`` are float32 [n, 4, 2]: x and y of the corners of each object's quadrilateral, which may
    lie outside of the image; None where none are annotated.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float32]
    masks: tuple[dict[str, object], ...] | None = None
    points: NDArray[np.float32] | None = None
    outlines: tuple[NDArray[np.float64] | None, ...] | None = None
    spatial: NDArray[np.float32] | None = None
    facts: tuple[Facts, ...] | None = None
    quads: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def aside(self) -> NDArray[np.bool_]:
        """Objects that count neither for nor against, [n]: crowd regions, and those without key points."""
        if self.points is None:
            return self.crowd
        return np.asarray(self.crowd | ~(self.points[:, :, 2] > 0).any(axis=1))


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """The annotated class of one image: 0-based index into the dataset's labels."""

    label: int


#: Class id of pixels that count neither for nor against.
IGNORED = 255


@dataclass(frozen=True, slots=True)
class LabelMap:
    """The class of every pixel, of a prediction or of the truth.

    Parameters
    ----------
    labels
        uint8 [height, width] at the size of the original image; 0-based indices into the
        dataset's labels, ``IGNORED`` in a truth where nothing is annotated.
    shares
        Of maps of one object: how much of each pixel is of it, float32 [height, width] in 0..1, uncut; None
        where nothing tells.
    """

    labels: NDArray[np.uint8]
    shares: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Rendering:
    """A picture as prediction (style transfer, super-resolution, restoration) or as truth.

    Parameters
    ----------
    pixels
        float32 [height, width, 3], BGR, 0..255, not rounded.
    """

    pixels: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a picture of a word or a line reads, as prediction or as truth.

    Parameters
    ----------
    text
        In composed letters (NFC).
    confidence
        How sure the model is, 0..1, the mean over its letters; NaN where nothing says it.
    """

    text: str
    confidence: float = math.nan


#: How predictions are brought to the reference before they are compared: not; by one factor, the ratio of the
#: medians; by the factor and shift of least squares.
Alignment: TypeAlias = Literal["none", "scale", "scale-shift"]


@dataclass(frozen=True, slots=True)
class DenseMap:
    """Numbers at every pixel, as prediction or as truth: depth, disparity, optical flow, planes of colour.

    Parameters
    ----------
    values
        float32 [height, width, channels] of one channel, or of two (flow, a and b of Lab); of a truth NaN
        where nothing is annotated.
    inverse
        Of a prediction: it gives the inverse of what is annotated.
    align
        Of a prediction: up to what it is known, which is found anew in every image.
    unit
        Of a truth: of its numbers, "m"; empty where nothing says it.
    """

    values: NDArray[np.float32]
    inverse: bool = False
    align: Alignment = "none"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Embedding:
    """A vector that stands for an image: the nearer two of them, the likelier they show the same.

    Parameters
    ----------
    vector
        float32 [length]; of length 1 where directions are compared.
    euclidean
        Vectors are compared by their distance, not by their direction.
    """

    vector: NDArray[np.float32]
    euclidean: bool = False


#: Another image, whether it shows the same, and the fold of the comparison.
AnnotatedPair: TypeAlias = tuple[str, bool, int]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom or what an image shows.

    Parameters
    ----------
    name
        Of the person, vehicle, place; empty of a distractor, which is nobody who is sought.
    camera
        Which one took it; empty where nothing says it. Images of one identity and one camera are not sought
        with each other.
    side
        ``query`` is sought in ``gallery``; empty: every image in all others.
    pairs
        Comparisons that are annotated, each with the first of its images.
    """

    name: str
    camera: str = ""
    side: Literal["", "query", "gallery"] = ""
    pairs: tuple[AnnotatedPair, ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """What several heads of a model say of one image.

    Parameters
    ----------
    heads
        What there is, in order.
    values
        float32 [total]: of a class the shares of each, of a label its share, 0..1, of a value the number.
    """

    heads: tuple[Head, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is annotated of one image, or object: text by name of the attribute, as it is written."""

    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RawOutputs:
    """A model's raw outputs by name; nothing is known about their meaning."""

    values: Mapping[str, NDArray[np.generic]]


Prediction: TypeAlias = (
    ClassScores
    | Detections
    | LabelMap
    | Rendering
    | Transcript
    | DenseMap
    | Embedding
    | Attributes
    | RawOutputs
)
Truth: TypeAlias = (
    ClassLabel | Objects | LabelMap | Rendering | Transcript | DenseMap | Identity | Facts
)
