"""What travels to a machine that has not the run's files, and how a seat tells of its death."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from quantgate.errors import WorkerError
from quantgate.fleet import seat
from quantgate.fleet.luggage import LARGEST, Order, at_home, packed_files
from quantgate.fleet.seat import Seat, packed, unpacked
from quantgate.fleet.work import Work
from quantgate.store import digest_of_file

if TYPE_CHECKING:
    from pathlib import Path

WORK = Work("m", "m", "answers", ("test_accuracy.py::test_accuracy_drop[m]",))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A manifest, a small file beside it, a large one, and a folder of images."""
    root = tmp_path / "there"
    (root / "images").mkdir(parents=True)
    (root / "models.toml").write_text("[models]\n")
    (root / "labels.txt").write_text("a\nb\n")
    with (root / "weights.bin").open("wb") as file:
        file.truncate(LARGEST + 1)
    return root


def order_of(root: Path) -> Order:
    """Tell of a run that was started beside its manifest."""
    path = root / "models.toml"
    options = ("--limits-from", str(root / "limits.toml"))
    return Order(
        "seat1", options, str(root), str(path), digest_of_file(path), "2026-01-01T00:00:00+00:00"
    )


def luggage_of(root: Path) -> bytes:
    """Pack all that lies beside the manifest, and a file that is not there."""
    return packed_files(root, [*root.iterdir(), root / "absent.txt", root.parent / "outside.txt"])


def test_a_manifest_in_its_place_is_judged_there(project: Path, tmp_path: Path) -> None:
    """Where the same manifest lies, nothing is unpacked."""
    order = order_of(project)

    assert at_home(order, luggage_of(project), tmp_path / "seat") == order
    assert not (tmp_path / "seat").exists()


@pytest.mark.parametrize("other", ["", "[models.other]\n"])
def test_a_manifest_of_another_machine_is_unpacked(
    project: Path, tmp_path: Path, other: str
) -> None:
    """Small files come along, large ones and folders by their path there; options follow, as does another text in its place."""
    order, luggage = order_of(project), luggage_of(project)
    (project / "models.toml").unlink()
    if other:
        (project / "models.toml").write_text(other)

    found = at_home(order, luggage, tmp_path / "seat")

    home = tmp_path / "seat" / "home"
    assert (found.manifest, found.here) == (str(home / "models.toml"), str(home))
    assert digest_of_file(home / "models.toml") == order.digest
    assert found.options == ("--limits-from", str(home / "limits.toml"))
    assert (home / "labels.txt").read_text() == "a\nb\n"
    assert (home / "weights.bin").is_symlink()
    assert (home / "images").resolve() == project / "images"
    assert not (home / "absent.txt").exists()


def test_luggage_cannot_leave_its_folder(project: Path, tmp_path: Path) -> None:
    """What lies outside of the manifest's folder keeps its path, and is not packed."""
    (project.parent / "outside.txt").write_text("secret")

    at_home(replace(order_of(project), digest="0"), luggage_of(project), tmp_path / "seat")

    assert not list((tmp_path / "seat").rglob("outside.txt"))


def test_an_answer_takes_all_along_but_what_is_of_the_session(tmp_path: Path) -> None:
    """Parts and pictures travel; locks and lists of tests stay; the next answer begins with nothing."""
    run, target, laid = tmp_path / "run", tmp_path / "target", tmp_path / "laid"
    (run / "parts").mkdir(parents=True)
    target.mkdir()
    for name in ("events-seat1.jsonl", "alive-seat1.lock", "tests-seat1.jsonl"):
        (run / "parts" / name).write_text(name)

    unpacked(packed(run, target), laid)

    assert [path.name for path in (laid / "parts").iterdir()] == ["events-seat1.jsonl"]
    assert not list(run.iterdir())


@pytest.mark.parametrize(
    "death",
    [
        ("sys.exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("sys.stdin.readline(); os.write(2, b'it is too late'); os._exit(5)", "it is too late"),
    ],
)
def test_a_seat_says_how_its_process_died(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: tuple[str, str]
) -> None:
    """The status or the signal, and the last line; the next piece of work has a new process."""
    (tmp_path / "dying.py").write_text(f"import os, sys\n{death[0]}\n")
    monkeypatch.setattr(seat, "MODULE", "dying")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    one = Seat(order_of(project))
    try:
        for _ in range(2):
            with pytest.raises(WorkerError, match=death[1]):
                one.judge(WORK)
    finally:
        one.close()
