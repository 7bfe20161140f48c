from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import io
import tarfile
import threading
import urllib.request
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import SourceError, SourceUnavailableError, StoreError
from quantgate.sources.transfer import _Redirects
from quantgate.sources.url import FetchPlan, UrlSource, fetch_url, is_fetched
from quantgate.store import Store
from quantgate.store.entry import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = bytes(range(256)) * 4096
SHA = hashlib.sha256(DATA).hexdigest()


@dataclass
class Site:
    """What the server does next: behaviours are used up front to back, then it serves whole."""

    files: dict[str, bytes]
    behave: list[str] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    authorized: list[str | None] = field(default_factory=list)
    length: str = ""
    port: int = 0

    def url(self, name: str = "model.bin") -> str:
        """Address of a file."""
        return f"http://127.0.0.1:{self.port}/{name}"


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Serve a file, a range of it, or trouble."""
        wanted = self.headers.get("Range")
        self.site.asked.append(wanted)
        self.site.authorized.append(self.headers.get("Authorization"))
        how = self.site.behave.pop(0) if self.site.behave else "whole"
        data = self.site.files.get(self.path.lstrip("/"))
        if how.startswith("to "):
            self.send_response(302)
            self.send_header("Location", how.removeprefix("to "))
            self.end_headers()
            return
        if how.isdigit() or data is None:
            self.send_error(int(how) if how.isdigit() else 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.end_headers()
            return
        self._send(data, 0 if how == "no ranges" else start, how)

    def _send(self, data: bytes, start: int, how: str) -> None:
        self.send_response(206 if start else 200)
        if start:
            shift = 1 if how == "wrong range" else 0
            total = len(data) + (9 if how == "empty range" else 0)
            self.send_header("Content-Range", f"bytes {start + shift}-{len(data) - 1}/{total}")
        if how == "odd length":
            self._headers_buffer.append(f"Content-Length: {self.site.length}\r\n".encode())  # type: ignore[attr-defined]
        elif how == "empty range":
            self.send_header("Content-Length", "0")
        elif how != "no length":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        sent = {"cut": len(body) // 2, "empty range": 0}.get(how, len(body))
        self.wfile.write(body[:sent])


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve DATA as model.bin on this machine."""
    served = Site({"model.bin": DATA})
    handler = type("Handler", (_Handler,), {"site": served})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Give an empty store, and reach this machine without a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return Store(tmp_path / "store")


def _plan(slept: list[float] | None = None, **changes: int) -> FetchPlan:
    sleep = (slept if slept is not None else []).append
    return FetchPlan(command="quantgate fetch ssd", sleep=sleep, **changes)  # type: ignore[arg-type]


def _partials(store: Store) -> list[Path]:
    return list((store.root / "partial").glob("*"))


def test_file_is_downloaded_once(site: Site, store: Store) -> None:
    """The second use of a checksum touches no network."""
    source = UrlSource(site.url(), SHA.upper())
    assert not is_fetched(source, store)
    first = fetch_url(source, store, _plan())
    assert (first.name, first.read_bytes()) == ("model.bin", DATA)
    assert fetch_url(source, store, FetchPlan(offline=True)) == first
    assert is_fetched(source, store)
    assert len(site.asked) == 1
    assert _partials(store) == []


def test_broken_transfer_is_resumed(site: Site, store: Store) -> None:
    """After a break the server is asked only for what is missing, after growing pauses."""
    site.behave = ["cut", "cut"]
    slept: list[float] = []
    found = fetch_url(UrlSource(site.url(), SHA), store, _plan(slept))
    assert found.read_bytes() == DATA
    assert site.asked == [None, "bytes=524288-", "bytes=786432-"]
    assert slept == [0.5, 1.0]


def test_next_run_resumes(site: Site, store: Store) -> None:
    """What an earlier run left is continued, not started again."""
    site.behave = ["cut"] * 3
    with pytest.raises(
        SourceUnavailableError, match="was interrupted after 917504 of 1048576 bytes"
    ):
        fetch_url(UrlSource(site.url(), SHA), store, _plan())
    assert [path.stat().st_size for path in _partials(store)] == [917504]
    assert fetch_url(UrlSource(site.url(), SHA), store, _plan()).read_bytes() == DATA
    assert site.asked[-1] == "bytes=917504-"


