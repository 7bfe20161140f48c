"""Every kind of source, in one visible place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.entries import LocalSource, ZooSource
from harness.errors import SourceError
from harness.sources import reading, remote, zoo
from harness.sources.darknet import locate as darknet
from harness.sources.files import SourceFile, inspect
from harness.sources.omz import adapt
from harness.sources.specs import DarknetSource, HfSource, OmzSource, UrlSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import openvino as ov

    from harness.entries import AnySource
    from harness.store import Store


@dataclass(frozen=True, slots=True)
class Place:
    """Where models are looked for.

    Parameters
    ----------
    root
        Folder that relative paths start from: the manifest's.
    store
        Where fetched models are kept; without it only local and built-in ones are found.
    name
        The entry in models.toml, named in the command that fetches it.
    """

    root: Path
    store: Store | None = None
    name: str = "--all"


def _local(source: LocalSource, place: Place) -> SourceFile:
    return inspect(place.root / source.path)


def _zoo(source: ZooSource, _: Place) -> SourceFile:
    return zoo.locate(source)


def _darknet(source: DarknetSource, place: Place) -> SourceFile:
    return darknet.locate(source, place.root, remote.RemotePlan(place.name).command)


def _fetched(source: remote.RemoteSource, place: Place) -> SourceFile:
    """Find what was fetched before: finding a model never downloads, ``quantgate fetch`` does."""
    if place.store is None:
        raise SourceError(f"{source}: a model that is fetched needs a store, and there is none")
    plan = remote.RemotePlan(place.name, offline=True)
    return remote.fetch(source, place.store, plan)


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind of source is found (without OpenVINO) and read (with it)."""

    locate: Callable[[Any, Place], SourceFile]
    read: Callable[[SourceFile], ov.Model] = reading.read


SOURCES: Mapping[type, Way] = {
    LocalSource: Way(_local),
    ZooSource: Way(_zoo),
    DarknetSource: Way(_darknet, darknet.read),
    UrlSource: Way(_fetched),
    OmzSource: Way(_fetched, adapt.read),
    HfSource: Way(_fetched),
}


def locate(source: AnySource, place: Place | Path) -> SourceFile:
    """Find a model's files and their digest, without loading OpenVINO and without a network.

    Parameters
    ----------
    place
        Where to look; a folder stands for a place without a store.

    Raises
    ------
    SourceUnavailableError
        Where a model has to be fetched first; names the command.
    SourceError
        Where a file is missing, empty, in parts, or of a format that is not read.
    """
    where = place if isinstance(place, Place) else Place(place)
    return SOURCES[type(source)].locate(source, where)


def resolve(source: AnySource, place: Place | Path) -> tuple[SourceFile, ov.Model]:
    """Find and read a model.

    Raises
    ------
    SourceError
        As :func:`locate`, and where the model does not parse.
    """
    found = locate(source, place)
    return found, SOURCES[type(source)].read(found)
