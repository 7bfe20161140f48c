"""Files fetched once: their checksums are pinned in a lock file at the first download."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantgate.errors import SourceError, SourceUnavailableError
from quantgate.report.files import write_atomic
from quantgate.sources.transfer import TransferBroken, transfer
from quantgate.store.entry import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.progress import Progress

LOCK = "quantgate-datasets.lock"
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits one file: longest silence, s, and largest size."""

    timeout_s: float = 30.0
    max_bytes: int = 4_000_000_000


@dataclass(slots=True)
class Downloads:
    """A folder of fetched files, with the checksums of all that ever were fetched into it.

    Parameters
    ----------
    site
        Scheme and host of what is fetched.
    counts
        Files that were here, and files that were fetched.
    """

    folder: Path
    site: str
    progress: Progress
    sleep: Callable[[float], None] = time.sleep
    counts: dict[str, int] = field(default_factory=lambda: {"here": 0, "fetched": 0})
    _pinned: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lock = self.folder / LOCK
        if lock.is_file():
            try:
                self._pinned = json.loads(lock.read_text("utf-8"))
            except ValueError as error:
                raise SourceError(
                    f"{lock}: is damaged ({error}): restore it, or remove it to pin anew"
                ) from error

    def get(self, address: str, target: Path) -> Path:
        """Give a file, fetched where it is not here; ``address`` is its path on the site.

        Raises
        ------
        SourceError
            Where the server refuses, or the file is another one than the one that was pinned.
        SourceUnavailableError
            Where the server cannot be reached.
        """
        pinned = self._pinned.get(address)
        if target.is_file() and pinned is not None:
            if _digest(target) == pinned:
                self.counts["here"] += 1
                return target
            target.unlink()  # damaged since: fetched again, and held to its checksum
        part = target.with_name(f".{target.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        self._fetch(f"{self.site}/{address}", part)
        found = _digest(part)
        if pinned not in {None, found}:
            part.unlink()
            raise SourceError(
                f"{self.site}/{address}: has the SHA-256 {found}, {self.folder / LOCK} has pinned {pinned}: the "
                "file has changed on the server; remove its line to accept it"
            )
        part.replace(target)
        self._pinned[address] = found
        self.counts["fetched"] += 1
        return target

    def keep(self) -> None:
        """Write the lock file."""
        text = json.dumps(self._pinned, indent=1, sort_keys=True) + "\n"
        write_atomic(self.folder / LOCK, text.encode())

    def _fetch(self, url: str, part: Path) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                transfer(url, part, Bounds(), self.progress)
            except TransferBroken as error:
                if attempt == _ATTEMPTS - 1:
                    raise SourceUnavailableError(
                        f"{url}: {error}, {_ATTEMPTS} times: run the same command again to go on where it stopped"
                    ) from error
                self.sleep(max(error.wait_s, 2.0**attempt))
            else:
                return


def _digest(path: Path) -> str:
    return digest_of_file(path)


def drawn(names: list[str], count: int | None, seed: int) -> list[str]:
    """Draw some names by seed, sorted; a larger draw holds every smaller one."""
    ranked = sorted(names, key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest())
    return sorted(ranked[:count])
