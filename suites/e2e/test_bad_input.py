"""Bad input gets one clear sentence; the other models go on; nothing half-written stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from suites.e2e.world import Ran, World

LIMITS = "limits = { max_accuracy_drop = 0.05 }\n"
HEALTHY = tiny.MANIFEST + LIMITS


def beside(manifest: str, **changes: str) -> str:
    """Add a second model, ``bad``, with some of its text replaced."""
    bad = tiny.MANIFEST.split("[models.tiny]")[1] + LIMITS
    for old, new in changes.items():
        bad = bad.replace(f'"{old}"', f'"{new}"')
    return f"{manifest}\n[models.bad]{bad}"


def assert_one_sentence(ran: Ran, *words: str) -> None:
    """The bad model breaks with these words; the healthy one is judged; no traceback."""
    line = next((line for line in ran.said.splitlines() if line.startswith("BROKEN")), "")
    assert ran.status == 1, ran.said
    assert all(word in line for word in words), ran.said
    assert ran.outcomes["tiny", "max_accuracy_drop"] == "passed"
    assert "Traceback" not in ran.said


@pytest.mark.skipif(os.name != "posix", reason="Windows refuses such names")
def test_a_folders_name_stays_on_one_line(world: World, project: Callable[[str], Path]) -> None:
    """Line ends, escapes and workflow commands in a folder's name come raw into no line of a log."""
    folder = project(HEALTHY) / "a\n::add-mask::x\x1b]0;evil\x07"
    folder.mkdir()
    for item in (folder / "..").resolve().iterdir():
        if item.resolve() != folder.resolve():
            (folder / item.name).symlink_to(item)

    gated = world.gate(folder)
    compared = world.run(
        folder, "-m", "quantgate", "compare", *2 * [str(gated.latest)], "--page", "c.html"
    )
    checked = world.run(folder, "-m", "quantgate", "check", str(folder / "models.toml"))

    for ran in (gated, compared, checked):
        assert not re.search(r"^::|[\x07\x1b]", ran.said, re.MULTILINE), ran.said
    assert gated.status == checked.status == 0, gated.said + checked.said
    assert r"a\n::add-mask::x\x1b]0;evil\x07" in gated.said


def test_a_truncated_model(world: World, own_copy: Callable[[str], Path]) -> None:
    """A model cut in the middle breaks its own gates only."""
    folder = own_copy(beside(HEALTHY, **{"parent.xml": "cut.onnx"}))
    (folder / "cut.onnx").write_bytes(b"\x08\x07\x12\x04abc")

    assert_one_sentence(world.gate(folder), "cut.onnx")


def test_a_weights_file_that_is_gone(world: World, own_copy: Callable[[str], Path]) -> None:
    """An IR without its .bin is said to be so."""
    folder = own_copy(beside(HEALTHY, **{"parent.xml": "alone.xml"}))
    (folder / "alone.xml").write_bytes((folder / "parent.xml").read_bytes())

    assert_one_sentence(world.gate(folder), "alone", ".bin")


def test_a_model_that_is_quantized_already(world: World, own_copy: Callable[[str], Path]) -> None:
    """Quantizing twice is refused, with the place where it was seen."""
    folder = own_copy(beside(HEALTHY, **{"parent.xml": "twice.xml"}))
    tiny.quantized(folder, "twice", tiny.build(world.weights))

    assert_one_sentence(world.gate(folder), "twice.xml", "FakeQuantize nodes) already")


def test_nan_outputs_are_never_judged(world: World, own_copy: Callable[[str], Path]) -> None:
    """A model that answers NaN breaks, and the image is named: once, whatever the limits."""
    two = beside(HEALTHY, **{"parent.xml": "nan.xml"}).replace(
        "= 0.05 }", "= 0.05, min_agreement = 0.5 }"
    )
    folder = own_copy(two)
    broken = {**world.weights, "bias": world.weights["bias"] * float("nan")}
    tiny.save(tiny.build(broken), folder / "nan.xml")

    ran = world.gate(folder)

    assert_one_sentence(ran, "NaN", ".png")
    assert "BROKEN  bad: min_agreement: for the same reason" in ran.said
    assert ran.said.count("holds NaN") == 2  # its line, and the answer that closes the run


