"""One run of the gates: where it reads and writes, and the parts it writes as it goes.

Every judged number and every finished part of a model is written at once, by whichever process made
it, so that a crash of one model, or of a worker, never takes the other results. Each part carries a
checksum: what a disk damaged is left out and named, never taken for a verdict.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantgate.errors import ReportError
from quantgate.escaping import printable
from quantgate.redaction import redacted_tree
from quantgate.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quantgate.entries import Manifest, ModelEntry
    from quantgate.shard import Part


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a run, and what its processes left in it so far.

    Parameters
    ----------
    directory
        ``reports/RUN``: everything this run leaves.
    worker
        Name of this process among those of the run: "main", or xdist's "gw0".
    """

    directory: Path
    worker: str = "main"

    @property
    def parts(self) -> Path:
        """Folder of what was written so far."""
        return self.directory / "parts"

    def open(self) -> None:
        """Make the run's directory, before anything is computed that could not be kept.

        Raises
        ------
        ReportError
            Where it cannot be made.
        """
        try:
            self.parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.directory, error) from error

    def append(self, kind: str, record: Mapping[str, Any]) -> None:
        """Add one record to this process's list of ``kind``, on the disk at once."""
        line = sealed(record) + b"\n"
        try:
            self.parts.mkdir(parents=True, exist_ok=True)
            with (self.parts / f"{kind}-{self.worker}.jsonl").open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self.directory, error) from error

    def records(self, kind: str) -> Iterator[dict[str, Any]]:
        """Read every process's records of ``kind``; damaged and cut off lines are left out."""
        for path in sorted(self.parts.glob(f"{kind}-*.jsonl")):
            for line in path.read_bytes().split(b"\n"):
                record = unsealed(line)
                if record is not None:
                    yield record

    def damaged(self) -> list[str]:
        """Name the files of parts that hold what was left out; not what a death cut off at the end."""
        found = []
        for path in sorted(self.parts.glob("*.jsonl")):
            bad = sum(unsealed(line) is None for line in path.read_bytes().split(b"\n")[:-1])
            if bad:
                found.append(f"{path.name}: {bad} damaged line{'s' if bad > 1 else ''} left out")
        lost = [path for path in self._kept("*") if unsealed(path.read_bytes()) is None]
        names = [path.relative_to(self.parts).as_posix() for path in lost]
        return found + [f"{name}: damaged, left out" for name in names]

    def forget(self) -> None:
        """Remove the parts: the whole report holds them now."""
        shutil.rmtree(self.parts, ignore_errors=True)

    def keep(self, model_id: str, part: str, fields: Mapping[str, Any]) -> None:
        """Write some fields of a model's report, complete or not at all."""
        target = self.parts / "models" / _folder_of(model_id) / f"{part}.json"
        building = target.with_suffix(f".{os.getpid()}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            building.write_bytes(sealed(fields))
            building.replace(target)
        except OSError as error:
            raise _unwritable(self.directory, error) from error

    def kept(self, model_id: str) -> dict[str, Any]:
        """Read back the fields of a model's report, all parts together."""
        fields: dict[str, Any] = {}
        for path in self._kept(model_id):
            for key, value in (unsealed(path.read_bytes()) or {}).items():
                fields[key] = [*fields[key], *value] if isinstance(fields.get(key), list) else value
        return fields

    def _kept(self, model_id: str) -> list[Path]:
        """List the finished parts of a model, or of all of them ("*")."""
        return sorted((self.parts / "models").glob(f"{_folder_of(model_id)}/*.json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunFolder):
    """What all fixtures share.

    Parameters
    ----------
    store
        Root of the content-addressed store.
    strict_sources
        Whether a model that is not on this machine is a failure instead of a skip.
    started
        ISO 8601 with zone.
    part
        The part of the models that this run judges; None for all.
    builds
        Whether its stores build what is missing.
    """

    manifest: Manifest
    store: Path
    strict_sources: bool
    started: str
    part: Part | None = None
    builds: bool = True

    @property
    def manifest_name(self) -> str:
        """Path of the manifest, as short as it can be from where the run was started."""
        path, here = self.manifest.path, Path.cwd()
        return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))

    def store_of(self, model_id: str) -> Store:
        """Open the store for a model; what has to be made for it is noted, with how long that took."""
        told = partial(self.note_built, model_id)
        return Store(self.store, model=model_id, told=told, builds=self.builds)

    def reading(self) -> Run:
        """Give the same run for steps that are to find everything in the store."""
        return replace(self, builds=False)

    def note_built(self, model_id: str, kind: str, seconds: float) -> None:
        """Note an entry of the store that was made for this run, while its report is not written."""
        if self.parts.is_dir():
            with suppress(ReportError):  # an aside: a full disk is said where something is lost
                self.append("built", {"model": model_id, "kind": kind, "seconds": seconds})

    def entry(self, model_id: str) -> ModelEntry:
        """Find the entry of a model id."""
        return self.manifest.models[model_id]


@contextmanager
def scratch_run(manifest: Manifest, store: Path) -> Iterator[Run]:
    """Open a run that leaves nothing but what it puts into the store."""
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="quantgate-") as scratch:
        folder = Path(scratch)
        yield Run(folder, manifest=manifest, store=store, strict_sources=True, started=started)


def _folder_of(model_id: str) -> str:
    """Name a model's folder as every system can: the id of a lane holds a colon."""
    return model_id.replace(":", "%3A")


def sealed(record: Mapping[str, Any]) -> bytes:
    """Write a record on one line that begins with its checksum; secrets are masked."""
    text = json.dumps(redacted_tree(record), allow_nan=False).encode()
    return b"%08x %s" % (zlib.crc32(text), text)


def unsealed(line: bytes) -> dict[str, Any] | None:
    """Read what :func:`sealed` wrote; None where it is not as it was written."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    record: dict[str, Any] = json.loads(text)
    return record


def _unwritable(directory: Path, error: OSError) -> ReportError:
    return ReportError(
        f"cannot write to {directory}: {error.strerror or error}; give a writable folder with free "
        "space with --reports"
    )
