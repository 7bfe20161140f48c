"""Where INT8 models lie, and how they are loaded, in the lines that close a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quantgate.report.model import ModelReport, Problem
from quantgate.report.words.int8 import int8_lines, package_line

if TYPE_CHECKING:
    from suites.conftest import Sample


def _model(name: str, device: str = "CPU") -> ModelReport:
    path = f"/store/{name}/model.xml"
    load = f"import openvino as ov\nmodel = ov.Core().compile_model({path!r}, {device!r}, {{}})"
    return ModelReport(name, "detection", ir=path, load=load)


def test_models_that_are_loaded_alike_share_a_line() -> None:
    """The path of each model is given, the expression once."""
    assert int8_lines([_model("a"), ModelReport("broken", "detection"), _model("long")]) == [
        "INT8  a     /store/a/model.xml",
        "INT8  long  /store/long/model.xml",
        "load  openvino.Core().compile_model(PATH, 'CPU', {})",
    ]


def test_models_that_are_loaded_otherwise_are_named() -> None:
    """Each way to load says which models it is for."""
    assert int8_lines([_model("a"), _model("b", "GPU")])[2:] == [
        "load  openvino.Core().compile_model(PATH, 'CPU', {})  (a)",
        "load  openvino.Core().compile_model(PATH, 'GPU', {})  (b)",
    ]


def test_a_run_without_a_model_says_nothing() -> None:
    """Where none was made there is nothing to load."""
    assert int8_lines([ModelReport("broken", "detection")]) == []


def test_only_what_passed_is_offered_as_a_package(sample: Sample) -> None:
    """A model that missed a limit or broke is not to be deployed; one alone is named."""
    models = (_model("ssd"), _model("digits"))
    report = replace(sample.report, models=models, problems=())
    failed = replace(report, judged=(replace(report.judged[0], fails=True),))
    broken = replace(failed, problems=(Problem("digits", "integrity", "broken", "it crashed"),))

    assert package_line(replace(report, judged=())).startswith("`quantgate package MODEL` makes")
    assert package_line(failed) == "`quantgate package digits` makes a folder to deploy of it"
    assert package_line(broken) == ""
