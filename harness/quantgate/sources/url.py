"""A model behind an address: downloaded once, resumed where it broke off, known by its SHA-256."""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

from typing_extensions import Doc

from quantgate.errors import SourceError, SourceUnavailableError
from quantgate.progress import Silent
from quantgate.redaction import redacted_url
from quantgate.sources.archive import ArchiveLimits, extract
from quantgate.sources.files import SourceFile, inspect
from quantgate.sources.kind import SourceKind, always, fetched
from quantgate.store import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.progress import Progress
    from quantgate.sources.kind import RemotePlan
    from quantgate.store import Store

#: Raise when the same archive would be unpacked differently.
UNPACK_VERSION = 1
#: What file systems keep of one name, in bytes.
LONGEST_NAME = 255

#: A checksum as the manifest gives it.
SHA256 = re.compile(r"[0-9a-fA-F]{64}")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file behind an address, known by its checksum; an archive where ``member`` is given."""

    url: Annotated[str, Doc("http, https or file address")]
    sha256: Annotated[str, Doc("SHA-256 of what is downloaded, 64 hexadecimal digits")]
    member: Annotated[
        str | None, Doc("path of the model inside a .zip or .tar(.gz, .bz2, .xz) archive")
    ] = None


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """How hard to try.

    Parameters
    ----------
    command
        What a person types to fetch this source; named where it cannot be reached.
    offline
        Never touch the network: what is not in the store is unavailable.
    backoff_s
        Pause before the second attempt; doubled for every further one.
    sleep
        Waits for so many seconds.
    """

    command: str = "quantgate fetch --all"
    offline: bool = False
    attempts: int = 3
    timeout_s: float = 30.0
    backoff_s: float = 0.5
    max_bytes: int = 4 << 30
    archive: ArchiveLimits = field(default_factory=ArchiveLimits)
    sleep: Callable[[float], None] = time.sleep


def fetch_url(
    source: UrlSource, store: Store, plan: FetchPlan = FetchPlan(), progress: Progress | None = None
) -> Path:
    """Return the model behind an address, from the store where it is there already.

    Returns
    -------
    Path
        The downloaded file, or the archive's ``member`` with its neighbours beside it.

    Raises
    ------
    SourceUnavailableError
        Where it cannot be reached; names ``plan.command``.
    SourceError
        For a checksum that differs (the download was removed), a refusal by the server, a file above
        ``plan.max_bytes``, or an archive that is damaged, escapes, or lacks the member.
    """
    sha256, name = _checked(source)

    def download(folder: Path) -> None:
        part = _part(store, sha256)
        resumed = part.exists()
        _download(source.url, part, plan, progress or Silent())
        if resumed and digest_of_file(part) != sha256:
            log.info(
                "%s: the rest of an earlier download does not match: starting over",
                redacted_url(source.url),
            )
            part.unlink()
            _download(source.url, part, plan, progress or Silent())
        _verify(source.url, part, sha256)
        part.replace(folder / name)

    if plan.offline and not is_fetched(source, store):
        raise _unavailable(source.url, "working offline", plan)
    if source.member is None:
        return store.get_or_build("download", {"sha256": sha256, "name": name}, download) / name
    member = source.member

    def unpack(folder: Path) -> None:
        whole = store.get_or_build("download", {"sha256": sha256, "name": name}, download)
        extract(whole / name, member, folder, plan.archive)

    return store.get_or_build("unpacked", _unpack_key(sha256, member), unpack) / member


def is_fetched(source: UrlSource, store: Store) -> bool:
    """Whether the source is in the store, so that no network is needed."""
    sha256, name = _checked(source)
    whole = store.holds("download", {"sha256": sha256, "name": name})
    if source.member is None:
        return whole
    return whole or store.holds("unpacked", _unpack_key(sha256, source.member))


def _unpack_key(sha256: str, member: str) -> dict[str, object]:
    return {"sha256": sha256, "member": member, "version": UNPACK_VERSION}


def _checked(source: UrlSource) -> tuple[str, str]:
    """Validate address and checksum; return the checksum and the file's name."""
    if not SHA256.fullmatch(source.sha256):
        raise SourceError(
            f"{source.url}: sha256 must be 64 hexadecimal digits, found {source.sha256[:80]!r}"
        )
    try:
        parts = urlsplit(source.url)
    except ValueError as error:
        raise SourceError(f"{source.url}: is not an address ({error})") from error
    if parts.scheme not in {"http", "https", "file"}:
        raise SourceError(f"{source.url}: expected an http, https or file address")
    name = PurePosixPath(unquote(parts.path)).name
    if name in {"", ".", ".."} or "\0" in name:
        raise SourceError(f"{source.url}: expected an address that ends in a file name")
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise SourceError(
            f"{source.url}: expected a file name of at most {LONGEST_NAME} bytes, found "
            f"{len(os.fsencode(name))}: no disk takes longer ones"
        )
    return source.sha256.lower(), name


def _part(store: Store, sha256: str) -> Path:
    """Where an unfinished download waits to be resumed; the store's lock guards it."""
    folder = store.root / "partial"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / sha256


def _download(url: str, part: Path, plan: FetchPlan, progress: Progress) -> None:
    """Transfer until it is whole, resuming after every break."""
    from quantgate.sources.transfer import TransferBroken, transfer  # HTTP and TLS with it

    pause_s = plan.backoff_s
    attempts = 1 if url.startswith("file:") else plan.attempts
    for attempt in range(1, attempts + 1):
        try:
            transfer(url, part, plan, progress)
        except TransferBroken as error:
            if attempt == attempts:
                raise _unavailable(url, str(error), plan) from error
            log.info("%s: %s; attempt %d of %d", redacted_url(url), error, attempt + 1, attempts)
            plan.sleep(max(pause_s, error.wait_s))
            pause_s *= 2
        except BaseException as error:
            # A break-off by the person can be resumed; anything else is refused for good.
            if not isinstance(error, KeyboardInterrupt):
                part.unlink(missing_ok=True)
            raise
        else:
            return
        finally:
            progress.close()


def _verify(url: str, part: Path, sha256: str) -> None:
    found = digest_of_file(part)
    if found != sha256:
        with suppress(OSError):
            part.unlink()
        raise SourceError(
            f"{url}: expected SHA-256 {sha256}, found {found}; the download was removed: check the "
            "address, then sha256 in the manifest"
        )


def _unavailable(url: str, reason: str, plan: FetchPlan) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"{url}: cannot be reached ({reason}); where there is a network, run `{plan.command}`"
    )


def _fetch(
    source: UrlSource, store: Store, plan: RemotePlan, progress: Progress | None
) -> SourceFile:
    how = FetchPlan(command=plan.command, offline=plan.offline)
    return inspect(fetch_url(source, store, how, progress))


KIND = SourceKind(UrlSource, fetched(_fetch), fetch=_fetch, is_here=is_fetched, is_remote=always)
