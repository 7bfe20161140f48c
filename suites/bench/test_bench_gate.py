"""What a second gate costs where nothing has changed: no quantization and no inference for accuracy."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from suites.e2e import tiny
from suites.e2e.world import Ran, World

if TYPE_CHECKING:
    from pathlib import Path

JUDGED = "limits = { max_accuracy_drop = 0.03, min_agreement = 0.93, max_size_ratio = 1.0 }\n"


def timed(world: World) -> tuple[float, Ran]:
    """Gate the world's own folder and say how long that took, s."""
    started = time.perf_counter()
    ran = world.gate(world.root)
    return time.perf_counter() - started, ran


def entries(store: Path) -> dict[Path, int]:
    """Every entry of the store with the time at which it was built."""
    return {path: path.stat().st_mtime_ns for path in store.rglob("entry.quantgate.json")}


def test_a_second_gate_only_reads(tmp_path: Path) -> None:
    """With nothing changed a gate without limits of speed builds nothing and is quicker."""
    world = World(tmp_path, tiny.make(tmp_path).weights)
    (tmp_path / "models.toml").write_text(tiny.MANIFEST + JUDGED, encoding="utf-8")

    first_s, first = timed(world)
    built = entries(tmp_path / "store")
    again_s, again = timed(world)

    said = json.loads((again.latest / "verdicts.json").read_text("utf-8"))
    print(
        f"first gate {first_s:.1f} s, second {again_s:.1f} s for {len(said['verdicts'])} verdicts "
        "(aim: below 5 s beyond blocks of timing, of which there are none here)"
    )
    assert first.status == again.status == 0, again.said
    assert first.outcomes == again.outcomes
    assert entries(tmp_path / "store") == built
    assert again_s < first_s
