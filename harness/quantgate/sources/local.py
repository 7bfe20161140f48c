"""A model file, by its path relative to the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typing_extensions import Doc

from quantgate.sources.files import SourceFile, inspect
from quantgate.sources.kind import SourceKind

if TYPE_CHECKING:
    from quantgate.sources.kind import Place


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file that OpenVINO reads: IR .xml, .onnx, .pb, saved-model folder, .tflite, .pdmodel."""

    path: Annotated[Path, Doc("relative to models.toml")]


def _locate(source: LocalSource, place: Place) -> SourceFile:
    return inspect(place.root / source.path)


KIND = SourceKind(LocalSource, _locate)
