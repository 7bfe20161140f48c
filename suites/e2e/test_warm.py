"""A run in which nothing has changed: it reads what is there, and starts nothing that computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

LIMITS = "limits = { min_agreement = 0.5, max_size_ratio = 1.5, max_reorder_share = 0.99, max_memory_ratio = 9.0 }\n"
HEAVY = ("cv2", "nncf", "openvino", "scipy", "sklearn", "torch")
#: Each process of the run notes at its end which of these it has imported.
NOTING = f"""
import atexit, os, sys

def note():
    with open(os.path.join({{folder!r}}, f"process-{{{{os.getpid()}}}}"), "w") as file:
        file.write(" ".join(name for name in {HEAVY} if name in sys.modules))

atexit.register(note)
"""


def test_a_run_without_a_change_imports_nothing_heavy_in_one_process(
    world: World, project: Callable[[str], Path]
) -> None:
    """Profile, memory and graphs come from the store as well, with the same verdicts; a damaged one is made again."""
    folder = project(tiny.MANIFEST + LIMITS)
    planted = folder / "planted-notes"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(NOTING.format(folder=str(planted)))
    store = {"QUANTGATE_STORE": str(folder / "store")}
    first = world.gate(folder, **store)

    again = world.gate(folder, PYTHONPATH=f"{planted}:{ROOT}", **store)

    noted = [path.read_text() for path in planted.glob("process-*")]
    assert first.status == again.status == 0, again.said
    assert noted == [""]
    assert first.outcomes == again.outcomes
    assert len(again.outcomes) == 4
    assert "all from the store" in again.said

    (profile, *_) = (folder / "store" / "v1" / "profile").rglob("profile.json")
    profile.write_text(profile.read_text().replace("Convolution", "convolution"))
    healed = world.gate(folder, **store)

    assert healed.outcomes == first.outcomes
    assert "profile.json has changed content" in healed.said
