"""Parts of an evaluation, kept in the store as it goes: one that is killed goes on where it was.

A part holds all images from where it begins to where the next one does. What is made of the parts does not
depend on how they were cut, so that time may decide it: an evaluation of a few seconds has none.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from quantgate.engine.streaming import NOTHING_BEFORE, Before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from quantgate.datasets.sample import Sample
    from quantgate.store import Store

T = TypeVar("T")

#: Work that a death may cost, s: less is done again sooner than it is kept.
WORTH_S = 5.0
#: Images that a part has at least.
FEWEST = 8


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
    """What a part holds: the kind of its entry in the store, and how it is kept there.

    ``images`` counts its images, ``unread`` gives the reasons of those among them that could not be read.
    """

    name: str
    save: Callable[[T, Path], None]
    load: Callable[[Path], T]
    images: Callable[[T], int]
    unread: Callable[[T], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Parts(Generic[T]):
    """The parts of evaluations that are made in one pass: one key of the store for each of them."""

    store: Store
    kind: PartKind[T]
    keys: Sequence[Mapping[str, Any]]

    def evaluate(
        self, samples: Sequence[Sample], run: Callable[[Stretch[T]], Sequence[T]]
    ) -> tuple[tuple[T, ...], ...]:
        """Run what is not in the store yet.

        Parameters
        ----------
        run
            Evaluates some images: one result for each key.

        Returns
        -------
        tuple
            For each key its parts.
        """
        found = list(self._kept())
        start = sum(self.kind.images(part[0]) for part in found)
        unread = tuple(reason for part in found for reason in self.kind.unread(part[0]))

        def keep(first: int, made: Sequence[T]) -> None:
            for key, one in zip(self._keys(start + first), made, strict=True):

                def build(folder: Path, one: T = one) -> None:
                    self.kind.save(one, folder)

                self.store.get_or_build(self.kind.name, key, build)

        if start < len(samples) or not found:
            stretch = Stretch(samples[start:], Before(len(samples), unread), keep)
            found.append(run(stretch))
        return tuple(zip(*found, strict=True))

    def forget(self) -> None:
        """Remove the parts: what was made of them is in the store."""
        start = 0
        for part in list(self._kept()):
            for key in self._keys(start):
                self.store.remove(self.store.address(self.kind.name, key))
            start += self.kind.images(part[0])

    def _kept(self) -> Iterator[Sequence[T]]:
        """Read what an earlier run kept, from the first image on."""
        start = 0
        while True:
            keys = list(self._keys(start))
            if not all(self.store.holds(self.kind.name, key) for key in keys):
                return
            part = [self.kind.load(self.store.address(self.kind.name, key)) for key in keys]
            yield part
            start += self.kind.images(part[0])

    def _keys(self, start: int) -> Iterator[dict[str, Any]]:
        return ({**key, "from": start} for key in self.keys)
