"""Which labels truths name: for strata, and checked against the list of labels."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import IGNORED, ClassLabel, Identity, LabelMap, Objects
from quantgate.datasets.truths import LazyLabelMap
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth


def labels_in(
    truth: Truth | None, maps: Mapping[str, NDArray[np.int64]] | None = None
) -> tuple[int, ...]:
    """Labels that a truth names, once each; ``maps``: pixels by value [256] of maps by digest."""
    if isinstance(truth, ClassLabel):
        return (truth.label,)
    if isinstance(truth, Objects):
        return tuple(np.unique(truth.labels).tolist())
    if isinstance(truth, LazyLabelMap) and maps is not None and truth.digest in maps:
        return tuple(np.flatnonzero(maps[truth.digest][:IGNORED]).tolist())
    if isinstance(truth, LabelMap):
        return tuple(label for label in np.unique(truth.labels).tolist() if label != IGNORED)
    return ()


def rarest(seen: Sequence[Sequence[int]]) -> list[int | None]:
    """For each image the label that is rarest in the whole set: what subsets are stratified by."""
    counts = Counter(label for labels in seen for label in labels)
    return [min(labels, key=lambda k: (counts[k], k)) if labels else None for labels in seen]


def strata(truths: Sequence[Truth | None], seen: Sequence[Sequence[int]]) -> list[int | None]:
    """What subsets are stratified by: the rarest label of each image, or the number of its identity."""
    if not any(isinstance(truth, Identity) for truth in truths):
        return rarest(seen)
    numbers: dict[str, int] = {}
    return [
        numbers.setdefault(truth.name, len(numbers)) if isinstance(truth, Identity) else None
        for truth in truths
    ]


def rarest_labels(truths: Sequence[Truth | None]) -> list[int | None]:
    """As `rarest`, of truths."""
    return rarest([labels_in(truth) for truth in truths])


def check_labels(
    name: str, seen: Iterable[tuple[str, Sequence[int]]], labels: tuple[str, ...]
) -> None:
    """Refuse a truth whose class is outside the labels.

    Raises
    ------
    DatasetError
        Names the image and the class id.
    """
    for image, own in seen if labels else ():
        for label in own:
            if not 0 <= label < len(labels):
                raise DatasetError(
                    f"datasets.{name}: {image} is annotated with class id {label}, the "
                    f"{len(labels)} labels end at {len(labels) - 1}; complete datasets.{name}.labels"
                )
