"""A search under way: what it works with, what it knows, what it has left of its time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from quantgate.core.remedy import Standing, doubt
from quantgate.progress import SILENT
from quantgate.remedy.recipes import undirected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from quantgate.core.remedy import Tried
    from quantgate.entries import Recipe
    from quantgate.progress import Progress
    from quantgate.remedy.candidate import Candidate, Make
    from quantgate.remedy.judge import Judge
    from quantgate.remedy.readings import Exchange, Keep, Readings

#: Part of the time for the search; the rest is for finalists.
SEARCHING = 0.6
_OVER = "the time for the search was over before all candidates were tried: --minutes sets it"


@dataclass(frozen=True, slots=True)
class Job:
    """What a search works with.

    Parameters
    ----------
    declared
        The recipe of the entry.
    parent, make, keep, exchange
        As :class:`Readings` takes them.
    whole
        Quantizes by a recipe on all calibration images, as a gate does.
    redraw
        Whether other calibration images may be drawn.
    seconds
        For everything, the measurement of finalists included.
    """

    declared: Recipe
    parent: Path
    judge: Judge
    make: Make
    whole: Make
    keep: Keep
    exchange: Exchange | None = None
    redraw: bool = False
    seconds: float = 600.0
    progress: Progress = SILENT
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Finalist:
    """A recipe that is worth the whole measurement; ``need`` and ``chance`` are of the selection images."""

    title: str
    recipe: Recipe
    need: float
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """Finalists, best first, and everything that was tried."""

    finalists: tuple[Finalist, ...]
    tried: tuple[Tried, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class Course:
    """One search under way; ``began`` is a reading of the job's clock."""

    job: Job
    readings: Readings
    began: float
    notes: list[str] = field(default_factory=list)

    def spent(self) -> float:
        """Seconds since it began."""
        return self.job.clock() - self.began

    def over(self) -> bool:
        """Whether the time for the search is spent; then a note says so."""
        if self.spent() <= self.job.seconds * SEARCHING:
            return False
        if _OVER not in self.notes:
            self.notes.append(_OVER)
        return True

    def tried_on(self, others: Sequence[Candidate], chosen: Sequence[Candidate]) -> None:
        """Try sets of layers on other recipes as well: perhaps less has to change."""
        for other in others:
            for one in chosen:
                if self.over():
                    return
                names = one.layers & self.readings.graphs.types(other.base).keys()
                if names:
                    self.readings.rank(other.leaving(one.scope, frozenset(names)))

    def costs(self, one: Candidate) -> tuple[float, int, float, int]:
        """How unlikely it meets the limits, what it changes, how much work and how many layers it leaves out."""
        unlikely, left = (
            doubt(self.readings.chance(one)),
            round(self.readings.graphs.work(one.layers), 2),
        )
        return unlikely, self._changes(one.base), left, len(one.layers)

    def standing(self, one: Candidate) -> Standing:
        """What a candidate that meets the target promises, by all that is known of it."""
        readings = self.readings
        work = readings.graphs.work(one.layers)
        return Standing(readings.chance(one), readings.pace(one), work)

    def _changes(self, recipe: Recipe) -> int:
        declared = undirected(self.job.declared)
        return sum(
            getattr(recipe, one.name) != getattr(declared, one.name) for one in fields(recipe)
        )