@pytest.mark.parametrize("how", ["no ranges", "no length", "wrong range"])
def test_odd_servers_give_the_file(how: str, site: Site, store: Store) -> None:
    """Servers without ranges or lengths, or with wrong ranges, still give the whole file."""
    site.behave = ["cut", how]
    assert fetch_url(UrlSource(site.url(), SHA), store, _plan()).read_bytes() == DATA


def test_a_server_that_never_goes_on_is_asked_anew(site: Site, store: Store) -> None:
    """Where every answer starts at another byte than asked for, what came before is given up."""
    source = UrlSource(site.url(), SHA)
    site.behave += ["cut", "wrong range"]

    assert fetch_url(source, store, _plan()).read_bytes() == DATA
    assert site.asked == [None, f"bytes={len(DATA) // 2}-", None]


def test_a_leftover_that_a_server_calls_too_short_is_given_up(site: Site, store: Store) -> None:
    """A server that claims more bytes and sends none would keep the leftover for ever."""
    source = UrlSource(site.url(), SHA)
    site.behave += ["cut", "empty range"]

    assert fetch_url(source, store, _plan()).read_bytes() == DATA
    assert site.asked[-1] is None


@pytest.mark.parametrize("digits", ["\u00b2", "\u0663", "9" * 5000, "-1", "0x10"])
def test_numbers_of_headers_are_ascii_and_small(
    digits: str, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python's digits and int() disagree on is no length, and no reason to fail."""
    monkeypatch.setattr(site, "length", digits)
    source = UrlSource(site.url(), SHA)
    site.behave.append("odd length")

    assert fetch_url(source, store, _plan()).read_bytes() == DATA


def test_user_and_password_go_to_that_server_alone(site: Site, store: Store) -> None:
    """They are sent as a header, to the server they are for; the one it sends us on to gets none."""
    other = site.url().replace("127.0.0.1", "localhost")
    site.behave.append(f"to {other}")
    source = UrlSource(site.url().replace("//", "//me:se%20cr:et@"), SHA)

    assert fetch_url(source, store, _plan()).read_bytes() == DATA
    basic = f"Basic {base64.b64encode(b'me:se cr:et').decode()}"
    assert site.authorized == [basic, None]


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ("https", "http://models.example/a.onnx"),
        ("https", "ftp://models.example/a.onnx"),
        ("http", "ftp://models.example/a.onnx"),
    ],
)
def test_a_server_does_not_send_us_out_of_the_encryption(start: str, target: str) -> None:
    """From https to http is refused, and so is what is no web address at all."""
    request = urllib.request.Request(  # noqa: S310 - nothing is opened
        f"{start}://me.example/a.onnx?sig=abc"
    )
    headers = http.client.HTTPMessage()
    headers["Location"] = target

    with pytest.raises(SourceError, match=f"sends us on from {start} to") as refused:
        _Redirects().http_error_302(request, io.BytesIO(), 302, "Found", headers)

    assert "abc" not in str(refused.value)


def test_a_name_that_no_disk_keeps_is_not_the_stores_fault(
    site: Site, store: Store, tmp_path: Path
) -> None:
    """Long names of files and members are told as what they are."""
    with pytest.raises(SourceError, match="expected a file name of at most 255 bytes, found 300"):
        fetch_url(UrlSource(site.url("a" * 300), SHA), store, _plan())
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m/model.bin", DATA)
        archive.writestr(f"m/{'b' * 300}", b"x")
    site.files["a.zip"] = packed.read_bytes()
    sha256 = hashlib.sha256(packed.read_bytes()).hexdigest()

    with pytest.raises(
        SourceError, match=r"a\.zip: holds the name '.*b', which this disk cannot keep"
    ):
        fetch_url(UrlSource(site.url("a.zip"), sha256, "m/model.bin"), store, _plan())


