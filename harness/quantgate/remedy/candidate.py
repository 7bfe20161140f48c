"""A candidate: a recipe, and layers of what it makes that are left in floating point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.remedy.recipes import DECLARED

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import Recipe

#: A recipe as text (it may hold tables, which have no hash), and the layers that are left in float.
Key = tuple[str, frozenset[str]]
#: Quantizes by a recipe, or finds that in the store; the path of the IR.
Make = Callable[["Recipe"], "Path"]


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

    def leaving(self, scope: str, layers: frozenset[str]) -> Candidate:
        """Leave a set of layers in floating point, by the same recipe."""
        return Candidate(self.of, self.base, scope, layers)
