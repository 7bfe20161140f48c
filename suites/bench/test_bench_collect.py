"""What collecting many models costs, and how light the package is to import."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
COUNTS = (10, 400, 1000)
ROUNDS = 3
#: A cost of every pair of models would give (1000² - 400²) / 600 : (400² - 10²) / 390 = 3.4.
MOST_GROWTH = 2.0
HEAD = """
[datasets.photographs]
kind = "folder"
path = "images"

[defaults]
calibrate = "photographs"
evaluate = { dataset = "photographs", hold_out = true }
limits = { min_match_rate = 0.9, max_size_ratio = 0.5, min_speedup = { amx = 2.0, vnni = 1.5 } }
"""
MODEL = """
[models.model-{number:04}]
task = "detection"
source = "model.onnx"
decoder = "ssd"
preprocess = {{ size = [300, 300], mean = 127.5, scale = 127.5 }}
tags = ["group-{group}"]
"""
#: Tests a model: its integrity and three limits.
TESTS = 4


def write_manifest(folder: Path, models: int) -> None:
    """Write a manifest of so many models; nothing that it names is read while collecting."""
    (folder / "images").mkdir(exist_ok=True)
    (folder / "model.onnx").touch()
    entries = [MODEL.format(number=number, group=number % 7) for number in range(models)]
    (folder / "models.toml").write_text(HEAD + "".join(entries), encoding="utf-8")


def python(*arguments: str, folder: Path) -> str:
    """Run Python in a folder and return what it said; bytecode is kept there, as it is for users."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def children_s() -> float:
    """Processor time of all children that have ended, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cost_s(command: Callable[[], str]) -> tuple[float, float]:
    """Seconds of wall clock and of processor time of a child, the best of some rounds.

    The processor's time tells the cost on a busy machine too.
    """
    walls, works = [], []
    for _ in range(ROUNDS):
        before, started = children_s(), time.perf_counter()
        command()
        walls.append(time.perf_counter() - started)
        works.append(children_s() - before)
    return min(walls), min(works)


def test_the_time_for_a_model_does_not_grow_with_their_number(tmp_path: Path) -> None:
    """A thousand models cost a hundred times ten, never ten thousand times."""
    works = []
    for count in COUNTS:
        write_manifest(tmp_path, count)
        # Plugins of the tests' own environment are no part of a user's collecting.
        command = ("-m", "quantgate", "gate", "models.toml", "--collect-only", "-q")
        said = python(*command, "-p", "no:hypothesispytest", folder=tmp_path)
        assert said.count(f"[model-{count - 1:04}]") == TESTS
        wall, work = cost_s(
            lambda: python(*command, "-p", "no:hypothesispytest", folder=tmp_path)  # noqa: B023
        )
        works.append(work)
        print(f"collecting {count} models: {wall:.2f} s, processor {work:.2f} s (aim: 1000 in 2 s)")
    few, many = (
        (works[i + 1] - works[i]) / (COUNTS[i + 1] - COUNTS[i]) for i in range(len(COUNTS) - 1)
    )
    print(f"a model: {few * 1e3:.2f} ms up to {COUNTS[1]}, {many * 1e3:.2f} ms beyond")
    assert many < MOST_GROWTH * few


def test_importing_the_package_is_light(tmp_path: Path) -> None:
    """`import quantgate` costs little beyond starting Python, and loads nothing heavy."""
    heavy = "openvino nncf cv2 pydantic scipy sklearn numpy PIL pytest jinja2"
    loaded = f"import sys, quantgate; print(*set(sys.modules).intersection({heavy.split()!r}))"
    bare = cost_s(lambda: python("-c", "pass", folder=tmp_path))
    ours = cost_s(lambda: python("-c", "import quantgate", folder=tmp_path))
    beyond = cost_s(lambda: python("-c", "import quantgate.plugin", folder=tmp_path))
    print(
        f"import quantgate: {(ours[1] - bare[1]) * 1e3:.0f} ms of processor time beyond Python's "
        f"{bare[1] * 1e3:.0f} ms (aim: 100 ms); quantgate.plugin with pytest "
        f"{(beyond[1] - bare[1]) * 1e3:.0f} ms"
    )
    assert not python("-c", loaded, folder=tmp_path).strip()


def test_an_installed_plugin_is_light_elsewhere(tmp_path: Path) -> None:
    """A session that runs no gates pays little for the plugin, and loads nothing of the gates."""
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n", encoding="utf-8")
    plain = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    seen = "import sys, pytest; pytest.main(['-q']); print('quantgate.session' in sys.modules)"
    without = cost_s(lambda: python(*plain, "-p", "no:quantgate", folder=tmp_path))
    installed = cost_s(lambda: python(*plain, folder=tmp_path))
    print(
        f"the plugin in a session without gates: {(installed[1] - without[1]) * 1e3:.0f} ms of "
        f"processor time beyond pytest's {without[1] * 1e3:.0f} ms (aim: 20 ms)"
    )
    assert python("-c", seen, folder=tmp_path).split()[-1] == "False"
