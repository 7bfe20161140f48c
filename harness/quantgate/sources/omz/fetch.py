"""An Open Model Zoo model as an OpenVINO IR in the store: downloaded, verified, converted."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typing_extensions import Doc

from quantgate.errors import SourceError, SourceUnavailableError
from quantgate.progress import Silent
from quantgate.sources.files import inspect
from quantgate.sources.kind import SourceKind, always, fetched
from quantgate.sources.omz.index import find_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import openvino as ov

    from quantgate.progress import Progress
    from quantgate.sources.files import SourceFile
    from quantgate.sources.kind import RemotePlan
    from quantgate.sources.omz.index import OmzModel
    from quantgate.store import Store

#: The parent is the most precise one there is.
PRECISIONS = ("FP32", "FP16")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OmzSource:
    """A model of Open Model Zoo, downloaded and converted by openvino-dev's own tools."""

    omz: Annotated[str, Doc("name of the model; `quantgate fetch --list` lists them")]


@dataclass(frozen=True, slots=True)
class OmzPlan:
    """How to fetch.

    Parameters
    ----------
    command
        What a person types to fetch the model; default: ``quantgate fetch`` and its name.
    offline
        Never touch the network: what is in neither the store nor the cache is unavailable.
    cache_dir
        omz_downloader's checksum cache; default: ``omz-cache`` in the store.
    attempts
        Downloads tried before giving up.
    tell
        Is given the licence's address when a model is fetched.
    sleep
        Waits for so many seconds.
    """

    command: str | None = None
    offline: bool = False
    cache_dir: Path | None = None
    attempts: int = 3
    tell: Callable[[str], None] = log.warning
    sleep: Callable[[float], None] = time.sleep


def fetch_omz(
    source: OmzSource, store: Store, plan: OmzPlan = OmzPlan(), progress: Progress | None = None
) -> Path:
    """Return the IR (.xml) of a model, from the store where it is there already.

    Raises
    ------
    SourceUnavailableError
        Where files or tools have to be fetched and there is no network; names the command.
    SourceError
        For an unknown name (with the nearest), a model of several parts, a checksum that differs,
        or a conversion that fails.
    """
    model = find_model(source.omz)
    precision = _precision(model)
    command = plan.command or f"quantgate fetch {model.name}"
    key = store_key(model)
    if plan.offline and not store.holds("omz", key):
        raise SourceUnavailableError(
            f"omz model {model.name!r} is not on this machine (working offline); where there is a "
            f"network, run `{command}`"
        )

    def build(folder: Path) -> None:
        from quantgate.sources.omz.environment import create_tools, find_tools
        from quantgate.sources.omz.job import Attempts, Job

        tools = find_tools(model, store.root) or create_tools(model, store.root, command, plan.tell)
        job = Job(model, precision, tools, command, progress or Silent())
        cache = (plan.cache_dir or store.root / "omz-cache").absolute()
        job.run(folder, cache, Attempts(plan.attempts, plan.sleep))
        plan.tell(f"{model.name}: licence {model.licence}")

    return store.get_or_build("omz", key, build) / f"{model.name}.xml"


def is_fetched(source: OmzSource, store: Store) -> bool:
    """Whether the model is in the store, so that neither network nor tools are needed."""
    return store.holds("omz", store_key(find_model(source.omz)))


def store_key(model: OmzModel) -> dict[str, str]:
    """Return what determines the converted model."""
    return {"name": model.name, "precision": _precision(model), "openvino_dev": model.release}


def _precision(model: OmzModel) -> str:
    if model.stages:
        raise SourceError(
            f"omz model {model.name!r} is made of several networks: name one of "
            f"{', '.join(model.stages)}"
        )
    for precision in PRECISIONS:
        if precision in model.precisions:
            return precision
    raise SourceError(
        f"omz model {model.name!r} is published as {', '.join(model.precisions)} only, and a "
        "quantized model cannot be a parent: choose the one it was made from"
    )


def _fetch(
    source: OmzSource, store: Store, plan: RemotePlan, progress: Progress | None
) -> SourceFile:
    zoo = OmzPlan(
        command=plan.command, offline=plan.offline, cache_dir=plan.omz_cache, tell=plan.tell
    )
    return inspect(fetch_omz(source, store, zoo, progress))


def _read(found: SourceFile) -> ov.Model:
    from quantgate.sources.omz.adapt import read

    return read(found)


KIND = SourceKind(
    OmzSource, fetched(_fetch), _read, fetch=_fetch, is_here=is_fetched, is_remote=always
)