def test_a_file_called_as_the_stores_account_once_was(
    site: Site, store: Store, tmp_path: Path
) -> None:
    """entry.json is a name like any other, alone and in an archive."""
    site.files["entry.json"] = DATA
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("entry.json", b"{}")
        archive.writestr("model.bin", DATA)
    site.files["a.zip"] = packed.read_bytes()
    sha256 = hashlib.sha256(packed.read_bytes()).hexdigest()

    for _ in range(2):
        assert (
            fetch_url(UrlSource(site.url("entry.json"), SHA), store, _plan()).read_bytes() == DATA
        )
        member = fetch_url(UrlSource(site.url("a.zip"), sha256, "model.bin"), store, _plan())
        assert (member.parent / "entry.json").read_bytes() == b"{}"
    assert len(site.asked) == 2


def test_a_file_called_as_the_stores_own_account_is_refused(site: Site, store: Store) -> None:
    """The one name that is kept back is told."""
    site.files[RECORD] = DATA

    with pytest.raises(StoreError, match="a file that was fetched or built is called"):
        fetch_url(UrlSource(site.url(RECORD), SHA), store, _plan())


def test_whole_leftover_needs_no_bytes(site: Site, store: Store) -> None:
    """A leftover that is whole already is taken as it is, when the server has no more."""
    (store.root / "partial").mkdir(parents=True)
    (store.root / "partial" / SHA).write_bytes(DATA)
    assert fetch_url(UrlSource(site.url(), SHA), store, _plan()).read_bytes() == DATA
    assert site.asked == [f"bytes={len(DATA)}-"]


def test_foreign_leftover_is_replaced(site: Site, store: Store) -> None:
    """A leftover that does not belong to the file is thrown away and the file fetched whole."""
    (store.root / "partial").mkdir(parents=True)
    (store.root / "partial" / SHA).write_bytes(b"x" * 1000)
    assert fetch_url(UrlSource(site.url(), SHA), store, _plan()).read_bytes() == DATA
    assert site.asked == ["bytes=1000-", None]


def test_passing_trouble_is_retried(site: Site, store: Store) -> None:
    """A server that is busy is asked again."""
    site.behave = ["503", "429"]
    assert fetch_url(UrlSource(site.url(), SHA), store, _plan()).read_bytes() == DATA


def test_refusal_is_not_retried(site: Site, store: Store) -> None:
    """An address that is gone is said so at once."""
    with pytest.raises(SourceError, match=r"refuses it \(404") as caught:
        fetch_url(UrlSource(site.url("gone.bin"), SHA), store, _plan())
    assert not isinstance(caught.value, SourceUnavailableError)
    assert len(site.asked) == 1


def test_wrong_checksum_leaves_nothing(site: Site, store: Store) -> None:
    """A file that is not the expected one is named with both checksums and removed."""
    wrong = "0" * 64
    with pytest.raises(SourceError, match=f"expected SHA-256 {wrong}, found {SHA}"):
        fetch_url(UrlSource(site.url(), wrong), store, _plan())
    assert _partials(store) == []
    assert not is_fetched(UrlSource(site.url(), wrong), store)
    assert list(store.root.rglob("model.bin")) == []


@pytest.mark.parametrize("how", ["whole", "no length"])
def test_large_file_is_refused(how: str, site: Site, store: Store) -> None:
    """A file above the size limit is refused, whether the server says its size or not."""
    site.behave = [how]
    with pytest.raises(SourceError, match="larger than the 1000 bytes allowed"):
        fetch_url(UrlSource(site.url(), SHA), store, _plan(max_bytes=1000))
    assert _partials(store) == []


def test_no_network_names_the_command(store: Store) -> None:
    """Without a network the source is unavailable, and the sentence names the command."""
    source = UrlSource("http://127.0.0.1:9/model.bin", SHA)
    with pytest.raises(SourceUnavailableError, match="run `quantgate fetch ssd`"):
        fetch_url(source, store, _plan())


def test_offline_asks_nobody(site: Site, store: Store) -> None:
    """Working offline, a file that is not in the store is unavailable and nothing is asked."""
    plan = FetchPlan(offline=True, command="quantgate fetch ssd")
    with pytest.raises(SourceUnavailableError, match=r"working offline.*quantgate fetch ssd"):
        fetch_url(UrlSource(site.url(), SHA), store, plan)
    assert site.asked == []


