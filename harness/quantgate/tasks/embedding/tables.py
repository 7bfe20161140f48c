"""The tables of embeddings: by image, by identity, the decisions at each share of false acceptances, and by pair."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import Identity
from quantgate.core.table import Cell, Column, Table
from quantgate.core.verification import Ordered
from quantgate.pair import ROLES, Pair
from quantgate.tasks.embedding.accuracy import alike, searched, tally
from quantgate.tasks.embedding.decisions import FARS
from quantgate.tasks.embedding.record import cosines
from quantgate.tasks.embedding.sets import identities, known, lineup, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.pair import Role
    from quantgate.tasks.embedding.record import Embedded

#: Pairs that are listed, those nearest to another decision first.
_MOST_PAIRS = 1000
_IMAGE = (
    Column("image", "Image Name"),
    Column("cosine", "Cosine of Optimized and Parent", "number"),
    Column("optimized_nearest", "Nearest to Optimized Model"),
    Column("parent_nearest", "Nearest to Parent Model"),
    Column("optimized_similarity", "Optimized Model Similarity", "number"),
    Column("parent_similarity", "Parent Model Similarity", "number"),
)
_ANNOTATED = (
    Column("identity", "Identity Defined in Annotations"),
    Column("side", "Sought or Gallery"),
    Column("optimized_rank", "Rank by Optimized Model", "count"),
    Column("parent_rank", "Rank by Parent Model", "count"),
    Column("optimized_precision", "Average Precision of Optimized Model", "fraction"),
    Column("parent_precision", "Average Precision of Parent Model", "fraction"),
)
_VERDICT = Column("verdict", "Verdict")
_SIDES = {"": "both", "query": "sought", "gallery": "gallery"}


def nearest(comparison: Embedded) -> Pair[NDArray[np.int64]]:
    """Place of the image that each role finds nearest, -1 of those that are not sought: [images] each."""

    def spread() -> Pair[NDArray[np.int64]]:
        rows = []
        for role in ROLES:
            column = np.full(len(comparison), -1)
            column[lineup(comparison).queries] = searched(comparison, role).nearest
            rows.append(column)
        return Pair(*rows)

    return comparison.once("nearest", spread)


def named(comparison: Embedded, place: int) -> str | None:
    """Name an image, with its identity where that is known; None for none."""
    if place < 0:
        return None
    result = comparison.images[place]
    own = result.truth.name if isinstance(result.truth, Identity) else ""
    return f"{result.name} ({own})" if own and own not in result.name else result.name


def is_changed(comparison: Embedded, index: int) -> bool:
    """Whether the roles find another image nearest."""
    both = nearest(comparison)
    return bool(both.parent[index] != both.optimized[index])


def is_right(comparison: Embedded, index: int) -> Pair[bool] | None:
    """Whether each role finds the identity first; None where that is not known, or not in the gallery."""
    if not known(comparison):
        return None
    places = np.flatnonzero(lineup(comparison).queries == index)
    if not len(places):
        return None
    ranks = [int(searched(comparison, role).first[places[0]]) for role in ROLES]
    return None if 0 in ranks else Pair(*(rank == 1 for rank in ranks))


def neighbours_of(comparison: Embedded, index: int) -> list[tuple[str, float, str, bool | None]]:
    """What parent and optimized model find nearest to an image: name, similarity, identity, whether that is right.

    Empty where the image is not sought.
    """
    told = known(comparison)
    own = np.flatnonzero(lineup(comparison).queries == index)
    found = []
    for role in ROLES:
        place = int(nearest(comparison)[role][index])
        if place < 0 or not len(own):
            return []
        other = comparison.images[place]
        name = identities(comparison)[place].name if told else ""
        right = name == identities(comparison)[index].name if told else None
        similar = float(searched(comparison, role).similarity[own[0]])
        found.append((other.name, similar, name, right))
    return found


def verdict_of(comparison: Embedded, index: int) -> str:
    """Return "same", "changed", "changed and now wrong" or "changed and now right"."""
    if not is_changed(comparison, index):
        return "same"
    right = is_right(comparison, index)
    if right is None or right.parent == right.optimized:
        return "changed"
    return "changed and now right" if right.optimized else "changed and now wrong"


def image_table(comparison: Embedded) -> Table:
    """One row an image; columns about annotations are there where every image has an identity."""
    told = known(comparison)
    columns = (*_IMAGE, *(_ANNOTATED if told else ()), _VERDICT)
    rows = tuple(_image_rows(comparison, told=told))
    changed = frozenset(i for i in range(len(comparison)) if is_changed(comparison, i))
    if not told:
        return Table("embedding", "Optimized against parent, by image", columns, rows, changed)
    rights = ((i, is_right(comparison, i)) for i in range(len(comparison)))
    wrong = frozenset(i for i, right in rights if right is not None and not right.optimized)
    title = "Optimized against parent and annotations, by image"
    return Table("embedding", title, columns, rows, wrong, changed)


def _image_rows(comparison: Embedded, *, told: bool) -> Iterator[tuple[Cell, ...]]:
    places = {int(query): k for k, query in enumerate(lineup(comparison).queries)}
    found, both = [searched(comparison, role) for role in ROLES], nearest(comparison)
    likeness = cosines(comparison).tolist()
    truths = identities(comparison) if told else []
    for index, result in enumerate(comparison.images):
        place = places.get(index)
        alikes = [None if place is None else _finite(one.similarity[place]) for one in found]
        truth: tuple[Cell, ...] = ()
        if told:
            ranks = [None if place is None else int(one.first[place]) or None for one in found]
            precise = [None if place is None else _finite(one.precision[place]) for one in found]
            own = truths[index]
            truth = (own.name or "(distractor)", _SIDES[own.side], *ranks[::-1], *precise[::-1])
        yield (
            result.name,
            likeness[index],
            named(comparison, int(both.optimized[index])),
            named(comparison, int(both.parent[index])),
            *alikes[::-1],
            *truth,
            verdict_of(comparison, index),
        )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def identity_table(comparison: Embedded) -> Table:
    """One row an identity, the one that lost most first: how often it is found, how like its vectors are."""
    columns = (
        Column("identity", "Identity"),
        Column("images", "Images", "count"),
        Column("parent_found", "Found First by Parent", "fraction"),
        Column("optimized_found", "Found First by Optimized", "fraction"),
        Column("drop", "Drop", "fraction"),
        Column("cosine", "Mean Cosine of the Roles", "number"),
        Column("worst", "Worst Cosine of the Roles", "number"),
    )
    likeness = cosines(comparison)
    members: dict[str, list[int]] = {}
    for place, truth in enumerate(identities(comparison)):
        members.setdefault(truth.name or "(distractors)", []).append(place)
    rows: list[tuple[Cell, ...]] = []
    for name, places in members.items():
        rights = [right for k in places if (right := is_right(comparison, k)) is not None]
        shares = [
            float(np.mean([one[role] for one in rights])) if rights else None for role in ROLES
        ]
        drop = None if shares[0] is None or shares[1] is None else shares[0] - shares[1]
        own = likeness[places]
        rows.append((name, len(places), *shares, drop, float(own.mean()), float(own.min())))
    rows.sort(key=lambda row: (-_number(row[4]), _number(row[6]), str(row[0])))
    worse = frozenset(i for i, row in enumerate(rows) if _number(row[4]) > 0)
    return Table("identities", "Optimized against parent, by identity", columns, tuple(rows), worse)


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else -1.0


def decision_table(comparison: Embedded) -> Table:
    """One row a share of false acceptances: what each role accepts, and the optimized at the parent's threshold."""
    columns = (
        Column("far", "FAR", "number"),
        Column("parent_tar", "Parent TAR", "fraction"),
        Column("optimized_tar", "Optimized TAR", "fraction"),
        Column("drop", "Drop", "fraction"),
        Column("parent_threshold", "Parent Accepts above", "number"),
        Column("optimized_threshold", "Optimized Accepts above", "number"),
        Column("tar_there", "Optimized TAR at Parent's Threshold", "fraction"),
        Column("far_there", "Optimized FAR at Parent's Threshold", "number"),
    )
    own = pairs(comparison)
    rows: list[tuple[Cell, ...]] = []
    others = int((~own.same).sum())
    if own.same.any() and others:
        sides = {
            (role, same): Ordered.of(alike(comparison, role)[own.same == same])
            for role in ROLES
            for same in (True, False)
        }
        rows = [_decisions(far, sides) for far in FARS.values() if far * others >= 1]
    worse = frozenset(i for i, row in enumerate(rows) if _number(row[3]) > 0)
    return Table("decisions", "Decisions about pairs", columns, tuple(rows), worse)


