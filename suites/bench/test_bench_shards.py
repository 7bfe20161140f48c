"""Forty models over four machines: the same verdicts as one run, and how far from a perfect split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from suites.e2e import tiny
from suites.e2e.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import Ran

MODELS, SHARDS = 40, 4
DATASETS = """
[datasets.calibration]
kind = "imagenet"
path = "calibration"

[datasets.evaluation]
kind = "imagenet"
path = "evaluation"
"""
#: Evaluation sets of different lengths: models that take equally long would split themselves.
ENTRY = """
[models.{name}]
task = "classification"
source = "{name}.xml"
decoder = "class-scores"
preprocess = {{ size = [32, 32], mean = 120, scale = 60 }}
calibrate = {{ dataset = "calibration", subset = {calibrated} }}
evaluate = {{ dataset = "evaluation", subset = {images} }}
limits = {{ max_accuracy_drop = 0.05, min_agreement = 0.9, max_size_ratio = 1.0 }}
"""


def make_models(folder: Path) -> None:
    """Write forty models that differ in weights, and a manifest in which they differ in work."""
    weights = tiny.make(folder).weights
    entries = [DATASETS]
    for index in range(MODELS):
        name = f"model-{index:02d}"
        scaled = {key: value * np.float32(1 + index * 1e-3) for key, value in weights.items()}
        tiny.save(tiny.build(scaled), folder / f"{name}.xml")
        work = (index * 7) % MODELS
        entries.append(ENTRY.format(name=name, images=60 + 12 * work, calibrated=20 + 7 * work))
    (folder / "models.toml").write_text("\n".join(entries), encoding="utf-8")


def verdicts(folder: Path) -> list[dict[str, Any]]:
    """Read the verdicts of a run, less how long each took."""
    found = json.loads((folder / "verdicts.json").read_text("utf-8"))["verdicts"]
    return [{key: v for key, v in item.items() if key != "duration_s"} for item in found]


def durations(folder: Path) -> dict[str, float]:
    """Read what each model of a run took, s."""
    found: dict[str, float] = json.loads((folder / "durations.json").read_text("utf-8"))
    return found


def shard(world: World, index: int, recorded: Path) -> Ran:
    """Judge one shard as a machine of its own: with an empty store."""
    return world.gate(
        world.root,
        *("--shard", f"{index}/{SHARDS}", "--shard-durations", str(recorded)),
        *("--reports", str(world.root / f"shard-{index}")),
        *("--store", str(world.root / f"store-{index}")),
    )


def test_forty_models_over_four_machines(tmp_path: Path) -> None:
    """Merged verdicts are those of one run, and the longest shard is at most 1.3 times the mean."""
    make_models(tmp_path)
    world = World(tmp_path, {})
    whole = world.gate(tmp_path, "--store", str(tmp_path / "store-whole"))
    assert whole.status == 0, whole.said
    recorded = whole.latest / "durations.json"
    took = durations(whole.latest)

    ran = [shard(world, index, recorded) for index in range(1, SHARDS + 1)]
    folders = [tmp_path / f"shard-{index}" / "latest" for index in range(1, SHARDS + 1)]
    merged = world.run(
        tmp_path, "-m", "quantgate", "merge", *map(str, folders), "--output", "merged"
    )

    dealt = [sum(took[model] for model in durations(folder)) for folder in folders]
    measured = [sum(durations(folder).values()) for folder in folders]
    even = [sum(list(took.values())[index::SHARDS]) for index in range(SHARDS)]
    print(
        f"{MODELS} models over {SHARDS} shards: longest shard over a perfect split, by what was "
        f"recorded: {SHARDS * max(dealt) / sum(dealt):.3f} (dealt out in turn, without durations: "
        f"{SHARDS * max(even) / sum(even):.3f}); as the shards then took: "
        f"{SHARDS * max(measured) / sum(measured):.3f}; models took {min(took.values()):.2f} to "
        f"{max(took.values()):.2f} s"
    )
    assert [part.status for part in (whole, *ran, merged)] == [0] * (SHARDS + 2), merged.said
    assert verdicts(tmp_path / "merged") == verdicts(whole.latest)
    assert len(verdicts(whole.latest)) == 3 * MODELS
    assert SHARDS * max(dealt) <= 1.3 * sum(dealt)
