"""What the numbers of embeddings are made of: queries and pairs, on all images or on any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quantgate.core.bootstrap import FEWEST_RESAMPLES, RESAMPLES, divide
from quantgate.pair import ROLES, Pair
from quantgate.tasks.embedding.decisions import deciding_of
from quantgate.tasks.embedding.sets import Pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from quantgate.tasks.detection.record import Arrays
    from quantgate.tasks.embedding.decisions import Deciding

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

#: Weights of pairs that are held at a time, and that are computed in all.
_HELD, _MOST = 2**23, 100_000_000
#: Pairs that a run keeps in a file, to compare it with others.
_KEPT = 200_000


class Scores(NamedTuple):
    """Numbers on every resample, [resamples] each; of a metric that is not defined there is none."""

    metric: Pair[Floats] | None
    cosine: Floats
    worst: Floats
    kept: Floats
    changed: Floats


@dataclass(frozen=True, slots=True)
class EmbeddingTally:
    """Sums by query and by pair.

    Parameters
    ----------
    metric
        What is judged against annotations.
    queries
        Places of the images that are sought, [queries].
    found
        Of a metric of searches its value for each query, NaN where there is none, by role, [queries].
    pairs
        The pairs that are decided.
    alike
        How alike they are, by role, [pairs].
    decided_at
        From which similarity on the parent takes two images for the same; NaN where it takes none.
    cosine
        Between the roles, [images].
    kept
        Whether both roles find the same image nearest, NaN where there is none, [queries].
    """

    metric: str
    queries: Places
    found: Pair[Floats] | None
    pairs: Pairs
    alike: Pair[Floats]
    decided_at: float
    cosine: Floats
    kept: Floats

    @property
    def resamples(self) -> int:
        """As many as their pairs allow in some seconds."""
        return max(FEWEST_RESAMPLES, min(RESAMPLES, _MOST // max(1, len(self.pairs))))

    def scores(self, weights: NDArray[np.int32]) -> Scores:
        """Every number, for weights [resamples, images].

        A pair of two identities counts as often as both its images together, one of one identity as often as
        the rarer of them.
        """
        step = max(1, _HELD // max(1, len(self.pairs)))
        deciding = deciding_of(self.metric, self.pairs, self.alike)
        parts = [
            self._part(weights[at : at + step].astype(np.float64), deciding)
            for at in range(0, len(weights), step)
        ]
        metric = (
            None
            if parts[0].metric is None
            else Pair(*(np.concatenate([p.metric[r] for p in parts if p.metric]) for r in ROLES))
        )
        return Scores(
            metric, *(np.concatenate(each) for each in list(zip(*parts, strict=True))[1:])
        )

    def _part(self, drawn: Floats, deciding: Deciding | None) -> Scores:
        queries = drawn[:, self.queries]
        of_pairs = self._weights(drawn)
        metric = None
        if self.found is not None:
            metric = self.found.map(lambda of: _mean(queries, of))
        elif deciding is not None:
            metric = Pair(*(deciding(role, of_pairs) for role in ROLES))
        either, both = self._accepted()
        return Scores(
            metric,
            divide(drawn @ self.cosine, drawn.sum(axis=1)),
            np.where(drawn > 0, self.cosine, np.inf).min(axis=1),
            _mean(queries, self.kept),
            divide(
                of_pairs @ (either & ~both).astype(np.float64), of_pairs @ either.astype(np.float64)
            ),
        )

    def _weights(self, drawn: Floats) -> Floats:
        first, second = drawn[:, self.pairs.first], drawn[:, self.pairs.second]
        return np.where(self.pairs.same, np.minimum(first, second), first * second)

    def _accepted(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Pairs that either role, and that both roles take for the same at the parent's threshold, [pairs]."""
        accepted = self.alike.map(lambda of: of >= self.decided_at)
        return accepted.parent | accepted.optimized, accepted.parent & accepted.optimized

    def number(self, key: str, scores: Scores, whole: Scores) -> Floats | None:
        """Give what a limit judges on every resample, [resamples]; None where it is made of something else."""
        del whole
        plain = {
            "min_role_cosine": scores.cosine,
            "min_worst_cosine": scores.worst,
            "min_agreement": scores.kept,
            "max_changed_decisions": scores.changed,
        }
        if key in plain or scores.metric is None:
            return plain.get(key)
        parent, optimized = scores.metric
        if key == "max_error_increase":
            return divide(1 - optimized, 1 - parent) - 1
        return parent - optimized if key == "max_accuracy_drop" else None

    def pack(self) -> Arrays:
        """Flatten it into arrays: [queries], [pairs] and [images]."""
        arrays: Arrays = {
            "metric": np.array([self.metric]),
            "listed": np.array([self.pairs.listed]),
            "decided_at": np.array([self.decided_at]),
            "queries": self.queries,
            "cosine": self.cosine,
            "kept": self.kept,
            **{name: getattr(self.pairs, name) for name in ("first", "second", "same", "folds")},
            **{f"alike_{role}": self.alike[role] for role in ROLES},
        }
        if self.found is not None:
            arrays |= {f"found_{role}": self.found[role] for role in ROLES}
        return arrays

    @property
    def small(self) -> bool:
        """Whether a run may keep it."""
        return len(self.pairs) <= _KEPT


def unpack(arrays: Mapping[str, NDArray[Any]]) -> EmbeddingTally:
    """Inverse of ``pack``: sums of arrays [queries], [pairs] and [images]."""
    first, second, same, folds = (arrays[name] for name in ("first", "second", "same", "folds"))
    found = Pair(*(arrays[f"found_{r}"] for r in ROLES)) if "found_parent" in arrays else None
    return EmbeddingTally(
        str(arrays["metric"][0]),
        arrays["queries"],
        found,
        Pairs(first, second, same, folds, listed=bool(arrays["listed"][0])),
        Pair(*(arrays[f"alike_{role}"] for role in ROLES)),
        float(arrays["decided_at"][0]),
        arrays["cosine"],
        arrays["kept"],
    )


def _mean(weights: Floats, values: Floats) -> Floats:
    """Weigh values [queries], those that are known, by weights [resamples, queries]: [resamples]."""
    known = np.isfinite(values)
    own = weights[:, known]
    return divide(own @ values[known], own.sum(axis=1))
