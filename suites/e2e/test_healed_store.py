"""Damage that the store heals is told: a disk that fails is seen before it takes more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

MANIFEST = f"{tiny.MANIFEST}limits = {{ max_size_ratio = 0.9, min_agreement = 0.5 }}\n"


def test_what_was_healed_is_told_in_terminal_and_report(
    world: World, project: Callable[[str], Path], tmp_path: Path
) -> None:
    """One flipped bit in a kept model: the verdicts are the same, and the run says what it found."""
    folder, store = project(MANIFEST), str(tmp_path / "own-store")
    first = world.gate(folder, QUANTGATE_STORE=store)
    weights = max((tmp_path / "own-store").rglob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)

    healed = world.gate(folder, QUANTGATE_STORE=store)
    quiet = world.gate(folder, QUANTGATE_STORE=store)

    assert healed.outcomes == first.outcomes == quiet.outcomes, healed.said
    told = f"was damaged ({weights.name} has changed content) and was made again"
    assert told in healed.said
    assert "first sign of a failing disk" in healed.said
    assert "was damaged" not in first.said + quiet.said
    runs = sorted((folder / "reports").glob("2*/run.json"))
    notes = [json.loads(path.read_text(encoding="utf-8"))["notes"] for path in runs]
    assert [bool(note) for note in notes] == [False, True, False]
    assert told in (runs[1].parent / "index.html").read_text(encoding="utf-8")
