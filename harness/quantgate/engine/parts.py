"""Parts of an evaluation, kept in the store as it goes: one that is killed goes on where it was.

A part holds all images from where it begins to where the next one does. What is made of the parts does not
depend on how they were cut, so that time may decide it: an evaluation of a few seconds has none.

Where there are many images, they are also cut by their number alone. Such a part is addressed by its own images, so
that whoever shares the store can make it by itself; whoever evaluates the whole takes those that are there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Generic, TypeVar

from quantgate.datasets.assembly import samples_digest
from quantgate.engine.calibration import refuse_many_skipped
from quantgate.engine.streaming import NOTHING_BEFORE, Before
from quantgate.errors import ShardError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from quantgate.datasets.sample import Sample
    from quantgate.shard import Part
    from quantgate.store import Store

T = TypeVar("T")

#: Work that a death may cost, s: less is done again sooner than it is kept.
WORTH_S = 5.0
#: Images that a part has at least.
FEWEST = 8
#: Images of a part that is made by itself, at least: it costs a process and a compilation of each model.
FEWEST_APART = 300
#: So many such parts at most.
MOST = 64


@dataclass(frozen=True, slots=True)
class Stretch(Generic[T]):
    """Consecutive images that go through the models at once, and what of the evaluation went before.

    ``keep`` takes what is done: the place of its first image among these, and one result for each key.
    """

    samples: Sequence[Sample]
    before: Before = NOTHING_BEFORE
    keep: Callable[[int, Sequence[T]], None] | None = None


class Pace:
    """Finds stretches of finished images that are worth keeping, while others are under way.

    Parameters
    ----------
    keep
        Called with the first image of such a stretch and the one behind its last, from any thread, one
        call at a time.
    """

    def __init__(self, images: int, keep: Callable[[int, int], None] | None) -> None:
        self._keep = keep
        self._done = bytearray(images)
        self._kept = self._ahead = 0
        self._since_s = time.perf_counter()
        self._lock = threading.Lock()

    def done(self, index: int) -> None:
        """Take note that an image is finished, or left out."""
        if self._keep is None:
            return
        with self._lock:
            self._done[index] = True
            while self._ahead < len(self._done) and self._done[self._ahead]:
                self._ahead += 1
            late = time.perf_counter() - self._since_s >= WORTH_S
            if late and self._ahead - self._kept >= FEWEST:
                self._keep(self._kept, self._ahead)
                self._kept, self._since_s = self._ahead, time.perf_counter()


@dataclass(frozen=True, slots=True)
class PartKind(Generic[T]):
    """What a part holds: the kind of the whole's entry in the store, and how a part is kept there.

    ``images`` counts its images, ``unread`` gives the reasons of those among them that could not be read,
    ``join`` makes one of consecutive ones.
    """

    name: str
    save: Callable[[T, Path], None]
    load: Callable[[Path], T]
    images: Callable[[T], int]
    unread: Callable[[T], tuple[str, ...]]
    join: Callable[[Sequence[T]], T]

    @property
    def as_done(self) -> str:
        """Kind of the parts that are kept as an evaluation goes: for whoever goes on with it here."""
        return f"{self.name}-part"

    @property
    def by_index(self) -> str:
        """Kind of the parts that are made by themselves: for all machines."""
        return f"{self.name}-slice"


#: Evaluates some images: one result for each key.
Evaluate = Callable[["Stretch[T]"], "Sequence[T]"]
#: The keys of what is kept of some images, by the place of the first of them.
Places = Mapping[int, "Sequence[Mapping[str, Any]]"]


@dataclass(frozen=True, slots=True)
class Parts(Generic[T]):
    """The parts of evaluations that are made in one pass: one key of the store for each of them."""

    store: Store
    kind: PartKind[T]
    keys: Sequence[Mapping[str, Any]]
    samples: Sequence[Sample]
    _used: set[Path] = field(default_factory=set)

    @property
    def count(self) -> int:
        """How many parts there are to be made by themselves, see :func:`parts_worth`."""
        return parts_worth(len(self.samples))

    def is_there(self, part: Part) -> bool:
        """Whether a part was made by itself, here or on another machine."""
        return self._is_there(self._slice(*self._cuts()[part.index - 1]))

    def evaluate(self, run: Evaluate[T]) -> tuple[tuple[T, ...], ...]:
        """Run what is not in the store yet.

        Returns
        -------
        tuple
            For each key its parts.

        Raises
        ------
        DatasetError
            Where more than 1 % of all images cannot be read.
        """
        slices = {start: self._slice(start, stop) for start, stop in self._cuts()}
        found = list(self._chain((0, len(self.samples)), run, slices))
        found = found or [run(Stretch(self.samples))]
        unread = [reason for part in found for reason in self.kind.unread(part[0])]
        refuse_many_skipped(unread, len(self.samples))
        return tuple(zip(*found, strict=True))

    def make(self, part: Part, run: Evaluate[T]) -> None:
        """Put one part into the store, unless it is there; what is done of it is kept meanwhile.

        Raises
        ------
        ShardError
            For another number of parts than so many images are worth: nobody would look for it.
        """
        if part.count != self.count:
            raise ShardError(
                f"part {part} of an evaluation of {len(self.samples)} images: so many make {self.count} parts, and no "
                "others are looked for"
            )
        cut = self._cuts()[part.index - 1]
        found = cache(lambda: tuple(zip(*self._chain(cut, run, {}), strict=True)))
        for place, key in enumerate(self._slice(*cut)):

            def build(folder: Path, place: int = place) -> None:
                self.kind.save(self.kind.join(found()[place]), folder)

            self.store.get_or_build(self.kind.by_index, key, build)
        self.forget()

    def forget(self) -> None:
        """Remove the parts: what was made of them is in the store."""
        for path in self._used:
            self.store.remove(path)
        self._used.clear()

    def _chain(
        self, cut: tuple[int, int], run: Evaluate[T], slices: Places
    ) -> Iterator[Sequence[T]]:
        """Give parts from one image to another: those that are kept, and in the gaps between what is run."""
        start, end = cut
        unread: list[str] = []
        while start < end:
            part = self._kept(start, end, slices)
            if part is None:
                others = (place for place in sorted(slices) if place > start)
                stop = next(filter(lambda place: self._is_there(slices[place]), others), end)
                before = Before(len(self.samples), tuple(unread))
                stretch = Stretch(self.samples[start:stop], before, partial(self._keep, start))
                part = run(stretch)
            yield part
            unread += self.kind.unread(part[0])
            start += self.kind.images(part[0])

    def _kept(self, start: int, end: int, slices: Places) -> Sequence[T] | None:
        """Read what is kept from an image on, and does not reach beyond another."""
        if start in slices:
            found = [self.store.find(self.kind.by_index, key) for key in slices[start]]
            paths = [path for path in found if path is not None]
            if len(paths) == len(found):
                self._used.update(paths)
                return [self.kind.load(path) for path in paths]
        keys = self._keys(start)
        if not all(self.store.holds(self.kind.as_done, key) for key in keys):
            return None
        paths = [self.store.address(self.kind.as_done, key) for key in keys]
        part = [self.kind.load(path) for path in paths]
        if start + self.kind.images(part[0]) > end:
            return None
        self._used.update(paths)
        return part

    def _keep(self, start: int, first: int, made: Sequence[T]) -> None:
        """Keep what is done of the images from ``start`` on, of which ``first`` are kept already."""
        for key, one in zip(self._keys(start + first), made, strict=True):
            build = partial(self.kind.save, one)
            self._used.add(self.store.get_or_build(self.kind.as_done, key, build))

    def _is_there(self, keys: Sequence[Mapping[str, Any]]) -> bool:
        return all(self.store.holds(self.kind.by_index, key) for key in keys)

    def _keys(self, start: int) -> list[dict[str, Any]]:
        return [{**key, "from": start} for key in self.keys]

    def _slice(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Give the keys of a part by itself: other images of the set are nothing to it."""
        digest = samples_digest(self.samples[start:stop])
        return [{**key, "dataset": digest} for key in self.keys]

    def _cuts(self) -> list[tuple[int, int]]:
        """Give the first image of each part that is made by itself, and the one behind its last."""
        count, images = self.count, len(self.samples)
        whole = [(images * i // count, images * (i + 1) // count) for i in range(count)]
        return whole if count > 1 else []


def parts_worth(images: int) -> int:
    """Count the parts into which so many images are cut for several machines; 1: not at all."""
    return max(1, min(MOST, images // FEWEST_APART))
