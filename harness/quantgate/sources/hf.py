"""A file of a Hugging Face repository, through huggingface_hub, which is optional."""

from __future__ import annotations

import importlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from typing_extensions import Doc

from quantgate.errors import SourceError, SourceUnavailableError, StoreError
from quantgate.sources.files import FORMATS, inspect
from quantgate.sources.kind import SourceKind, always, fetched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantgate.progress import Progress
    from quantgate.sources.files import SourceFile
    from quantgate.sources.kind import RemotePlan
    from quantgate.store import Store

#: Files that say how images become an input.
_SAYING = ("config.json", "preprocessor_config.json", "metadata.yaml")
#: Formats whose weights lie in a second file.
_PARTNERS: Mapping[str, str] = {".xml": ".bin", ".pdmodel": ".pdiparams"}


@dataclass(frozen=True, slots=True)
class HfSource:
    """A file of a Hugging Face repository, pinned to a revision."""

    hf: Annotated[str, Doc("organisation/repository")]
    file: Annotated[str, Doc("path of the model inside the repository")]
    revision: Annotated[str, Doc("commit hash or tag")]


def fetch_hf(
    source: HfSource, store: Store, *, offline: bool = False, command: str = "quantgate fetch --all"
) -> Path:
    """Return a repository's file, and beside it the weights that belong to it.

    Files are kept in huggingface_hub's own cache, in the store.

    Parameters
    ----------
    offline
        Never touch the network.
    command
        What a person types to fetch this source.

    Raises
    ------
    SourceUnavailableError
        Where the file is not here and cannot be reached.
    SourceError
        Where huggingface_hub is not installed, or the repository, revision or file does not exist.
    """
    hub = _hub()
    _check(source)
    wanted = [PurePosixPath(source.file)]
    if wanted[0].suffix in _PARTNERS:
        wanted.append(wanted[0].with_suffix(_PARTNERS[wanted[0].suffix]))
    found = [
        _download(hub, source, str(name), (store.root / "hf", offline, command)) for name in wanted
    ]
    return found[0]


def list_models(repository: str) -> tuple[str, tuple[str, ...]]:
    """Ask a repository for its commit and for the models in it that are read, the shortest path first.

    Raises
    ------
    SourceError
        Where huggingface_hub is not installed, or there is no such repository or no model in it.
    SourceUnavailableError
        Where it cannot be reached.
    """
    hub, errors = _hub(), importlib.import_module("huggingface_hub.errors")
    try:
        info = hub.HfApi().model_info(repository)
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise SourceError(
            f"hf {repository}: there is no such repository, or it needs a login"
        ) from error
    except (errors.HfHubHTTPError, OSError) as error:
        raise SourceUnavailableError(f"hf {repository}: cannot be reached ({error})") from error
    names = [one.rfilename for one in info.siblings or ()]
    models = [name for name in names if PurePosixPath(name).suffix in FORMATS]
    if not models:
        some = ", ".join(names[:5]) or "nothing"
        raise SourceError(
            f"hf {repository}: holds no model that is read ({', '.join(FORMATS)}), found {some}: export one to ONNX"
        )
    return str(info.sha), tuple(
        sorted(models, key=lambda name: ("quant" in name or "int8" in name, len(name), name))
    )


def fetch_configuration(source: HfSource, store: Store) -> None:
    """Put what a repository says of its model's images beside the model, where it says anything.

    Raises
    ------
    SourceUnavailableError
        Where it cannot be reached.
    """
    folder = PurePosixPath(source.file).parent
    for name in dict.fromkeys(f"{at / one}" for one in _SAYING for at in (folder, PurePosixPath())):
        with suppress(SourceError):  # few repositories have all of them
            found = _download(_hub(), source, name, (store.root / "hf", False, ""))
            beside = found.parents[len(PurePosixPath(name).parts) - 1] / folder / found.name
            if not beside.exists():
                beside.write_bytes(found.read_bytes())


def _hub() -> Any:
    try:
        return importlib.import_module("huggingface_hub")
    except ModuleNotFoundError as error:
        raise SourceError(
            "source hf needs huggingface_hub, which is not installed: pip install huggingface_hub"
        ) from error


def _check(source: HfSource) -> None:
    parts = PurePosixPath(source.file).parts
    if not parts or ".." in parts or source.file.startswith("/"):
        raise SourceError(f"hf {source.hf}: file must be a path inside it, found {source.file!r}")
    if not source.revision:
        raise SourceError(f"hf {source.hf}: revision must name a commit or tag")


def _download(hub: Any, source: HfSource, name: str, place: tuple[Path, bool, str]) -> Path:
    cache, offline, command = place
    errors = importlib.import_module("huggingface_hub.errors")
    title = f"hf {source.hf}, {name} at {source.revision}"
    try:
        path = hub.hf_hub_download(
            source.hf, name, revision=source.revision, cache_dir=cache, local_files_only=offline
        )
    except errors.HFValidationError as error:
        raise SourceError(f"{title}: expected organisation/repository ({error})") from error
    except errors.LocalEntryNotFoundError as error:
        raise SourceUnavailableError(
            f"{title}: is not on this machine and cannot be reached; where there is a network, run "
            f"`{command}`"
        ) from error
    except (errors.EntryNotFoundError, errors.RevisionNotFoundError) as error:
        raise SourceError(f"{title}: there is no such file or revision") from error
    except errors.RepositoryNotFoundError as error:
        raise SourceError(f"{title}: there is no such repository, or it needs a login") from error
    except errors.HfHubHTTPError as error:
        raise SourceUnavailableError(f"{title}: the server refuses it ({error})") from error
    except OSError as error:
        raise StoreError(
            f"{title}: cannot be kept in {cache} ({error.strerror or error})"
        ) from error
    return Path(path)


def is_fetched(source: HfSource, store: Store) -> bool:
    """Whether the files are in the store's cache."""
    try:
        fetch_hf(source, store, offline=True)
    except SourceUnavailableError:
        return False
    return True


def _fetch(source: HfSource, store: Store, plan: RemotePlan, _: Progress | None) -> SourceFile:
    return inspect(fetch_hf(source, store, offline=plan.offline, command=plan.command))


KIND = SourceKind(HfSource, fetched(_fetch), fetch=_fetch, is_here=is_fetched, is_remote=always)
