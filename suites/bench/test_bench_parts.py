"""What keeping a part of an evaluation costs, against the time after which one is kept.

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
from quantgate.engine.comparing import compare
from quantgate.engine.evaluate import Bench
from quantgate.engine.runtime import Target
from quantgate.entries import Preprocess
from quantgate.pair import Pair
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
