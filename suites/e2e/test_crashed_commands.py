"""Commands that run a model outlive it: what crashes is one sentence, and the status of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.e2e import planted_ends, tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

PLANTED = """
[models.a]
task = "classification"
source = "parent.xml"
optimized = "good.xml"
decoder = { kind = "planted", how = "%s" }
limits = { min_agreement = 0.5 }
benchmark = { seconds = 1 }
"""
#: Compiling for two streams crashes, as a defect of a runtime does.
CRASHING = """
import ctypes
from quantgate.engine import compiling

fine = compiling.properties

def properties(benchmark, name):
    if benchmark.streams == 2:
        ctypes.string_at(0)
    return fine(benchmark, name)

compiling.properties = properties
from quantgate.engine import arms
arms.properties = properties
"""


@pytest.fixture
def command(world: World, project: Callable[[str], Path]) -> Callable[..., Ran]:
    """Provide a command on a model whose decoder ends its process in a way."""
    if not (world.root / "good.xml").exists():
        tiny.quantized(world.root, "good", tiny.build(world.weights))
    planted_ends.install(world.root / "planted")

    def run(verb: str, how: str, *arguments: str, customized: str = "") -> Ran:
        folder = project(tiny.HEAD + PLANTED % how)
        (folder / "sitecustomize.py").write_text(customized, encoding="utf-8")
        path = f"{folder}:{ROOT}:{folder / 'planted'}"
        return world.run(folder, "-m", "quantgate", verb, "a", *arguments, PYTHONPATH=path)

    return run


@pytest.mark.parametrize(
    ("verb", "how", "said"),
    [
        ("suggest", "crash", "crashed while comparing both roles in _decode: SIGSEGV"),
        ("suggest", "leave", "ended itself while comparing both roles: exit status 0"),
        ("explain", "short", "out of memory"),
        ("explain", "kill", "killed (SIGKILL) while explaining the loss"),
    ],
)
def test_a_crash_is_one_sentence(
    command: Callable[..., Ran], verb: str, how: str, said: str
) -> None:
    """The command ends by itself, says what happened to whom, and leaves no traceback."""
    ran = command(verb, how)

    assert ran.status == 1, ran.said
    assert said in ran.said
    assert "Traceback" not in ran.said


def test_a_setting_that_crashes_is_one_point(command: Callable[..., Ran]) -> None:
    """`explore` measures the others, and says of this one what happened."""
    ran = command("explore", "crash", "--streams", "1,2", "--hint", "latency", customized=CRASHING)

    assert ran.status == 0, ran.said
    (crashed,) = [line for line in ran.said.splitlines() if "streams2" in line]
    assert "SIGSEGV, segmentation fault" in crashed
    assert "# fastest" in ran.said
