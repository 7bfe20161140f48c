"""Annotated attributes that the parent tells otherwise: counted from elsewhere, in another unit, of other images."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.heads import plain
from quantgate.errors import DatasetError
from quantgate.tasks.attributes.answers import (
    answers_of,
    columns_of,
    names_of,
    truths_of,
    with_truth,
)
from quantgate.tasks.doubts.labels import class_doubts, no_better

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.core.heads import Head
    from quantgate.core.predictions import Attributes

_FEWEST, _FEWEST_BY_CHANCE, _OTHERS = 10, 20, 12
#: Labels that fit the other way round have to be so many more, and so many at all.
_MORE, _AT_LEAST = 0.2, 0.6
#: Correlation from which values follow the annotations; factors that are none, and usual ones.
_FOLLOWS, _NEAR = 0.6, 1.6
_FACTORS = {100.0: "hundredths", 180 / np.pi: "radians for degrees", 360.0: "shares of a turn", 10.0: "tenths",
            255.0: "shares of 255"}  # fmt: skip
#: How near to a usual factor a slope has to be.
_USUAL = 1.35


def head_doubts(comparison: Comparison[Attributes]) -> tuple[str, ...]:
    """Compare what is annotated of each head with what the parent says."""
    if not len(comparison) or not with_truth(comparison):
        return ()
    try:
        truths = truths_of(comparison)
    except DatasetError:  # which whoever judges says
        return ()
    said: list[str] = []
    all_of = answers_of(comparison)
    for k, head in enumerate(all_of.heads):
        known = ~np.isnan(truths[:, k])
        pair = truths[known, k], all_of.said.parent[known, k]
        told = list(_of_head(head, *pair)) if known.sum() >= _FEWEST else []
        said += told or ([] if known.any() else list(_unannotated(head, comparison)))
    return tuple(said)


def _of_head(head: Head, truth: NDArray[np.float64], found: NDArray[np.float64]) -> Iterator[str]:
    """Suspect one head: its first suspicion."""
    if len(np.unique(truth)) == 1:
        yield (
            f"all {len(truth)} annotations of {head.name} are {head.told(float(truth[0]))}: an answer that never "
            "changes would be right on all; is the column what it should be?"
        )
        return
    doubts = {"class": _class, "label": _label, "value": _value}[head.kind](head, truth, found)
    first = next(doubts, None)
    if first is not None:
        yield first
    elif head.kind != "value":
        yield from _by_chance(head, truth, found)


def _class(head: Head, truth: NDArray[np.float64], found: NDArray[np.float64]) -> Iterator[str]:
    labels = head.classes or tuple(f"class {k}" for k in range(head.size))
    own = class_doubts(truth.astype(np.int64), found.astype(np.int64), labels)
    yield from (f"{head.name}: {said}" for said in own)


def _label(head: Head, truth: NDArray[np.float64], found: NDArray[np.float64]) -> Iterator[str]:
    right = float((truth == found).mean())
    if 1 - right >= max(right + _MORE, _AT_LEAST) and len(np.unique(found)) > 1:
        yield (
            f"the parent tells {right:.0%} of {len(truth)} annotations of {head.name} as they are, and "
            f"{1 - right:.0%} the other way round: are yes and no exchanged, or the names of the labels in another "
            "order?"
        )


def _value(head: Head, truth: NDArray[np.float64], found: NDArray[np.float64]) -> Iterator[str]:
    if not found.std():
        yield (
            f"the parent tells {head.told(float(found[0]))} for {head.name} on all {len(found)} images: is it fed as "
            "it was trained?"
        )
        return
    follows = float(np.corrcoef(truth, found)[0, 1])
    if follows <= -_FOLLOWS:
        yield (
            f"the parent's {head.name} falls where the annotations rise (correlation {follows:.2f} on {len(truth)} "
            f"images): is it counted in the other direction? decoder.heads.NAME.scale = -1 turns it"
        )
        return
    factor = float(truth.std() / found.std())
    if follows < _FOLLOWS or 1 / _NEAR < factor < _NEAR:
        return
    usual = next(
        (
            (one, what)
            for base, what in _FACTORS.items()
            for one in (base, 1 / base)
            if 1 / _USUAL < factor / one < _USUAL
        ),
        (factor, ""),
    )
    unit = f", as of {usual[1]}" if usual[1] else ""
    yield (
        f"the annotations of {head.name} are about {usual[0]:.3g} times what the parent tells{unit} (correlation "
        f"{follows:.2f} on {len(truth)} images): decoder.heads.NAME.scale brings it to the annotations' unit"
    )


def _by_chance(head: Head, truth: NDArray[np.float64], found: NDArray[np.float64]) -> Iterator[str]:
    """Annotations that are met no better than those of other images."""
    n = len(truth)
    if n < _FEWEST_BY_CHANCE:
        return
    own = float((truth == found).mean())
    steps = range(1, min(_OTHERS, n - 1) + 1)
    chance = float(np.mean([(np.roll(truth, step) == found).mean() for step in steps]))
    if no_better(own, chance, n):
        yield (
            f"what the parent tells of {head.name} meets {own:.0%} of {n} annotations, and {chance:.0%} of those of "
            "other images: are the annotations of these images, and is the parent fed and read as it was trained?"
        )


def _unannotated(head: Head, comparison: Comparison[Attributes]) -> Iterator[str]:
    """A head that no column names: with the column that may be meant."""
    names = names_of(answers_of(comparison).heads)
    others = sorted(one for one in columns_of(comparison) if plain(one) not in names)
    near = difflib.get_close_matches(head.name, others, 1)
    meant = f"; is {near[0]!r} meant? Rename it by datasets.NAME.columns" if near else ""
    yield f"nothing is annotated of {head.name}: it is compared between the roles alone{meant}"
