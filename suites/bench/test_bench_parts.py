"""What parts of an evaluation cost: kept as it goes, and made one by one to be joined.

5,000 images are evaluated in sixteen parts and in one piece, in turn, in a store of their own each time. Rounds come
from QUANTGATE_BENCH_ROUNDS (default 5).
"""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from quantgate.core.predictions import ClassLabel
from quantgate.datasets.sample import Dataset, Sample
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.engine import parts
from quantgate.engine.artifact import parent_artifact
from quantgate.engine.comparing import compare, pass_of
from quantgate.engine.evaluate import Bench
from quantgate.engine.runtime import Target
from quantgate.entries import Preprocess
from quantgate.manifest import load_manifest
from quantgate.pair import Pair
from quantgate.pipeline.data import load_data
from quantgate.pipeline.feeding import bench_of
from quantgate.shard import Part
from quantgate.sources.local import LocalSource
from quantgate.store import Store
from quantgate.tasks.catalog import TASKS
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from numpy.typing import NDArray

ROUNDS = int(os.environ.get("QUANTGATE_BENCH_ROUNDS", "5"))
IMAGES, PARTS = 5000, 16
#: Of the time of an evaluation that is long enough to have parts.
MOST_SHARE = 0.05
PREPROCESS = Preprocess(size=(32, 32), mean=120, scale=60)


def rendering(index: int) -> Callable[[], NDArray[np.uint8]]:
    """Give what draws a digit in a place and a grey of its own."""

    def render() -> NDArray[np.uint8]:
        image = np.full((96, 96, 3), index % 200, np.uint8)
        place = (10 + index % 30, 60 + index % 25)
        cv2.putText(
            image, str(index % 10), place, cv2.FONT_HERSHEY_SIMPLEX, 1.6, (255, 255, 255), 3
        )
        return image

    return render


def test_parts_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is bit for bit the same, and parts take at most 5 % of an evaluation that is long enough for them."""
    worth = parts.WORTH_S
    made = tiny.make(tmp_path)
    scaled = {key: value * np.float32(1.01) for key, value in made.weights.items()}
    tiny.save(tiny.build(scaled), tmp_path / "other.xml")
    store = Store(tmp_path / "models")
    pair = Pair(
        *(
            parent_artifact(LocalSource(tmp_path / name), PREPROCESS, tmp_path, store)
            for name in ("parent.xml", "other.xml")
        )
    )
    samples = tuple(
        Sample(f"{i:04}.png", rendering(i), str(i), ClassLabel(i % 10)) for i in range(IMAGES)
    )
    dataset = Dataset("rendered", samples, tuple("0123456789"), "rendered")
    bench = Bench(
        dataset, PREPROCESS, ClassScoresDecoder(), TASKS["classification"], "classification"
    )
    length = -(-IMAGES // PARTS)
    took: dict[str, list[float]] = {"parts": [], "one piece": []}
    kept: set[bytes] = set()
    counts: set[int] = set()
    keep = parts.Pace.done

    def counted(pace: parts.Pace, index: int) -> None:
        keep(pace, index)
        counts.add(pace._kept)

    for number in range(ROUNDS):
        for name, worth_s in (("parts", 0.0), ("one piece", 1e9)):
            monkeypatch.setattr(parts, "WORTH_S", worth_s)
            monkeypatch.setattr(parts, "FEWEST", length)
            monkeypatch.setattr(parts.Pace, "done", counted if number == 0 else keep)
            fresh = Store(tmp_path / f"{name}-{number}")
            began_s = time.perf_counter()
            compare(pair, bench, fresh, target=Target(), isa="vnni")
            took[name].append(time.perf_counter() - began_s)
            (entry,) = fresh.root.glob("v*/comparison/*/*")
            kept.add((entry / "comparison.npz").read_bytes())
    cuts = len(counts) - 1
    more = statistics.median(a - b for a, b in zip(*took.values(), strict=True)) / cuts
    share = more / worth
    print(
        f"{IMAGES:,} rendered images, {cuts} parts kept: {1e3 * more:.0f} ms a part, {share:.1%} of the "
        f"{worth:g} s after which one is kept; in one piece {statistics.median(took['one piece']):.2f} s"
    )
    assert cuts >= PARTS - 1
    assert len(kept) == 1
    assert share <= MOST_SHARE


MANIFEST = """
[datasets.images]
kind = "digits"
subject = "single"
size = [224, 224]
count = 5000

[models.net]
source = { zoo = "digits-mobilenet-v2" }
optimized = "unused.xml"
evaluate = "images"
"""


def test_parts_made_one_by_one_cost_little(tmp_path: Path) -> None:
    """One machine that makes all sixteen, and joins them to the same record, takes at most 5 % more processor time.

    Of a model that takes 2 ms an image, in both roles; time by the clock is printed, too, and says as much where nothing
    else runs.
    """
    (tmp_path / "unused.xml").touch()
    (tmp_path / "models.toml").write_text(MANIFEST, encoding="utf-8")
    manifest, store = load_manifest(tmp_path / "models.toml"), Store(tmp_path / "models")
    entry = manifest.models["net"]
    parent = parent_artifact(entry.source, entry.preprocess, tmp_path, store)
    bench = bench_of(entry, load_data(entry, manifest, store.root).evaluation)
    more: dict[str, list[float]] = {"processor": [], "clock": []}
    kept: set[bytes] = set()
    for number in range(ROUNDS):
        took = []
        for apart in (True, False):
            fresh = Store(tmp_path / f"{apart}-{number}")
            began = time.process_time(), time.perf_counter()
            both = pass_of((parent, parent), bench, fresh, target=Target(), isa="vnni")
            for index in range(1, both.parts.count + 1) if apart else ():
                both.keep_part(Part(index, both.parts.count))
            both.keep()
            took.append((time.process_time() - began[0], time.perf_counter() - began[1]))
            (place,) = fresh.root.glob("v*/comparison/*/*")
            kept.add((place / "comparison.npz").read_bytes())
            assert both.parts.count == PARTS
        for name, split, whole in zip(more, *took, strict=True):
            more[name].append(split / whole - 1)
    shares = {name: statistics.median(values) for name, values in more.items()}
    print(
        f"{IMAGES:,} rendered images made in {PARTS} parts by one machine: "
        f"{shares['processor']:+.1%} processor time, {shares['clock']:+.1%} by the clock"
    )
    assert len(kept) == 1
    assert shares["processor"] <= MOST_SHARE
