"""Classes that are counted differently in the annotations and in the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Ids = "NDArray[np.int64]"
#: Pairs below which nothing is said.
_FEWEST = 10
#: Another numbering has to explain so much more, and so much at all, to be believed.
_MORE, _AT_LEAST = 0.2, 0.5
_NAMED = 3
#: Chance of a fit from which all images are alike, and a difference of fits that is none.
_ALIKE, _SAME = 0.5, 0.03
#: A class has moved if so many of its pairs, and such a share, are found as one other; so many have to.
_PAIRS, _MOSTLY, _CLASSES = 3, 0.6, 3


def no_better(own: float, chance: float, n: int = 0) -> bool:
    """Whether annotations fit their own images no better than other images' do.

    Where all images are alike (one face in the middle of each) others fit as well, and nothing is told.
    Of ``n`` independent pairs chance itself meets some more (one-sided, 5 %).
    """
    more = 1.645 * math.sqrt(chance * (1 - chance) / n) if n else 0.0
    return chance < _ALIKE and own <= chance + max(_SAME + chance * (1 - chance) / 5, more)


def class_doubts(
    annotated: NDArray[np.int64], found: NDArray[np.int64], labels: Sequence[str]
) -> Iterator[str]:
    """Suspect the numbering of classes from pairs of annotated and found ones, both [n].

    Each pair is of the same thing: an image, or an object that both see in the same place.
    """
    n = len(annotated)
    if n < _FEWEST:
        return
    if len(set(annotated.tolist())) < 2:  # noqa: PLR2004 - one
        yield from _one_class(annotated, found, labels)
        return
    same = float((annotated == found).mean())
    wanted = max(same + _MORE, _AT_LEAST)
    shift, shifted = _best_shift(annotated, found, len(labels))
    if shifted >= wanted:
        yield (
            f"{same:.0%} of {n} annotated classes are those that the parent finds there, and "
            f"{shifted:.0%} would be if class ids were larger by {shift}: are the classes counted "
            "from the same one (a background class, a placeholder, other labels)?"
        )
        return
    renamed = float((_renamed(annotated, found) == found).mean())
    if renamed >= wanted:
        names = _renames(annotated, found, labels)
        yield (
            f"{same:.0%} of {n} annotated classes are those that the parent finds there, and "
            f"{renamed:.0%} would be under other names ({names}): is the order of the labels that of the "
            "model?"
        )
        return
    moved = _moved(annotated, found)
    if moved.any():
        names = _renames(annotated[moved], found[moved], labels)
        yield (
            f"the parent finds {len(set(annotated[moved].tolist()))} annotated classes as others, which "
            f"it does not find as themselves ({names}): is the order of the labels that of the model?"
        )


def _one_class(
    annotated: NDArray[np.int64], found: NDArray[np.int64], labels: Sequence[str]
) -> Iterator[str]:
    """Annotations of one class, most of which the parent finds as others."""
    others = found[found != annotated]
    if len(others) < _MOSTLY * len(found):
        return
    kinds, counts = np.unique(others, return_counts=True)
    names = [_name(labels, int(kinds[i])) for i in np.argsort(-counts, kind="stable")]
    some = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    yield (
        f"all {len(found)} annotated classes are {_name(labels, int(annotated[0]))}, and the parent finds "
        f"{len(others)} of them as others ({some}): is everything annotated as one class, or are classes "
        "counted from elsewhere?"
    )


def _best_shift(
    annotated: NDArray[np.int64], found: NDArray[np.int64], classes: int
) -> tuple[int, float]:
    """Which constant, added to annotated ids, makes most of them the found ones; around the end, too."""
    count = max(classes, int(annotated.max(initial=0)), int(found.max(initial=0)) + 1)
    shares = np.bincount((found - annotated) % count, minlength=count) / len(annotated)
    plain = np.array([float(((annotated + k) == found).mean()) for k in range(count)])
    shares = np.maximum(shares, plain)
    shares[0] = 0.0
    best = int(shares.argmax())
    return (best if best <= count / 2 else best - count), float(shares[best])


def _renamed(annotated: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each pair the class that the *other* pairs of its annotated class are found as, [n]; -1: none."""
    size = int(max(annotated.max(), found.max())) + 1
    table = np.zeros((size, size), np.int64)
    np.add.at(table, (annotated, found), 1)
    rows = table[annotated]
    rows[np.arange(len(found)), found] -= 1
    best = rows.argmax(axis=1)
    # One class is one other: what a weak parent takes several classes for is the name of one of them.
    owner = table.argmax(axis=0)
    return np.where((rows.sum(axis=1) > 0) & (owner[best] == annotated), best, -1)


def _moved(annotated: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pairs are of classes that moved, [n]: found as one that is not found as itself.

    A class that a weak parent takes for a common one (a truck for a car) did not move: cars are
    found as cars.
    """
    becomes: dict[int, int] = {}
    for label in np.unique(annotated).tolist():
        values, counts = np.unique(found[annotated == label], return_counts=True)
        best = int(counts.argmax())
        sure = counts.sum() >= _PAIRS and counts[best] >= _MOSTLY * counts.sum()
        becomes[label] = int(values[best]) if sure else label
    moved = [c for c, to in becomes.items() if to != c and becomes.get(to, -1) != to]
    pairs = np.isin(annotated, moved)
    few = len(moved) < _CLASSES or pairs.sum() < _FEWEST
    return np.zeros_like(pairs) if few else pairs


def _renames(annotated: NDArray[np.int64], found: NDArray[np.int64], labels: Sequence[str]) -> str:
    said = []
    for label in np.unique(annotated).tolist():
        others = found[annotated == label]
        values, counts = np.unique(others, return_counts=True)
        best = int(values[counts.argmax()])
        if best != label:
            said.append((int(counts.max()), f"{_name(labels, label)} as {_name(labels, best)}"))
    said.sort(key=lambda item: -item[0])
    return ", ".join(text for _, text in said[:_NAMED]) + (", …" if len(said) > _NAMED else "")


def _name(labels: Sequence[str], label: int) -> str:
    return repr(labels[label]) if label < len(labels) else f"class {label}"
