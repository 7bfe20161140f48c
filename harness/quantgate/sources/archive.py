"""Unpack untrusted archives: no path escapes, no links, no decompression bombs.

Names and kinds of all members are checked, chosen or not: an archive that tries to escape is not
worth a second chance. Sizes are counted on the bytes that come out, never believed.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from quantgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 20
#: No header of an honest tar comes near; a longer read is a bomb inside an extended header.
HEADER_BYTES = 8 << 20
_TAR_OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold: bytes after decompression, and members."""

    max_bytes: int = 8 << 30
    max_members: int = 20_000


@dataclass(frozen=True, slots=True)
class _Member:
    name: PurePosixPath
    is_folder: bool
    open: Callable[[], IO[bytes]]


def extract(
    archive: Path, member: str, folder: Path, limits: ArchiveLimits = ArchiveLimits()
) -> Path:
    """Unpack one member, and everything in its folder, from a .zip or .tar(.gz, .bz2, .xz).

    Parameters
    ----------
    member
        Path of a file or folder in the archive. Its neighbours come along, as weights often lie in
        a second file.
    folder
        Existing and empty; what is unpacked keeps its path below it.

    Returns
    -------
    Path
        Where the member is now.

    Raises
    ------
    SourceError
        For a damaged archive, one that tries to escape, holds links or devices, exceeds the limits
        or lacks the member. What was unpacked so far is the caller's to remove.
    """
    wanted = _safe_name(archive, member)
    names: list[PurePosixPath] = []
    with _explained(archive):
        opener = _zip_members if zipfile.is_zipfile(archive) else _tar_members
        budget = limits.max_bytes
        for found in opener(archive, limits):
            names.append(found.name)
            if not found.is_folder and _belongs(found.name, wanted):
                budget -= _write(archive, found, folder, budget)
    target = folder / wanted
    if not target.exists():
        raise SourceError(f"{archive.name}: has no member {member!r}{_hint(wanted, names)}")
    return target


def _belongs(name: PurePosixPath, wanted: PurePosixPath) -> bool:
    return name.is_relative_to(wanted) or name.is_relative_to(wanted.parent)


def _hint(wanted: PurePosixPath, names: list[PurePosixPath]) -> str:
    texts = [str(name) for name in names]
    near = get_close_matches(str(wanted), texts, n=1) or [
        text for text in texts if text.rsplit("/", 1)[-1] == wanted.name
    ]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it holds {', '.join(texts[:8])}{' …' if len(texts) > 8 else ''}"  # noqa: PLR2004


def _safe_name(archive: Path, text: str) -> PurePosixPath:
    parts = text.rstrip("/").split("/")
    clean = [part for part in parts if part not in {"", "."}]
    bad = text.startswith("/") or "\\" in text or "\0" in text or ":" in parts[0]
    if bad or ".." in parts:
        raise SourceError(f"{archive.name}: member {text[:80]!r} leads out of the archive: refused")
    return PurePosixPath(*clean)


def _write(archive: Path, member: _Member, folder: Path, budget: int) -> int:
    target = folder / member.name
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, target.open("xb") as sink:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if written > budget:
                raise _too_large(archive)
            sink.write(chunk)
    return written


def _zip_members(archive: Path, limits: ArchiveLimits) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        _check_count(archive, len(infos), limits)
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _irregular(archive, info.filename)
            if info.flag_bits & 1:
                raise SourceError(f"{archive.name}: member {info.filename[:80]!r} is encrypted")
            name = _safe_name(archive, info.filename)
            yield _Member(name, info.is_dir(), partial(opened.open, info))


def _tar_members(archive: Path, limits: ArchiveLimits) -> Iterator[_Member]:
    with _decompressed(archive) as stream:
        bounded: Any = _Bounded(archive, stream, limits.max_bytes)
        with tarfile.open(fileobj=bounded, mode="r:") as opened:
            for count, info in enumerate(opened, start=1):
                _check_count(archive, count, limits)
                if not (info.isreg() or info.isdir()):
                    raise _irregular(archive, info.name)
                name = _safe_name(archive, info.name)
                yield _Member(name, info.isdir(), partial(_tar_content, opened, info))


def _tar_content(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = opened.extractfile(info)
    if stream is None:
        raise tarfile.TarError(f"{info.name} has no content")
    return stream


@contextmanager
def _decompressed(archive: Path) -> Iterator[IO[bytes]]:
    with archive.open("rb") as raw:
        start = raw.read(8)
        raw.seek(0)
        opener = next((found for magic, found in _TAR_OPENERS if start.startswith(magic)), None)
        if opener is None:
            yield raw
            return
        with opener(raw) as stream:
            yield stream


class _Bounded:
    """A stream that refuses to hand out more than a budget, or a huge header at once."""

    def __init__(self, archive: Path, stream: IO[bytes], max_bytes: int) -> None:
        self._archive, self._stream, self._max = archive, stream, max_bytes

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= HEADER_BYTES:
            raise _too_large(self._archive)
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        # Members are skipped by seeking, which a decompressor does by reading.
        if whence == 0 and offset > self._max + HEADER_BYTES:
            raise _too_large(self._archive)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _check_count(archive: Path, count: int, limits: ArchiveLimits) -> None:
    if count > limits.max_members:
        raise SourceError(f"{archive.name}: has more than {limits.max_members} members: refused")


def _irregular(archive: Path, name: str) -> SourceError:
    return SourceError(
        f"{archive.name}: member {name[:80]!r} is a link or a device, expected files and folders "
        "only: refused"
    )


def _too_large(archive: Path) -> SourceError:
    return SourceError(f"{archive.name}: unpacks to more than is allowed: refused")


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Say damage in one sentence; a full disk stays itself."""
    damage = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)
    try:
        yield
    except FileExistsError as error:
        raise SourceError(f"{archive.name}: holds the same name twice: refused") from error
    except NotADirectoryError as error:
        raise SourceError(f"{archive.name}: uses a file's name as a folder: refused") from error
    except (*damage, NotImplementedError, UnicodeError, gzip.BadGzipFile) as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno in {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}:
            raise SourceError(
                f"{archive.name}: holds the name {str(error.filename or '')[-80:]!r}, which this disk "
                f"cannot keep ({error.strerror}): refused"
            ) from error
        # bz2 reports a damaged stream as an OSError without a number.
        if error.errno is not None:
            raise
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: BaseException) -> SourceError:
    return SourceError(
        f"{archive.name}: expected a whole .zip or .tar(.gz, .bz2, .xz) archive, found a damaged or "
        f"other file ({error}): fetch it again"
    )
