"""Models that are built into quantgate."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from harness.errors import SourceError
from harness.sources.files import SourceFile, inspect

if TYPE_CHECKING:
    from harness.entries import ZooSource


def locate(source: ZooSource) -> SourceFile:
    """Find a built-in model.

    Raises
    ------
    SourceError
        Where no built-in model has this name; lists those there are.
    """
    from harness.zoo.catalog import ZOO, xml_path

    if source.zoo not in ZOO:
        near = get_close_matches(source.zoo, ZOO, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SourceError(
            f"there is no built-in model {source.zoo!r}, expected one of {', '.join(ZOO)}{hint}"
        )
    return inspect(xml_path(source.zoo))
