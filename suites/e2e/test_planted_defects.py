"""Every gate turns red on the defect that it is there for, and on no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

pytestmark = pytest.mark.alone

DATA = f"""{tiny.HEAD}limits = {{ max_accuracy_drop = 0.03, min_agreement = 0.93, max_class_drop = 0.12, min_sqnr_db = 18, min_int8_share = 0.5, max_size_ratio = 0.6 }}
"""
GIVEN = """
[models.{name}]
task = "classification"
source = "parent.xml"
optimized = "{name}.xml"
decoder = "class-scores"
"""


@pytest.fixture(scope="module")
def judged(world: World, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Gate a healthy model and one model for each planted defect, all in one run."""
    weights, rng = world.weights, np.random.default_rng(3)
    swapped = {**weights, "last": weights["last"].copy(), "bias": weights["bias"].copy()}
    for part in ("last", "bias"):
        swapped[part][[3, 8]] = swapped[part][[8, 3]]
    noise = rng.normal(0, 0.6, weights["first"].shape).astype(np.float32)
    damaged = {**weights, "first": weights["first"] + noise}
    never = np.where(np.arange(10) == 5, np.float32(50), np.float32(0))
    dropped = {**weights, "bias": weights["bias"] - never}
    models = {
        "healthy": tiny.build(weights),
        "wrong-mean": tiny.build(weights, shift=1.6),
        "swapped-classes": tiny.build(swapped),
        "damaged-layer": tiny.build(damaged),
        "dropped-class": tiny.build(dropped),
        "renamed-output": tiny.build(weights),
    }
    models["renamed-output"].output(0).set_names({"probabilities"})
    for name, model in models.items():
        tiny.quantized(world.root, name, model)
    tiny.save(tiny.build(weights), world.root / "not-quantized.xml")
    folder = tmp_path_factory.mktemp("planted")
    for item in world.root.iterdir():
        if item.name != "store":
            (folder / item.name).symlink_to(item)
    names = [*models, "not-quantized"]
    (folder / "models.toml").write_text(DATA + "".join(GIVEN.format(name=n) for n in names))
    return world.gate(folder)


def red(ran: Ran, model: str) -> set[str]:
    """Name the limits that a model missed."""
    return {key for (name, key), said in ran.outcomes.items() if name == model and said == "failed"}


def test_a_healthy_model_passes_everything(judged: Ran) -> None:
    """The healthy model is green on all limits: the defects below are what turns them red."""
    assert red(judged, "healthy") == set(), judged.said
    assert judged.outcomes["healthy", "max_accuracy_drop"] == "passed"


def test_a_wrong_mean_costs_accuracy(judged: Ran) -> None:
    """Preprocessing that differs between the roles shows as lost accuracy and agreement."""
    assert {"max_accuracy_drop", "min_agreement", "min_sqnr_db"} <= red(judged, "wrong-mean")
    assert {"min_int8_share", "max_size_ratio"}.isdisjoint(red(judged, "wrong-mean"))


def test_swapped_classes_show_in_the_worst_class(judged: Ran) -> None:
    """Two classes exchanged: the mean falls, and the worst class falls to nothing."""
    assert {"max_accuracy_drop", "max_class_drop", "min_agreement"} <= red(
        judged, "swapped-classes"
    )
    drop = judged.verdicts["swapped-classes", "max_class_drop"]["value"]
    assert drop > 0.8


def test_a_dropped_class_shows_in_the_worst_class(judged: Ran) -> None:
    """A class that is never answered any more: the worst class has lost everything."""
    assert {"max_accuracy_drop", "max_class_drop"} <= red(judged, "dropped-class")
    assert judged.verdicts["dropped-class", "max_class_drop"]["value"] > 0.8


def test_a_renamed_output_stands_for_its_parents_and_is_told(judged: Ran) -> None:
    """As accurate as its parent under another name: what was taken for what is noted."""
    said = judged.said
    assert "PASSED  renamed-output: quantized" in said
    assert "stand for the parent's: probabilities for scores" in said
    assert red(judged, "renamed-output") == set()


def test_a_damaged_layer_is_seen_without_annotations(judged: Ran) -> None:
    """Noise in one layer's weights breaks agreement and tensor distance, which need no truth."""
    assert {"min_agreement", "min_sqnr_db"} <= red(judged, "damaged-layer")


def test_a_model_that_was_never_quantized_is_caught(judged: Ran) -> None:
    """A float model in the optimized role is as accurate as its parent, and red all the same."""
    assert red(judged, "not-quantized") == {"min_int8_share", "max_size_ratio"}
    assert "is a floating-point model: it holds no FakeQuantize node" in judged.said


def test_red_models_fail_the_run_and_say_why(judged: Ran) -> None:
    """The exit status is 1, each failure names value, limit, key and the command to repeat it."""
    assert judged.status == 1
    assert "below min_agreement 0.93" in judged.said
    assert "quantgate gate" in judged.said
    assert '-k "[damaged-layer]"' in judged.said


def test_a_loss_in_one_segment_is_judged_there(
    world: World, project: Callable[[str], Path]
) -> None:
    """A class that is lost is a tenth of all images and a third of one camera's: that one is named."""
    never = np.where(np.arange(10) == 5, np.float32(50), np.float32(0))
    dropped = {**world.weights, "bias": world.weights["bias"] - never}
    tiny.quantized(world.root, "one-camera", tiny.build(dropped))
    manifest = DATA.replace("max_accuracy_drop = 0.03", "max_segment_drop = 0.2").replace(
        'path = "evaluation"', 'path = "evaluation"\nsegments = "segments.csv"'
    )
    folder = project(manifest + GIVEN.format(name="one-camera"))
    images = sorted((folder / "evaluation").rglob("*.png"))
    rows = [f"{one.name},{'left' if one.parent.name in '456' else 'right'}" for one in images]
    (folder / "segments.csv").write_text("\n".join(["image,camera", *rows]), "utf-8")

    ran = world.gate(folder, "-k", "segment")

    assert red(ran, "one-camera") == {"max_segment_drop"}, ran.said
    assert "worst segment: camera = left" in ran.said
    assert 0.25 < ran.verdicts["one-camera", "max_segment_drop"]["value"] < 0.4


def test_a_slowed_model_fails_the_speed_gate_only(
    world: World, project: Callable[[str], Path]
) -> None:
    """Layers that change no answer but cost time turn the speed gate red, and only that."""
    tiny.quantized(world.root, "slowed", tiny.build(world.weights, extra_layers=40))
    manifest = DATA.replace(
        "min_sqnr_db = 18, min_int8_share = 0.5, max_size_ratio = 0.6", "min_speedup = 0.9"
    )

    ran = world.gate(project(manifest + GIVEN.format(name="slowed")))

    assert red(ran, "slowed") == {"min_speedup"}, ran.said
