"""What is kept of one image's text: the string and how sure the model is of it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.comparison import Comparison
from quantgate.core.predictions import Transcript
from quantgate.errors import DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.record import Arrays, offsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth

#: Both roles' strings over one set of images.
Transcribed: TypeAlias = Comparison[Transcript]
#: No line is so long: what gives more is no text.
LONGEST = 10_000


def compact(
    prediction: Pair[Transcript], truth: Truth | None, name: str = "this image"
) -> Pair[Transcript]:
    """Keep both roles' strings.

    Raises
    ------
    DecoderError
        On a confidence that is infinite, and on text longer than any line, naming the image.
    """
    del truth  # it travels beside the record
    for role in ROLES:
        found = prediction[role]
        if math.isinf(found.confidence):
            raise DecoderError(f"{name}, {role} model: the confidence is infinite")
        if len(found.text) > LONGEST:
            raise DecoderError(
                f"{name}, {role} model: a text of {len(found.text):,} characters is no line; check the "
                "decoder's outputs"
            )
    return prediction


def pack(records: Sequence[Transcript]) -> Arrays:
    """Flatten records; ``unpack`` gives them back exactly."""
    encoded = [record.text.encode("utf-8", "surrogatepass") for record in records]
    return {
        "starts": offsets([len(one) for one in encoded]),
        "bytes": np.frombuffer(b"".join(encoded), np.uint8),
        "confidences": np.array([record.confidence for record in records], np.float64),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[Transcript]:
    """Inverse of ``pack``: records of bytes [total], where each starts [images + 1], confidences [images]."""
    whole = np.asarray(arrays["bytes"], np.uint8).tobytes()
    starts = np.asarray(arrays["starts"], np.int64).tolist()
    confidences = np.asarray(arrays["confidences"], np.float64).tolist()
    return [
        Transcript(whole[start:stop].decode("utf-8", "surrogatepass"), sure)
        for (start, stop), sure in zip(pairwise(starts), confidences, strict=True)
    ]
