from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import SourceError, SourceUnavailableError
from quantgate.sources.hf import HfSource, fetch_hf
from quantgate.store import Store

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "0" * 40


def test_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without huggingface_hub, one sentence says what to install."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(SourceError, match="pip install huggingface_hub"):
        fetch_hf(HfSource("a/b", "c.onnx", REVISION), Store(tmp_path))


@pytest.mark.parametrize("file", ["../c.onnx", "/c.onnx", "", "a/../../c.onnx"])
def test_file_stays_inside_the_repository(file: str, tmp_path: Path) -> None:
    """A path that leads out of the repository is refused."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    with pytest.raises(SourceError, match="must be a path inside it"):
        fetch_hf(HfSource("a/b", file, REVISION), Store(tmp_path))


def test_offline_names_the_command(tmp_path: Path) -> None:
    """A file that is not on this machine is unavailable offline, and the command is named."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    source = HfSource("organisation/repository", "model.onnx", REVISION)
    with pytest.raises(SourceUnavailableError, match="run `quantgate fetch net`"):
        fetch_hf(source, Store(tmp_path), offline=True, command="quantgate fetch net")


def test_bad_repository_name_is_refused(tmp_path: Path) -> None:
    """A name that cannot be a repository is refused without asking anybody."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    with pytest.raises(SourceError, match="expected organisation/repository"):
        fetch_hf(HfSource("a/b/c/d", "model.onnx", REVISION), Store(tmp_path), offline=True)


def test_cached_files_need_no_network(tmp_path: Path) -> None:
    """An IR that lies in the cache is found offline, with its weights beside it."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    folder = tmp_path / "hf" / "models--a--b" / "snapshots" / REVISION
    folder.mkdir(parents=True)
    for name in ("net.xml", "net.bin"):
        (folder / name).write_text(name)
    found = fetch_hf(HfSource("a/b", "net.xml", REVISION), Store(tmp_path), offline=True)
    assert found.read_text() == "net.xml"
    assert found.with_suffix(".bin").read_text() == "net.bin"
