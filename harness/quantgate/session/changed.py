"""Which models changed since a revision of git: their entries, their files or their data.

What git tracks is compared with the revision, whatever is uncommitted included. What it does not track
(data outside of the repository, or ignored) counts as changed where it was written after the commit.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import HarnessError, UsageError
from quantgate.session.git import ask
from quantgate.sources.catalog import is_remote, locate
from quantgate.sources.kind import Place
from quantgate.sources.zoo import ZooSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.entries import Manifest, ModelEntry


def changed_models(manifest: Manifest, revision: str) -> frozenset[str]:
    """Name the models of which anything changed since a revision.

    Raises
    ------
    UsageError
        Where the manifest lies in no repository, or git knows no such revision.
    """
    since = _Since.of(manifest.root, revision)
    old, new = _tables(since.text_of(manifest.path)), _tables(manifest.path.read_bytes())
    return frozenset(
        name
        for name, entry in manifest.models.items()
        if _entry(old, entry) != _entry(new, entry)
        or any(since.changed(path) for path in paths_of(manifest, entry))
    )


@dataclass(frozen=True)
class _Since:
    """A commit, as seen from the top folder of its repository; ``time_s`` is when it was made."""

    top: Path
    commit: str
    time_s: int

    @classmethod
    def of(cls, folder: Path, revision: str) -> _Since:
        top = ask(folder, "rev-parse", "--show-toplevel")
        if not top:
            raise UsageError(
                f"--changed-since {revision}: {folder} lies in no git repository: leave the option out"
            )
        wanted = ("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        commit = ask(folder, "rev-parse", *wanted)
        told = ask(folder, "show", "-s", "--format=%ct", commit) if commit else None
        if not commit or not told:
            raise UsageError(
                f"--changed-since {revision}: git knows no such revision: name a commit, a branch or "
                "a tag, and fetch it first where the checkout is shallow"
            )
        return cls(Path(top), commit, int(told))

    @cached_property
    def differing(self) -> frozenset[Path]:
        """Tracked files that differ, removed ones included."""
        return self._listed("diff", "--name-only", "--no-renames", "-z", self.commit, "--")

    @cached_property
    def tracked(self) -> frozenset[Path]:
        """Every tracked file."""
        return self._listed("ls-files", "-z")

    def _listed(self, *arguments: str) -> frozenset[Path]:
        told = ask(self.top, *arguments)
        if told is None:
            raise UsageError(
                f"--changed-since: `git {' '.join(arguments)}` fails in {self.top}: leave the option "
                "out, or mend the checkout"
            )
        return frozenset(self.top / name for name in told.split("\0") if name)

    def text_of(self, path: Path) -> bytes:
        """Content of a file at the revision; empty where it was not there."""
        place = Path(os.path.relpath(os.path.realpath(path), os.path.realpath(self.top)))
        return (ask(self.top, "show", f"{self.commit}:{place.as_posix()}") or "").encode()

    def changed(self, path: Path) -> bool:
        """Whether a file, or anything in a folder, changed; a link counts as well as what it leads to."""
        real, link = Path(os.path.realpath(path)), Path(os.path.abspath(path))  # noqa: PTH100 - links stay
        for one in self.differing:
            if not {real, link}.isdisjoint({one, *one.parents}):
                return True
        inside = [real] if real.is_file() else (item for item in real.rglob("*") if item.is_file())
        return any(self._written_later(item) for item in inside if item not in self.tracked)

    def _written_later(self, path: Path) -> bool:
        return path.stat().st_mtime > self.time_s


def _tables(content: bytes) -> Mapping[str, Any]:
    """Parse a manifest; one that cannot be read has no entries."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except ValueError:
        return {}


def _entry(tables: Mapping[str, Any], entry: ModelEntry) -> Any:
    """Collect what a manifest says of a model: its table, the defaults and its datasets."""
    datasets = tables.get("datasets", {})
    names = _dataset_names(entry)
    model = tables.get("models", {}).get(entry.id)
    return model, tables.get("defaults"), {name: datasets.get(name) for name in names}


def _dataset_names(entry: ModelEntry) -> list[str]:
    calibration = [] if entry.calibrate is None else [entry.calibrate.dataset]
    return [entry.evaluate.dataset, *calibration]


def paths_of(manifest: Manifest, entry: ModelEntry) -> Iterator[Path]:
    """List the files and folders that an entry reads; fetched models are known by their checksums."""
    for source in (entry.source, entry.optimized, entry.baseline):
        if source is not None and not is_remote(source) and not isinstance(source, ZooSource):
            yield from _files_of(source, manifest.root)
    yield from _named(entry.decoder, manifest.root)
    for name in _dataset_names(entry):
        yield from _named(manifest.datasets[name], manifest.root)


def _files_of(source: Any, root: Path) -> Iterator[Path]:
    named = list(_named(source, root))
    yield from named
    try:
        yield from locate(source, Place(root)).paths
    except HarnessError:
        return  # a package's folder, or what its gate says is wrong with it


def _named(value: Any, root: Path) -> Iterator[Path]:
    """List the paths among the fields of a table."""
    for field in fields(value) if is_dataclass(value) else ():
        item = getattr(value, field.name)
        if isinstance(item, Path):
            yield root / item
