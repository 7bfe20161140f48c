from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from quantgate.engine.artifact import Artifact, hand_out
from quantgate.engine.ir_file import digest_of_ir
from quantgate.errors import PackageError
from quantgate.package.build import Contents, build
from quantgate.package.certificate import FILE, certificate, read_certificate
from quantgate.package.verify import verify
from suites.e2e.tiny import operations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAID = {"gate": {"result": "PASSED", "green": True}, "numbers": [0.1, 1e-9, 3]}


def artifact(folder: Path) -> Artifact:
    """Write a small real IR."""
    ops = operations()
    image = ops.parameter([1, 8, 8, 3], np.uint8, name="image")
    weights = ops.constant(np.random.default_rng(1).random((192, 5)).astype(np.float32))
    flat = ops.reshape(ops.convert(image, "f32"), np.array([1, -1]), special_zero=False)
    path = folder / "given.xml"
    ov.save_model(ov.Model([ops.matmul(flat, weights, False, False)], [image]), path)
    return Artifact(path, digest_of_ir(path))


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    """Contents of a small package: a model, two texts and a copy."""
    model = artifact(tmp_path)
    (tmp_path / "priors.npy").write_bytes(bytes(range(256)))
    return Contents(
        lambda folder: hand_out(model, folder, {"digest": model.digest}),
        {"labels.txt": "cat\ndog\n", "decode/boxes.py": "X = 1\n"},
        {"priors.npy": tmp_path / "priors.npy"},
        {**SAID, "model": {"digest": model.digest}},
    )


def test_a_package_is_what_its_certificate_says(contents: Contents, tmp_path: Path) -> None:
    """Every file is a subject of the statement, and the model names itself as it does."""
    statement = verify(build(contents, tmp_path / "package"))
    names = [item["name"] for item in statement["subject"]]
    assert names == ["decode/boxes.py", "labels.txt", "model.bin", "model.xml", "priors.npy"]
    model = ov.Core().read_model(tmp_path / "package" / "model.xml")
    assert model.get_rt_info(["quantgate", "digest"]).value == contents.said["model"]["digest"]


def test_the_statement_is_in_totos(contents: Contents, tmp_path: Path) -> None:
    """The reference implementation of in-toto accepts the statement."""
    text = (build(contents, tmp_path / "package") / FILE).read_text("utf-8")
    message = json_format.Parse(text, StatementMessage())
    Statement.copy_from_pb(message).validate()
    assert message.type == "https://in-toto.io/Statement/v1"
    assert len(message.subject) == 5


def _changed(path: Path, chance: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    place = int(chance.integers(len(data)))
    data[place] ^= 1 << int(chance.integers(8))
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(200))
def test_one_changed_byte_is_found(package: Path, seed: int) -> None:
    """Whichever bit of whichever file is turned, the check fails and names the file."""
    chance = np.random.default_rng(seed)
    files = sorted(item for item in package.rglob("*") if item.is_file())
    path = files[int(chance.integers(len(files)))]
    before = path.read_bytes()
    try:
        _changed(path, chance)
        with pytest.raises(PackageError) as caught:
            verify(package)
        assert path.relative_to(package).as_posix() in str(caught.value)
    finally:
        path.write_bytes(before)
    verify(package)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that tests damage and mend."""
    folder = tmp_path_factory.mktemp("package")
    model = artifact(folder)
    made = Contents(
        lambda place: hand_out(model, place, {"digest": model.digest}),
        {"labels.txt": "cat\n", "decode/boxes.py": "X = 1\n"},
        {},
        {**SAID, "model": {"digest": model.digest}},
    )
    return build(made, folder / "package")


def test_every_byte_of_a_certificate_counts() -> None:
    """No bit of a certificate can be turned unnoticed, blanks included."""
    data = certificate({"a": "0" * 64}, SAID)
    assert read_certificate(data)["predicate"]["numbers"] == [0.1, 1e-9, 3]
    for place in range(len(data)):
        for bit in range(8):
            turned = bytearray(data)
            turned[place] ^= 1 << bit
            with pytest.raises(PackageError, match=r"certificate\.json"):
                read_certificate(bytes(turned))


def _link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a file is gone": (lambda place: (place / "labels.txt").unlink(), "labels.txt is missing"),
    "a file came": (lambda place: (place / "x").write_text(""), "x does not belong"),
    "a hidden file came": (
        lambda place: (place / "decode" / ".x").write_text(""),
        "decode/.x does not belong",
    ),
    "a link came": (lambda place: (place / "x").symlink_to("labels.txt"), "x does not belong"),
    "a file became a link": (lambda place: _link(place / "labels.txt"), "labels.txt has other"),
    "the certificate is gone": (lambda place: (place / FILE).unlink(), "certificate.json cannot"),
    "the certificate is empty": (lambda place: (place / FILE).write_bytes(b""), FILE),
    "it is another document": (lambda place: (place / FILE).write_text("[]\n"), FILE),
}


@pytest.mark.parametrize("what", sorted(DAMAGES))
def test_damages_are_named(contents: Contents, tmp_path: Path, what: str) -> None:
    """What is missing, strange or another kind of file is said by name."""
    damage, said = DAMAGES[what]
    folder = build(contents, tmp_path / "package")
    damage(folder)
    with pytest.raises(PackageError, match=said.replace(".", r"\.")):
        verify(folder)


def test_a_certificate_of_another_model_is_found(contents: Contents, tmp_path: Path) -> None:
    """A statement that names another graph than the model's is refused when it is made."""
    other = {**contents.said, "model": {"digest": "0" * 64}}
    wrong = Contents(contents.model, contents.texts, contents.copies, other)
    with pytest.raises(PackageError, match=r"model\.xml calls itself"):
        build(wrong, tmp_path / "package")
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_an_existing_target_stays_as_it_is(contents: Contents, tmp_path: Path, kind: str) -> None:
    """Nothing is written over what is there, and nothing is left beside it."""
    target = tmp_path / "package"
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to("nowhere")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PackageError, match=r"package is there already: remove it, or name another"):
        build(contents, target)
    assert sorted(tmp_path.iterdir()) == before


WORK = """
import resource, signal, sys, time
from pathlib import Path
from quantgate.errors import HarnessError
from quantgate.package.build import Contents, build

folder, how = Path(sys.argv[1]), sys.argv[2]

def write(place):
    (place / "model.xml").write_text("<net/>")
    if how == "wait":
        print("writing", flush=True)
        time.sleep(60)
    (place / "model.bin").write_bytes(bytes(10**6))

if how == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    build(Contents(write, {}, {}, {"model": {"digest": ""}}), folder / "package")
except HarnessError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A disk that fills up in the middle is one sentence, and nothing half-written stays."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(tmp_path), "full"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "package cannot be written (File too large): free room there" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_leaves_no_package(contents: Contents, tmp_path: Path, sent: int) -> None:
    """A killed run leaves nothing under the package's name, and the next one cleans up after it."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(tmp_path), "wait"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        os.kill(process.pid, sent)
    assert not (tmp_path / "package").exists()
    assert len(list(tmp_path.glob(".package.building-*"))) == 1
    verify(build(contents, tmp_path / "package"))
    assert list(tmp_path.glob(".*")) == []


def test_two_runs_at_once_do_not_disturb_each_other(contents: Contents, tmp_path: Path) -> None:
    """What another run is writing is left alone."""
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(tmp_path), "wait"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        verify(build(contents, tmp_path / "package"))
        assert len(list(tmp_path.glob(".package.building-*"))) == 1
        process.kill()
