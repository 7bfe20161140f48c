"""Annotated classes of whole images that are counted, or lined up, differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import ClassLabel
from quantgate.tasks.doubts.labels import class_doubts

if TYPE_CHECKING:
    from quantgate.core.comparison import Comparison
    from quantgate.tasks.classification.record import ClassRecord

_FEWEST = 10
_MORE = 0.3


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
    return tuple(class_doubts(annotated, found, comparison.labels))
