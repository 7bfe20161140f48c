"""A store that machines share: fetched once, given once, and never believed."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from quantgate.damage import damage_since
from quantgate.errors import StoreError
from quantgate.store import Store, store_root
from quantgate.store.shared import ADDRESS, Shared, address_of, shared_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = {"model": "tiny"}


def machine(tmp_path: Path, name: str) -> Store:
    """Open the shared store from a machine of its own: a folder of nothing but the address."""
    root = tmp_path / name
    root.mkdir(exist_ok=True)
    address = (tmp_path / "bucket").as_uri()
    (root / ADDRESS).write_text(json.dumps({"address": address}), encoding="utf-8")
    return Store(root)


def write(folder: Path) -> None:
    """Build an entry of two files."""
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "parts").mkdir()
    (folder / "parts" / "one.json").write_text("[1]", encoding="utf-8")


def refuse(_: Path) -> None:
    """Fail, for this is there already."""
    raise AssertionError("built a second time")


@pytest.fixture(autouse=True)
def _anew() -> None:
    shared_of.cache_clear()


def test_what_one_machine_built_another_only_fetches(tmp_path: Path) -> None:
    """Byte by byte the same entry, at the same address; afterwards not even fetched again."""
    built = machine(tmp_path, "a").get_or_build("optimized", KEY, write)
    other = machine(tmp_path, "b")

    assert other.holds("optimized", KEY)
    found = other.get_or_build("optimized", KEY, refuse)
    (archive,) = (tmp_path / "bucket").rglob("*.tar")
    archive.unlink()

    assert found.relative_to(other.root) == built.relative_to(tmp_path / "a")
    files = [path.relative_to(built) for path in built.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert all((found / path).read_bytes() == (built / path).read_bytes() for path in files)
    assert Store(other.root).get_or_build("optimized", KEY, refuse) == found
    assert not list((other.root / "building").iterdir())


def test_what_another_machine_built_is_found(tmp_path: Path) -> None:
    """Without building: fetched where it is, and a damaged copy once more; None where nobody has it."""
    here, other = machine(tmp_path, "a"), machine(tmp_path, "b")
    assert other.find("optimized", KEY) is None
    here.get_or_build("optimized", KEY, write)

    found = other.find("optimized", KEY)
    assert found == other.address("optimized", KEY)
    (found / "weights.bin").write_bytes(b"no")

    assert other.find("optimized", KEY) == found
    assert len((found / "weights.bin").read_bytes()) == 256 * 40
    assert any("weights.bin has 2 bytes" in said for said in damage_since(other.root, 0.0))


def test_parts_of_what_is_under_way_are_not_shared(tmp_path: Path) -> None:
    """They are removed when the whole is there, by the machine that made them."""
    machine(tmp_path, "a").get_or_build("comparison-part", KEY, write)

    assert not list(tmp_path.glob("bucket/**/*.tar"))


@pytest.mark.parametrize("damage", ["cut", "changed", "other"])
def test_a_damaged_archive_is_built_again_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """Cut off, changed inside or no archive at all: said with its address, and the next machine has it whole."""
    machine(tmp_path, "a").get_or_build("optimized", KEY, write)
    (archive,) = (tmp_path / "bucket").rglob("*.tar")
    whole = archive.read_bytes()
    at = whole.index(bytes(range(200)))
    damages = {
        "cut": whole[: len(whole) // 2],
        "changed": whole[:at] + b"\xff" + whole[at + 1 :],
        "other": b"<html>proxy</html>" * 99,
    }
    archive.write_bytes(damages[damage])

    with caplog.at_level(logging.WARNING):
        found = machine(tmp_path, "b").get_or_build("optimized", KEY, write)

    assert f"{archive.with_suffix('').as_uri()} is damaged" in caplog.text
    assert (found / "weights.bin").read_bytes() == bytes(range(256)) * 40
    assert machine(tmp_path, "c").get_or_build("optimized", KEY, refuse).is_dir()


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    """Whoever can write to the store cannot write anywhere else."""
    import io
    import tarfile

    machine(tmp_path, "a").get_or_build("optimized", KEY, write)
    (archive,) = (tmp_path / "bucket").rglob("*.tar")
    with tarfile.open(archive, "w") as packed:
        member = tarfile.TarInfo("../../escaped")
        member.size = 1
        packed.addfile(member, io.BytesIO(b"x"))

    machine(tmp_path, "b").get_or_build("optimized", KEY, write)

    assert not list(tmp_path.rglob("escaped"))


class Failing:
    """Files that cannot be reached some times."""

    def __init__(self, failures: int, error: type[OSError] = ConnectionResetError) -> None:
        self.failures, self.error, self.asked = failures, error, 0

    def __getattr__(self, name: str) -> object:
        def call(*_: object, **__: object) -> bool:
            self.asked += 1
            if self.asked <= self.failures:
                raise self.error("cut")
            raise FileNotFoundError

        return call


def shared(own: Path, files: Failing, slept: list[float]) -> Shared:
    """Open a shared store of such files."""
    return Shared("s3://bucket", own, files, "bucket", (OSError,), sleep=slept.append)


def test_a_cut_connection_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two failures cost two waits, and nobody is told."""
    slept: list[float] = []

    assert shared(tmp_path, Failing(2), slept).take("v1/optimized/ab/c", tmp_path) is None

    assert slept == [0.5, 1.0]
    assert not caplog.text


def test_a_store_that_stays_away_is_said_once_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run goes on with what it builds itself, and does not wait again for each entry."""
    files = Failing(99)
    store = shared(tmp_path, files, [])

    for _ in range(5):
        assert store.take("v1/optimized/ab/c", tmp_path) is None

    assert files.asked == 3
    assert caplog.text.count("s3://bucket cannot be reached (3 attempts, cut)") == 1
    assert damage_since(tmp_path, 0) == [caplog.messages[0]]


def test_a_store_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    """A wrong key is a mistake to mend, not a reason to build everything again."""
    with pytest.raises(StoreError, match=r"--store s3://bucket: it may not be read .*AWS_ACCESS"):
        shared(tmp_path, Failing(1, PermissionError), []).take("v1/optimized/ab/c", tmp_path)


def test_a_store_that_may_not_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A fork's pull request reads what main has built, and shares nothing."""
    files = Failing(9, PermissionError)
    store = shared(tmp_path, files, [])
    (tmp_path / "entry").mkdir()

    for _ in range(3):
        store.give("v1/optimized/ab/c", tmp_path / "entry", tmp_path)

    assert files.asked == 1
    assert caplog.text.count("s3://bucket may not be written (cut)") == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://key:secret@bucket/x", "holds no password"),
        ("nosuch://bucket", r'nosuch.*pip install "quantgate\[shared\]"'),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    """Passwords are refused before anything is written, and unknown services say what to install."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)

    with pytest.raises(StoreError, match=said) as caught:
        Store(store_root(address)).get_or_build("optimized", KEY, write)

    assert "secret" not in str(caught.value)


def test_a_folder_stays_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where the run was started, or as the environment says."""
    monkeypatch.setenv("QUANTGATE_STORE", str(tmp_path / "env"))

    assert store_root("here", tmp_path) == tmp_path / "here"
    assert store_root(tmp_path / "there") == tmp_path / "there"
    assert store_root(None, tmp_path) == tmp_path / "env"
    assert shared_of(tmp_path / "env") is None
    (tmp_path / "file").touch()
    assert address_of(tmp_path / "file" / "store") == ""
