"""Looking at every image file once: content digest and readability, remembered between runs."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING

from quantgate.datasets.appearance import Appearance, appearance
from quantgate.datasets.headers import HEAD_BYTES, fault, image_kind
from quantgate.datasets.remembered import recall, remember
from quantgate.escaping import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KIND = "files"
#: Why a file that annotations name cannot be used, where it is not there at all.
MISSING = "no such file"


@dataclass(frozen=True, slots=True)
class FileFact:
    """Hex digest of a file's bytes, and why it is no readable image (empty where it is one).

    The other fields are those of `Appearance`: the image as it is read.
    """

    digest: str
    reason: str = ""
    width: int = 0
    height: int = 0
    orientation: int = 1
    bits: int = 0

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the pixels before they are turned upright."""
        return Appearance(self.width, self.height, self.orientation).stored


@dataclass(frozen=True, slots=True)
class _Stamp:
    path: str
    size: int
    mtime_ns: int


def inspect_files(paths: Sequence[Path], cache: Path | None) -> list[FileFact]:
    """Digest and check every file, in order.

    Parameters
    ----------
    cache
        Folder in which facts are kept by path, size and time of change, so that only new and
        changed files are read; None, or a folder that cannot be written: all are read.
    """
    stamps = [_stamp(path) for path in paths]
    known = _known(cache)
    facts = [
        FileFact("", _absence(path)) if stamp is None else known.get(stamp)
        for path, stamp in zip(paths, stamps, strict=True)
    ]
    unknown = [i for i, fact in enumerate(facts) if fact is None]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda i: _inspect(paths[i]), unknown))
    for i, fact in zip(unknown, found, strict=True):
        facts[i] = fact
    fresh = {stamp: facts[i] for i in unknown if (stamp := stamps[i]) is not None}
    _keep(cache, {stamp: fact for stamp, fact in fresh.items() if fact is not None})
    return [fact for fact in facts if fact is not None]


def _stamp(path: Path) -> _Stamp | None:
    try:
        stat = path.stat()
    except (OSError, ValueError):  # a name with a null byte is a ValueError
        return None
    return _Stamp(printable(str(path)), stat.st_size, stat.st_mtime_ns) if path.is_file() else None


def _absence(path: Path) -> str:
    """Say why nothing can be read at a path."""
    try:
        os.fsencode(path)
        if path.is_symlink():
            return f"a link to {printable(os.readlink(path))}, where no file is"  # noqa: PTH115
        return MISSING if not path.exists() else "not a file"
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        return f"a name that the system's encoding, {encoding}, cannot write: set PYTHONUTF8=1"
    except (OSError, ValueError):
        return MISSING


def _inspect(path: Path) -> FileFact:
    try:
        with path.open("rb") as file:
            # A video that strayed in is refused by its first bytes, not read to its end.
            head = file.read(HEAD_BYTES)
            data = head if image_kind(head) is None else head + file.read()
    except OSError as error:
        return FileFact("", f"cannot be read: {error.strerror or error}")
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    reason = fault(data)
    if reason is not None:
        return FileFact(digest, reason)
    seen = asdict(appearance(data))
    return FileFact(digest, **seen)


def _known(cache: Path | None) -> dict[_Stamp, FileFact]:
    known = {}
    for key, text in recall(cache, _KIND).items():
        path, size, mtime_ns = key.rsplit("\n", 2)
        known[_Stamp(path, int(size), int(mtime_ns))] = FileFact(*json.loads(text))
    return known


def _keep(cache: Path | None, facts: dict[_Stamp, FileFact]) -> None:
    told = {
        f"{stamp.path}\n{stamp.size}\n{stamp.mtime_ns}": json.dumps(astuple(fact))
        for stamp, fact in facts.items()
    }
    remember(cache, _KIND, told)
