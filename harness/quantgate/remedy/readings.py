"""Candidates, what each read on some selection images, and the graphs that they are cut from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from quantgate.attribution.execution import refusals
from quantgate.core.remedy import RESOURCES, Reading, Tried, finite, order
from quantgate.engine.profile import macs_by_name
from quantgate.engine.quantizers import Graph
from quantgate.engine.surgery import without
from quantgate.errors import HarnessError
from quantgate.pair import Pair
from quantgate.remedy.judge import TARGET
from quantgate.remedy.recipes import DECLARED
from quantgate.remedy.resources import share_of

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.remedy import Fate
    from quantgate.entries import Recipe
    from quantgate.remedy.judge import Judge

#: Sort key of a candidate that cannot be read.
IMPOSSIBLE = float("inf")

#: A recipe as text (it may hold tables, which have no hash), and the layers that are left in float.
Key = tuple[str, frozenset[str]]
Make = Callable[["Recipe"], "Path"]
Keep = Callable[[Mapping[str, Any], Callable[[], Reading]], Reading]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Layers of a recipe's quantized graph that are left in floating point.

    Parameters
    ----------
    of, scope
        What the recipe and the set of layers are, in words.
    out
        Layers that the recipe itself leaves out.
    whole
        The set that these layers are left of, where some of it were not needed.
    """

    of: str
    base: Recipe
    scope: str = ""
    layers: frozenset[str] = frozenset()
    out: int = 0
    whole: frozenset[str] = frozenset()

    @property
    def family(self) -> tuple[Key, bool]:
        """What those have in common that were pruned of one set; the set itself is another."""
        return (repr(self.base), self.whole or self.layers), bool(self.whole)

    @property
    def key(self) -> Key:
        """What tells candidates apart."""
        return repr(self.base), self.layers

    @property
    def title(self) -> str:
        """Both in words; what is as declared needs no mention beside a set."""
        if not self.scope:
            return self.of
        return self.scope if self.of == DECLARED else f"{self.of}, {self.scope}"


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
    parent
        IR of the parent.
    make
        Quantizes by a recipe on the calibrating part of the images, or finds that; the path of the IR.
    keep
        Finds a reading by its key, or has it made and keeps it.
    exchange
        For a second look at the best.
    spared
        What the declared recipe loses: less needs no remedy where no limit is on answers.
    """

    parent: Path
    judge: Judge
    make: Make
    keep: Keep
    exchange: Exchange | None = None
    notes: list[str] = field(default_factory=list)
    candidates: dict[Key, Candidate] = field(default_factory=dict)
    tried: dict[Key, Tried] = field(default_factory=dict)
    spared: float = 0.0
    _read: dict[tuple[Key, int], Reading] = field(default_factory=dict)
    _again: dict[Key, Reading] = field(default_factory=dict)
    _exchanged: dict[int, Any] = field(default_factory=dict)
    _graphs: dict[str, Any] = field(default_factory=dict)
    _references: dict[int, Any] = field(default_factory=dict)
    _macs: dict[str, int] | None = None

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
        known = self.candidates.setdefault(key, candidate)
        fate: Fate = "survived" if key in self.tried else "out"
        left = len(known.layers) + known.out
        self.tried[key] = Tried(known.title, left, reading, self._lacks(reading), fate)
        return self._order(reading)

    def look_again(self, candidate: Candidate) -> None:
        """Read a candidate on all images and on those that calibrated it, calibrated on others then; both count."""
        key, exchange = candidate.key, self.exchange
        if exchange is None:
            return
        made = [make(candidate.base).parent.name for make in (self.make, exchange.make)]
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

    def work(self, names: Collection[str]) -> float:
        """Share of the multiply-accumulates that some layers have."""
        if self._macs is None:
            self._macs = macs_by_name(self.graph("", lambda: self.parent))
        return share_of(names, self._macs)

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

    def mark(self, candidate: Candidate) -> None:
        """Note that it is a finalist."""
        self.tried[candidate.key] = replace(self.tried[candidate.key], fate="finalist")

    def models(self, recipe: Recipe) -> Pair[Any]:
        """Graphs of the parent and of what a recipe makes of it."""
        return Pair(
            self.graph("", lambda: self.parent), self.graph(repr(recipe), lambda: self.make(recipe))
        )

    def graph(self, key: str, path: Callable[[], Path]) -> Any:
        """Read a graph once."""
        import openvino as ov

        if key not in self._graphs:
            self._graphs[key] = ov.Core().read_model(path())
        return self._graphs[key]

    def types(self, recipe: Recipe) -> dict[str, str]:
        """Type of each layer that a recipe quantizes, by its name."""
        return {layer.name: layer.type for layer in Graph(self.models(recipe).optimized).layers}

    def _reading(self, candidate: Candidate, images: int) -> Reading:
        key = candidate.key, images
        if key not in self._read:
            made = self.make(candidate.base).parent.name
            told = {"optimized": made, "layers": sorted(candidate.layers), "images": images}
            self._read[key] = self.keep(told, lambda: self._measured(candidate, images))
        return self._read[key]

    def _known(self, candidate: Candidate) -> Reading:
        return self._again.get(candidate.key, self._read[candidate.key, self.whole])

    def _graph(self, candidate: Candidate, make: Make, kind: str = "") -> Any:
        """What a candidate is, cut from its recipe's graph."""
        base = candidate.base
        optimized = self.graph(kind + repr(base), lambda: make(base))
        if not candidate.layers:
            return optimized
        with refusals():
            return without(Pair(self.graph("", lambda: self.parent), optimized), candidate.layers)

    def _twice(self, candidate: Candidate, exchange: Exchange) -> Reading:
        first = self.judge.ask(self._graph(candidate, self.make), self.whole, self._references)
        model = self._graph(candidate, exchange.make, "exchanged ")
        more = exchange.judge.ask(model, len(exchange.judge.images), self._exchanged)
        reading = self.judge.reading(first.with_more(more), sure=True)
        known = self._read[candidate.key, self.whole]
        return replace(reading, values={**known.values, **reading.values}, pace=known.pace)

    def _measured(self, candidate: Candidate, images: int) -> Reading:
        judge, model = self.judge, self._graph(candidate, self.make)
        reading = judge.read(model, images, self._references)
        earlier = (self._read.get((candidate.key, count)) for count in range(images))
        known = next((one for one in earlier if one is not None), None)
        if known is None:
            values = judge.resources(model)
        else:
            values = {key: known.values[key] for key in RESOURCES if key in known.values}
            reading = replace(reading, pace=known.pace)
        reading = replace(reading, values={**reading.values, **values})
        return self._timed(reading, model, self.graph("", lambda: self.parent))

    def _timed(self, reading: Reading, model: Any, parent: Any) -> Reading:
        """Measure the speed where it matters: where a limit is on it, or nothing else lacks."""
        judge, limited = self.judge, "min_speedup" in self.judge.limits
        if reading.pace is not None or not (limited or self._lacks(reading) <= TARGET):
            return reading
        speed = judge.pace(model, parent, judge.benchmark, judge.images.tensors[0][None])
        values = {**reading.values, **({"min_speedup": speed} if limited else {})}
        return replace(reading, pace=speed, values=values)

    def _lacks(self, reading: Reading) -> float:
        return finite(self.judge.need(reading, self.spared))

    def _order(self, reading: Reading) -> tuple[float, float]:
        return order(self._lacks(reading), reading.pace, TARGET, reading.chance)
