from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.engine.artifact import Artifact, input_shape
from quantgate.engine.constants import fix_inputs
from quantgate.engine.preprocess import embed, input_size
from quantgate.entries import Preprocess
from quantgate.errors import PreprocessError, StoreError

if TYPE_CHECKING:
    from pathlib import Path


def opset() -> Any:
    """Opset 13, wherever this OpenVINO keeps it."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")


def echo(*shapes: list[int], kind: Any = ov.Type.f32) -> ov.Model:
    """A model that returns its inputs."""
    ops = opset()
    inputs = [ops.parameter(ov.PartialShape(s), kind, name=f"x{i}") for i, s in enumerate(shapes)]
    for i, node in enumerate(inputs):
        node.output(0).set_names({f"x{i}"})
    results = [ops.result(ops.add(node, ops.constant(np.array(0), kind))) for node in inputs]
    return ov.Model(results, inputs, "echo")


PLANS = [
    Preprocess(),
    Preprocess(colour="rgb"),
    Preprocess(mean=127.5, scale=128.0),
    Preprocess(mean=(103.53, 116.28, 123.675), scale=(57.375, 57.12, 58.395)),
    Preprocess(colour="rgb", mean=(123.675, 116.28, 103.53), scale=(58.395, 57.12, 57.375)),
]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("shape", [[1, 3, 6, 8], [1, 6, 8, 3], [-1, 3, 6, 8], [4, 6, 8, 3]])
def test_what_is_embedded_equals_numpy(plan: Preprocess, shape: list[int]) -> None:
    """Colour, mean, scale and layout in the graph equal the same done by hand, to 1e-3."""
    image = np.random.default_rng(0).integers(0, 256, (1, 6, 8, 3), dtype=np.uint8)
    model = embed(echo(shape), plan)
    assert model.inputs[0].get_element_type() == ov.Type.u8
    assert list(model.inputs[0].get_shape()) == [1, 6, 8, 3]
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(image)[0]
    ordered = image[..., ::-1] if plan.colour == "rgb" else image
    expected = (ordered.astype(np.float64) - np.array(plan.mean)) / np.array(plan.scale)
    if shape[1] == 3:
        expected = expected.transpose(0, 3, 1, 2)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("shape", [[-1, 1, -1, -1], [-1, -1, -1, 1]])
def test_grey_and_dynamic_inputs_become_static(shape: list[int]) -> None:
    """The plan's size fills what the model leaves open."""
    plan = Preprocess(size=(8, 6), colour="gray", scale=255.0)
    model = embed(echo(shape), plan)
    assert list(model.inputs[0].get_shape()) == [1, 6, 8, 1]
    found = ov.Core().compile_model(model, "CPU")(np.full((1, 6, 8, 1), 255, np.uint8))[0]
    assert np.allclose(found, 1.0)


def test_the_model_given_is_left_alone() -> None:
    """Embedding makes a copy."""
    model = echo([1, 3, -1, -1])
    embed(model, Preprocess(size=(8, 6), mean=3.0))
    assert str(model.inputs[0].get_partial_shape()) == "[1,3,?,?]"
    assert model.inputs[0].get_element_type() == ov.Type.f32


def test_names_of_inputs_and_outputs_stay() -> None:
    """Decoders and reports find outputs by their names after embedding."""
    model = echo([1, 3, 6, 8])
    model.outputs[0].set_names({"scores"})
    embedded = embed(model, Preprocess(colour="rgb", mean=1.0))
    assert embedded.outputs[0].get_names() == {"scores"}
    assert embedded.inputs[0].get_names() == {"x0"}


def test_half_precision_inputs_are_fed_too() -> None:
    """The element type of the model's own input is met by a conversion."""
    model = embed(echo([1, 3, 6, 8], kind=ov.Type.f16), Preprocess(scale=255.0))
    found = ov.Core().compile_model(model, "CPU")(np.full((1, 6, 8, 3), 255, np.uint8))[0]
    assert np.allclose(found, 1.0, atol=1e-2)


