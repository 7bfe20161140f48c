"""The pair: whatever exists once per role travels as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
U = TypeVar("U")

Role = Literal["parent", "optimized"]
ROLES: tuple[Role, Role] = ("parent", "optimized")


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """The same thing for both roles: the parent model and the model optimized from it."""

    parent: T
    optimized: T

    def map(self, function: Callable[[T], U]) -> Pair[U]:
        """Apply a function to both roles, the parent first."""
        return Pair(function(self.parent), function(self.optimized))

    def __iter__(self) -> Iterator[T]:
        yield self.parent
        yield self.optimized

    def __getitem__(self, role: Role) -> T:
        return self.parent if role == "parent" else self.optimized
