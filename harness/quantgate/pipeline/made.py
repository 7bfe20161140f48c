"""A recipe's model as it is deployed: quantized on all calibration images, timed in pairs, profiled."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from quantgate.core.estimate import Estimate
from quantgate.core.speed import BASELINES, speedup
from quantgate.pair import Pair

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.timing import Timing
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import Recipe
    from quantgate.pipeline.searching import Searching

_TIMED = "timing.json"


@dataclass(frozen=True, slots=True)
class Made:
    """A finalist's model, quantized on all calibration images, and its speed: nothing of the images that judge."""

    title: str
    recipe: Recipe
    artifact: Artifact
    timing: Timing
    lacks: float | None
    share: Estimate | None
    chance: float = 1.0

    def resources(self, parent: Artifact) -> dict[str, Estimate]:
        """What limits judge of the model alone, speed included."""
        found = {key: speedup(self.timing, of) for key, of in BASELINES.items()}
        found["max_size_ratio"] = Estimate.exact(
            self.artifact.size_bytes / parent.size_bytes, 1, of="models"
        )
        found["min_int8_share"] = self.share
        return {key: estimate for key, estimate in found.items() if estimate is not None}


def made_by(task: Searching, title: str, recipe: Recipe, lacks: float | None) -> Made:
    """Make it, or find in the store what is there of it; ``lacks`` is of the selection images."""
    artifact = task.whole(recipe)
    return Made(title, recipe, artifact, _timed(task, artifact), lacks, _share(task, artifact))


def _timed(task: Searching, artifact: Artifact) -> Timing:
    """Time a pair, or find what was measured today: a search that was killed goes on."""
    from quantgate.core.timing import timing_from_dict
    from quantgate.engine.timing import targets_of, time_pair
    from quantgate.machine import fingerprint, isa_class

    pair = Pair(task.parent, artifact)
    entry = task.entry

    def build(folder: Path) -> None:
        timing = time_pair(
            pair.map(lambda one: one.path),
            task.input(),
            entry.benchmark,
            targets=targets_of(entry.limits, isa_class()),
        )
        (folder / _TIMED).write_text(json.dumps(timing.to_dict()), encoding="utf-8")

    key = {
        "pair": [task.parent.digest, artifact.digest],
        "benchmark": asdict(entry.benchmark),
        "limits": {name: getattr(entry.limits, name) for name in BASELINES},
        "machine": fingerprint().digest,
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
    }
    folder = task.store.get_or_build("timed", key, build)
    return timing_from_dict(json.loads((folder / _TIMED).read_text("utf-8")))


def _share(task: Searching, artifact: Artifact) -> Estimate | None:
    """Share of the multiply-accumulates that executes in INT8; None where a model has none."""
    from quantgate.engine.profile import int8_share, profile

    found = profile(artifact.path, task.entry.benchmark.device, task.input(), most=1)
    return int8_share(found) if found.total_macs else None
