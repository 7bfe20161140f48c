"""Bringing a Darknet network's two files to where models.toml names them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.errors import SourceError
from quantgate.sources.darknet.locate import DarknetSource, locate, read
from quantgate.sources.kind import RemotePlan, SourceKind
from quantgate.sources.url import FetchPlan, UrlSource, fetch_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.progress import Progress
    from quantgate.sources.files import SourceFile
    from quantgate.sources.kind import Place
    from quantgate.store import Store


def fetch_darknet(
    source: DarknetSource, store: Store, plan: FetchPlan, progress: Progress | None = None
) -> None:
    """Put the files that are missing where they belong; those that are there stay as they are.

    Raises
    ------
    SourceUnavailableError, SourceError
        As :func:`quantgate.sources.url.fetch_url`, and where a file cannot be written.
    """
    for path, origin in _missing(source):
        _put(fetch_url(origin, store, plan, progress), path)


def is_here(source: DarknetSource, _: Store | None = None) -> bool:
    """Whether both files are where models.toml names them."""
    return source.cfg.is_file() and source.weights.is_file()


def _missing(source: DarknetSource) -> Iterator[tuple[Path, UrlSource]]:
    for path, url, sha256 in (
        (source.cfg, source.cfg_url, source.cfg_sha256),
        (source.weights, source.weights_url, source.weights_sha256),
    ):
        if not path.is_file() and url is not None and sha256 is not None:
            yield path, UrlSource(url, sha256)


def _put(found: Path, path: Path) -> None:
    """Copy aside and rename, so that no half a file is ever there."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(found, aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error


def _locate(source: DarknetSource, place: Place) -> SourceFile:
    return locate(source, place.root, RemotePlan(place.name).command)


def _fetch(
    source: DarknetSource, store: Store, plan: RemotePlan, progress: Progress | None
) -> SourceFile:
    how = FetchPlan(command=plan.command, offline=plan.offline)
    fetch_darknet(source, store, how, progress)
    return locate(source, Path(), plan.command)


def _is_remote(source: DarknetSource) -> bool:
    return source.fetchable


KIND = SourceKind(DarknetSource, _locate, read, fetch=_fetch, is_here=is_here, is_remote=_is_remote)
