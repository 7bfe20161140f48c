"""One damaged layer in a built-in model turns the gates of its task red, whatever the task."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.training import metrics
from quantgate.report.compare import compare_runs
from quantgate.report.publish import load_run
from quantgate.zoo.catalog import ZOO, xml_path
from suites import tables_reference
from suites.e2e import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import openvino as ov

    from suites.e2e.world import Ran, World

IMAGES = 24
CALIBRATED_ON = 16
MANIFEST = """
[datasets.scenes]
kind = "digits"
count = {images}

[datasets.maps]
kind = "digits"
subject = "class-maps"
size = [256, 256]
count = {images}

[datasets.points]
kind = "digits"
subject = "points"
size = [96, 96]
count = {images}

[datasets.lines]
kind = "digits"
subject = "lines"
count = {images}

[datasets.text]
kind = "digits"
subject = "text"
count = {images}

[datasets.hands]
kind = "digits"
subject = "hands"
count = {images}

[datasets.depth]
kind = "digits"
subject = "depth"
size = [128, 128]
count = {images}

[datasets.marks]
kind = "digits"
subject = "marks"
count = {images}

[datasets.clean]
kind = "digits"
subject = "clean"
size = [192, 192]
count = {images}
"""
ENTRY = """
[models.{name}-{state}]
source = {{ zoo = "{name}" }}
optimized = "{name}-{state}.xml"
evaluate = {{ dataset = "{data}"{metric} }}
limits = {{ {limits} }}
"""
#: Data, more of the evaluation, limits; which convolution is damaged, and noise by its weights'.
PLANTED = {
    "digits-yolo-v4-tiny": (
        "scenes",
        "",
        "max_accuracy_drop = 0.05, min_match_rate = 0.8",
        (0, 1.0),
    ),
    "digits-instance-segmentation": (
        "scenes",
        "",
        "max_accuracy_drop = 0.05, min_match_rate = 0.8",
        (-2, 4.0),
    ),
    "digits-segmentation": (
        "maps",
        "",
        "max_accuracy_drop = 0.05, min_agreement = 0.95",
        (-2, 2.0),
    ),
    "digits-keypoints": (
        "points",
        ', metric = "pck"',
        "max_accuracy_drop = 0.05, min_role_oks = 0.85",
        (-2, 2.0),
    ),
    "digits-quads": (
        "lines",
        ', metric = "hmean"',
        "max_accuracy_drop = 0.05, min_match_rate = 0.85",
        (-2, 2.0),
    ),
    "digits-text": (
        "text",
        "",
        "max_accuracy_drop = 0.1, max_role_cer = 0.05",
        (0, 1.0),
    ),
    "digits-embedding": (
        "hands",
        ', metric = "tar_at_far_1e-1"',
        "max_accuracy_drop = 0.1, min_role_cosine = 0.9",
        (0, 1.0),
    ),
    "digits-depth": (
        "depth",
        "",
        "max_error_increase = 0.2, min_role_delta1 = 0.97",
        (1, 1.0),
    ),
    "digits-attributes": (
        "marks",
        "",
        "max_accuracy_drop = 0.1, min_head_agreement = 0.8",
        (0, 2.0),
    ),
    "digits-restoration": (
        "clean",
        ', metric = "psnr"',
        "max_accuracy_drop = 0.5, min_psnr_db = 40",
        (0, 1.0),
    ),
}
MODELS = pytest.mark.parametrize("name", PLANTED)


@pytest.fixture(scope="module")
def judged(world: World, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Gate each model twice: quantized as it is, and quantized with one layer damaged."""
    folder = tmp_path_factory.mktemp("tasks")
    manifest = MANIFEST.format(images=IMAGES)
    for name, (data, metric, limits, place) in PLANTED.items():
        for state, change in (("healthy", _leave), ("damaged", _damage)):
            _quantize(name, folder / f"{name}-{state}.xml", partial(change, place))
            manifest += ENTRY.format(
                name=name, state=state, data=data, metric=metric, limits=limits
            )
    (folder / "models.toml").write_text(manifest)
    return world.gate(folder)


def _quantize(name: str, path: Path, change: Callable[[ov.Model], None]) -> None:
    """Quantize a built-in model after ``change``, as someone else would have done."""
    import nncf
    import openvino as ov

    model = ov.Core().read_model(xml_path(name))
    change(model)
    images: list[Any] = [
        metrics.prepare(ZOO[name], metrics.picture(ZOO[name], 0, k, "calibrate").image)
        for k in range(CALIBRATED_ON)
    ]
    ov.save_model(nncf.quantize(model, nncf.Dataset(images), subset_size=CALIBRATED_ON), path)


def _leave(place: tuple[int, float], model: ov.Model) -> None:
    del place, model


def _damage(place: tuple[int, float], model: ov.Model) -> None:
    """Add noise to the weights of one convolution: which one, and how strong, ``place`` says."""
    index, strength = place
    layers = [op for op in model.get_ordered_ops() if op.get_type_name() == "Convolution"]
    layer = layers[index]
    node = layer.input_value(1).get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    weights = np.array(node.data, np.float32)
    noise = np.random.default_rng(3).normal(0, strength * weights.std(), weights.shape)
    damaged = tiny.operations().constant((weights + noise).astype(np.float32))
    layer.input(1).replace_source_output(damaged.output(0))


def red(ran: Ran, model: str) -> set[str]:
    """Name the limits that a model missed."""
    return {key for (name, key), said in ran.outcomes.items() if name == model and said == "failed"}


@MODELS
def test_a_healthy_model_passes_everything(judged: Ran, name: str) -> None:
    """Quantization alone turns none of the limits red."""
    outcomes = {k: v for (model, k), v in judged.outcomes.items() if model == f"{name}-healthy"}
    assert set(outcomes.values()) == {"passed"}, judged.said


@MODELS
def test_a_damaged_layer_turns_every_limit_of_the_task_red(judged: Ran, name: str) -> None:
    """Accuracy against the truth and likeness to the parent both see it."""
    assert len(red(judged, f"{name}-damaged")) == 2, judged.said


def test_a_damaged_mask_head_leaves_the_boxes_alone(judged: Ran) -> None:
    """Mask AP falls and box AP does not: the report shows where the damage lies."""
    document = json.loads((judged.latest / "run.json").read_text("utf-8"))
    (model,) = (m for m in document["models"] if m["id"] == "digits-instance-segmentation-damaged")
    drops = {m["title"]: m["parent"] - m["optimized"] for m in model["metrics"] if m["parent"]}
    assert drops["Mask AP@[.5:.95]"] > 0.05
    assert abs(drops["Box AP@[.5:.95]"]) < 0.05


def test_every_number_of_images_is_kept_image_by_image(judged: Ran) -> None:
    """Two runs can be compared on shared images, whatever the task: what is kept gives the judged numbers."""
    run = load_run(judged.latest)

    found = compare_runs(run, replace(run, run="again"), (judged.latest, judged.latest)).verdicts

    assert [change.unpaired for change in found] == [""] * (2 * 2 * len(PLANTED))
    assert {change.movement for change in found} == {"same"}


def test_the_page_of_tables_lists_what_a_run_writes(judged: Ran) -> None:
    """Every table of these tasks, with every column, is in docs/tables.md."""
    page = tables_reference.PAGE.read_text("utf-8")

    assert tables_reference.unlisted(judged.latest, page) == []
