"""What each candidate read on some selection images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from quantgate.core.remedy import RESOURCES, Reading, Tried, finite, order
from quantgate.errors import HarnessError
from quantgate.remedy.judge import TARGET

if TYPE_CHECKING:
    from quantgate.attribution.answers import Answer
    from quantgate.core.remedy import Fate
    from quantgate.remedy.candidate import Candidate, Key, Make
    from quantgate.remedy.graphs import Graphs
    from quantgate.remedy.judge import Judge

#: Sort key of a candidate that cannot be read.
IMPOSSIBLE = float("inf")

Keep = Callable[[Mapping[str, Any], Callable[[], Reading]], Reading]


@dataclass(frozen=True, slots=True)
class Exchange:
    """The calibration images divided again: some of those that calibrated choose now, the others calibrate."""

    judge: Judge
    make: Make


@dataclass(slots=True)
class Readings:
    """Reads candidates, each once for a number of images, and remembers all of them.

    Parameters
    ----------
    keep
        Finds a reading by its key, or has it made and keeps it.
    exchange
        For a second look at the best.
    spared
        What the declared recipe loses: less needs no remedy where no limit is on answers.
    """

    graphs: Graphs
    judge: Judge
    keep: Keep
    exchange: Exchange | None = None
    notes: list[str] = field(default_factory=list)
    candidates: dict[Key, Candidate] = field(default_factory=dict)
    tried: dict[Key, Tried] = field(default_factory=dict)
    spared: float = 0.0
    _read: dict[tuple[Key, int], Reading] = field(default_factory=dict)
    _again: dict[Key, Reading] = field(default_factory=dict)
    _answers: dict[Key, Answer] = field(default_factory=dict)
    _exchanged: dict[int, Any] = field(default_factory=dict)
    _references: dict[int, Any] = field(default_factory=dict)
    #: What was read last, with its graph: more images are asked of the same without compiling it again.
    _last: tuple[Key, Any, Any] | None = None

    @property
    def whole(self) -> int:
        """Number of all selection images."""
        return len(self.judge.images)

    def rank(self, candidate: Candidate, images: int | None = None) -> tuple[float, float]:
        """Sort key of a candidate on so many images, all by default; one that does not run is last, with a note."""
        count = self.whole if images is None else images
        try:
            reading = self._reading(candidate, count)
        except HarnessError as error:
            self.notes.append(f"{candidate.title} could not be tried: {error}")
            return (IMPOSSIBLE, 0.0)
        key = candidate.key
        if count == self.whole:
            reading = self._known(candidate)
        known, before = self.candidates.setdefault(key, candidate), self.tried.get(key)
        fate: Fate = "out" if before is None else "survived"
        if before is None or before.reading.images <= reading.images:
            left = len(known.layers) + known.out
            self.tried[key] = Tried(known.title, left, reading, self._lacks(reading), fate)
        return self._order(reading)

    def fits(self, candidate: Candidate) -> bool:
        """Whether a candidate's graph misses no limit on size or on work in INT8; nothing is compiled for it."""
        if not {"min_int8_share", "max_size_ratio"}.intersection(self.judge.limits):
            return True
        try:
            return self.judge.fits(self.graphs.cut(candidate))
        except HarnessError:  # told where it is read
            return True

    def look_again(self, candidate: Candidate) -> None:
        """Read a candidate on all images and on those that calibrated it, calibrated on others then; both count."""
        key, exchange = candidate.key, self.exchange
        if exchange is None or key in self._again:
            return
        made = [make(candidate.base).parent.name for make in (self.graphs.make, exchange.make)]
        images = self.whole + len(exchange.judge.images)
        told = {"optimized": made, "layers": sorted(candidate.layers), "images": images}
        try:
            reading = self.keep(told, lambda: self._twice(candidate, exchange))
        except HarnessError as error:
            self.notes.append(f"{candidate.title} could not be read again: {error}")
            return
        self._again[key] = reading
        self.tried[key] = replace(self.tried[key], reading=reading, need=self._lacks(reading))

    def best(self, candidate: Candidate) -> tuple[float, float]:
        """Sort key of a candidate that was read on all images, by all that is known of it."""
        return self._order(self._known(candidate))

    def ranked(self) -> list[Candidate]:
        """Everything that was read on all images, best first."""
        known = [self.candidates[key] for key in self.tried if (key, self.whole) in self._read]
        return sorted(known, key=self.best)

    def spare(self, candidate: Candidate) -> None:
        """Take what a candidate that was read on all images loses as what may be lost."""
        self.spared = self._read[candidate.key, self.whole].loss.judged

    def lacks(self, candidate: Candidate) -> float:
        """Worst limit of a candidate that was read on all images: 1 meets it."""
        return self._lacks(self._known(candidate))

    def lacked(self, candidate: Candidate) -> float:
        """The same before it was looked at again."""
        return self._lacks(self._read[candidate.key, self.whole])

    def chance(self, candidate: Candidate) -> float:
        """Chance that a candidate that was read on all images meets the limits on others; 1 where it was not asked."""
        found = self._known(candidate).chance
        return 1.0 if found is None else found

    def pace(self, candidate: Candidate) -> float:
        """Rough speed of a candidate that was read on all images; 1 where it was not measured."""
        return self._known(candidate).pace or 1.0

    def mark(self, candidate: Candidate) -> None:
        """Note that it is a finalist."""
        self.tried[candidate.key] = replace(self.tried[candidate.key], fate="finalist")

    def _reading(self, candidate: Candidate, images: int) -> Reading:
        key = candidate.key, images
        if key not in self._read:
            made = self.graphs.make(candidate.base).parent.name
            told = {"optimized": made, "layers": sorted(candidate.layers), "images": images}
            self._read[key] = self.keep(told, lambda: self._measured(candidate, images))
        return self._read[key]

    def _known(self, candidate: Candidate) -> Reading:
        return self._again.get(candidate.key, self._read[candidate.key, self.whole])

    def _asked(self, candidate: Candidate, images: int) -> tuple[Any, Answer]:
        """Give a candidate's graph and its answers."""
        key, judge = candidate.key, self.judge
        if self._last is None or self._last[0] != key:
            model = self.graphs.cut(candidate)
            self._last = key, model, judge.compiled(model)
        _, model, compiled = self._last
        answer = judge.ask(compiled, images, self._references)
        if images == self.whole:
            self._answers[key] = answer
        return model, answer

    def _twice(self, candidate: Candidate, exchange: Exchange) -> Reading:
        key, judge = candidate.key, exchange.judge
        first = self._answers.get(key) or self._asked(candidate, self.whole)[1]
        model = judge.compiled(self.graphs.cut(candidate, exchange.make))
        more = judge.ask(model, len(judge.images), self._exchanged)
        reading, known = self.judge.twice(first, more), self._read[key, self.whole]
        return replace(reading, values={**known.values, **reading.values}, pace=known.pace)

    def _measured(self, candidate: Candidate, images: int) -> Reading:
        model, answer = self._asked(candidate, images)
        reading = self.judge.reading(answer, sure=images >= self.whole)
        earlier = (self._read.get((candidate.key, count)) for count in range(images))
        known = next((one for one in earlier if one is not None), None)
        if known is None:
            values = self.judge.resources(model)
        else:
            values = {key: known.values[key] for key in RESOURCES if key in known.values}
            reading = replace(reading, pace=known.pace)
        reading = replace(reading, values={**reading.values, **values})
        return self._timed(reading, model)

    def _timed(self, reading: Reading, model: Any) -> Reading:
        """Measure the speed where it matters: where a limit is on it, or nothing else lacks."""
        judge, limited = self.judge, "min_speedup" in self.judge.limits
        if reading.pace is not None or not (limited or self._lacks(reading) <= TARGET):
            return reading
        image = judge.images.tensors[0][None]
        speed = judge.pace(model, self.graphs.parent, judge.benchmark, image)
        values = {**reading.values, **({"min_speedup": speed} if limited else {})}
        return replace(reading, pace=speed, values=values)

    def _lacks(self, reading: Reading) -> float:
        return finite(self.judge.need(reading, self.spared))

    def _order(self, reading: Reading) -> tuple[float, float]:
        lacks, noise = self._lacks(reading), reading.loss.noise
        return order(lacks, reading.pace, TARGET, reading.chance, noise=noise)
