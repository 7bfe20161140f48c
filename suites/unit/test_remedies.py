"""What a missed limit advises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.entries import EvaluationPlan, ModelEntry, Recipe
from quantgate.pipeline.remedies import remedy_for
from quantgate.sources.local import LocalSource

ENTRY = ModelEntry(
    id="m",
    task="classification",
    source=LocalSource(Path("m.xml")),
    decoder=ClassScoresDecoder(),
    evaluate=EvaluationPlan("val"),
    calibrate=Recipe("cal"),
)


def test_lost_accuracy_names_the_settings_not_tried_yet() -> None:
    """What the entry does already is not advised again."""
    tried = replace(ENTRY, calibrate=Recipe("cal", preset="mixed", method="accuracy-aware"))

    assert 'preset = "mixed"' in remedy_for(ENTRY, "max_accuracy_drop")
    assert 'method = "accuracy-aware"' in remedy_for(ENTRY, "min_match_rate")
    assert (
        remedy_for(tried, "min_agreement")
        == "to try: calibrate.ignored for the layers that lose most, quantgate remedy m"
    )


def test_layers_put_back_already_are_named() -> None:
    """Where accuracy-aware quantization did not suffice, what it has put back is not to be tried again."""
    aware = replace(ENTRY, calibrate=Recipe("cal", method="accuracy-aware"))

    said = remedy_for(aware, "max_accuracy_drop", put_back=("conv1", "head/fc"))

    assert said.startswith("accuracy-aware quantization has put conv1, head/fc back already; to")
    assert "put conv1" not in remedy_for(aware, "max_size_ratio", put_back=("conv1",))


def test_a_model_from_elsewhere_is_not_told_to_calibrate() -> None:
    """Where nothing is quantized here, the settings of calibration are of no use."""
    given = replace(ENTRY, calibrate=None, optimized=LocalSource(Path("int8.xml")))

    assert "calibrate." not in remedy_for(given, "max_accuracy_drop")


def test_the_released_model_is_compared_not_the_parent() -> None:
    """What is worse than the baseline was made otherwise than the baseline: nothing is said of a parent."""
    for key in ("max_accuracy_drop_to_baseline", "min_speedup_to_baseline"):
        advice = remedy_for(ENTRY, key)
        assert "the baseline" in advice
        assert "parent" not in advice


def test_each_deterministic_limit_has_its_own_advice() -> None:
    """Size and INT8 share are missed for other reasons than accuracy."""
    advice = {
        remedy_for(ENTRY, key) for key in ("max_size_ratio", "min_int8_share", "max_accuracy_drop")
    }

    assert len(advice) == 3
    assert "" not in advice


def test_a_doubt_comes_before_every_recipe() -> None:
    """Numbers from misread answers are no reason to calibrate otherwise; size does not depend on them."""
    doubts = ("are the classes counted from the same one?", "are annotations missing?")

    remedy = remedy_for(ENTRY, "min_agreement", doubts=doubts)

    assert remedy.startswith(
        f"settle this first: {doubts[0]} (1 more under the notes); then to try: "
    )
    assert remedy_for(ENTRY, "min_sqnr_db", doubts=doubts).startswith("settle this first: ")
    assert remedy_for(ENTRY, "max_size_ratio", doubts=doubts) == remedy_for(ENTRY, "max_size_ratio")
