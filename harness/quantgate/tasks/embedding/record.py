"""What is kept of one image's embedding: the vector itself, a few hundred numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.comparison import Comparison
from quantgate.core.nearest import Vectors
from quantgate.core.predictions import Embedding
from quantgate.errors import DecoderError, MeasurementError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.record import Arrays, offsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth
    from quantgate.pair import Role

#: Both roles' vectors over one set of images.
Embedded: TypeAlias = Comparison[Embedding]


def compact(
    prediction: Pair[Embedding], truth: Truth | None, name: str = "this image"
) -> Pair[Embedding]:
    """Keep both roles' vectors.

    Raises
    ------
    DecoderError
        On NaN, infinity, zeros alone, and vectors of different lengths, naming the image.
    """
    del truth  # it travels beside the record
    for role in ROLES:
        vector = prediction[role].vector
        if not np.isfinite(vector).all():
            raise DecoderError(f"{name}, {role} model: the vector holds NaN or infinity")
        if not vector.any():
            raise DecoderError(
                f"{name}, {role} model: the vector is all zeros, which is like nothing"
            )
    lengths = prediction.map(lambda one: len(one.vector))
    if lengths.parent != lengths.optimized:
        raise DecoderError(
            f"{name}: the parent's vector has {lengths.parent} numbers, the optimized model's "
            f"{lengths.optimized}: they cannot be compared"
        )
    return prediction


def pack(records: Sequence[Embedding]) -> Arrays:
    """Flatten records; ``unpack`` gives them back exactly."""
    return {
        "starts": offsets([len(one.vector) for one in records]),
        "numbers": np.concatenate([np.zeros(0, np.float32), *(one.vector for one in records)]),
        "euclidean": np.array([one.euclidean for one in records], np.bool_),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[Embedding]:
    """Inverse of ``pack``: numbers [total], where each starts [images + 1], how they are compared [images]."""
    starts = np.asarray(arrays["starts"], np.int64)
    numbers = np.split(np.asarray(arrays["numbers"], np.float32), starts[1:-1])
    told = np.asarray(arrays["euclidean"], np.bool_).tolist()
    return [Embedding(*one) for one in zip(numbers, told, strict=False)]


def vectors(comparison: Embedded, role: Role) -> Vectors:
    """Stack one role's vectors.

    Raises
    ------
    MeasurementError
        Where there are none, or of several lengths.
    """

    def stacked() -> Vectors:
        records = [result.record[role] for result in comparison.images]
        if not records:
            raise MeasurementError("the evaluation set holds no image: nothing can be compared")
        lengths = {len(one.vector) for one in records}
        if len(lengths) > 1:
            raise MeasurementError(
                f"vectors have {min(lengths)} to {max(lengths)} numbers on these images: give the model an "
                "input of one size (preprocess.size)"
            )
        return Vectors(np.stack([one.vector for one in records]), records[0].euclidean)

    return comparison.once(f"vectors {role}", stacked)


def cosines(comparison: Embedded) -> NDArray[np.float64]:
    """Cosine between both roles' vectors of each image, [images]."""

    def computed() -> NDArray[np.float64]:
        both = [vectors(comparison, role).rows.astype(np.float64) for role in ROLES]
        power = np.linalg.norm(both[0], axis=1) * np.linalg.norm(both[1], axis=1)
        return np.asarray(np.clip(np.multiply(*both).sum(axis=1) / power, -1, 1))

    return comparison.once("cosines", computed)
