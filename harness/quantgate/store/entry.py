"""One entry of the store on disk: its record, and how damage is detected."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from quantgate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: No file that is fetched or built bears this name.
RECORD = "entry.quantgate.json"
#: Its name in entries of earlier versions, which stay usable.
_FORMER = "entry.json"

#: Name, size and modification time of every file of an entry, sorted by name.
Stamps: TypeAlias = tuple[tuple[str, int, int], ...]


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_record(folder: Path, schema: int, key: Mapping[str, Any], model: str) -> None:
    """Write the entry's record of its key and files, and sync everything to disk.

    Parameters
    ----------
    model
        Id of the model that it was built for, for people; the same key may serve others too.

    Raises
    ------
    StoreError
        Where what was built bears the account's own name.
    """
    if (folder / RECORD).exists():
        raise StoreError(
            f"a file that was fetched or built is called {RECORD}, the name under which the store keeps "
            "its own account of each entry: rename it where it comes from"
        )
    files = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": digest_of_file(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    record = {"schema": schema, "model": model, "key": key, "files": files}
    text = json.dumps(record, indent=1, allow_nan=False)
    (folder / RECORD).write_text(text + "\n")
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sync(path: Path) -> None:
    """Make a file or a folder's names durable."""
    if os.name == "nt":
        return  # Windows syncs neither folders nor files that are open for reading
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamps_of(entry: Path) -> Stamps:
    """Look at every file of an entry, without reading any."""
    found = [(path, path.stat()) for path in sorted(entry.rglob("*")) if path.is_file()]
    return tuple(
        (path.relative_to(entry).as_posix(), stat.st_size, stat.st_mtime_ns) for path, stat in found
    )


def damage_of(entry: Path, stamps: Stamps, *, read: bool) -> str | None:
    """Describe what is wrong with an entry; None if it can be used.

    Parameters
    ----------
    read
        Whether to read the files and compare their digests too.
    """
    try:
        names = {name for name, _, _ in stamps}
        account = _FORMER if RECORD not in names and _FORMER in names else RECORD
        recorded = json.loads((entry / account).read_text(encoding="utf-8"))["files"]
        sizes = {name: size for name, size, _ in stamps if name != account}
        problem = _difference(recorded, sizes)
        return _changed(entry, recorded) if problem is None and read else problem
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{RECORD} cannot be read"


def _difference(recorded: Mapping[str, Any], sizes: Mapping[str, int]) -> str | None:
    for name, told in recorded.items():
        if name not in sizes:
            return f"{name} is missing"
        if sizes[name] != told["bytes"]:
            return f"{name} has {sizes[name]} bytes, expected {told['bytes']}"
    return next((f"{name} does not belong" for name in sizes if name not in recorded), None)


def _changed(entry: Path, recorded: Mapping[str, Any]) -> str | None:
    for name, told in recorded.items():
        if digest_of_file(entry / name) != told["sha256"]:
            return f"{name} has changed content"
    return None
