"""Bringing a Darknet network's two files to where models.toml names them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from harness.errors import SourceError
from harness.sources.specs import UrlSource
from harness.sources.url import fetch_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.engine.progress import Progress
    from harness.sources.specs import DarknetSource
    from harness.sources.url import FetchPlan
    from harness.store import Store


def fetch_darknet(
    source: DarknetSource, store: Store, plan: FetchPlan, progress: Progress | None = None
) -> None:
    """Put the files that are missing where they belong; those that are there stay as they are.

    Raises
    ------
    SourceUnavailableError, SourceError
        As :func:`harness.sources.url.fetch_url`, and where a file cannot be written.
    """
    for path, origin in _missing(source):
        _put(fetch_url(origin, store, plan, progress), path)


def is_here(source: DarknetSource) -> bool:
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
