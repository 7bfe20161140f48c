"""Entries of a store that machines share: one archive an entry, at an address that fsspec reads and writes.

What a machine uses lies in a folder of its own, as without sharing. What is missing there is fetched,
once a machine, and what is built there is given to all. Nothing is believed: an archive counts once the
digests of its files are those of its record. So it does not matter that two machines may write
the same entry at once, or that one is cut off while it writes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tarfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from quantgate.damage import note_trouble
from quantgate.errors import StoreError
from quantgate.redaction import redacted, redacted_url
from quantgate.store.entry import damage_of, stamps_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: In the root of a store: the address with which its entries are shared.
ADDRESS = "shared.json"
#: Kinds of entries that are removed when what they are parts of is whole.
PASSING = frozenset({"comparison-part", "answers-part"})
ATTEMPTS = 3
#: Seconds before another attempt, doubled each time.
WAIT_S = 0.5

#: What services are opened with: S3's library would try five times for each of our attempts.
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 10}}
}
_ARCHIVE = "entry.tar"

log = logging.getLogger(__name__)


def is_address(text: str) -> bool:
    """Whether a store is an address, such as s3://bucket/folder, and no folder of this machine."""
    return "://" in text


def own_folder(address: str, cache_folder: Path) -> Path:
    """Give the folder in which this machine keeps what it uses of a shared store.

    Raises
    ------
    StoreError
        Where the address holds a password, or the folder cannot be written.
    """
    if "@" in address.partition("://")[2].partition("/")[0]:
        raise StoreError(
            f"--store {redacted_url(address)}: the address of a store holds no password, since it stands in "
            "reports: give it by the service's own variables, such as AWS_SECRET_ACCESS_KEY"
        )
    address = address.rstrip("/")
    folder = cache_folder / "shared" / hashlib.sha256(address.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ADDRESS).write_text(json.dumps({"address": address}) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written ({error.strerror})") from error
    return folder


def address_of(root: Path) -> str:
    """Give the address with which the store in a folder is shared; empty: it is this machine's own.

    Raises
    ------
    StoreError
        Where the file that says so cannot be read.
    """
    try:
        return str(json.loads((root / ADDRESS).read_text("utf-8"))["address"])
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{root / ADDRESS} cannot be read: remove it, and name the store's address again"
        ) from error


@cache
def shared_of(root: Path) -> Shared | None:
    """Open what the store in a folder is shared with, once a process; None: nothing.

    Raises
    ------
    StoreError
        Where the library for such addresses is not installed.
    """
    address = address_of(root)
    return Shared(address, root, *_opened(address)) if address else None


@dataclass(slots=True)
class Shared:
    """One shared store: its address, its folder on this machine, and how its files are read and written.

    ``down`` is why it is left alone for the rest of this process; ``sleep`` waits for so many seconds.
    """

    address: str
    own: Path
    files: Any
    root: str
    troubles: tuple[type[Exception], ...]
    sleep: Callable[[float], None] = time.sleep
    down: str = ""
    unwritable: bool = field(default=False)

    def holds(self, name: str) -> bool:
        """Whether there is such an entry, of which nobody has read yet whether it is whole."""
        return self._tried(lambda: bool(self.files.exists(self._place(name))))

    def take(self, name: str, aside: Path) -> Path | None:
        """Fetch an entry into a folder aside; None where there is none, or none that is whole.

        Raises
        ------
        StoreError
            Where it may not be read.
        """
        archive, folder = aside / _ARCHIVE, aside / "entry"
        if not self._tried(lambda: self._fetch(name, archive)):
            return None
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            problem = damage_of(folder, stamps_of(folder), read=True)
        except (tarfile.TarError, EOFError) as error:
            problem = str(error) or type(error).__name__
        if problem is None:
            return folder
        self._say(f"{self.address}/{name} is damaged ({problem}): it is built again")
        with suppress(*self.troubles):
            self.files.rm_file(self._place(name))
        return None

    def give(self, name: str, entry: Path, aside: Path) -> None:
        """Put an entry there, packed in a folder aside, unless it is there already."""
        if self.unwritable or self.down:
            return
        archive = aside / _ARCHIVE
        with tarfile.open(archive, "w") as packed:
            packed.add(entry, arcname="")
        self._tried(lambda: self._put(name, archive))

    def _fetch(self, name: str, archive: Path) -> bool:
        try:
            self.files.get_file(self._place(name), str(archive))
        except FileNotFoundError:
            return False
        except PermissionError as error:
            raise StoreError(
                f"--store {self.address}: it may not be read ({_told(error)}): give the key by the service's own "
                "variables, such as AWS_ACCESS_KEY_ID"
            ) from error
        return True

    def _put(self, name: str, archive: Path) -> bool:
        try:
            if not self.files.exists(self._place(name)):
                self.files.makedirs(self._place(name).rpartition("/")[0], exist_ok=True)
                self.files.put_file(str(archive), self._place(name))
        except PermissionError as error:
            self.unwritable = True
            self._say(
                f"{self.address} may not be written ({_told(error)}): what is built here is not shared"
            )
        return True

    def _place(self, name: str) -> str:
        return f"{self.root}/{name}.tar"

    def _tried(self, attempt: Callable[[], bool]) -> bool:
        """Try some times; then leave the store alone, for each entry would wait as long again."""
        if self.down:
            return False
        for number in range(ATTEMPTS):
            try:
                return attempt()
            except self.troubles as error:
                reason = _told(error)
            if number + 1 < ATTEMPTS:
                self.sleep(WAIT_S * 2**number)
        self.down = reason
        self._say(
            f"{self.address} cannot be reached ({ATTEMPTS} attempts, {reason}): what is missing is built here, "
            "and not shared"
        )
        return False

    def _say(self, sentence: str) -> None:
        log.warning(sentence)
        note_trouble(self.own, sentence)


def _told(error: Exception) -> str:
    return redacted(" ".join(str(error).split()))[:200] or type(error).__name__


def _opened(address: str) -> tuple[Any, str, tuple[type[Exception], ...]]:
    try:
        import fsspec
        from fsspec.exceptions import FSTimeoutError

        service = address.partition("://")[0]
        files, root = fsspec.core.url_to_fs(address, **_OPTIONS.get(service, {}))
    except (ImportError, ValueError) as error:
        raise StoreError(
            f'--store {address}: {_told(error)}: `pip install "quantgate[shared]"` brings what s3:// needs; '
            "for other services install fsspec's library of that name"
        ) from error
    return files, root.rstrip("/"), (OSError, FSTimeoutError, *_of_services())


def _of_services() -> list[type[Exception]]:
    """Errors of S3's library that are no OSError."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return []
    return [BotoCoreError, ClientError]
