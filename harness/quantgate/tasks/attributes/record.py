"""What is kept of one image's attributes: the numbers of every head."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from quantgate.core.comparison import Comparison
from quantgate.core.heads import Head
from quantgate.core.predictions import Attributes
from quantgate.errors import DecoderError
from quantgate.pair import ROLES, Pair

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth

#: Both roles' attributes over one set of images.
Told: TypeAlias = Comparison[Attributes]


def compact(
    prediction: Pair[Attributes], truth: Truth | None, name: str = "this image"
) -> Pair[Attributes]:
    """Keep both roles' numbers.

    Raises
    ------
    DecoderError
        On NaN or infinity, and on roles that have different heads, naming the image.
    """
    del truth  # it travels beside the record
    for role in ROLES:
        found = prediction[role]
        if not np.isfinite(found.values).all():
            raise DecoderError(f"{name}, {role} model: a head holds NaN or infinity")
    parent, optimized = (prediction[role].heads for role in ROLES)
    if parent != optimized:
        names = [
            ", ".join(f"{head.name} ({head.size})" for head in heads)
            for heads in (parent, optimized)
        ]
        raise DecoderError(
            f"{name}: the roles have different heads, parent {names[0]}, optimized {names[1]}: name their outputs "
            "in decoder.heads"
        )
    return prediction


def pack(records: Sequence[Attributes]) -> dict[str, NDArray[Any]]:
    """Flatten records into values [images, total] and what they are of; ``unpack`` gives them back exactly."""
    heads = [asdict(head) for head in records[0].heads] if records else []
    return {
        "heads": np.frombuffer(json.dumps(heads).encode(), np.uint8),
        "values": np.array([record.values for record in records], np.float32),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[Attributes]:
    """Inverse of ``pack``: records of values [images, total], and of JSON in bytes [length]."""
    told = json.loads(np.asarray(arrays["heads"], np.uint8).tobytes())
    heads = tuple(Head(**{**one, "classes": tuple(one["classes"])}) for one in told)
    return [Attributes(heads, values) for values in np.asarray(arrays["values"], np.float32)]
