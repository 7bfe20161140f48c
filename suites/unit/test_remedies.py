"""What a missed limit advises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.engine.artifact import load, save
from quantgate.entries import EvaluationPlan, ModelEntry, Recipe
from quantgate.pipeline.remedies import Known, attends, remedy_for, wants_attention
from quantgate.sources.local import LocalSource
from quantgate.sources.opset import opset

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
    assert remedy_for(ENTRY, "min_agreement", Known(searched=True)) == ""


def test_a_transformer_is_told_to_be_quantized_as_one() -> None:
    """Where the parent has attention and the recipe does not say so, that comes first."""
    told = replace(ENTRY, calibrate=Recipe("cal", model_type="transformer"))

    said = remedy_for(ENTRY, "min_agreement", Known(transformer=True))
    assert said.startswith('to try: calibrate.model_type = "transformer", calibrate.preset')
    assert "model_type" not in remedy_for(ENTRY, "min_agreement")
    assert "model_type" not in remedy_for(told, "min_agreement", Known(transformer=True))
    assert wants_attention(ENTRY, "min_agreement")
    assert not wants_attention(told, "min_agreement")
    assert not wants_attention(ENTRY, "max_size_ratio")


@pytest.mark.parametrize("attention", [True, False])
def test_attention_is_recognised_in_a_parent(tmp_path: Path, *, attention: bool) -> None:
    """Values that are multiplied by a softmax of products, and no other softmax."""
    ops = opset()
    rng = np.random.default_rng(0)
    image = ops.parameter([1, 6, 8], np.float32, name="tokens")
    query, key, value = (
        ops.matmul(image, ops.constant(rng.normal(size=(8, 8)).astype(np.float32)), False, False)
        for _ in range(3)
    )
    shares = ops.softmax(ops.matmul(query, key, False, True), axis=2)
    made = ops.matmul(shares, value, False, False) if attention else ops.softmax(query, axis=2)
    save(ov.Model([made], [image], "one"), tmp_path)
    assert attends(load(tmp_path)) is attention


def test_layers_put_back_already_are_named() -> None:
    """Where accuracy-aware quantization did not suffice, what it has put back is not to be tried again."""
    aware = replace(ENTRY, calibrate=Recipe("cal", method="accuracy-aware"))

    said = remedy_for(aware, "max_accuracy_drop", Known(put_back=("conv1", "head/fc")))

    assert said.startswith("accuracy-aware quantization has put conv1, head/fc back already; to")
    assert "put conv1" not in remedy_for(aware, "max_size_ratio", Known(put_back=("conv1",)))


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
