"""Models that are built into quantgate."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

from typing_extensions import Doc

from quantgate.errors import SourceError
from quantgate.sources.files import SourceFile, inspect
from quantgate.sources.kind import SourceKind

if TYPE_CHECKING:
    from quantgate.sources.kind import Place


@dataclass(frozen=True, slots=True)
class ZooSource:
    """A model built into quantgate."""

    zoo: Annotated[str, Doc("name of a built-in model; `quantgate check --zoo` lists them")]


def locate(source: ZooSource, _: Place | None = None) -> SourceFile:
    """Find a built-in model.

    Raises
    ------
    SourceError
        Where no built-in model has this name; lists those there are.
    """
    from quantgate.zoo.catalog import ZOO, xml_path

    if source.zoo not in ZOO:
        near = get_close_matches(source.zoo, ZOO, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SourceError(
            f"there is no built-in model {source.zoo!r}, expected one of {', '.join(ZOO)}{hint}"
        )
    return inspect(xml_path(source.zoo))


KIND = SourceKind(ZooSource, locate)
