"""Annotated classes of whole images that are counted, or lined up, differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import ClassLabel
from quantgate.tasks.doubts.labels import class_doubts, no_better

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.tasks.classification.record import ClassRecord

_FEWEST = 10
_MORE = 0.3
#: Images below which chance tells nothing, and other images whose classes are tried on each.
_FEWEST_BY_CHANCE, _OTHERS = 20, 12


def image_doubts(comparison: Comparison[ClassRecord]) -> tuple[str, ...]:
    """Compare the annotated classes with those that the parent gives."""
    pairs = [
        (one.truth.label, one.record.parent.label)
        for one in comparison.images
        if isinstance(one.truth, ClassLabel)
    ]
    if len(pairs) < _FEWEST:
        return ()
    annotated, found = np.array(pairs, np.int64).T
    own = float((annotated == found).mean())
    for step, which in ((1, "previous"), (-1, "next")):
        share = float((np.roll(annotated, step) == found).mean())
        # Sorted by class, neighbours are of one class, and nothing can be told.
        alike = float((np.roll(annotated, step) == annotated).mean())
        if share >= own + _MORE and alike < _MORE:
            said = (
                f"the parent gives {own:.0%} of {len(found)} images the annotated class, and "
                f"{share:.0%} that of the {which} image: are the lines of the annotations in order?"
            )
            return (said,)
    told = tuple(class_doubts(annotated, found, comparison.labels))
    return told or tuple(_by_chance(annotated, found, own))


def _by_chance(annotated: NDArray[np.int64], found: NDArray[np.int64], own: float) -> Iterator[str]:
    """Annotations that are met no more often than those of other images."""
    n = len(found)
    steps = range(1, min(_OTHERS, n - 1) + 1)
    chance = float(np.mean([(np.roll(annotated, k) == found).mean() for k in steps]))
    if n >= _FEWEST_BY_CHANCE and no_better(own, chance, n):
        yield (
            f"the parent gives {own:.0%} of {n} images the annotated class, and {chance:.0%} that of "
            "another image: are the annotations of these images, and is the parent fed as it was trained "
            "(colour, mean, scale, layout, decoder)?"
        )
