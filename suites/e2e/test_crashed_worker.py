"""A worker that dies in the middle of a gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

DEADLY = """
import os
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    if "agreement" in item.nodeid and hasattr(item.config, "workerinput"):
        os._exit(9)
"""


def test_a_gate_whose_worker_dies_is_broken_everywhere(
    world: World, project: Callable[[str], Path]
) -> None:
    """Page, verdicts.json and Allure name it; the other gates of the model are judged."""
    limits = "limits = { max_accuracy_drop = 0.03, min_agreement = 0.93 }\n"
    folder = project(tiny.MANIFEST + limits)
    (folder / "deadly.py").write_text(DEADLY)

    ran = world.gate(folder, "-n", "1", "-p", "deadly", PYTHONPATH=f"{folder}:{_root()}")

    document = json.loads((ran.latest / "verdicts.json").read_text())
    allure = [
        json.loads(p.read_text()) for p in (ran.latest / "allure-results").glob("*-result.json")
    ]
    crashed = [result for result in allure if result["fullName"] == "quantgate.gates#min_agreement"]
    assert ran.status == 1, ran.said
    broken = [p["gate"] for p in document["problems"] if p["status"] == "broken"]
    assert broken == ["min_agreement"]
    assert [result["status"] for result in crashed] == ["broken"]
    assert "the process of this gate died" in (ran.latest / "index.html").read_text()
    assert [key for _, key in ran.outcomes if key == "max_accuracy_drop"] == ["max_accuracy_drop"]


def _root() -> str:
    from suites.e2e.world import ROOT

    return str(ROOT)
