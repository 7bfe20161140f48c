"""A series starts a new segment where something declared can have changed its number, and only there."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from quantgate.core.limits import LIMITS
from quantgate.decoders.catalog import DECODERS
from quantgate.entries import Benchmark, EvaluationPlan, Limits, ModelEntry, Preprocess, Recipe
from quantgate.session.segments import declared_text, segment_of
from quantgate.sources.local import LocalSource

ROOT = Path("/repository")
DIGESTS = {"calibration": "c", "evaluation": "e", "input": "i"}
ENTRY = ModelEntry(
    id="ssd",
    task="detection",
    source=LocalSource(ROOT / "ssd.xml"),
    decoder=DECODERS["ssd"](),
    evaluate=EvaluationPlan("val"),
    calibrate=Recipe("train"),
    limits=Limits(max_accuracy_drop=0.01),
)
ALL = frozenset(LIMITS)
BASELINE = frozenset(key for key in LIMITS if key.endswith("_to_baseline"))
TRUTH = frozenset(
    {
        *("max_accuracy_drop", "max_error_increase", "max_class_drop", "max_segment_drop"),
        "max_accuracy_drop_to_baseline",
    }
)
RAW = frozenset({"max_tensor_distance", "min_sqnr_db", "min_centred_sqnr_db"})
TIMED = frozenset(
    {"min_speedup", "min_native_speedup", "max_latency_ratio", "min_speedup_to_baseline"}
)
EXECUTED = frozenset({"min_int8_share", "max_reorder_share"})
SEEN = ALL - TIMED - EXECUTED - {"max_size_ratio", "max_memory_ratio"}


def restarted(changed: ModelEntry, digests: dict[str, str] = DIGESTS) -> set[str]:
    """Limits whose series start a new segment."""
    return {
        key
        for key in LIMITS
        if segment_of(ENTRY, key, DIGESTS, ROOT) != segment_of(changed, key, digests, ROOT)
    }


def recipe(**changed: Any) -> Recipe:
    """Change the recipe."""
    return dataclasses.replace(Recipe("train"), **changed)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"limits": Limits(max_accuracy_drop=0.05, min_speedup=1.2)}, set()),
        ({"judge": "interval", "undecided": "warn", "tags": ("nightly",)}, set()),
        ({"benchmark": Benchmark(seconds=10)}, set()),
        ({"evaluate": EvaluationPlan("renamed", allow_overlap=True)}, set()),
        ({"calibrate": recipe(dataset="renamed", subset=100, seed=3)}, set()),
        ({"calibrate": recipe(preset="mixed")}, ALL),
        ({"calibrate": recipe(preset="performance")}, set()),
        ({"source": LocalSource(ROOT / "other.xml")}, ALL),
        ({"baseline": LocalSource(ROOT / "released.xml")}, BASELINE),
        ({"preprocess": Preprocess(mean=127.5)}, ALL),
        ({"decoder": DECODERS["yolox"]()}, SEEN - RAW),
        ({"evaluate": EvaluationPlan("val", metric="ap50")}, TRUTH | {"max_execution_error"}),
        ({"evaluate": EvaluationPlan("val", score_threshold=0.3)}, SEEN - RAW),
        ({"evaluate": EvaluationPlan("val", precision="default")}, SEEN),
        ({"benchmark": Benchmark(hint="throughput")}, TIMED | {"max_memory_ratio"}),
        ({"benchmark": Benchmark(device="GPU")}, ALL - {"max_size_ratio"}),
    ],
)
def test_what_can_change_a_number_starts_a_segment(
    changed: dict[str, Any], expected: set[str]
) -> None:
    """A looser limit or a renamed dataset moves nothing; a recipe, a decoder or a metric does."""
    assert restarted(dataclasses.replace(ENTRY, **changed)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calibration", ALL),
        ("evaluation", SEEN),
        ("input", TIMED | EXECUTED),
        ("segments", {"max_segment_drop"}),
    ],
)
def test_other_images_start_a_segment(name: str, expected: set[str]) -> None:
    """An image set counts by what it holds, for the numbers that see it."""
    assert restarted(ENTRY, DIGESTS | {name: "other"}) == expected


def test_the_aim_of_accuracy_aware_quantization_counts() -> None:
    """There, and only there, the limit on the accuracy drop decides what the model becomes."""
    aware = dataclasses.replace(ENTRY, calibrate=recipe(method="accuracy-aware"))
    looser = dataclasses.replace(aware, limits=Limits(max_accuracy_drop=0.05))

    assert segment_of(aware, "max_size_ratio", DIGESTS, ROOT) != segment_of(
        looser, "max_size_ratio", DIGESTS, ROOT
    )


def test_another_checkout_is_the_same_segment() -> None:
    """Paths count from the manifest's folder."""
    there = Path("/elsewhere/checkout")
    moved = dataclasses.replace(ENTRY, source=LocalSource(there / "ssd.xml"))

    assert declared_text(moved, there) == declared_text(ENTRY, ROOT)
    assert segment_of(moved, "min_speedup", DIGESTS, there) == segment_of(
        ENTRY, "min_speedup", DIGESTS, ROOT
    )