def _decisions(far: float, sides: Mapping[tuple[Role, bool], Ordered]) -> tuple[Cell, ...]:
    def share(role: Role, end: float, *, same: bool) -> float:
        of = sides[role, same]
        return float(of.shares_above(np.array([end]), np.ones((1, len(of.order))))[0])

    ends = [
        float(sides[role, False].ends_above(far, np.ones((1, len(sides[role, False].order))))[0])
        for role in ROLES
    ]
    tars = [share(role, end, same=True) for role, end in zip(ROLES, ends, strict=True)]
    there = [share("optimized", ends[0], same=same) for same in (True, False)]
    return (far, *tars, tars[0] - tars[1], *map(_finite, ends), *there)


def pair_table(comparison: Embedded, plan: EvaluationPlan) -> Table:
    """One row a pair that is decided otherwise at the parent's threshold, the largest change first."""
    columns = (
        Column("image", "First Image"),
        Column("second", "Second Image"),
        Column("optimized_similarity", "Optimized Model Similarity", "number"),
        Column("parent_similarity", "Parent Model Similarity", "number"),
        Column("threshold", "Parent Accepts from", "number"),
        Column("optimized_decision", "Optimized Model Decision"),
        Column("parent_decision", "Parent Model Decision"),
        *([Column("annotated", "Annotated")] if known(comparison) else []),
    )
    own, made = pairs(comparison), tally(comparison, plan)
    accepted = made.alike.map(lambda of: of >= made.decided_at)
    moved = np.abs(made.alike.parent - made.alike.optimized)
    changed = np.flatnonzero(accepted.parent != accepted.optimized)
    listed = changed[np.argsort(-moved[changed], kind="stable")][:_MOST_PAIRS]
    rows: list[tuple[Cell, ...]] = []
    for k in listed.tolist():
        said = [("two", "same")[int(accepted[role][k])] for role in ("optimized", "parent")]
        truth = [("two", "same")[int(own.same[k])]] if known(comparison) else []
        rows.append(
            (
                comparison.images[int(own.first[k])].name,
                comparison.images[int(own.second[k])].name,
                float(made.alike.optimized[k]),
                float(made.alike.parent[k]),
                made.decided_at,
                *said,
                *truth,
            )
        )
    worse = frozenset(i for i, row in enumerate(rows) if len(row) < 8 or row[5] != row[7])  # noqa: PLR2004 - with truth
    every = frozenset(range(len(rows)))
    return Table("pairs", "Pairs decided otherwise", columns, tuple(rows), worse, every)