def test_a_parent_that_only_guesses_is_not_judged(
    world: World, own_copy: Callable[[str], Path]
) -> None:
    """Fed in the wrong scale the parent guesses: it has nothing to lose, so no green either."""
    folder = own_copy(beside(HEALTHY).replace("scale = 60 }", "scale = 6e8 }", 2))
    text = (folder / "models.toml").read_text().replace("scale = 6e8 }", "scale = 60 }", 1)
    (folder / "models.toml").write_text(text)

    assert_one_sentence(world.gate(folder), "guessing among 10 classes", "preprocess")


def test_unreadable_images_are_counted(world: World, own_copy: Callable[[str], Path]) -> None:
    """A few damaged files are left out and listed; more than 1 % is an error."""
    folder = own_copy(HEALTHY)
    images = sorted((folder / "evaluation").rglob("*.png"))
    images[0].write_bytes(b"")
    images[1].write_bytes(images[1].read_bytes()[:60])

    few = world.gate(folder)
    told = (few.latest / "run.json").read_text("utf-8")
    for path in images[:40]:
        path.write_bytes(b"no image")
    many = world.gate(folder)

    assert few.status == 0, few.said
    assert "2 files were left out" in told
    assert "NOTE  tiny: datasets.evaluation: 2 files were left out" in few.said
    assert many.status == 1
    assert "BROKEN" in many.said
    assert "40 of " in many.said


def test_an_empty_dataset(world: World, own_copy: Callable[[str], Path]) -> None:
    """A folder without images is an error that names it."""
    folder = own_copy(
        beside(HEALTHY, evaluation="empty")
        + '\n[datasets.empty]\nkind = "imagenet"\npath = "none"\n'
    )
    (folder / "none").mkdir()

    assert_one_sentence(world.gate(folder), "none")


def test_the_same_image_in_both_sets(world: World, own_copy: Callable[[str], Path]) -> None:
    """Calibration images among the evaluation images are found by content, whatever their names."""
    folder = own_copy(
        beside(HEALTHY, evaluation="mixed")
        + '\n[datasets.mixed]\nkind = "imagenet"\npath = "mixed"\n'
    )
    (folder / "evaluation").rename(folder / "kept")
    (folder / "mixed").mkdir()
    for part in (folder / "kept").iterdir():
        (folder / "mixed" / part.name).mkdir()
        for path in sorted(part.iterdir())[:20]:
            (folder / "mixed" / part.name / path.name).write_bytes(path.read_bytes())
    for part in (folder / "calibration").iterdir():
        path = min(part.iterdir())
        (folder / "mixed" / part.name / "renamed.png").write_bytes(path.read_bytes())
    (folder / "kept").rename(folder / "evaluation")
    text = (folder / "models.toml").read_text().replace("subset = 100", "subset = 300")
    (folder / "models.toml").write_text(text)

    assert_one_sentence(world.gate(folder), "also used for calibration", "hold_out")


