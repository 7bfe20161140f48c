"""Simulated nights of a fleet, for the tests and the figures of change detection."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from quantgate.core.changes.scan import Panel
from quantgate.core.series import CONTROL, Columns, RunFacts, SeriesKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIRST = dt.datetime(2026, 1, 1, 2, 0, tzinfo=dt.UTC)
#: How nights scatter: as the normal law; with one night in fifty five times as wild; with the heavy
#: tails of Student's t with 3 degrees of freedom; and with intervals half as wide as they should be.
NOISES = ("normal", "outliers", "heavy tails", "narrow intervals")


def nightly(
    rng: np.random.Generator, shape: tuple[int, int], noise: float, kind: str
) -> tuple[Floats, Floats]:
    """Draw log-ratios about 0 and what their intervals say, both float64 [series, nights].

    Nights differ in noise (by a factor of about 1.35 either way), and an interval knows its night's
    noise to about 15 %.
    """
    sds = noise * np.exp(rng.normal(0, 0.3, shape) - 0.09)
    draws = rng.normal(0, 1, shape)
    if kind == "outliers":
        draws = np.where(rng.random(shape) < 0.02, draws * 5, draws)
    elif kind == "heavy tails":
        draws = rng.standard_t(3, shape) / np.sqrt(3)
    told = sds * np.exp(rng.normal(0, 0.15, shape)) * (0.5 if kind == "narrow intervals" else 1.0)
    return draws * sds, told


def speeds(values: Floats, sds: Floats) -> Panel:
    """Take log-ratios for speedups: lower is worse."""
    begins = np.zeros(values.shape, bool)
    begins[:, 0] = True
    ones = np.ones(len(values))
    return Panel(values, sds, begins, 0.01 * ones, -ones)


def attainable(step: float, noise: float, nights: int, rate: float = 1e-3) -> float:
    """Bound from above how often any detector finds a step within some nights.

    Whoever speaks falsely `rate` times a night speaks by chance within `nights` nights with probability
    ``nights * rate``; the most powerful test of that size, of the mean of those nights against a level
    known exactly and towards one side only, is the one of Neyman and Pearson.
    """
    by_chance = stats.norm.isf(nights * rate)
    return float(stats.norm.sf(by_chance - step / noise * np.sqrt(nights)))


def nights_needed(step: float, noise: float, often: float = 0.95) -> int:
    """Count the nights below which no detector can find a step that often."""
    return next(n for n in range(1, 900) if attainable(step, noise, n) >= often)


def runs(nights: int, **facts: Any) -> list[RunFacts]:
    """Make one run a night, each with a commit of its own."""
    return [
        RunFacts(
            **{
                "id": f"night-{night}",
                "at": FIRST + dt.timedelta(days=night),
                "duration_s": 600.0,
                "isa": "amx",
                "machine": "a1b2",
                "stack": "default",
                "commit": f"{night:040x}",
                "versions": {"openvino": "2026.1.0"},
                "place": f"/reports/night-{night}",
                **facts,
            }
        )
        for night in range(nights)
    ]


def key(model: str = "ssd", quantity: str = "min_speedup") -> SeriesKey:
    """Name a series of the one machine."""
    return SeriesKey(model, quantity, "amx", "a1b2", "default")


def columns(
    values: Sequence[float] | Floats,
    half: float | Sequence[float] | Floats = 0.0,
    *,
    of: SeriesKey | None = None,
    kept: NDArray[np.int64] | None = None,
    segment: Sequence[int] | None = None,
    limit: float = np.nan,
) -> Columns:
    """Make a series of numbers with intervals ``± half``; ``kept`` are the nights that were not missed."""
    value = np.asarray(values, np.float64)
    nights = np.arange(len(value)) if kept is None else kept
    parts = np.zeros(len(value), np.int64) if segment is None else np.asarray(segment, np.int64)
    return Columns(
        key=of or key(),
        runs=nights,
        value=value[nights],
        low=(value - half)[nights],
        high=(value + half)[nights],
        segment=parts[nights],
        threshold=np.full(len(nights), limit),
        segments={int(one): f"s{one}" for one in np.unique(parts)},
    )


@dataclass(frozen=True, slots=True)
class Fleet:
    """Models of one machine, two timings each.

    Parameters
    ----------
    swap
        Spread of what another machine under the same name makes of each model, as log-ratio.
    control
        How far the control moves with it.
    worse
        Models to how much slower they became.
    """

    models: int = 8
    nights: int = 60
    noise: float = 0.02
    kind: str = "outliers"
    at: int = 45
    swap: float = 0.0
    control: float = 0.0
    missing: float = 0.05
    worse: Mapping[int, float] | None = None

    def draw(self, seed: int) -> list[Columns]:
        """Draw its history; the same seed is the same noise, whatever happened."""
        rng = np.random.default_rng(seed)
        shifts = self._shifts(rng)
        return [
            self._series(rng, key(f"m{model:02}", quantity), sign * shifts[model])
            for model in range(self.models)
            for quantity, sign in (("max_latency_ratio", -1), ("min_speedup", 1))
        ] + [self._series(rng, key(*CONTROL), self.control)]

    def shifts(self, seed: int) -> Floats:
        """How far each model's speed moves in a draw, float64 [models], as log-ratio."""
        return self._shifts(np.random.default_rng(seed))

    def _shifts(self, rng: np.random.Generator) -> Floats:
        shifts = rng.normal(0, 1, self.models) * self.swap
        for model, loss in (self.worse or {}).items():
            shifts[model] += np.log1p(-loss)
        return shifts

    def _series(self, rng: np.random.Generator, of: SeriesKey, shift: float) -> Columns:
        noise = 0.01 if of.quantity == CONTROL[1] else self.noise
        values, sds = nightly(rng, (1, self.nights), noise, self.kind)
        values[0, self.at :] += shift
        kept = np.flatnonzero(rng.random(self.nights) >= self.missing)
        ratios = np.exp(values[0])
        return columns(ratios, 1.96 * sds[0] * ratios, of=of, kept=kept)
