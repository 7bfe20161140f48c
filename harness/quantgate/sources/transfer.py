"""One attempt to complete a file over http, https or file, from where the last one stopped."""

from __future__ import annotations

import base64
import http.client
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

from quantgate.errors import SourceError
from quantgate.escaping import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.progress import Progress

CHUNK_BYTES = 1 << 18
#: Answers that another attempt may change.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_PARTIAL, _BEYOND_END = 206, 416
_MAX_WAIT_S = 30.0
#: Python takes digits of every script for numbers, and refuses those of several thousand digits.
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-[0-9]{1,18}|\*)/([0-9]{1,18}|\*)")


class TransferBroken(Exception):  # noqa: N818 - an event, not the harness's failure
    """The attempt broke off; another one may go on where it stopped.

    ``wait_s`` is how long the server asks to wait.
    """

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s
        super().__init__(reason)


class _WrongRange(Exception):  # noqa: N818 - an event, as above
    """The server does not go on where we are."""


class Bounds(Protocol):
    """What limits one attempt."""

    @property
    def timeout_s(self) -> float:
        """Longest silence of the server."""
        ...

    @property
    def max_bytes(self) -> int:
        """Largest file accepted."""
        ...


def transfer(url: str, part: Path, bounds: Bounds, progress: Progress) -> None:
    """Complete ``part``, asking the server for what is missing.

    Raises
    ------
    TransferBroken
        Where another attempt may help; ``part`` keeps what came.
    SourceError
        Where the server refuses, or the file is larger than ``bounds.max_bytes``.
    OSError
        Where ``part`` cannot be written.
    """
    have = part.stat().st_size if part.exists() else 0
    try:
        with _open(url, have, bounds.timeout_s) as response:
            start, total = _position(response, have)
            _refuse_large(url, total, bounds.max_bytes)
            progress.start(part.name[:12] if total is None else _name(url), total or 0)
            progress.advance(start)
            _copy(response, (part, start, total), bounds, progress)
    except _WrongRange as error:
        # What a server will not go on from is of no use: the next attempt starts over.
        part.unlink(missing_ok=True)
        raise TransferBroken("the server sent a different range than requested") from error
    except urllib.error.HTTPError as error:
        with error:
            _judge(url, part, error)
    except (urllib.error.URLError, http.client.HTTPException) as error:
        raise TransferBroken(_reason(error)) from error


def _name(url: str) -> str:
    return one_line(urlsplit(url).path.rsplit("/", 1)[-1])


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to where it sends us, but never out of the encryption, or to files and FTP."""

    def redirect_request(  # noqa: PLR0917 - as the library calls it
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        scheme = urlsplit(newurl).scheme
        if scheme != "https" and (req.type == "https" or scheme != "http"):
            raise SourceError(
                f"{req.full_url}: the server sends us on from {req.type} to {scheme or 'nowhere'} "
                f"({newurl}): refused; name an address that stays with https"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str, have: int, timeout_s: float) -> Any:
    request = _request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    opener = urllib.request.build_opener(_Redirects)
    try:
        return opener.open(request, timeout=timeout_s)
    except (TimeoutError, ConnectionError) as error:
        raise TransferBroken(_reason(error)) from error
    except ValueError as error:
        if "proxy" in str(error):  # the library quotes it, with its password
            raise SourceError(
                f"{url}: the proxy that the environment names (http_proxy, https_proxy, all_proxy) is not "
                "an address: write http://HOST:PORT"
            ) from None
        raise SourceError(f"{url}: is not an address ({error})") from error


def _request(url: str) -> urllib.request.Request:
    """Ask for an address; its user and password become a header that no other server is sent.

    The library would take them for a part of the host's name, and quote them in its errors.
    """
    parts = urlsplit(url)
    user, separator, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))  # noqa: S310 - schemes are checked by the caller
    request.add_header("User-Agent", "quantgate")
    # The range counts bytes of the file as it is, so no compression on the way.
    request.add_header("Accept-Encoding", "identity")
    if separator:
        token = base64.b64encode(unquote_to_bytes(user)).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _position(response: Any, have: int) -> tuple[int, int | None]:
    """Where the answer starts in the file, and the file's whole size, if the server says it."""
    if getattr(response, "status", None) == _PARTIAL:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match and match[1] and int(match[1]) == have:
            return have, _number(match[2])
        raise _WrongRange
    return 0, _number(response.headers.get("Content-Length", ""))


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _copy(
    response: Any, place: tuple[Path, int, int | None], bounds: Bounds, progress: Progress
) -> None:
    part, start, total = place
    done = start
    with part.open("r+b" if start else "wb") as sink:
        sink.seek(start)
        while chunk := _read(response):
            done += len(chunk)
            if done > bounds.max_bytes:
                raise _too_large(response.url, bounds.max_bytes)
            sink.write(chunk)
            progress.advance(len(chunk))
        sink.truncate()
    if total is not None and done < total:
        if done == start:  # it answers, and has no more: what is here belongs to another file
            raise _WrongRange
        raise TransferBroken(f"was interrupted after {done} of {total} bytes")


def _read(response: Any) -> bytes:
    """Read from the network, so that its errors are never taken for the disk's."""
    try:
        chunk: bytes = response.read(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise TransferBroken(_reason(error)) from error
    return chunk


def _judge(url: str, part: Path, error: urllib.error.HTTPError) -> None:
    if error.code == _BEYOND_END:
        match = _RANGE.fullmatch(error.headers.get("Content-Range", ""))
        if match and part.exists() and _number(match[2]) == part.stat().st_size:
            return
        part.unlink(missing_ok=True)
        raise TransferBroken("the partial file no longer matches") from error
    if error.code in _PASSING:
        wait = error.headers.get("Retry-After", "")
        wait_s = min(float(_number(wait) or 0), _MAX_WAIT_S)
        raise TransferBroken(f"the server answered {error.code}", wait_s) from error
    raise SourceError(
        f"{url}: the server refuses it ({error.code} {error.reason}): check the address"
    ) from error


def _refuse_large(url: str, total: int | None, max_bytes: int) -> None:
    if total is not None and total > max_bytes:
        raise _too_large(url, max_bytes)


def _too_large(url: str, max_bytes: int) -> SourceError:
    return SourceError(f"{url}: is larger than the {max_bytes} bytes allowed: refused")


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return " ".join(str(reason).split()) or type(error).__name__
