from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import SourceError
from quantgate.sources.archive import ArchiveLimits, extract

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "net/model.xml": b"<net/>",
    "net/model.bin": b"\1\2",
    "net/variables/a.data": b"v",
    "other/readme.txt": b"hello",
}


def _zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _make(folder: Path, kind: str, files: dict[str, bytes]) -> Path:
    path = folder / f"models.{kind}"
    if kind == "zip":
        return _zip(path, files)
    return _tar(path, files, "w" if kind == "tar" else f"w:{kind.rsplit('.', 1)[-1]}")


KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


@pytest.mark.parametrize("kind", KINDS)
def test_member_comes_with_its_neighbours(kind: str, tmp_path: Path) -> None:
    """A member is unpacked with everything in its folder, and nothing else."""
    archive, out = _make(tmp_path, kind, FILES), tmp_path / "out"
    found = extract(archive, "net/model.xml", out)
    assert found == out / "net" / "model.xml"
    unpacked = {
        p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()
    }
    assert unpacked == {name: data for name, data in FILES.items() if name.startswith("net/")}


@pytest.mark.parametrize("kind", KINDS)
def test_folder_can_be_the_member(kind: str, tmp_path: Path) -> None:
    """A saved model is a folder: naming it unpacks what is below it."""
    archive, out = _make(tmp_path, kind, FILES), tmp_path / "out"
    found = extract(archive, "net/variables/", out)
    assert [path.name for path in found.iterdir()] == ["a.data"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["../evil", "net/../../evil", "/etc/evil", "C:/evil", "a\\..\\evil"]
)
def test_escaping_archive_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    """An archive with one member that leads out of it is refused and writes nothing outside."""
    inner = tmp_path / "in"
    inner.mkdir()
    archive = _make(inner, kind, {name: b"x", **FILES})
    with pytest.raises(SourceError, match="leads out of the archive: refused"):
        extract(archive, "net/model.xml", inner / "out")
    assert [path.name for path in tmp_path.rglob("*evil*")] == []


def test_member_asked_for_may_not_escape(tmp_path: Path) -> None:
    """The manifest cannot ask for a path outside either."""
    with pytest.raises(SourceError, match="leads out"):
        extract(_make(tmp_path, "zip", FILES), "../model.xml", tmp_path / "out")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_tar_link_or_device_is_refused(kind: bytes, tmp_path: Path) -> None:
    """Links, pipes and devices in a tar are refused."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("net/link")
        info.type, info.linkname = kind, "../../outside"
        archive.addfile(info)
    with pytest.raises(SourceError, match="a link or a device"):
        extract(path, "net/link", tmp_path / "out")


def test_zip_link_is_refused(tmp_path: Path) -> None:
    """A symbolic link in a zip is refused."""
    path, info = tmp_path / "a.zip", zipfile.ZipInfo("net/link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "../../outside")
    with pytest.raises(SourceError, match="a link or a device"):
        extract(path, "net/link", tmp_path / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_bomb_is_refused(kind: str, tmp_path: Path) -> None:
    """What unpacks to more than the limit is refused, in the chosen member or before it."""
    bomb = {"a/zeros": bytes(12 << 20), "net/model.xml": b"<net/>"}
    archive = _make(tmp_path, kind, bomb)
    limits = ArchiveLimits(max_bytes=1 << 20)
    with pytest.raises(SourceError, match="more than is allowed"):
        extract(archive, "a/zeros", tmp_path / "out", limits)


def test_skipped_bomb_is_refused(tmp_path: Path) -> None:
    """A compressed tar is not unpacked without end to reach a later member."""
    archive = _make(tmp_path, "tar.gz", {"a/zeros": bytes(24 << 20), "net/model.xml": b"<net/>"})
    with pytest.raises(SourceError, match="more than is allowed"):
        extract(archive, "net/model.xml", tmp_path / "out", ArchiveLimits(max_bytes=1 << 20))


def test_huge_extended_header_is_refused(tmp_path: Path) -> None:
    """A tar whose extended header alone would fill the memory is refused."""
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("net/model.xml")
        info.pax_headers = {"comment": "x" * (20 << 20)}
        archive.addfile(info)
    with pytest.raises(SourceError, match="more than is allowed"):
        extract(path, "net/model.xml", tmp_path / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_members_are_refused(kind: str, tmp_path: Path) -> None:
    """An archive with more members than the limit is refused."""
    archive = _make(tmp_path, kind, {f"m{i}": b"" for i in range(9)})
    with pytest.raises(SourceError, match="more than 5 members"):
        extract(archive, "m8", tmp_path / "out", ArchiveLimits(max_members=5))


@pytest.mark.parametrize("kind", ["tar", "tar.gz"])
def test_same_name_twice_is_refused(kind: str, tmp_path: Path) -> None:
    """A second member of the same name cannot replace the first."""
    path = tmp_path / f"a.{kind}"
    with tarfile.open(path, "w" if kind == "tar" else "w:gz") as archive:
        for data in (b"one", b"two"):
            info = tarfile.TarInfo("net/model.xml")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with pytest.raises(SourceError, match="same name twice"):
        extract(path, "net/model.xml", tmp_path / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_archive_is_damaged(kind: str, tmp_path: Path) -> None:
    """An archive cut in the middle is said to be damaged."""
    noise = {f"net/{i}.bin": bytes((i * j) % 251 for j in range(9000)) for i in range(6)}
    archive = _make(tmp_path, kind, noise)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(SourceError, match=r"damaged|no member"):
        extract(archive, "net/5.bin", tmp_path / "out")


def test_other_file_is_no_archive(tmp_path: Path) -> None:
    """A file that is no archive at all is said to be none."""
    path = tmp_path / "model.zip"
    path.write_bytes(b"<html>404</html>" * 99)
    with pytest.raises(SourceError, match=r"expected a whole \.zip or \.tar"):
        extract(path, "a", tmp_path / "out")


def test_encrypted_zip_is_named(tmp_path: Path) -> None:
    """A password-protected member is named as encrypted."""
    path = _zip(tmp_path / "a.zip", {"net/model.xml": b"x"})
    data = bytearray(path.read_bytes())
    for marker, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(marker) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"'net/model\.xml' is encrypted"):
        extract(path, "net/model.xml", tmp_path / "out")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("net/modle.xml", "did you mean 'net/model.xml'"),
        ("model.xml", "did you mean 'net/model.xml'"),
        ("zzz", "it holds net/model.xml"),
    ],
)
def test_missing_member_gets_a_hint(asked: str, answer: str, tmp_path: Path) -> None:
    """A member that is not there is answered with the nearest name."""
    with pytest.raises(SourceError, match=answer):
        extract(_make(tmp_path, "tar.gz", FILES), asked, tmp_path / "out")
