from __future__ import annotations

import json
import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import SourceError, StoreError
from quantgate.store import Store, digest_of
from quantgate.store.entry import RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = {"source": "abc", "versions": {"openvino": "1"}}
DAY_NS = 24 * 3600 * 10**9


class Builder:
    """Writes two files and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        """Build."""
        self.calls += 1
        (folder / "sub").mkdir()
        (folder / "model.bin").write_bytes(b"weights" * 1000)
        (folder / "sub" / "names.txt").write_text("a\nb\n")


@pytest.fixture
def build() -> Builder:
    """Give a builder that nobody has asked yet."""
    return Builder()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty store."""
    return Store(tmp_path / "store")


def test_builds_once(store: Store, build: Builder) -> None:
    """The same key is built once, by this store and by the next one on the same folder."""
    first = store.get_or_build("thing", KEY, build)
    again = store.get_or_build("thing", dict(reversed(KEY.items())), build)
    other = Store(store.root).get_or_build("thing", KEY, build)

    assert (first, first, 1) == (again, other, build.calls)


def test_key_and_kind_make_the_address(store: Store, build: Builder) -> None:
    """Every change of the key, down to a nested value, and of the kind, is another entry."""
    keys = [KEY, {**KEY, "source": "abd"}, {**KEY, "versions": {"openvino": "2"}}, {}]
    entries = {store.get_or_build("thing", key, build) for key in keys}
    entries.add(store.get_or_build("other", KEY, build))

    assert (len(entries), build.calls) == (5, 5)


def test_record_names_the_key_for_people(store: Store, build: Builder) -> None:
    """entry.quantgate.json holds the key as it was given, and every file with size and digest."""
    record = json.loads((store.get_or_build("thing", KEY, build) / RECORD).read_text())

    assert record["key"] == KEY
    assert {name: told["bytes"] for name, told in record["files"].items()} == {
        "model.bin": 7000,
        "sub/names.txt": 4,
    }


@pytest.mark.parametrize("kind", ["", "Thing", "../x", "a/b", "a b"])
def test_kind_is_a_plain_word(store: Store, build: Builder, kind: str) -> None:
    """A kind that is no plain word is refused before anything is written."""
    with pytest.raises(ValueError, match="short word"):
        store.get_or_build(kind, KEY, build)

    assert not store.root.exists()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_key_without_exact_json_is_refused(bad: float) -> None:
    """NaN and infinity have no JSON, hence no address."""
    with pytest.raises(ValueError, match="JSON compliant"):
        digest_of({"x": bad})


def _missing(entry: Path) -> None:
    (entry / "model.bin").unlink()


def _truncated(entry: Path) -> None:
    with (entry / "model.bin").open("r+b") as stream:
        stream.truncate(6999)


def _flipped_quietly(entry: Path) -> None:
    path = entry / "model.bin"
    stat = path.stat()
    path.write_bytes(b"Weights" * 1000)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _record_gone(entry: Path) -> None:
    (entry / RECORD).unlink()


def _record_is_rubbish(entry: Path) -> None:
    (entry / RECORD).write_text('{"files": [1, 2')


def _record_is_a_list(entry: Path) -> None:
    (entry / RECORD).write_text("[]")


def _stranger(entry: Path) -> None:
    (entry / "more.bin").write_bytes(b"x")


DAMAGES = [
    (_missing, "model.bin is missing"),
    (_truncated, "model.bin has 6999 bytes, expected 7000"),
    (_flipped_quietly, "model.bin has changed content"),
    (_record_gone, "entry.quantgate.json is missing"),
    (_record_is_rubbish, "entry.quantgate.json cannot be read"),
    (_record_is_a_list, "entry.quantgate.json cannot be read"),
    (_stranger, "more.bin does not belong"),
]


