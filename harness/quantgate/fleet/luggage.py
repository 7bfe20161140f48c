"""What a machine of a fleet is told of a run, and the files that travel to it: the manifest, and small ones that it names.

Images and large files do not travel: a machine has them under the same path, or the gates say that they are missing.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from quantgate.store import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Larger files stay where they are.
LARGEST = 64 * 2**20
_LINKS = "quantgate-links.json"
_HOME = "home"


@dataclass(frozen=True, slots=True)
class Order:
    """All that a seat has to know of the run.

    Parameters
    ----------
    name
        Of the seat, among all of the run.
    options
        Pytest's, besides those that name the manifest and the gates.
    here
        Folder in which the run was started.
    manifest, digest
        Path of the manifest there, and its SHA-256.
    started
        When the run began, ISO 8601 with zone.
    environ
        Variables that the run has and a node may not have.
    devices
        Names of the devices, or classes of instructions, on which models are judged.
    """

    name: str
    options: tuple[str, ...]
    here: str
    manifest: str
    digest: str
    started: str
    environ: tuple[tuple[str, str], ...] = ()
    devices: tuple[str, ...] = ("CPU",)


def packed_files(root: Path, files: Iterable[Path]) -> bytes:
    """Pack files of a folder; of larger ones, and of folders, only where they are.

    Parameters
    ----------
    root
        Folder of the manifest. What lies outside of it keeps its path on every machine.
    """
    links: dict[str, str] = {}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz", compresslevel=1) as archive:
        for path in sorted({path.absolute() for path in files if path.exists()}):
            if not path.is_relative_to(root):
                continue
            name = path.relative_to(root).as_posix()
            if path.is_file() and path.stat().st_size <= LARGEST:
                archive.add(path.resolve(), name)
            else:
                links[name] = str(path)
        told = json.dumps(links).encode()
        info = tarfile.TarInfo(_LINKS)
        info.size = len(told)
        archive.addfile(info, io.BytesIO(told))
    return data.getvalue()


def at_home(order: Order, luggage: bytes, folder: Path) -> Order:
    """Name the manifest on this machine: in its place where it is the same there, else unpacked in ``folder``."""
    place = Path(order.manifest)
    if place.is_file() and digest_of_file(place) == order.digest:
        here = order.here if Path(order.here).is_dir() else str(place.parent)
        return replace(order, here=here)
    home = folder / _HOME
    with tarfile.open(fileobj=io.BytesIO(luggage)) as archive:
        archive.extractall(home, filter="data")
    for name, path in json.loads((home / _LINKS).read_bytes()).items():
        if Path(path).exists() and not (home / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).symlink_to(path)
    root = str(place.parent)
    options = tuple(option.replace(root, str(home)) for option in order.options)
    return replace(order, manifest=str(home / place.name), here=str(home), options=options)
