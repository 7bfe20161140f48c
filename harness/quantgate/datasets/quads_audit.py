"""What is odd about annotated quadrilaterals: sides that cross, and corners that run the other way around."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.quads import crossed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.datasets.audit import Marked

_NAMED = 3


def audit_quads(images: Sequence[Marked]) -> Iterator[str]:
    """Tell what is no proof of a mistake: it changes nothing of what is judged."""
    known = [image for image in images if image.objects.quads is not None and len(image.objects)]
    if not known:
        return
    quads = np.concatenate([image.objects.quads for image in known])
    names = [
        f"{image.name}, {image.places[k]}" if k < len(image.places) else image.name
        for image in known
        for k in range(len(image.objects))
    ]
    crossing = crossed(quads)
    if crossing.any():
        yield (
            f"the sides of {int(crossing.sum())} of {len(quads)} quadrilaterals cross "
            f"({_some(names, crossing)}): their corners are in another order than around them, and the hull of "
            "the four is taken"
        )
    x, y = quads[..., 0].astype(np.float64), quads[..., 1].astype(np.float64)
    doubled = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)
    back, forth = (doubled < 0) & ~crossing, (doubled > 0) & ~crossing
    if back.any() and forth.any():
        few = back if back.sum() <= forth.sum() else forth
        way = "counter-clockwise" if few is back else "clockwise"
        yield (
            f"the corners of {int(few.sum())} of {len(quads)} quadrilaterals run {way}, those of the others the "
            f"other way around ({_some(names, few)}): they are judged alike"
        )


def _some(names: Sequence[str], chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:
    rows = np.flatnonzero(chosen)
    return ", ".join(names[int(k)] for k in rows[:_NAMED]) + (", …" if len(rows) > _NAMED else "")
