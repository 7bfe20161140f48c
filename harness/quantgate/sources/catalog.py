"""Every kind of source that models.toml can name, in one visible place, open to plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, Union

from quantgate.errors import SourceError
from quantgate.plugins import plugged
from quantgate.sources import hf, local, url, zoo
from quantgate.sources.darknet import fetching as darknet
from quantgate.sources.kind import Place, RemotePlan, SourceKind
from quantgate.sources.omz import fetch as omz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import openvino as ov

    from quantgate.progress import Progress
    from quantgate.sources.files import SourceFile
    from quantgate.store import Store

#: Kinds by the dataclass of their keys, in the order in which messages list them.
SOURCES: Mapping[type, SourceKind] = {
    kind.spec: kind
    for kind in (
        local.KIND,
        zoo.KIND,
        omz.KIND,
        darknet.KIND,
        url.KIND,
        hf.KIND,
        *plugged("sources").values(),
    )
}

if TYPE_CHECKING:
    #: What ``source = { … }`` is read into: one of the dataclasses above.
    AnySource: TypeAlias = Any
else:
    AnySource = Union[tuple(SOURCES)]  # noqa: UP007 - the members are known at run time only


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
    return _kind(source).locate(source, where)


def resolve(source: AnySource, place: Place | Path) -> tuple[SourceFile, ov.Model]:
    """Find and read a model.

    Raises
    ------
    SourceError
        As :func:`locate`, and where the model does not parse.
    """
    found = locate(source, place)
    return found, _kind(source).read(found)


def fetch(
    source: AnySource, store: Store, plan: RemotePlan, progress: Progress | None = None
) -> SourceFile:
    """Return a model's files, fetching them first where they are not on this machine.

    Raises
    ------
    SourceUnavailableError
        Where there is no network and the files are not here; names the command.
    SourceError, StoreError
        As the kind's own module says; SourceError for a kind of which nothing is fetched.
    """
    kind = _kind(source)
    if kind.fetch is None:
        raise SourceError(f"{source}: nothing of this kind is fetched")
    return kind.fetch(source, store, plan, progress)


def is_remote(source: AnySource) -> bool:
    """Whether ``quantgate fetch`` has something to do with this source."""
    return _kind(source).is_remote(source)


def is_here(source: AnySource, store: Store) -> bool:
    """Whether a source's files are on this machine, so that no network is needed."""
    asked = _kind(source).is_here
    return asked is None or asked(source, store)


def _kind(source: AnySource) -> SourceKind:
    try:
        return SOURCES[type(source)]
    except KeyError:
        known = ", ".join(spec.__name__ for spec in SOURCES)
        raise SourceError(
            f"{type(source).__name__} is no kind of source, expected one of {known}"
        ) from None
