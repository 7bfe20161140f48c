"""Every kind of source, in one visible place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.entries import LocalSource, ZooSource
from harness.sources import reading, zoo
from harness.sources.files import SourceFile, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import openvino as ov

    from harness.entries import AnySource


def _local(source: LocalSource, root: Path) -> SourceFile:
    return inspect(root / source.path)


def _zoo(source: ZooSource, _: Path) -> SourceFile:
    return zoo.locate(source)


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind of source is found (without OpenVINO) and read (with it)."""

    locate: Callable[[Any, Path], SourceFile]
    read: Callable[[SourceFile], ov.Model] = reading.read


SOURCES: Mapping[type, Way] = {LocalSource: Way(_local), ZooSource: Way(_zoo)}


def locate(source: AnySource, root: Path) -> SourceFile:
    """Find a model's files and their digest, without loading OpenVINO.

    Parameters
    ----------
    root
        Folder that relative paths start from: the manifest's.

    Raises
    ------
    SourceError
        Where a file is missing, empty, in parts, or of a format that is not read.
    """
    return SOURCES[type(source)].locate(source, root)


def resolve(source: AnySource, root: Path) -> tuple[SourceFile, ov.Model]:
    """Find and read a model.

    Raises
    ------
    SourceError
        As :func:`locate`, and where the model does not parse.
    """
    way = SOURCES[type(source)]
    found = way.locate(source, root)
    return found, way.read(found)