@pytest.mark.parametrize("case", DAMAGES, ids=lambda case: case[1])
def test_damage_is_said_and_repaired(
    store: Store,
    build: Builder,
    case: tuple[Callable[[Path], None], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A damaged entry is noticed by the next run, named in a warning, and built again."""
    damage, said = case
    entry = store.get_or_build("thing", KEY, build)
    damage(entry)
    fresh = Store(store.root)
    with caplog.at_level(logging.WARNING):
        again = fresh.get_or_build("thing", KEY, build)

    assert (entry, 2) == (again, build.calls)
    assert (entry / "model.bin").read_bytes() == b"weights" * 1000
    assert said in caplog.text
    assert list((store.root / "building").iterdir()) == []


def test_damage_while_running_is_noticed(store: Store, build: Builder) -> None:
    """A file rewritten after the store trusted it is read again, as its time has changed."""
    entry = store.get_or_build("thing", KEY, build)
    (entry / "model.bin").write_bytes(b"Weights" * 1000)
    os.utime(entry / "model.bin", ns=(1, 1))
    store.get_or_build("thing", KEY, build)

    assert build.calls == 2


@pytest.mark.parametrize("error", [SourceError("no"), KeyboardInterrupt(), RuntimeError("crash")])
def test_failing_build_leaves_nothing(store: Store, build: Builder, error: BaseException) -> None:
    """Whatever a build raises, Ctrl-C included, comes out as it is and nothing stays behind."""

    def fail(folder: Path) -> None:
        (folder / "half.bin").write_bytes(b"x")
        raise error

    with pytest.raises(type(error)):
        store.get_or_build("thing", KEY, fail)

    assert list((store.root / "building").iterdir()) == []
    assert not store.holds("thing", KEY)
    assert store.get_or_build("thing", KEY, build).is_dir()


def test_foreign_io_error_stays_itself(store: Store) -> None:
    """A source file that the build cannot open is not blamed on the store."""

    def fail(_: Path) -> None:
        Path("no-such-model.onnx").read_bytes()

    with pytest.raises(FileNotFoundError, match=r"no-such-model\.onnx"):
        store.get_or_build("thing", KEY, fail)


def _build_slowly(root: Path, log: Path) -> None:
    def build(folder: Path) -> None:
        with log.open("a") as stream:
            stream.write("built\n")
        time.sleep(0.3)
        (folder / "model.bin").write_bytes(b"weights")

    Store(root).get_or_build("thing", KEY, build)


def test_two_processes_build_once(tmp_path: Path) -> None:
    """Four processes that ask at the same moment build the entry once, and all get it."""
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_build_slowly, args=(tmp_path / "store", log)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 4
    assert log.read_text() == "built\n"


KILLED = """
import sys, time
from pathlib import Path
from quantgate.store import Store

def build(folder):
    (folder / "half.bin").write_bytes(b"x" * 100)
    print("building", flush=True)
    time.sleep(60)

Store(Path(sys.argv[1])).get_or_build("thing", {"source": "abc", "versions": {"openvino": "1"}}, build)
"""


def test_killed_build_is_swept_by_the_next(store: Store, build: Builder) -> None:
    """After kill -9 the entry is absent, the lock is free, and the next build sweeps the rest."""
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.root)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "building\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(list((store.root / "building").iterdir())) == 1
    assert not store.holds("thing", KEY)

    entry = store.get_or_build("thing", KEY, build)

    assert {"model.bin", "sub", RECORD} == {path.name for path in entry.iterdir()}
    assert list((store.root / "building").iterdir()) == []


def test_old_leftovers_are_cleaned(store: Store, build: Builder) -> None:
    """A build sweeps what killed builds of other entries left a day ago, and nothing younger."""
    leftovers = [store.root / "building" / name for name in ("other-0123-x", "other-4567-y")]
    for leftover in leftovers:
        leftover.mkdir(parents=True)
    os.utime(leftovers[0], ns=(0, DAY_NS))
    os.utime(leftovers[1], ns=(0, DAY_NS + 1))
    Store(store.root, clock_ns=lambda: 2 * DAY_NS + 1).get_or_build("thing", KEY, build)

    assert [leftover.exists() for leftover in leftovers] == [False, True]


def test_read_only_store_is_one_sentence(tmp_path: Path) -> None:
    """Where nothing can be written the path and the way out are said."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    store = Store(blocked / "store")

    with pytest.raises(StoreError, match=r"store .*file.store cannot be written.*QUANTGATE_STORE"):
        store.get_or_build("thing", KEY, Builder())


FULL = """
import resource, signal, sys
from pathlib import Path
from quantgate.errors import StoreError
from quantgate.store import Store

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    Store(Path(sys.argv[1])).get_or_build(
        "thing", {}, lambda folder: (folder / "big.bin").write_bytes(bytes(10**6))
    )
except StoreError as error:
    print(error)
"""


def test_full_disk_is_one_sentence(store: Store) -> None:
    """A disk that takes no more bytes in the middle of a build is said, and nothing stays."""
    assert resource.RLIM_INFINITY in resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(store.root)], capture_output=True, text=True, check=True
    )

    assert "cannot be written (File too large): free some space" in done.stdout
    assert list((store.root / "building").iterdir()) == []
    assert not store.holds("thing", {})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of one megabyte, or skip where that is not allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs rights that this account does not have")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_really_full_disk_is_one_sentence(small_disk: Path) -> None:
    """A disk that is full in earnest is said with the way out, and is left as it was."""
    store = Store(small_disk / "store")

    def build(folder: Path) -> None:
        (folder / "big.bin").write_bytes(bytes(2 * 10**6))

    with pytest.raises(StoreError, match=r"small.store cannot be written \(No space left"):
        store.get_or_build("thing", KEY, build)
    assert list((store.root / "building").iterdir()) == []
    assert store.get_or_build("thing", KEY, Builder()).is_dir()


def test_read_only_entry_is_still_used(store: Store, build: Builder) -> None:
    """A finished entry needs no right to write: no lock is taken and nothing is changed."""
    entry = store.get_or_build("thing", KEY, build)
    (store.root / "locks").rename(store.root / "elsewhere")
    (store.root / "locks").write_text("no folder")

    assert entry == Store(store.root).get_or_build("thing", KEY, build)
