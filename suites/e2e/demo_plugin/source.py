"""A source: ``{ demo = "parent" }`` is a model registry, here the folder of the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typing_extensions import Doc

from quantgate.sources.files import SourceFile, inspect
from quantgate.sources.kind import SourceKind

if TYPE_CHECKING:
    from quantgate.sources.kind import Place


@dataclass(frozen=True, slots=True)
class DemoSource:
    """A model of our registry."""

    demo: Annotated[str, Doc("its name")]


def locate(source: DemoSource, place: Place) -> SourceFile:
    """Find the model's IR."""
    return inspect(place.root / f"{source.demo}.xml")


KIND = SourceKind(DemoSource, locate)
