"""From a red verdict to the layer: what a user sees of a damaged model, and of a device that errs."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import cv2
import openvino as ov
import pytest

from suites.e2e.world import ROOT
from suites.quantized import damaged, network, picture

if TYPE_CHECKING:
    from pathlib import Path

    from suites.e2e.world import Ran, World

MANIFEST = """
[datasets.noise]
kind = "folder"
path = "images"

[defaults]
preprocess = { mean = 127.5, scale = 127.5 }
evaluate = "noise"
benchmark = { seconds = 1 }

[models.sound]
task = "classification"
source = "parent.xml"
optimized = "optimized.xml"
decoder = "class-scores"
limits = { min_agreement = 0.85, max_execution_error = 0.01 }

[models.damaged]
task = "classification"
source = "parent.xml"
optimized = "damaged.xml"
decoder = "class-scores"
limits = { min_agreement = 0.85 }
"""
#: A device whose kernel behind one quantizer computes something else, in every process of the run.
ERRING = """
from quantgate.attribution import execution
from suites.quantized import altered

plain = execution.Device.__call__
execution.Device.__call__ = lambda self, model: plain(self, altered(model, "block2/fq", 8.0))
"""


#: What the transcript of docs/explain.md says of another network.
SHOWN = (
    "It is quantization: computed in plain floating point the quantized graph loses",
    "as the device executes it",
    "of the loss: quantized alone",
    "put back",
    "To leave them out: calibrate.ignored.names = [",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: a network, the same quantized, and the same with the grid of one layer too narrow."""
    folder = tmp_path_factory.mktemp("noise")
    models = network()
    for name, model in (
        ("parent", models.parent),
        ("optimized", models.optimized),
        ("damaged", damaged(models.optimized, 3, "narrow")),
    ):
        ov.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)
    (folder / "images").mkdir()
    for index in range(24):
        cv2.imwrite(str(folder / "images" / f"{index:03}.png"), picture(index))
    (folder / "models.toml").write_text(MANIFEST, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def gated(world: World, place: Path) -> Ran:
    """Both models judged."""
    return world.gate(place)


def test_a_red_verdict_names_the_layer(gated: Ran) -> None:
    """The verdict says which layer lost it, with the line that leaves it out; the sound model is green."""
    assert gated.outcomes == {
        ("sound", "min_agreement"): "passed",
        ("sound", "max_execution_error"): "passed",
        ("damaged", "min_agreement"): "failed",
    }, gated.said
    detail = gated.verdicts["damaged", "min_agreement"]["detail"]
    assert "lost in block3/conv (" in detail
    assert 'calibrate.ignored.names = ["block3/conv"]' in detail


def test_the_page_tells_where_it_is_lost(gated: Ran) -> None:
    """The section stands on the page of the red model alone, with its chart and tables as files."""
    page = (gated.latest / "index.html").read_text("utf-8")
    report = json.loads((gated.latest / "run.json").read_text("utf-8"))
    found = {model["id"]: model for model in report["models"]}

    assert page.count(">Where it is lost</h3>") == 1
    assert page.count('class="depth"') == 1
    assert found["sound"]["explanation"] is None
    assert found["sound"]["execution"]["error"]["value"] == 0
    with (gated.latest / "tables" / "damaged" / "groups.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert first["Group"] == "block3/conv"
    assert first["To Leave It Out"] == 'calibrate.ignored.names = ["block3/conv"]'


def test_the_command_gives_the_same_answer_and_its_files(world: World, place: Path) -> None:
    """`quantgate explain` prints cause and layer, and leaves page, CSV and JSON."""
    told = world.run(place, "-m", "quantgate", "explain", "damaged", "--output", "out")

    assert told.status == 0, told.said
    page = (ROOT / "docs" / "explain.md").read_text("utf-8")
    for words in SHOWN:
        assert words in " ".join(told.said.split())
        assert words in " ".join(page.split())
    assert 'To leave them out: calibrate.ignored.names = ["block3/conv"]' in told.said
    document = json.loads(
        (place / "out" / "explain-damaged" / "explanation.json").read_text("utf-8")
    )
    assert document["groups"][0]["layers"] == ["block3/conv"]
    assert (place / "out" / "explain-damaged" / "explained-layers.csv").exists()
    assert "Where it is lost" in (place / "out" / "explain-damaged.html").read_text("utf-8")


def test_little_time_gives_a_partial_answer(world: World, place: Path) -> None:
    """Local scores are there all the same, and the answer says what is missing."""
    asked = ("explain", "damaged", "--output", "out", "--seconds", "0.01")

    told = world.run(place, "-m", "quantgate", *asked)

    assert told.status == 0, told.said
    assert "Time was over after 0 of" in told.said


def test_a_device_that_errs_is_told_from_quantization(
    world: World, place: Path, tmp_path: Path
) -> None:
    """The limit on execution fails and no recipe is proposed: the quantizer is named, the part kept."""
    (tmp_path / "sitecustomize.py").write_text(ERRING, encoding="utf-8")

    ran = world.gate(
        place,
        "-k",
        "sound",
        PYTHONPATH=f"{tmp_path}:{ROOT}",
        QUANTGATE_STORE=str(tmp_path / "store"),
    )

    assert ran.outcomes["sound", "max_execution_error"] == "failed", ran.said
    assert "it is execution, not quantization" in ran.said
    assert (
        "first at block2/fq, between block1/relu (Relu) and block2/conv (Convolution)" in ran.said
    )
    assert "accuracy-aware" not in ran.said
    assert (ran.latest / "failing" / "sound" / "subgraph.xml").exists()
    assert (ran.latest / "failing" / "sound" / "inputs.npz").exists()


def test_suggest_proposes_a_limit_on_execution_unless_the_device_errs(
    world: World, place: Path, tmp_path: Path
) -> None:
    """A sound device's error is a limit ready to paste; an erring one is named, and is no measure to hold."""
    (tmp_path / "sitecustomize.py").write_text(ERRING, encoding="utf-8")
    asked = ("-m", "quantgate", "suggest", "sound", "--runs", "1")

    sound = world.run(place, *asked)
    erring = world.run(
        place,
        *asked,
        PYTHONPATH=f"{tmp_path}:{ROOT}",
        QUANTGATE_STORE=str(tmp_path / "store"),
    )

    assert "\nmax_execution_error = 0." in sound.said, sound.said
    assert "# max_execution_error: It is execution, not quantization" in erring.said, erring.said
    assert "\nmax_execution_error = " not in erring.said
