"""One pass of models over the evaluation set, whose results are kept: whole, or in parts that any machine may make."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from quantgate.engine.parts import Evaluate, Parts
    from quantgate.shard import Part

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pass(Generic[T]):
    """A pass that is planned: nothing is read or run before something of it is asked for.

    Parameters
    ----------
    run
        Evaluates some images: one result for each key of ``parts``.
    join
        Makes the whole of all parts of one key, or refuses it.
    """

    parts: Parts[T]
    run: Evaluate[T]
    join: Callable[[Sequence[T]], T]

    def keep(self) -> None:
        """Put the results into the store, joined of the parts that are there and of what is missing."""
        found = cache(lambda: self.parts.evaluate(self.run))
        kind, store = self.parts.kind, self.parts.store
        built = False
        for place, key in enumerate(self.parts.keys):

            def build(folder: Path, place: int = place) -> None:
                nonlocal built
                kind.save(self.join(found()[place]), folder)
                built = True

            store.get_or_build(kind.name, key, build)
        if built:
            self.parts.forget()

    def keep_part(self, part: Part) -> None:
        """Put one part of the results into the store, unless it is there, or the whole is.

        Raises
        ------
        ShardError
            For another number of parts than so many images are worth.
        """
        if self.parts.count == part.count == 1:
            self.keep()
        elif not self.kept:
            self.parts.make(part, self.run)

    def holds(self, part: Part) -> bool:
        """Whether a part is in the store, or all of them are."""
        return self.kept or (part.count > 1 and self.parts.is_there(part))

    @property
    def kept(self) -> bool:
        """Whether all results are in the store."""
        kind, store = self.parts.kind, self.parts.store
        return all(store.holds(kind.name, key) for key in self.parts.keys)
