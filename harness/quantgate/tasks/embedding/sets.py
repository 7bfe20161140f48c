"""Who is sought among whom, and which pairs are decided: from the annotations, or of all images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.nearest import Lineup
from quantgate.core.predictions import Identity
from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from quantgate.tasks.embedding.record import Embedded

    Places = NDArray[np.int64]

#: Pairs of which all are decided: of more, so many of one identity and of two are drawn, by a fixed seed.
MOST_PAIRS = 1_000_000
_SEED = 20_250_117


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of images, [pairs] each.

    Parameters
    ----------
    first, second
        Places of the images.
    same
        Whether they show one identity; nowhere without annotations.
    folds
        Number of the fold; 0 where there is one only.
    listed
        Whether the annotations list them: else they are all pairs of the images.
    """

    first: Places
    second: Places
    same: NDArray[np.bool_]
    folds: Places
    listed: bool

    def __len__(self) -> int:
        return len(self.first)


def known(comparison: Embedded) -> bool:
    """Whether every image has an annotated identity."""
    return all(isinstance(result.truth, Identity) for result in comparison.images)


def identities(comparison: Embedded) -> list[Identity]:
    """Give the annotated identity of each image.

    Raises
    ------
    DatasetError
        Where an image has none.
    """
    for result in comparison.images:
        if not isinstance(result.truth, Identity):
            raise DatasetError(
                f"image {result.name}: accuracy needs an annotated identity, found "
                f"{type(result.truth).__name__}; use a dataset of kind identities or limits that need none "
                "(min_role_cosine, min_agreement, max_changed_decisions)"
            )
    return [result.truth for result in comparison.images if isinstance(result.truth, Identity)]


def numbered(names: Iterable[str]) -> Places:
    """Number names in the order in which they come, -1 for an empty one: [names]."""
    places: dict[str, int] = {}
    return np.array([places.setdefault(name, len(places)) if name else -1 for name in names])


def lineup(comparison: Embedded) -> Lineup:
    """Seek queries in the gallery, where the annotations name them; else each image in all others."""

    def arranged() -> Lineup:
        every = np.arange(len(comparison))
        if not known(comparison):
            none = np.full(len(every), -1)
            return Lineup(every, every, none, none)
        truths = identities(comparison)
        sides = np.array([truth.side for truth in truths])
        names = numbered(truth.name for truth in truths)
        cameras = numbered(truth.camera for truth in truths)
        if not (sides == "query").any():
            return Lineup(every, every, names, cameras)
        return Lineup(
            np.flatnonzero(sides == "query"), np.flatnonzero(sides == "gallery"), names, cameras
        )

    return comparison.once("lineup", arranged)


def pairs(comparison: Embedded) -> Pairs:
    """Give the pairs that the annotations list, of which both images are here; else all."""

    def found() -> Pairs:
        if known(comparison) and any(truth.pairs for truth in identities(comparison)):
            return _listed(comparison)
        return _every(comparison)

    return comparison.once("pairs", found)


def _listed(comparison: Embedded) -> Pairs:
    places = {result.name: place for place, result in enumerate(comparison.images)}
    rows = [
        (place, places[other], same, fold)
        for place, truth in enumerate(identities(comparison))
        for other, same, fold in truth.pairs
        if other in places
    ]
    table = np.array(rows, np.int64).reshape(-1, 4).T
    return Pairs(table[0], table[1], table[2].astype(np.bool_), table[3], listed=True)


def _every(comparison: Embedded) -> Pairs:
    """Pair each query with what counts of the gallery; where all are sought in all, each two once."""
    found = lineup(comparison)
    twice = np.array_equal(found.queries, found.gallery)
    if len(found.queries) * len(found.gallery) <= 2 * MOST_PAIRS:
        first, second = _all(found, twice=twice)
    else:
        first, second = _drawn(found, twice=twice)
    same = (found.names[first] == found.names[second]) & (found.names[first] >= 0)
    return Pairs(first, second, same, np.zeros(len(first), np.int64), listed=False)


def _all(found: Lineup, *, twice: bool) -> tuple[Places, Places]:
    rows: list[Places] = []
    for query in found.queries.tolist():
        counted = found.gallery[~found.aside(query)]
        rows.append(counted[counted > query] if twice else counted)
    first = np.repeat(found.queries, [len(row) for row in rows])
    return first, np.concatenate([np.zeros(0, np.int64), *rows])


def _drawn(found: Lineup, *, twice: bool) -> tuple[Places, Places]:
    """Draw pairs: half of them of one identity where there are so many, the others of any two."""
    rng = np.random.default_rng(_SEED)
    first, second = _genuine(found, twice=twice)
    if len(first) > MOST_PAIRS // 2:
        kept = np.sort(rng.permutation(len(first))[: MOST_PAIRS // 2])
        first, second = first[kept], second[kept]
    wanted = MOST_PAIRS - len(first)
    a = found.queries[rng.integers(len(found.queries), size=2 * wanted)]
    b = found.gallery[rng.integers(len(found.gallery), size=2 * wanted)]
    others = (a != b) & ((found.names[a] != found.names[b]) | (found.names[a] < 0))
    low, high = (np.minimum(a, b), np.maximum(a, b)) if twice else (a, b)
    codes = low[others] * len(found.names) + high[others]
    _, once = np.unique(codes, return_index=True)
    chosen = codes[np.sort(once)[:wanted]]
    return (
        np.concatenate([first, chosen // len(found.names)]),
        np.concatenate([second, chosen % len(found.names)]),
    )


def _genuine(found: Lineup, *, twice: bool) -> tuple[Places, Places]:
    """All pairs of one identity that count."""
    members: dict[int, Places] = {}
    order = found.gallery[np.argsort(found.names[found.gallery], kind="stable")]
    starts = np.flatnonzero(np.diff(found.names[order], prepend=-2))
    for own in np.split(order, starts[1:]):
        members[int(found.names[own[0]])] = own
    members.pop(-1, None)
    rows: list[Places] = []
    for query in found.queries.tolist():
        own = members.get(int(found.names[query]), found.gallery[:0])
        camera = found.cameras[query]
        counted = own[(own != query) & ((found.cameras[own] != camera) | (camera < 0))]
        rows.append(counted[counted > query] if twice else counted)
    first = np.repeat(found.queries, [len(row) for row in rows])
    return first, np.concatenate([np.zeros(0, np.int64), *rows])


def units(comparison: Embedded) -> Places:
    """Number what is drawn as a whole when images are drawn: an identity, else an image that regions were cut of."""

    def counted() -> Places:
        names = []
        for result in comparison.images:
            own = result.truth.name if isinstance(result.truth, Identity) else ""
            cut = comparison.cuts.get(result.name)
            names.append(f"of {own}" if own else f"in {cut.whole if cut else result.name}")
        return numbered(names)

    return comparison.once("units", counted)