def test_file_address_is_copied(tmp_path: Path, store: Store) -> None:
    """A file address is fetched like any other, and a missing file is unavailable at once."""
    (tmp_path / "a model.onnx").write_bytes(DATA)
    source = UrlSource((tmp_path / "a model.onnx").as_uri(), SHA)
    found = fetch_url(source, store, _plan())
    assert (found.name, found.read_bytes()) == ("a model.onnx", DATA)
    slept: list[float] = []
    missing = UrlSource((tmp_path / "no.onnx").as_uri(), "1" * 64)
    with pytest.raises(SourceUnavailableError, match="No such file"):
        fetch_url(missing, store, _plan(slept))
    assert slept == []


@pytest.mark.parametrize(
    ("url", "sha256", "message"),
    [
        ("http://a/b", "abc", "64 hexadecimal digits"),
        ("ftp://a/b", SHA, "expected an http, https or file address"),
        ("/local/file", SHA, "expected an http, https or file address"),
        ("http://a/", SHA, "ends in a file name"),
        ("http://a/..", SHA, "ends in a file name"),
        ("http://a/%2e%2e", SHA, "ends in a file name"),
        ("http://[a/b", SHA, "is not an address"),
        ("http://a b/c", SHA, r"is not an address|cannot be reached"),
    ],
)
def test_bad_source_is_refused(url: str, sha256: str, message: str, store: Store) -> None:
    """Addresses and checksums that cannot work are refused before anything is asked."""
    with pytest.raises(SourceError, match=message):
        fetch_url(UrlSource(url, sha256), store, _plan())


def _archive(member: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in ((member, b"graph"), ("net/labels.txt", b"a\nb")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_member_of_an_archive(site: Site, store: Store) -> None:
    """The member of an archive is unpacked once and its neighbours lie beside it."""
    site.files["net.tar.gz"] = _archive("net/frozen.pb")
    sha = hashlib.sha256(site.files["net.tar.gz"]).hexdigest()
    source = UrlSource(site.url("net.tar.gz"), sha, "net/frozen.pb")
    found = fetch_url(source, store, _plan())
    assert (found.name, found.read_bytes()) == ("frozen.pb", b"graph")
    assert (found.parent / "labels.txt").is_file()
    assert fetch_url(source, store, FetchPlan(offline=True)) == found


def test_escaping_archive_leaves_nothing(site: Site, store: Store) -> None:
    """An archive that tries to escape is refused and nothing unpacked stays."""
    site.files["net.tar.gz"] = _archive("../evil.pb")
    sha = hashlib.sha256(site.files["net.tar.gz"]).hexdigest()
    with pytest.raises(SourceError, match="leads out of the archive"):
        fetch_url(UrlSource(site.url("net.tar.gz"), sha, "net/labels.txt"), store, _plan())
    assert [p for p in store.root.rglob("*") if p.suffix in {".pb", ".txt"}] == []
    assert list((store.root / "building").glob("*")) == []


class _Spy:
    def __init__(self) -> None:
        self.total, self.done, self.closed = 0, 0, 0

    def start(self, name: str, total: int) -> None:
        assert name == "model.bin"
        self.total, self.done = total, 0

    def advance(self, steps: int = 1) -> None:
        self.done += steps

    def close(self) -> None:
        self.closed += 1


def test_progress_counts_bytes(site: Site, store: Store) -> None:
    """Progress runs from 0 to the file's size, and a resumed download starts where it was."""
    site.behave = ["cut"]
    spy = _Spy()
    fetch_url(UrlSource(site.url(), SHA), store, _plan(), spy)
    assert (spy.total, spy.done, spy.closed) == (len(DATA), len(DATA), 2)


def test_full_disk_is_one_sentence(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up in the middle gets one sentence, and the half file is removed."""
    import errno

    from quantgate.sources import transfer

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer, "_copy", fail)
    with pytest.raises(StoreError, match="No space left on device"):
        fetch_url(UrlSource(site.url(), SHA), store, _plan())
    assert _partials(store) == []


def test_a_broken_proxy_is_told_without_its_password(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would quote what stands in the environment."""
    monkeypatch.setenv("http_proxy", "http:/user:s3cret-word@proxy")
    monkeypatch.delenv("no_proxy")
    with pytest.raises(SourceError, match="the proxy that the environment names") as raised:
        fetch_url(UrlSource("http://example.invalid/model.bin", SHA), store, _plan())
    assert "s3cret-word" not in str(raised.value)
    assert raised.value.__cause__ is None
