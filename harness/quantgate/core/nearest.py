"""Vectors that stand for images: how alike they are, and who is nearest to whom, some rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Places = NDArray[np.int64]

#: Similarities that are held at a time.
_HELD = 2**24


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of one model, [images, length], and how two of them are compared."""

    rows: NDArray[np.float32]
    euclidean: bool = False

    def between(self, first: Places, second: Places) -> NDArray[np.float64]:
        """How alike pairs of images are, [pairs]: cosine, or the squared distance turned round; both [pairs].

        Examples
        --------
        >>> pair = np.array([0]), np.array([1])
        >>> rows = np.array([[1, 0], [0.6, 0.8]], np.float32)
        >>> [round(float(one[0]), 6) for one in (Vectors(rows).between(*pair), Vectors(rows, True).between(*pair))]
        [0.6, -0.8]
        """
        found = np.empty(len(first))
        step = max(1, _HELD // max(1, self.rows.shape[1]))
        for at in range(0, len(first), step):
            a, b = (self.rows[own[at : at + step]].astype(np.float64) for own in (first, second))
            found[at : at + step] = (
                -np.square(a - b).sum(axis=1) if self.euclidean else np.multiply(a, b).sum(axis=1)
            )
        return found

    def blocks(
        self, queries: Places, gallery: Places
    ) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Give similarities of some queries [rows] at a time with the whole gallery, [rows, gallery]."""
        sought = self.rows[gallery]
        squares = np.square(sought).sum(axis=1)
        step = max(1, _HELD // max(1, len(gallery)))
        for at in range(0, len(queries), step):
            own = self.rows[queries[at : at + step]]
            alike = own @ sought.T
            if self.euclidean:
                alike = 2 * alike - squares - np.square(own).sum(axis=1)[:, None]
            yield slice(at, at + len(own)), alike


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who is sought among whom.

    Parameters
    ----------
    queries, gallery
        Places of images, [queries] and [gallery].
    names
        Number of each image's identity, -1 of a distractor, [images].
    cameras
        Number of each image's camera, -1 where none is known, [images].
    """

    queries: Places
    gallery: Places
    names: Places
    cameras: Places

    def aside(self, query: int) -> NDArray[np.bool_]:
        """Which of the gallery do not count for a query: itself, and its identity by the same camera, [gallery]."""
        found = self.gallery == query
        if self.cameras[query] >= 0 and self.names[query] >= 0:
            same = self.names[self.gallery] == self.names[query]
            found |= same & (self.cameras[self.gallery] == self.cameras[query])
        return np.asarray(found)

    def right(self, query: int) -> NDArray[np.bool_]:
        """Which of the gallery show a query's identity, those aside included, [gallery]."""
        own = self.names[query]
        return np.asarray((self.names[self.gallery] == own) & (own >= 0))


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gives for each query, [queries].

    Parameters
    ----------
    nearest
        Place of the image that is most alike; -1 where the gallery holds none that counts.
    similarity
        How alike that is, NaN where there is none.
    first
        Rank of the first image of the query's identity, from 1; 0 where the gallery holds none.
    precision
        Average precision, the mean of the precisions at the ranks of all images of the identity; NaN where the
        gallery holds none.
    """

    nearest: Places
    similarity: NDArray[np.float64]
    first: Places
    precision: NDArray[np.float64]


def search(vectors: Vectors, lineup: Lineup) -> Found:
    """Rank the gallery for each query; of images that are equally alike the earlier one comes first."""
    count = len(lineup.queries)
    nearest, first = np.full(count, -1), np.zeros(count, np.int64)
    similarity, precision = np.full((2, count), np.nan)
    for rows, alike in vectors.blocks(lineup.queries, lineup.gallery):
        for place, row in zip(range(rows.start, rows.stop), alike, strict=True):
            query = int(lineup.queries[place])
            aside = lineup.aside(query)
            if aside.all():
                continue
            row[aside] = -np.inf
            best = int(row.argmax())
            nearest[place], similarity[place] = lineup.gallery[best], row[best]
            right = np.flatnonzero(lineup.right(query) & ~aside)
            if len(right):
                ranks = _ranks(row, right, len(row) - int(aside.sum()))
                first[place] = ranks[0]
                precision[place] = np.mean(np.arange(1, len(ranks) + 1) / ranks)
    return Found(nearest, similarity, first, precision)


def _ranks(row: NDArray[np.float32], right: NDArray[np.int64], counted: int) -> NDArray[np.int64]:
    """Ranks from 1 of some places of a row [gallery] of which ``counted`` count, [right], lowest first."""
    ordered = np.sort(row)[len(row) - counted :]
    above = counted - np.searchsorted(ordered, row[right], side="right")
    tied = counted - np.searchsorted(ordered, row[right], side="left") - above
    before = [
        0 if ties == 1 else int((row[:place] == row[place]).sum())
        for place, ties in zip(right.tolist(), tied.tolist(), strict=True)
    ]
    return np.sort(above + np.array(before, np.int64) + 1)
