"""The search: recipes first, then sets of layers by surgery, raced on few images and grown and pruned on all."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from quantgate.core.racing import grown, pruned, race
from quantgate.core.remedy import steps
from quantgate.engine.quantizers import Graph
from quantgate.errors import HarnessError
from quantgate.progress import SILENT
from quantgate.remedy.judge import TARGET
from quantgate.remedy.patterns import has_attention
from quantgate.remedy.readings import IMPOSSIBLE, Candidate, Readings
from quantgate.remedy.recipes import (
    DECLARED,
    bases,
    ignoring,
    refined,
    undirected,
    unquantizing,
)
from quantgate.remedy.scopes import scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from quantgate.core.remedy import Tried
    from quantgate.entries import Recipe
    from quantgate.progress import Progress
    from quantgate.remedy.judge import Judge
    from quantgate.remedy.readings import Exchange, Keep, Make

#: Selection images of the first rungs; the last rung has all of them.
RUNGS = (8, 16)
#: Images on which the noise of each layer is measured.
SCORED = 8
#: Part of the time for the search; the rest is for finalists.
SEARCHING = 0.6
FINALISTS = 3
#: Candidates that are read once more on other images, before the finalists are taken of them.
AGAIN = 5
#: Least part of the multiply-accumulates for which it is worth trying whether a layer need be in float.
_WORK = 0.001
#: Least part of the multiply-accumulates that a pruned set must put back: less is gained by chance.
_GAIN = 0.01
#: What NNCF's own scope may lack more than surgery, of what it may lack at all.
_AS_GOOD = 1.1


@dataclass(frozen=True, slots=True)
class Job:
    """What a search works with.

    Parameters
    ----------
    declared
        The recipe of the entry.
    parent, make, keep, exchange
        As :class:`Readings` takes them.
    redraw
        Whether other calibration images may be drawn.
    seconds
        For everything, the measurement of finalists included.
    """

    declared: Recipe
    parent: Path
    judge: Judge
    make: Make
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


def search(job: Job) -> Found:
    """Search for recipes that meet the limits on the selection images.

    Raises
    ------
    HarnessError
        Where not even the declared recipe can be quantized and read.
    """
    readings = Readings(job.parent, job.judge, job.make, job.keep, job.exchange)
    return _Search(job, readings, job.clock()).found()


@dataclass(slots=True)
class _Search:
    """One search under way."""

    job: Job
    readings: Readings
    began: float
    notes: list[str] = field(default_factory=list)

    def found(self) -> Found:
        recipes = self._recipes()
        best = recipes[0]
        sets = self._race(best)
        chosen = self._improved(best, sets)
        declared = [one for one in recipes[1:] if one.of == DECLARED]
        others = [one for one in recipes[1:2] if one not in declared]
        self._elsewhere([*declared, *others], chosen)
        self._refined(best, chosen)
        finalists = self._finalists()
        notes = (*self.notes, *self.readings.notes)
        return Found(finalists, tuple(self.readings.tried.values()), notes)

    def _recipes(self) -> list[Candidate]:
        """Whole recipes, best first."""
        attention = has_attention(Graph(self.readings.graph("", lambda: self.job.parent)))
        listed = bases(self.job.declared, transformer=attention)
        self.job.progress.start("recipes", len(listed))
        ranked: list[tuple[tuple[float, float], int, Candidate]] = []
        for place, (title, recipe) in enumerate(listed):
            if ranked and self._over():
                break
            candidate = Candidate(title, recipe)
            ranked.append((self.readings.rank(candidate), place, candidate))
            if not place and ranked[0][0][0] < IMPOSSIBLE:
                self.readings.spare(candidate)
            self.job.progress.advance()
        self.job.progress.close()
        ranked.sort(key=lambda one: one[:2])
        if ranked[0][0][0] >= IMPOSSIBLE:
            raise HarnessError(self.readings.notes[0])
        return [candidate for *_, candidate in ranked]

    def _race(self, base: Candidate) -> list[Candidate]:
        """Race sets of layers of one recipe."""
        if self._over():
            return []
        inputs = [tensor[None] for tensor in self.job.judge.images.first(SCORED).tensors]
        candidates = [
            Candidate(base.of, base.base, title, names)
            for title, names in scopes(self.readings.models(base.base), inputs).items()
        ]
        rungs = (*(count for count in RUNGS if count < self.readings.whole), self.readings.whole)
        self.job.progress.start("racing", 2 * len(candidates))
        left = race(candidates, rungs, self._counted, over=self._over)
        self.job.progress.close()
        return left

    def _counted(self, candidate: Candidate, images: int) -> tuple[float, float]:
        self.job.progress.advance()
        return self.readings.rank(candidate, images)

    def _improved(self, base: Candidate, sets: Sequence[Candidate]) -> list[Candidate]:
        """Grow the best sets until they meet the target, and leave out what the best does not need."""

        def union(names: frozenset[str]) -> Candidate:
            parts = dict.fromkeys(one.scope for one in sets if one.layers <= names)
            return Candidate(base.of, base.base, " + ".join(parts), names)

        def lacks(names: frozenset[str]) -> float:
            # With nothing left in INT8 it is the parent, which the answer holds anyway.
            if self._over() or names >= self.readings.types(base.base).keys():
                return float("inf")
            return self.readings.rank(union(names))[0]

        if not sets:
            return []
        self.job.progress.start("growing and pruning", 1)
        kept = [union(one) for one in grown([one.layers for one in sets], lacks, TARGET)]
        best = min([*sets, *kept], key=lambda one: (self.readings.rank(one), self._costs(one)))
        smaller = self._pruned(best)
        self.job.progress.close()
        return [*([smaller] if smaller else []), best]

    def _pruned(self, best: Candidate) -> Candidate | None:
        """Put work back into INT8 that need not be in float; None where none can be.

        Layers without multiply-accumulates stay out together: putting some of them back gains nothing and spends
        accuracy on rounding.
        """
        types, enough = self.readings.types(best.base), self.readings.rank(best)
        heavy = [name for name in best.layers if self.readings.work([name]) >= _WORK]
        heavy.sort(key=lambda name: (types[name], name))
        light = best.layers.difference(heavy)

        def smaller(names: Sequence[str]) -> Candidate:
            left = light.union(names)
            scope = f"{len(left)} layers of: {best.scope}"
            return Candidate(best.of, best.base, scope, left, whole=best.layers)

        def holds(names: Sequence[str]) -> bool:
            return not self._over() and self.readings.rank(smaller(names)) <= enough

        left = pruned(heavy, holds, least=0 if light else 1)
        return smaller(left) if len(left) < len(heavy) else None

    def _elsewhere(self, others: Sequence[Candidate], chosen: Sequence[Candidate]) -> None:
        """Try what was chosen on other recipes as well: perhaps less has to change."""
        for other in others:
            for one in chosen:
                if self._over():
                    return
                names = one.layers & self.readings.types(other.base).keys()
                if names:
                    self.readings.rank(Candidate(other.of, other.base, one.scope, frozenset(names)))

    def _refined(self, best: Candidate, chosen: Sequence[Candidate]) -> None:
        """Refine the best recipe where the target is not met, with what was chosen and without."""
        listed = list(refined(best.base, redraw=self.job.redraw))
        self.job.progress.start("refining", len(listed))
        for title, recipe in listed:
            if self._over() or self.readings.lacks(self.readings.ranked()[0]) <= TARGET:
                break
            told = title if best.of == DECLARED else f"{best.of}, {title}"
            bare = Candidate(told, recipe)
            if self.readings.rank(bare)[0] < IMPOSSIBLE:
                self._elsewhere([bare], chosen[-1:])
            self.job.progress.advance()
        self.job.progress.close()

    def _finalists(self) -> tuple[Finalist, ...]:
        """Requantize the best cleanly, those that meet the target where there are some."""
        finalists = self._looked_at_again() or self.readings.ranked()[:FINALISTS]
        found: list[Finalist] = []
        for candidate in finalists:
            if found and self._spent() > self.job.seconds * (1 + SEARCHING) / 2:
                self.notes.append(f"time was over after {len(found)} of {FINALISTS} finalists")
                break
            found.append(self._clean(candidate))
            self.readings.mark(candidate)
        return tuple(found)

    def _looked_at_again(self) -> list[Candidate]:
        """Of those that meet the target the best finalists, after a second look; none where none does."""
        able = self._able(self.readings.ranked())
        families: dict[object, Candidate] = {}
        for one in able:
            families.setdefault(one.family, one)
        few = self._again([*families.values()])
        # Their true speeds come later: where these are the same, the likelier is taken, and then what costs less.
        return sorted(
            (self._able(few) or sorted(few, key=self.readings.best))[:FINALISTS], key=self._costs
        )

    def _again(self, able: Sequence[Candidate]) -> list[Candidate]:
        """Look at the best again, and at others where none of them holds."""
        if self.job.exchange is None or len(able) <= 1:
            return [*able][:AGAIN]
        few: list[Candidate] = []
        self.job.progress.start("looking again", AGAIN)
        for one in able:
            if self._over() or (len(few) >= AGAIN and self._able(few)):
                break
            self.readings.look_again(one)
            self.job.progress.advance()
            few.append(one)
        self.job.progress.close()
        if not few:
            return [*able][:AGAIN]
        self.notes.append(
            f"the best {len(few)} were read once more with images exchanged: on those that had calibrated "
            "them, calibrated on others"
        )
        return few

    def _able(self, ranked: Sequence[Candidate]) -> list[Candidate]:
        """Those that meet the target, best first; of pruned ones those that put work back into INT8."""
        work = self.readings.work
        able = [
            one
            for one in ranked
            if self.readings.lacks(one) <= TARGET
            and (not one.whole or work(one.whole) - work(one.layers) >= _GAIN)
        ]
        return sorted(able, key=lambda one: (self.readings.best(one), self._costs(one)))

    def _clean(self, chosen: Candidate) -> Finalist:
        """Leave layers out by NNCF's own scope where it answers as surgery did, else by surgery."""
        known = self.readings.lacks(chosen), self.readings.chance(chosen)
        if not chosen.layers:
            return Finalist(chosen.title, chosen.base, *known)
        types = self.readings.types(chosen.base)
        recipe = ignoring(chosen.base, chosen.layers, types)
        scope = f"{chosen.scope}, left out by NNCF"
        clean = Candidate(chosen.of, recipe, scope, out=len(chosen.layers))
        if self.readings.rank(clean)[0] > max(TARGET, self.readings.lacked(chosen) * _AS_GOOD):
            recipe = unquantizing(chosen.base, chosen.layers, types)
        return Finalist(chosen.title, recipe, *known)

    def _costs(self, one: Candidate) -> tuple[float, int, float, int]:
        """How unlikely it meets the limits, what it changes, how much work and how many layers it leaves out."""
        doubt, left = -steps(self.readings.chance(one)), round(self.readings.work(one.layers), 2)
        return doubt, self._changes(one.base), left, len(one.layers)

    def _changes(self, recipe: Recipe) -> int:
        declared = undirected(self.job.declared)
        return sum(
            getattr(recipe, one.name) != getattr(declared, one.name) for one in fields(recipe)
        )

    def _spent(self) -> float:
        return self.job.clock() - self.began

    def _over(self) -> bool:
        if self._spent() <= self.job.seconds * SEARCHING:
            return False
        note = (
            "the time for the search was over before all candidates were tried: --minutes sets it"
        )
        if note not in self.notes:
            self.notes.append(note)
        return True
