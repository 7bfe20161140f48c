from __future__ import annotations

import math
from pathlib import Path

import openvino as ov
import pytest

from harness.training import metrics
from quantgate.tasks.catalog import TASKS
from quantgate.zoo.catalog import ZOO, ZooModel, xml_path

IMAGES = 200
MODELS = pytest.mark.parametrize("model", ZOO.values(), ids=list(ZOO))


def test_every_model_is_listed_under_its_name() -> None:
    """The catalog's key is the model's name, which is its file's name."""
    for name, model in ZOO.items():
        assert model.name == name
        assert xml_path(name).stem == name


def test_weights_stay_small() -> None:
    """No more than 12 MB a model and 40 MB together."""
    sizes = [
        path.stat().st_size
        for name in ZOO
        for path in (xml_path(name), xml_path(name).with_suffix(".bin"))
    ]
    assert max(sizes) <= 12e6
    assert sum(sizes) <= 40e6


def test_an_unknown_model_has_no_path() -> None:
    """A name that is not in the catalog is a KeyError, never a path to nothing."""
    with pytest.raises(KeyError):
        xml_path("digits-unknown")


@MODELS
def test_signature_is_what_the_catalog_says(model: ZooModel) -> None:
    """Input and outputs carry the recorded names, the input the recorded size."""
    read = ov.Core().read_model(xml_path(model.name))
    width, height = model.preprocess.size
    assert [port.get_any_name() for port in read.inputs] == [model.input]
    assert tuple(port.get_any_name() for port in read.outputs) == model.outputs
    assert list(read.input(0).shape) == [1, 3, height, width]


@MODELS
def test_recorded_metric_is_reproduced(model: ZooModel) -> None:
    """Fewer images of the same seed give the recorded figure within their sampling noise."""
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(xml_path(model.name), "CPU", options)
    pictures = [
        metrics.picture(model, model.measured.seed, index, "evaluate") for index in range(IMAGES)
    ]
    outputs = [metrics.infer(compiled, model, one.image) for one in pictures]
    found = metrics.score(model, outputs, pictures)
    assert abs(found - model.measured.parent) < noise(model)
    if model.metric == "psnr":
        left = metrics.squared_errors(model, outputs, pictures).mean()
        assert left < 0.7 * metrics.untouched_errors(pictures).mean()


def noise(model: ZooModel) -> float:
    """Four standard errors of a share; a decibel for pictures, whose noise differs that much."""
    recorded = model.measured.parent
    if model.metric == "psnr":
        return 1.0
    return 4 * math.sqrt(recorded * (1 - recorded) / IMAGES)


@MODELS
def test_there_is_room_for_a_drop(model: ZooModel) -> None:
    """The parent is good but imperfect, and quantization costs little."""
    if model.metric == "psnr":
        assert 0 < model.measured.parent - model.measured.optimized < 0.5
        return
    if model.metric == "abs_rel":
        assert 0.02 < model.measured.parent < model.measured.optimized < 1.1 * model.measured.parent
        return
    assert 0.6 < model.measured.parent < 0.95
    assert model.measured.parent - model.measured.optimized < 0.03


def test_every_task_with_a_metric_has_a_built_in_model() -> None:
    """Nothing needs to be downloaded to see a task judged, raw outputs apart."""
    assert {model.task for model in ZOO.values()} == set(TASKS) - {"generic"}


@pytest.mark.parametrize("name", ZOO)
def test_the_documentation_tells_the_recorded_figures(name: str) -> None:
    """The table of built-in models says what the catalog records of the committed weights."""
    table = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    (row,) = (line for line in table.splitlines() if line.startswith(f"| `{name}` |"))
    told = [cell.strip() for cell in row.strip("|").split("|")][-2:]
    measured = ZOO[name].measured
    digits = 1 if ZOO[name].metric == "psnr" else 3
    figures = [f"{value:.{digits}f}" for value in (measured.parent, measured.optimized)]
    assert told == [figure.removeprefix("0") for figure in figures]