def test_a_decoder_that_does_not_fit(world: World, own_copy: Callable[[str], Path]) -> None:
    """Outputs of another shape are listed, with the task whose decoder fits them."""
    bad = tiny.MANIFEST.split("[models.tiny]")[1].replace('"classification"', '"detection"')
    bad = bad.replace('"class-scores"', '"ssd"').replace(
        'evaluate = "evaluation"', 'evaluate = "plain"'
    )
    folder = own_copy(
        f"{HEALTHY}\n[models.bad]{bad}limits = {{ min_match_rate = 0.9 }}\n"
        '\n[datasets.plain]\nkind = "folder"\npath = "evaluation"\n'
    )

    fits = (
        "no decoder for detection fits these shapes; of other tasks: classification (class-scores)"
    )
    assert_one_sentence(world.gate(folder), "scores", "[1,10]", fits)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_killed_run_leaves_nothing_half_built(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """Kill -9 in the middle: the next run with the same store is green."""
    folder = project(HEALTHY)
    store = tmp_path / "own-store"
    command = [sys.executable, "-m", "quantgate", "gate", "models.toml", "--store", str(store)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (store.exists() and any(store.rglob("*"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()

    again = world.gate(folder, "--store", str(store))

    assert again.status == 0, again.said


STOPPING = """
def pytest_runtest_call(item):
    if "agreement" in item.nodeid:
        raise KeyboardInterrupt
"""


def test_ctrl_c_says_what_was_not_judged(world: World, project: Callable[[str], Path]) -> None:
    """An interrupted run keeps what it judged, counts the rest once, and is not green."""
    folder = project(HEALTHY.replace("= 0.05 }", "= 0.05, min_agreement = 0.5 }"))
    (folder / "stopping.py").write_text(STOPPING)

    ran = world.gate(folder, "-p", "stopping", PYTHONPATH=f"{folder}{os.pathsep}{ROOT}")

    assert ran.status == 2, ran.said
    assert "interrupted: 1 of 3 gates were not judged" in ran.said
    assert "NOT JUDGED" not in ran.said
    assert ran.outcomes == {("tiny", "max_accuracy_drop"): "passed"}


def test_two_runs_at_once_share_a_store(project: Callable[[str], Path], tmp_path: Path) -> None:
    """Two gates started together with an empty store both pass, and both reports are kept."""
    folder = project(HEALTHY)
    store = str(tmp_path / "shared-store")
    command = [sys.executable, "-m", "quantgate", "gate", "models.toml", "--store", store]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert len([path for path in (folder / "reports").iterdir() if not path.is_symlink()]) == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_one_sentence(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """A store that cannot be written says which folder and what to set instead."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)

    ran = world.gate(project(HEALTHY), "--store", str(locked / "store"))

    assert ran.status == 1
    assert "QUANTGATE_STORE" in ran.said
    assert "Traceback" not in ran.said


def test_a_store_under_a_file_is_one_sentence(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """A path that cannot become a folder says which one and what to set instead."""
    (tmp_path / "file").write_text("")

    ran = world.gate(project(HEALTHY), "--store", str(tmp_path / "file" / "store"))

    assert ran.status == 1
    assert "QUANTGATE_STORE" in ran.said
    assert "Traceback" not in ran.said


FULL = """
import errno
import pytest

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    raise OSError(errno.ENOSPC, "No space left on device", "junit.xml")
"""


def test_a_disk_full_at_the_end_leaves_the_summary(
    world: World, project: Callable[[str], Path]
) -> None:
    """Where pytest cannot write its own files, the verdicts are told, and the run is not green."""
    folder = project(HEALTHY)
    (folder / "full.py").write_text(FULL)

    ran = world.gate(folder, "-p", "full", PYTHONPATH=f"{folder}{os.pathsep}{ROOT}")

    assert ran.status == 1, ran.said
    assert "No space left on device" in ran.said
    assert "PASSED   tiny" in ran.said
    assert "Traceback" not in ran.said


def test_reports_under_a_file_stop_before_anything_runs(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """Where the report cannot be kept nothing is computed: one sentence, exit status 4."""
    (tmp_path / "file").write_text("")

    ran = world.gate(project(HEALTHY), "--reports", str(tmp_path / "file" / "reports"))

    assert ran.status == 4, ran.said
    assert "--reports" in ran.said
    assert "Traceback" not in ran.said
    assert "PASSED" not in ran.said


@pytest.mark.skipif(os.name != "posix", reason="file names of other systems are always text")
@pytest.mark.parametrize("name", [b"caf\xc3\xa9", b"caf\xe9"])
def test_names_outside_the_systems_encoding(
    world: World, own_copy: Callable[[str], Path], name: bytes
) -> None:
    """A folder and an image whose names the system cannot decode are judged and spelled in the report."""
    folder = own_copy(HEALTHY)
    strange = Path(os.fsdecode(os.fsencode(folder.parent) + b"/" + name))
    folder.rename(strange)
    image = min((strange / "evaluation" / "3").iterdir())
    image.rename(image.with_name(os.fsdecode(name + b".png")))

    ran = world.gate(strange, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    checked = world.run(strange, "-m", "quantgate", "check", LC_ALL="C", PYTHONUTF8="0")

    assert (ran.status, checked.status) == (0, 0), ran.said + checked.said
    assert "Traceback" not in ran.said
    table = (ran.latest / "tables" / "tiny" / "classification.csv").read_text("utf-8")
    spelled = name.decode("utf-8", "backslashreplace")
    assert f"3/{spelled}.png" in table
