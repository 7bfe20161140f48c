"""``quantgate fetch`` and ``quantgate check --omz``, without a network."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quantgate.cli import main
from quantgate.errors import SourceUnavailableError
from quantgate.manifest import load_manifest
from quantgate.sources.catalog import locate, resolve
from quantgate.sources.kind import Place
from quantgate.store import Store

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[datasets.cal]
kind = "digits"
split = "calibrate"
[datasets.bare]
kind = "digits"
annotated = false
[defaults]
calibrate = "cal"
evaluate = "bare"
[models.far]
task = "generic"
source = {{ url = "{address}", sha256 = "{digest}", member = "inside/model.tflite" }}
[models.near]
source = {{ zoo = "digits-mobilenet-v2" }}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a user's folder with an archive to be fetched from a file address."""
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("inside/model.tflite", b"weights")
    digest = hashlib.sha256((tmp_path / "model.zip").read_bytes()).hexdigest()
    text = MANIFEST.format(address=(tmp_path / "model.zip").as_uri(), digest=digest)
    (tmp_path / "models.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUANTGATE_STORE", str(tmp_path / "store"))
    return tmp_path


def test_fetched_models_are_found_by_gates(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ``fetch --all`` brought is found without a network, and said where it lies."""
    assert main(["fetch", "--all"]) == 0
    said = capsys.readouterr().out
    assert "far: TensorFlow Lite at " in said
    assert "near: nothing to fetch, OpenVINO IR at " in said
    entry = load_manifest(folder / "models.toml").models["far"]
    found = locate(entry.source, Place(folder, Store(folder / "store"), "far"))
    assert found.path.read_bytes() == b"weights"


def test_the_list_says_what_is_here(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before and after fetching, the list tells the state; Open Model Zoo's models follow."""
    for state in ("to be fetched", "here"):
        assert main(["fetch", "models.toml", "--list"]) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0] == f"far: {state}, of the manifest"
        assert any(line.startswith("mobilenet-v2: to be fetched, Open Model Zoo") for line in said)
        assert main(["fetch", "far"]) == 0
        capsys.readouterr()
    assert folder.is_dir()


def test_files_given_by_path_are_not_fetched_but_missed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Darknet network that is not here: the list says so, and asking for it is a failure."""
    with (folder / "models.toml").open("a") as manifest:
        manifest.write('[models.own]\nsource = { cfg = "net.cfg", weights = "net.weights" }\n')
    assert main(["fetch", "--list"]) == 0
    listed = capsys.readouterr().out
    assert f"own: not here, given by path ({folder / 'net.cfg'}), of the manifest" in listed
    assert main(["fetch", "own"]) == 1
    assert "net.cfg: this Darknet file is not on this machine: put" in capsys.readouterr().err


def darknet_entry(folder: Path) -> str:
    """Publish a Darknet network under file addresses, and declare it with them."""
    origin = folder / "published"
    origin.mkdir()
    cfg = (
        "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\nsize=1\nstride=1\n"
        "activation=linear\n"
    )
    (origin / "net.cfg").write_text(cfg)
    numbers = np.arange(2 + 2 * 3, dtype=np.float32)
    (origin / "net.weights").write_bytes(
        np.array([0, 2, 0, 0, 0], np.int32).tobytes() + numbers.tobytes()
    )
    lines = ["[models.own]", 'task = "generic"', 'decoder = "tensors"', "[models.own.source]"]
    for key in ("cfg", "weights"):
        path = origin / f"net.{key}"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f'{key} = "nets/net.{key}"')
        lines.append(f'{key}_url = "{path.as_uri()}"\n{key}_sha256 = "{digest}"')
    return "\n".join(lines) + "\n"


def test_darknet_files_are_put_where_the_manifest_names_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before: skipped with the command that fetches; after: read, and found again with no address."""
    with (folder / "models.toml").open("a") as manifest:
        manifest.write(darknet_entry(folder))
    source = load_manifest(folder / "models.toml").models["own"].source
    place = Place(folder, Store(folder / "store"), "own")
    with pytest.raises(SourceUnavailableError, match=r"net\.cfg: .*, run `quantgate fetch own`$"):
        locate(source, place)
    assert main(["fetch", "--list"]) == 0
    assert "own: to be fetched, of the manifest" in capsys.readouterr().out

    assert main(["fetch", "own"]) == 0
    assert f"own: Darknet at {folder / 'nets' / 'net.cfg'}" in capsys.readouterr().out
    assert sorted(path.name for path in (folder / "nets").iterdir()) == ["net.cfg", "net.weights"]
    _, model = resolve(source, place)
    assert list(model.inputs[0].shape) == [1, 3, 8, 8]

    (folder / "published" / "net.cfg").unlink()
    assert main(["fetch", "own"]) == 0
    assert main(["fetch", "--list"]) == 0
    assert "own: here, of the manifest" in capsys.readouterr().out


def test_darknet_files_of_another_checksum_are_not_put_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was published meanwhile is refused with both checksums, and no file is left."""
    with (folder / "models.toml").open("a") as manifest:
        manifest.write(darknet_entry(folder))
    (folder / "published" / "net.weights").write_bytes(b"other")
    assert main(["fetch", "own"]) == 1
    assert "net.weights: expected SHA-256 " in capsys.readouterr().err
    assert not (folder / "nets" / "net.weights").exists()


def test_one_failure_does_not_stop_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that cannot be fetched is named with the reason; the rest is fetched."""
    text = (folder / "models.toml").read_text()
    broken = text[text.index("[models.far]") : text.index("[models.near]")]
    broken = broken.replace("[models.far]", "[models.broken]").replace("inside/", "outside/")
    (folder / "models.toml").write_text(text.replace("[models.far]", f"{broken}[models.far]"))
    assert main(["fetch", "--all"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("broken: ")
    assert "outside/model.tflite" in said.err
    assert "far: TensorFlow Lite at " in said.out


def test_names_that_nobody_knows_are_corrected(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt name comes with the nearest, of the manifest or of Open Model Zoo."""
    assert main(["fetch", "farr"]) == 4
    assert "did you mean far" in capsys.readouterr().err
    assert main(["fetch", "mobilenet-v22"]) == 4
    assert "did you mean mobilenet-v2" in capsys.readouterr().err
    assert main(["fetch", "one.toml", "two.toml"]) == 4
    assert "one manifest at a time, found one.toml, two.toml" in capsys.readouterr().err
    assert main(["fetch"]) == 4
    assert folder.is_dir()


def test_the_coverage_of_open_model_zoo_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Every model has a row, and the counts close the table."""
    assert main(["check", "--omz"]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    assert last.startswith("of 248 models ")
    assert len(rows) == 250
    assert any(row.startswith("yolo-v4-tf ") and " yes " in row for row in rows)
