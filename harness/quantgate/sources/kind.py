"""What a kind of source is: its table in models.toml, and how its model is found, read and fetched."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quantgate.errors import SourceError
from quantgate.sources import reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import openvino as ov

    from quantgate.progress import Progress
    from quantgate.sources.files import SourceFile
    from quantgate.store import Store

log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class RemotePlan:
    """How to fetch.

    Parameters
    ----------
    name
        The entry in models.toml, named in the command that fetches it.
    offline
        Never touch the network: what is not on this machine is unavailable.
    omz_cache
        omz_downloader's checksum cache; default: in the store.
    tell
        Is given what a person should read: the licence of an Open Model Zoo model.
    """

    name: str
    offline: bool = False
    omz_cache: Path | None = None
    tell: Callable[[str], None] = log.warning

    @property
    def command(self) -> str:
        """What a person types to fetch this source."""
        return f"quantgate fetch {self.name}"


def fetched(fetch: Callable[[Any, Store, RemotePlan, Progress | None], SourceFile]) -> Any:
    """Make the ``locate`` of a fetched kind: finding never downloads, ``quantgate fetch`` does."""

    def locate(source: Any, place: Place) -> SourceFile:
        if place.store is None:
            raise SourceError(f"{source}: a model that is fetched needs a store, and there is none")
        return fetch(source, place.store, RemotePlan(place.name, offline=True), None)

    return locate


def always(_: Any) -> bool:
    """Say that everything of this kind is fetched."""
    return True


def never(_: Any) -> bool:
    """Say that nothing of this kind is fetched."""
    return False


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source; a plug-in's entry point in ``quantgate.sources`` is one of these.

    Parameters
    ----------
    spec
        Frozen dataclass of the keys of ``source = { … }``; its first field names the kind, so no
        other kind may have a key of that name.
    locate
        Finds a model's files and their digest, without loading OpenVINO and without a network.
        Raises SourceUnavailableError where it has to be fetched first.
    read
        Makes an OpenVINO model of the files that were found.
    fetch
        Brings the files to this machine, for ``quantgate fetch``; None where there is nothing to do.
    is_here
        Whether the files are on this machine; asked of fetched kinds only.
    is_remote
        Whether ``fetch`` has something to do with this source.
    """

    spec: type
    locate: Callable[[Any, Place], SourceFile]
    read: Callable[[SourceFile], ov.Model] = reading.read
    fetch: Callable[[Any, Store, RemotePlan, Progress | None], SourceFile] | None = None
    is_here: Callable[[Any, Store], bool] | None = None
    is_remote: Callable[[Any], bool] = never