@pytest.mark.parametrize(
    ("shapes", "plan", "message"),
    [
        ([[1, 3, -1, -1]], Preprocess(), "dynamic in size: set preprocess.size"),
        ([[1, 3, 6]], Preprocess(), "an image needs four dimensions"),
        ([[1, 3, 6, 3]], Preprocess(), "cannot be inferred from its shape: set preprocess.layout"),
        ([[1, 5, 6, 7]], Preprocess(), "cannot be inferred from its shape"),
        ([[1, 5, 6, 7]], Preprocess(layout="nchw"), "has 5 channels"),
        ([[1, 3, 6, 8]], Preprocess(colour="gray"), "has 3 channels"),
        ([[1, 1, 6, 8]], Preprocess(), "has 1 channels"),
        ([[1, 3, 6, 8]], Preprocess(mean=(1.0, 2.0)), r"preprocess\.mean has 2 values"),
        ([[1, 3, 6, 8]], Preprocess(scale=(1.0, 0.0, 2.0)), r"preprocess\.scale holds 0"),
        ([[1, 3, 6, 8]], Preprocess(input="image"), "found the inputs x0; name one of them"),
        ([[1, 3, 6, 8], [1, 4]], Preprocess(), "the model has the inputs x0, x1"),
        ([[1, 3, 6, 8], [1, 4]], Preprocess(input="x0"), "give the values of all others"),
    ],
)
def test_a_plan_that_does_not_fit_is_one_sentence(
    shapes: list[list[int]], plan: Preprocess, message: str
) -> None:
    """Each misfit between plan and input says what to set."""
    with pytest.raises(PreprocessError, match=message) as caught:
        embed(echo(*shapes), plan)
    assert "\n" not in str(caught.value)


def two_inputs(kind: Any = ov.Type.i64) -> ov.Model:
    """Image plus the first number of ``sizes`` [?,2]."""
    ops = opset()
    image = ops.parameter([1, 3, 6, 8], name="image")
    sizes = ops.parameter(ov.PartialShape([-1, 2]), kind, name="sizes")
    for node in (image, sizes):
        node.output(0).set_names({node.get_friendly_name()})
    first = ops.gather(sizes, ops.constant(np.array(0)), ops.constant(np.array(1)))
    total = ops.add(image, ops.convert(first, "f32"))
    return ov.Model([ops.result(total)], [image, sizes], "two")


@pytest.mark.parametrize("value", [7.0, (7.0, 9.0)])
def test_other_inputs_become_constants(value: Any) -> None:
    """One number fills an input, several are its elements row by row; the image alone is left."""
    model = two_inputs()
    plan = Preprocess(constants={"sizes": value})
    fix_inputs(model, plan.constants)
    compiled = ov.Core().compile_model(embed(model, plan), "CPU")
    (found,) = compiled(np.zeros((1, 6, 8, 3), np.uint8)).values()
    assert [port.get_any_name() for port in compiled.inputs] == ["image"]
    assert set(found.ravel().tolist()) == {7.0}


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"size": 1.0}, "constants names 'size', found the inputs image, sizes"),
        ({"sizes": (1.0, 2.0, 3.0)}, r"gives 3 numbers, the input of shape \[1, 2\] takes 2"),
    ],
)
def test_constants_that_do_not_fit_are_one_sentence(
    constants: dict[str, Any], message: str
) -> None:
    """Unknown names and other counts are refused with what the model has."""
    with pytest.raises(PreprocessError, match=message):
        fix_inputs(two_inputs(), constants)


def test_a_size_that_the_graph_cannot_take_is_refused() -> None:
    """A graph with a fixed inner size keeps its own."""
    ops = opset()
    image = ops.parameter([1, 3, 6, 8], name="x")
    flat = ops.reshape(image, ops.constant(np.array([1, 144])), special_zero=False)
    model = ov.Model([ops.result(flat)], [image], "fixed")
    assert input_size(model, Preprocess()) == (8, 6)
    with pytest.raises(PreprocessError, match="cannot become") as caught:
        embed(model, Preprocess(size=(9, 9)))
    assert "\n" not in str(caught.value)


def test_a_graph_is_read_up_to_its_first_input_alone(tmp_path: Path) -> None:
    """Its shape is known though the rest of the file is gone; without a static one the sentence says so."""
    for name, shape in (("still", [1, 6, 8, 3]), ("moving", [-1, 6, 8, 3])):
        ov.save_model(echo(shape), tmp_path / f"{name}.xml")
    text = (tmp_path / "still.xml").read_text("utf-8")
    (tmp_path / "still.xml").write_text(text[: text.index("</layer>") + 8], encoding="utf-8")

    assert input_shape(Artifact(tmp_path / "still.xml", "")) == (1, 6, 8, 3)
    with pytest.raises(StoreError, match="no input of a static shape"):
        input_shape(Artifact(tmp_path / "moving.xml", ""))
