"""The content-addressed store: entries are built once, and exist completely or not at all.

An entry's address is the digest of its key: every input that can change the result, tool versions
included. An entry is built in a directory aside, recorded, synced and renamed into place under a
lock, so readers need no lock and a crash leaves only a directory that the next builder removes.

Trust: the first time a :class:`Store` meets an entry it reads every file and compares SHA-256
digests; afterwards, as long as sizes and modification times stay, it compares only those.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from quantgate.damage import note_damage
from quantgate.errors import StoreError
from quantgate.store.entry import Stamps, damage_of, digest_of_file, stamps_of, sync, write_record
from quantgate.store.shared import PASSING, is_address, own_folder, shared_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quantgate.store.shared import Shared

__all__ = [
    "NotStoredError",
    "Store",
    "digest_of",
    "digest_of_file",
    "store_root",
]

SCHEMA = 1
LEFTOVER_AGE_NS = 24 * 3600 * 10**9
_OUR_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})

log = logging.getLogger(__name__)


def store_root(chosen: str | Path | None = None, here: Path = Path()) -> Path:
    """Root of the store on this machine: as chosen, else QUANTGATE_STORE, else the user's cache folder.

    Parameters
    ----------
    chosen
        A folder, or the address of a store that machines share.
    here
        What a relative folder that was chosen is in.

    Raises
    ------
    StoreError
        Where an address holds a password, or the folder of this machine cannot be written.
    """
    from platformdirs import user_cache_path

    own = user_cache_path("quantgate")
    named = chosen or os.environ.get("QUANTGATE_STORE")
    if named and is_address(str(named)):
        return own_folder(str(named), own)
    if chosen:
        return here / chosen
    return Path(named) if named else own


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON of a value; NaN and non-JSON values raise.

    Raises
    ------
    TypeError, ValueError
        For what JSON cannot hold exactly.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class NotStoredError(Exception):
    """An entry is missing or damaged where nothing may be built: no fault, so no HarnessError."""


class Store:
    """A directory of finished entries, safe for several processes at once.

    Parameters
    ----------
    root
        Made when the first entry is built; nothing is written for entries that are there.
    clock_ns
        Tells how old leftovers of killed builds are.
    model
        Id of the model that entries are built for, written into their records for people.
    told
        Called with the kind of each entry that had to be built, and the seconds that took.
    builds
        Whether a missing entry is built; else asking for it raises ``NotStoredError``.
    """

    def __init__(
        self,
        root: Path,
        clock_ns: Callable[[], int] = time.time_ns,
        *,
        model: str = "",
        told: Callable[[str, float], None] | None = None,
        builds: bool = True,
    ) -> None:
        self.root = root
        self._builds = builds
        self._model = model
        self._told = told
        self._clock_ns = clock_ns
        self._trusted: dict[Path, Stamps] = {}

    def get_or_build(
        self, kind: str, key: Mapping[str, Any], build: Callable[[Path], None]
    ) -> Path:
        """Return the directory of an entry, building it first where it is missing or damaged.

        Parameters
        ----------
        kind
            A short word in lower case, the folder that entries of this sort share.
        key
            JSON-able; everything that can change what ``build`` writes.
        build
            Fills the empty directory it is given; whatever it raises leaves nothing behind.

        Raises
        ------
        StoreError
            Where the store cannot be written; says the path and what to do.
        NotStoredError
            Where it would have to be built, and this store does not.
        """
        if not re.fullmatch(r"[a-z][a-z0-9-]*", kind):
            raise ValueError(f"a kind is a short word in lower case, found {kind!r}")
        entry = self.address(kind, key)
        if self._problem(entry) is None:
            return entry
        if not self._builds:
            raise NotStoredError(kind)
        with self._explained(), self._locked(entry):
            problem = self._problem(entry)
            if problem is None:
                return entry
            if entry.exists():
                self._tell_damage(entry, problem)
            if self._taken(entry):
                return entry
            began_s = time.perf_counter()
            self._build(entry, key, build)
            self._given(entry)
            if self._told is not None:
                self._told(kind, time.perf_counter() - began_s)
        return entry

    def find(self, kind: str, key: Mapping[str, Any]) -> Path | None:
        """Return the directory of an entry, fetched where another machine has it; None where nobody has.

        Where another process of this machine is building it, that is waited for. A damaged one is removed.

        Raises
        ------
        StoreError
            Where the store cannot be written.
        """
        entry = self.address(kind, key)
        if self._problem(entry) is None:
            return entry
        with self._explained(), self._locked(entry):
            problem = self._problem(entry)
            if problem is None:
                return entry
            if entry.exists():
                self._tell_damage(entry, problem)
                self._retire(entry)
            return entry if self._taken(entry) else None

    def reading(self) -> Store:
        """Give a store of the same entries that builds none."""
        return Store(self.root, self._clock_ns, model=self._model, builds=False)

    def address(self, kind: str, key: Mapping[str, Any]) -> Path:
        """Path of the entry of a key, whether built or not."""
        digest = digest_of({"schema": SCHEMA, "kind": kind, "key": key})
        return self.root / f"v{SCHEMA}" / kind / digest[:2] / digest[2:]

    def holds(self, kind: str, key: Mapping[str, Any]) -> bool:
        """Whether an undamaged entry is there, so that nothing would be built."""
        entry = self.address(kind, key)
        if self._problem(entry) is None:
            return True
        shared = self._shared(entry)
        return shared is not None and shared.holds(self._name(entry))

    def remove(self, path: Path) -> bool:
        """Remove an entry, or anything else in the store; False if another process is building it.

        Raises
        ------
        StoreError
            Where the store cannot be written.
        """
        with suppress(Timeout), self._explained(), self._locked(path, timeout_s=0):
            self._retire(path)
            return True
        return False

    def clean(self) -> int:
        """Remove what killed builds left behind a day ago or longer; return how many directories.

        Every build does this; what it left of the same entry goes at once, whatever its age.
        """
        removed = 0
        for path in self._aside.glob("*"):
            with suppress(FileNotFoundError):
                if self._clock_ns() - path.stat().st_mtime_ns > LEFTOVER_AGE_NS:
                    shutil.rmtree(path, ignore_errors=True)
                    removed += 1
        return removed

    @property
    def _aside(self) -> Path:
        return self.root / "building"

    def _build(self, entry: Path, key: Mapping[str, Any], build: Callable[[Path], None]) -> None:
        with self._beside(entry) as aside:
            build(aside)
            write_record(aside, SCHEMA, key, self._model)
            self._publish(aside, entry)

    def _taken(self, entry: Path) -> bool:
        """Fetch an entry that another machine has built, where this store is shared."""
        shared = self._shared(entry)
        if shared is None:
            return False
        with self._beside(entry) as aside:
            taken = shared.take(self._name(entry), aside)
            if taken is not None:
                self._publish(taken, entry)
        return taken is not None

    def _given(self, entry: Path) -> None:
        """Give a new entry to the other machines, where this store is shared."""
        shared = self._shared(entry)
        if shared is not None:
            with self._beside(entry) as aside:
                shared.give(self._name(entry), entry, aside)

    def _shared(self, entry: Path) -> Shared | None:
        return None if entry.parent.parent.name in PASSING else shared_of(self.root)

    def _name(self, entry: Path) -> str:
        return entry.relative_to(self.root).as_posix()

    @contextmanager
    def _beside(self, entry: Path) -> Iterator[Path]:
        """Make an empty directory for what becomes an entry, and remove what is left of it."""
        self._aside.mkdir(parents=True, exist_ok=True)
        prefix = f"{entry.parent.parent.name}-{entry.parent.name}{entry.name[:14]}-"
        # The entry's lock is ours: whatever bears its name here belongs to a process that died.
        for leftover in self._aside.glob(f"{prefix}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self.clean()
        aside = Path(tempfile.mkdtemp(prefix=prefix, dir=self._aside))
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _tell_damage(self, entry: Path, problem: str) -> None:
        log.warning("store entry %s is damaged (%s): it is built again", entry, problem)
        note_damage(self.root, self._name(entry), problem)

    def _publish(self, aside: Path, entry: Path) -> None:
        self._retire(entry)
        entry.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(entry)
        sync(entry.parent)
        self._trusted[entry] = stamps_of(entry)

    def _retire(self, entry: Path) -> None:
        """Move an entry away atomically before it is deleted."""
        self._trusted.pop(entry, None)
        if not entry.exists():
            return
        self._aside.mkdir(parents=True, exist_ok=True)
        grave = Path(tempfile.mkdtemp(prefix="retired-", dir=self._aside))
        entry.rename(grave / "entry")
        shutil.rmtree(grave, ignore_errors=True)

    def _problem(self, entry: Path) -> str | None:
        """Describe what is wrong with an entry; None if it can be used."""
        try:
            stamps = stamps_of(entry)
        except OSError as error:
            return f"its files cannot be listed: {error.strerror}"
        problem = damage_of(entry, stamps, read=self._trusted.get(entry) != stamps)
        if problem is None:
            self._trusted[entry] = stamps
            with suppress(OSError):
                os.utime(entry)
        return problem

    @contextmanager
    def _locked(self, entry: Path, timeout_s: float = -1) -> Iterator[None]:
        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        name = f"{entry.parent.parent.name}-{entry.parent.name}{entry.name}.lock"
        with FileLock(locks / name, timeout=timeout_s):
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say a full or read-only disk in one sentence; other errors of a build stay themselves."""
        try:
            yield
        except OSError as error:
            if error.errno not in _OUR_DISK and not self._owns(error.filename):
                raise
            raise StoreError(
                f"the store {self.root} cannot be written ({error.strerror}): free some space or "
                "fix the permissions there, or set QUANTGATE_STORE to another folder"
            ) from error

    def _owns(self, filename: object) -> bool:
        if not isinstance(filename, str | Path):
            return False
        path = Path(filename)
        return path.is_relative_to(self.root) or self.root.is_relative_to(path)
