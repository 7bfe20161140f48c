"""Annotated identities that the parent does not see: all of one, all of different ones, exchanged, or twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from quantgate.tasks.doubts.labels import no_better
from quantgate.tasks.embedding import sets
from quantgate.tasks.embedding.record import vectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from quantgate.core.comparison import Comparison
    from quantgate.core.predictions import Embedding

_FEWEST, _SOME, _NAMED = 10, 2000, 3
#: Cosine from which on two images are the same picture, and the share of pairs of one identity from which on it is said.
_COPY, _MANY = 0.99995, 0.02
#: How often a pair of one identity is more alike than one of two, where labels are not exchanged: half by chance.
_CHANCE = 0.6


def identity_doubts(comparison: Comparison[Embedding]) -> tuple[str, ...]:
    """Compare the annotated identities with the parent's vectors."""
    if len(comparison) < _FEWEST or not sets.known(comparison):
        return ()
    return (*_counts(comparison), *_pairs(comparison), *_by_parent(comparison))


def _counts(comparison: Comparison[Embedding]) -> Iterator[str]:
    """Identities that are all one, all different, or sought in vain."""
    truths = sets.identities(comparison)
    counts = Counter(truth.name for truth in truths if truth.name)
    if any(truth.pairs for truth in truths):
        return
    if len(counts) == 1:
        yield (
            f"all {len(truths)} images are annotated as one identity, {next(iter(counts))!r}: nothing can be told "
            "apart; is the folder, column or part of the name that is read the identity's?"
        )
    elif counts and max(counts.values()) == 1:
        yield (
            f"all {len(counts)} annotated identities have one image each: none can be found again; is the name of the "
            "image read as that of its identity?"
        )
    sides = defaultdict(set)
    for truth in truths:
        sides[truth.side].add(truth.name)
    if sides["query"] and not sides["query"] & (sides["gallery"] - {""}):
        yield (
            f"no identity of {len(sides['query'])} that are sought is in the gallery: are both named the same way?"
        )


def _pairs(comparison: Comparison[Embedding]) -> Iterator[str]:
    """Listed pairs with one label alone, of an image with itself, or listed again."""
    own = sets.pairs(comparison)
    if not own.listed or not len(own):
        return
    if own.same.all() or not own.same.any():
        what = "one identity" if own.same.all() else "two identities"
        yield (
            f"all {len(own)} annotated pairs are of {what}: a model that says so of any pair would be right; is the "
            "column that is read the label?"
        )
    itself = int((own.first == own.second).sum())
    if itself:
        yield f"{itself} of {len(own)} annotated pairs compare an image with itself"
    low, high = np.minimum(own.first, own.second), np.maximum(own.first, own.second)
    codes = low * len(comparison) + high
    _, counts = np.unique(codes, return_counts=True)
    again = int((counts - 1).sum())
    if again:
        yield f"{again} of {len(own)} annotated pairs are listed more than once"


def _by_parent(comparison: Comparison[Embedding]) -> Iterator[str]:
    """What the parent's vectors say of pairs of one identity and of two."""
    own = sets.pairs(comparison)
    rng = np.random.default_rng(0)
    same, others = (np.flatnonzero(each) for each in (own.same, ~own.same))
    same, others = (
        one if len(one) <= _SOME else rng.choice(one, _SOME, replace=False)
        for one in (same, others)
    )
    if min(len(same), len(others)) < _FEWEST:
        return
    found = vectors(comparison, "parent")
    near, far = (found.between(own.first[rows], own.second[rows]) for rows in (same, others))
    above = float((near[:, None] > far[None, :]).mean())
    if above <= 1 - _CHANCE:
        yield (
            f"the parent finds pairs of one identity less alike than pairs of two ({above:.0%} of the former are more "
            "alike than one of the latter): are 0 and 1 of the annotated pairs exchanged?"
        )
    elif no_better(above, 0.499, min(len(same), len(others))):
        yield (
            f"the parent finds pairs of one identity no more alike than pairs of two ({above:.0%}, by chance 50%): are "
            "the annotations of these images, and is the parent fed as it was trained (region and its alignment, "
            "colour, mean, scale)?"
        )
    yield from _copies(comparison, sets.pairs(comparison), (same, others), (near, far))


def _copies(
    comparison: Comparison[Embedding],
    own: sets.Pairs,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    alike: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Iterator[str]:
    """The same picture on both sides of a pair, where directions are compared."""
    if comparison.images[0].record.parent.euclidean:
        return
    for side, least, said in (
        (0, _MANY, "annotated as one identity are the same picture: nothing is recognized there"),
        (1, 0, "annotated as two identities are the same picture: one of the annotations is wrong"),
    ):
        places, values = rows[side], alike[side]
        copies = places[values >= _COPY]
        if len(copies) >= max(1, least * len(places)):
            shown = [
                f"{comparison.images[int(own.first[k])].name} and {comparison.images[int(own.second[k])].name}"
                for k in copies[:_NAMED].tolist()
            ]
            more = ", …" if len(copies) > _NAMED else ""
            yield f"{len(copies)} of {len(places)} pairs {said} ({'; '.join(shown)}{more})"
