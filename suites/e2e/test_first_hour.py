"""A new user's first hour: an own detector in ONNX, and three commands to a first verdict."""

from __future__ import annotations

import time
import tomllib
from typing import TYPE_CHECKING

import pytest

from suites.e2e import squares

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import World

GIVEN = ("--images", "images", "--annotations", "truth.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A detector that nobody has described, and its images."""
    squares.make(tmp_path)
    return tmp_path


def test_three_commands_lead_to_a_verdict(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What pip installed, `init` and `gate` give a page with verdicts; the seconds are printed."""
    started = time.monotonic()
    described = world.run(folder, "-m", "quantgate", "init", "own.onnx", *GIVEN)
    assert described.status == 0, described.said
    ran = world.gate(folder)
    seconds = time.monotonic() - started

    with capsys.disabled():
        print(f"\nfirst verdict after {seconds:.0f} s")  # noqa: T201 - the figure that the test is about
    shown = (folder / "reports" / "init" / "own.html").read_text("utf-8")
    assert shown.count("<img") >= 5
    text = (folder / "models.toml").read_text("utf-8")
    entry = tomllib.loads(text)["models"]["own"]
    assert len(text.splitlines()) <= 12
    assert text.startswith("#:schema ")
    assert (entry["task"], entry["decoder"]) == ("detection", "yolo-v8")
    assert (entry["preprocess"]["colour"], entry["preprocess"]["scale"]) == ("rgb", 255)
    assert ran.status == 0, ran.said
    assert ran.outcomes["own", "max_accuracy_drop"] == "passed"
    assert (ran.latest / "index.html").is_file()

    looked = world.run(folder, "-m", "quantgate", "show", "own", "images/003.png")
    assert looked.status == 0, looked.said
    assert (folder / "reports" / "show" / "own" / "00-003.png").is_file()


def test_a_manifest_is_not_overwritten_but_added_to(world: World, folder: Path) -> None:
    """Without --add nothing is touched; with it the second entry shares the dataset and has a free name."""
    (folder / "models.toml").write_text("# mine\n", encoding="utf-8")
    refused = world.run(folder, "-m", "quantgate", "init", "own.onnx", *GIVEN)
    assert (refused.status, (folder / "models.toml").read_text("utf-8")) == (4, "# mine\n")
    assert "--add" in refused.said

    for _ in range(2):
        added = world.run(folder, "-m", "quantgate", "init", "own.onnx", *GIVEN, "--add")
        assert added.status == 0, added.said
    document = tomllib.loads((folder / "models.toml").read_text("utf-8"))
    assert (folder / "models.toml").read_text("utf-8").startswith("# mine\n")
    assert list(document["models"]) == ["own", "own-2"]
    assert len(document["datasets"]) == 1
