"""``quantgate fetch``: download models ahead of time, so that gates need no network."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.commands.console import complain, say
from quantgate.errors import HarnessError, SourceError, UsageError
from quantgate.escaping import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from quantgate.entries import ModelEntry
    from quantgate.progress import Progress
    from quantgate.sources.catalog import AnySource
    from quantgate.store import Store

_DEFAULT = Path("models.toml")


def add(verbs: Any) -> None:
    """Declare the verb."""
    fetch = verbs.add_parser(
        "fetch", help="download and convert models ahead of time, or a public set of images"
    )
    fetch.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="model ids of the manifest or names from Open Model Zoo; a name ending in .toml is the manifest",
    )
    fetch.add_argument("--all", action="store_true", help="fetch every model of the manifest")
    fetch.add_argument(
        "--list", action="store_true", help="list what can be fetched, and what is here already"
    )
    fetch.add_argument(
        "--store",
        metavar="DIR",
        help="keep models in this store, a folder or a shared one's address (default: QUANTGATE_STORE, or your cache folder)",
    )
    fetch.add_argument("--cache-dir", type=Path, help="use this checksum cache of omz_downloader")
    fetch.add_argument(
        "--dataset",
        metavar="NAME[:N]",
        help="fetch a public set of images, or N of them, such as coco-val2017:200 (--list tells all)",
    )
    fetch.add_argument("--seed", type=int, default=0, help="of the draw of N images (default: 0)")
    fetch.add_argument(
        "--output",
        type=Path,
        default=Path("datasets"),
        help="keep sets of images, and the lock file with their checksums, here (default: datasets)",
    )
    fetch.add_argument("--mirror", help="scheme and host that stand in the place of the set's own")
    fetch.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Fetch what was named; 1 where anything could not be fetched."""
    from quantgate.store import Store, store_root

    if options.dataset is not None:
        return _fetch_set(options)
    manifests = [Path(name) for name in options.names if name.endswith(".toml")]
    names = [name for name in options.names if not name.endswith(".toml")]
    entries = _entries(manifests, needed=options.all)
    store = Store(store_root(options.store))
    if options.list:
        return _list(entries, store)
    if not names and not options.all:
        complain("quantgate: name models to fetch, or give --all or --list")
        return 4
    chosen = {name: _source(name, entries) for name in names} or {
        name: entry.source for name, entry in entries.items()
    }
    failed = [
        name
        for name, source in chosen.items()
        if not _fetch(name, source, Store(store.root, model=name), options.cache_dir)
    ]
    return 1 if failed else 0


def _fetch_set(options: argparse.Namespace) -> int:
    """Fetch a public set, and say what is here, what it may be used for, and how to go on."""
    from quantgate.onboarding.datasets import chosen, fetch_set
    from quantgate.onboarding.downloads import Downloads
    from quantgate.onboarding.entry import dataset_line

    wanted, count = chosen(options.dataset)
    say(f"{wanted.name}: {wanted.about}")
    say(f"licence: {wanted.licence}")
    site = (options.mirror or wanted.site).rstrip("/")
    with _progress(wanted.name) as progress:
        downloads = Downloads(options.output.absolute(), site, progress)
        found = fetch_set(wanted, count, options.seed, downloads)
    here, fetched = downloads.counts["here"], downloads.counts["fetched"]
    cached = f"{here} files were here already" if here else "nothing was here"
    say(f"{found.images} images, {found.licences}; {cached}, {fetched} fetched")
    say(dataset_line(wanted.name, found.entry, Path.cwd()))
    truth = found.entry.annotations
    say(f"next: quantgate init MODEL --images {found.entry.path} --annotations {truth}")
    return 0


def _entries(manifests: Sequence[Path], *, needed: bool) -> Mapping[str, ModelEntry]:
    """Models of the manifest that was named, or of models.toml where there is one."""
    from quantgate.manifest import load_manifest

    if len(manifests) > 1:
        raise UsageError(f"one manifest at a time, found {', '.join(map(str, manifests))}")
    path = manifests[0] if manifests else _DEFAULT
    if not manifests and not needed and not path.is_file():
        return {}
    return load_manifest(path).models


def _source(name: str, entries: Mapping[str, ModelEntry]) -> AnySource:
    from quantgate.sources.omz.fetch import OmzSource
    from quantgate.sources.omz.index import load_index

    if name in entries:
        return entries[name].source
    if name in load_index():
        return OmzSource(name)
    near = get_close_matches(name, {**entries, **load_index()}, n=3)
    listed = "`quantgate fetch --list` lists them"
    hint = f"did you mean {' or '.join(near)}? ({listed})" if near else listed
    raise UsageError(f"neither the manifest nor Open Model Zoo has a model {name!r}; {hint}")


def _fetch(name: str, source: AnySource, store: Store, cache: Path | None) -> bool:
    """Fetch one model and say how it went."""
    from quantgate.sources.catalog import fetch, is_remote, locate
    from quantgate.sources.kind import RemotePlan

    try:
        if not is_remote(source):
            found = locate(source, Path())
            say(f"{name}: nothing to fetch, {found.form} at {one_line(str(found.path))}")
            return True
        with _progress(name) as progress:
            plan = RemotePlan(name, omz_cache=cache, tell=say)
            found = fetch(source, store, plan, progress)
    except HarnessError as error:
        complain(f"{name}: {error}")
        return False
    say(f"{name}: {found.form} at {one_line(str(found.path))}")
    return True


def _list(entries: Mapping[str, ModelEntry], store: Store) -> int:
    """List the models of the manifest and of Open Model Zoo, with what is here already."""
    from quantgate.manifest.datasets import paths_of
    from quantgate.onboarding.public import PUBLIC_SETS
    from quantgate.sources.catalog import is_remote
    from quantgate.sources.omz.fetch import OmzSource
    from quantgate.sources.omz.index import load_index

    for name, entry in entries.items():
        if is_remote(entry.source):
            say(f"{name}: {_state(entry.source, store)}, of the manifest")
        elif absent := [path for path in paths_of(entry.source).values() if not path.exists()]:
            say(f"{name}: not here, given by path ({one_line(str(absent[0]))}), of the manifest")
    for one in PUBLIC_SETS.values():
        say(f"{one.name}: dataset, {one.about}, {one.size_mb} MB, {one.licence}")
    for name, model in load_index().items():
        if not model.stages:
            here = _state(OmzSource(name), store)
            say(f"{name}: {here}, Open Model Zoo {model.release}, {model.framework}, {model.task}")
    return 0


def _state(source: AnySource, store: Store) -> str:
    from quantgate.sources.catalog import is_here

    try:
        return "here" if is_here(source, store) else "to be fetched"
    except SourceError:
        return "published quantized only"  # nothing that could be a parent


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """Show bytes on a terminal, nothing elsewhere."""
    from quantgate.progress import Silent

    if not sys.stdout.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Shown

    from quantgate.session.progress_bars import Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Shown(*columns, console=Console(file=sys.stdout), transient=True) as shown:
        yield Bars(shown, name)
