"""Where INT8 models lie, and how they are loaded, in the lines that close a run."""

from __future__ import annotations

from quantgate.report.model import ModelReport
from quantgate.report.words.int8 import int8_lines


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
