"""What it costs to be understood: the look's share of a gate, and a check of ten models."""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

import cv2
import pytest

from quantgate.engine.artifact import parent_artifact
from quantgate.engine.look import examine as looking
from quantgate.engine.runtime import Target
from quantgate.manifest import load_manifest
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of
from quantgate.store import Store
from quantgate.zoo.scenes import render_classification
from suites.e2e.world import ROOT, World
from suites.real.work import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.entries import ModelEntry

#: Models of the repository's own manifest, or of a folder of real ones: QUANTGATE_REAL.
REAL = os.environ.get("QUANTGATE_REAL")
LOOKED, IMAGES, MODELS = 3, 500, 10
MOST_SHARE, MOST_S = 0.03, 60.0
CHECKED = """
[datasets.calibration]
kind = "folder"
path = "images"
[datasets.evaluation]
kind = "imagenet"
path = "images"
annotations = "list.txt"
labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
"""
ENTRY = """
[models.m{index}]
source = {{ zoo = "digits-mobilenet-v2" }}
calibrate = {{ dataset = "calibration", subset = 100 }}
evaluate = {{ dataset = "evaluation", hold_out = true, subset = 300, seed = {index} }}
limits = {{ max_accuracy_drop = 0.05 }}
"""


def spent() -> tuple[float, float]:
    """Seconds on the clock, and of the processor by processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def looked_s(entry: ModelEntry, manifest: Path, store: Path) -> float:
    """Seconds of the processor that a look takes without the search, which suspicion alone starts."""
    read = load_manifest(manifest)
    data = load_data(entry, read, store)
    artifact = parent_artifact(
        entry.source, entry.preprocess, read.root, Store(store), name=entry.id
    )
    bench = bench_of(entry, data.evaluation)
    started = time.process_time()
    looking.examine(artifact, bench, Target(hint="latency"))
    return time.process_time() - started


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, World]:
    """A manifest with real models where there are some, else the repository's own."""
    manifest = tmp_path / "models.toml"
    text = MANIFEST.format(real=REAL) if REAL else (ROOT / "models.toml").read_text("utf-8")
    manifest.write_text(text, encoding="utf-8")
    return manifest, World(tmp_path, {})


def test_a_look_is_a_small_part_of_a_gate(
    models: tuple[Path, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the processor's time for a first gate, everything included, the look at the parent takes few per cent."""
    manifest, world = models
    monkeypatch.setattr(looking, "better_feeding", lambda *_: None)
    shares = []
    for entry in list(load_manifest(manifest).models.values())[:LOOKED]:
        before = spent()
        ran = world.gate(manifest.parent, "-k", f"[{entry.id}]")
        gate_s = spent()[1] - before[1]
        look_s = looked_s(entry, manifest, world.root / "store")
        shares.append(look_s / gate_s)
        print(
            f"{entry.id}: look {look_s:.2f} s of a gate's {gate_s:.1f} s of the processor, {shares[-1]:.1%}"
        )
        assert ran.outcomes, ran.said
    print(f"mean {sum(shares) / len(shares):.1%} (aim: below {MOST_SHARE:.0%})")


def test_ten_models_are_checked_in_a_minute(tmp_path: Path) -> None:
    """``quantgate check`` of ten models with 500 images; the second one finds files and looks."""
    (tmp_path / "images").mkdir()
    lines = []
    for index in range(IMAGES):
        scene, label = render_classification(0, index, size=(224, 224), split="evaluate")
        cv2.imwrite(str(tmp_path / "images" / f"{index:04d}.jpg"), scene.image)
        lines.append(f"{index:04d}.jpg {label}")
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    entries = "".join(ENTRY.format(index=index) for index in range(MODELS))
    (tmp_path / "models.toml").write_text(CHECKED + entries, encoding="utf-8")
    world = World(tmp_path, {})
    for what in ("first", "second"):
        before = spent()
        ran = world.run(tmp_path, "-m", "quantgate", "check")
        wall, processor = (now - then for now, then in zip(spent(), before, strict=True))
        print(
            f"{what} check: {wall:.1f} s, {processor:.1f} s of the processor, for {MODELS} models with "
            f"{IMAGES} images (aim: below {MOST_S:.0f} s)"
        )
        assert ran.status == 0, ran.said
        assert ran.said.count("CHECKED") == MODELS
