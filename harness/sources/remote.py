"""Sources that have to be fetched: one door for ``quantgate fetch`` and for a run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from harness.errors import SourceUnavailableError
from harness.sources import hf, url
from harness.sources.darknet import fetching as darknet
from harness.sources.darknet.locate import locate as locate_darknet
from harness.sources.files import SourceFile, inspect
from harness.sources.omz import fetch as omz
from harness.sources.specs import DarknetSource, HfSource, OmzSource, UrlSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.engine.progress import Progress
    from harness.store import Store

RemoteSource: TypeAlias = UrlSource | OmzSource | HfSource | DarknetSource

log = logging.getLogger(__name__)


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


def fetch(
    source: RemoteSource, store: Store, plan: RemotePlan, progress: Progress | None = None
) -> SourceFile:
    """Return a model's files, fetching them first where they are not in the store.

    Raises
    ------
    SourceUnavailableError
        Where there is no network and the files are not here; names the command.
    SourceError, StoreError
        As :mod:`harness.sources.url`, :mod:`harness.sources.omz` and :mod:`harness.sources.hf` say.
    """
    how = url.FetchPlan(command=plan.command, offline=plan.offline)
    if isinstance(source, UrlSource):
        return inspect(url.fetch_url(source, store, how, progress))
    if isinstance(source, DarknetSource):
        darknet.fetch_darknet(source, store, how, progress)
        return locate_darknet(source, Path(), plan.command)
    if isinstance(source, OmzSource):
        zoo = omz.OmzPlan(
            command=plan.command, offline=plan.offline, cache_dir=plan.omz_cache, tell=plan.tell
        )
        return inspect(omz.fetch_omz(source, store, zoo, progress))
    return inspect(hf.fetch_hf(source, store, offline=plan.offline, command=plan.command))


def is_fetched(source: RemoteSource, store: Store) -> bool:
    """Whether a source's files are here, so that no network is needed."""
    if isinstance(source, UrlSource):
        return url.is_fetched(source, store)
    if isinstance(source, DarknetSource):
        return darknet.is_here(source)
    if isinstance(source, OmzSource):
        return omz.is_fetched(source, store)
    try:
        hf.fetch_hf(source, store, offline=True)
    except SourceUnavailableError:
        return False
    return True
