from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.advice import advise
from quantgate.core.estimate import Estimate
from quantgate.core.layers import joined
from quantgate.core.profile import Layer, Profile
from quantgate.core.verdict import Limit, Outcome, judge
from quantgate.engine.executed import executed_precisions, executed_problem
from quantgate.engine.memory import peak_memory
from quantgate.engine.profile import (
    int8_share,
    layer_table,
    macs_by_name,
    profile,
    reorder_share,
    type_table,
    work_shares,
)
from quantgate.entries import Benchmark
from quantgate.errors import MeasurementError
from quantgate.pair import Pair

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = {"image": np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)}
SHARE = Limit("min_int8_share", 0.9, "models.m.limits.min_int8_share")


def operations() -> Any:
    """Import opset 13 from where this OpenVINO keeps it."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")


def build_model() -> Any:
    """Build three convolutions and a matrix product with known multiply-accumulates."""
    import openvino as ov

    ops = operations()

    rng = np.random.default_rng(1)

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.2, shape).astype(np.float32)

    image = ops.parameter([1, 3, 64, 64], np.float32, name="image")
    image.output(0).set_names({"image"})
    same = ([1, 1], [1, 1], [1, 1], [1, 1])
    first = ops.relu(ops.convolution(image, weights(16, 3, 3, 3), *same, name="first"))
    deep = ops.group_convolution(first, weights(16, 1, 1, 3, 3), *same, name="depthwise")
    second = ops.relu(ops.convolution(ops.relu(deep), weights(32, 16, 3, 3), *same, name="second"))
    pooled = ops.reduce_mean(second, np.array([2, 3]), keep_dims=False)
    scores = ops.matmul(pooled, weights(32, 10), False, False, name="scores")
    return ov.Model([scores], [image], "small")


MACS = {
    "first": 64 * 64 * 16 * 27,
    "depthwise": 64 * 64 * 16 * 9,
    "second": 64 * 64 * 32 * 16 * 9,
    "scores": 32 * 10,
}


def quantized(model: Any, *ignored: str) -> Any:
    """Quantize with NNCF on a few random images, some operations left out."""
    import nncf

    rng = np.random.default_rng(2)
    images = nncf.Dataset([rng.random((1, 3, 64, 64), dtype=np.float32) for _ in range(4)])
    scope = nncf.IgnoredScope(names=list(ignored)) if ignored else None
    return nncf.quantize(model, images, subset_size=4, ignored_scope=scope)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the parent, its quantized copy, and one with a convolution left out."""
    import openvino as ov

    folder = tmp_path_factory.mktemp("models")
    ov.save_model(build_model(), folder / "parent.xml", compress_to_fp16=False)
    ov.save_model(quantized(build_model()), folder / "optimized.xml")
    ov.save_model(quantized(build_model(), "second"), folder / "ignored.xml")
    return folder


@pytest.fixture(scope="module")
def profiles(folder: Path) -> Pair[Profile]:
    """Profile both roles once."""
    return Pair(folder / "parent.xml", folder / "optimized.xml").map(
        lambda path: profile(path, "CPU", INPUTS)
    )


def test_multiply_accumulates_are_counted_from_the_shapes() -> None:
    """Plain, depthwise and dense layers have the textbook number of multiply-accumulates."""
    assert macs_by_name(build_model()) == MACS


def test_transposed_convolutions_are_counted_by_their_input() -> None:
    """Every input pixel of a transposed convolution meets every weight of its channel."""
    import openvino as ov

    ops = operations()

    image = ops.parameter([1, 4, 8, 8], np.float32, name="image")
    weights = np.ones((4, 6, 2, 2), np.float32)
    up = ops.convolution_backprop_data(image, weights, strides=[2, 2], name="up")

    assert macs_by_name(ov.Model([up], [image], "up")) == {"up": 4 * 8 * 8 * 6 * 4}


def test_every_operation_is_found_in_an_executed_layer(profiles: Pair[Profile]) -> None:
    """Fusing, renaming and reordering lose no multiply-accumulate."""
    for role in profiles:
        assert role.unmatched == ()
        assert sum(layer.macs for layer in role.layers) == role.total_macs == sum(MACS.values())


def test_a_convolution_is_found_that_is_named_after_its_scale(tmp_path: Path) -> None:
    """What the plugin calls by a product behind it is the convolution still, with its work in INT8."""
    import openvino as ov

    ops, rng = operations(), np.random.default_rng(0)
    image = ops.parameter([1, 8, 16, 16], np.float32, name="image")
    node, same = image, ([1, 1], [1, 1], [1, 1], [1, 1])
    for number in range(3):
        rounded = ops.fake_quantize(node, *map(np.float32, (0, 4, 0, 4)), 256)
        weights = rng.normal(0, 0.3, (8, 8, 3, 3)).astype(np.float32)
        kernel = ops.fake_quantize(weights, *map(np.float32, (-1, 1, -1, 1)), 255)
        made = ops.convolution(rounded, kernel, *same, name=f"conv{number}")
        scales = rng.uniform(0.5, 2, (1, 8, 1, 1)).astype(np.float32)
        scaled = ops.multiply(made, scales, name=f"scale{number}")
        node = ops.relu(ops.add(scaled, scales, name=f"bias{number}"))
    ov.save_model(ov.Model([node], [image], "scaled"), tmp_path / "scaled.xml")
    found = profile(tmp_path / "scaled.xml", "CPU", {"image": np.ones((1, 8, 16, 16), np.float32)})

    assert found.unmatched == ()
    assert [layer.macs for layer in found.computing] == 3 * [16 * 16 * 8 * 8 * 9]
    assert int8_share(found).value == 1.0


def test_parent_runs_nothing_in_int8(profiles: Pair[Profile]) -> None:
    """The share of a floating-point model is exactly 0."""
    assert int8_share(profiles.parent).value == 0.0


def test_quantized_model_runs_its_work_in_int8(profiles: Pair[Profile]) -> None:
    """Well-quantized convolutions give a share above 0.9, with no interval: it never flickers."""
    share = int8_share(profiles.optimized)

    assert share.low == share.value == share.high
    assert judge(share, SHARE, model="m", quantity="share").outcome is Outcome.PASSED


def test_ignored_scope_is_seen_without_a_stopwatch(folder: Path) -> None:
    """A convolution left out of quantization turns the gate red, by exactly its share of work."""
    share = int8_share(profile(folder / "ignored.xml", "CPU", INPUTS))
    lost = MACS["second"] / sum(MACS.values())

    assert share.value <= 1 - lost + 1e-9
    assert judge(share, SHARE, model="m", quantity="share").outcome is Outcome.FAILED


def test_shares_are_the_same_twice(folder: Path, profiles: Pair[Profile]) -> None:
    """Shares of layers and of multiply-accumulates do not depend on the clock, nor on how many copies are timed."""
    again = work_shares(profile(folder / "optimized.xml", "CPU", INPUTS, most=1))
    once = work_shares(profiles.optimized)

    assert once["layers"] == again["layers"]
    assert once["multiply-accumulates"] == again["multiply-accumulates"]
    assert sum(once["time"].values()) == pytest.approx(1.0)


def test_layers_are_joined_over_fusion(profiles: Pair[Profile]) -> None:
    """Each convolution of the parent stands beside the same one of the optimized model."""
    table = layer_table(profiles)
    macs = [row[-1] for row in table.rows]
    both = [row for row in table.rows if row[2] is not None and row[3] is not None]

    assert sorted(count for count in macs if count) == sorted(MACS.values())
    assert len(both) >= len(MACS)


def test_slowest_change_comes_first(profiles: Pair[Profile]) -> None:
    """Both tables are ordered by what got slower, and mark those rows."""
    for table in (layer_table(profiles), type_table(profiles)):
        place = [column.key for column in table.columns].index("difference_us")
        differences = [row[place] for row in table.rows]

        assert differences == sorted(differences, key=lambda value: -float(value or 0))
        assert table.erroneous == {
            i for i, value in enumerate(differences) if float(value or 0) > 0
        }


def test_f32_is_executed_when_demanded(folder: Path) -> None:
    """With f32 demanded, every layer that multiplies runs in f32 on any device."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(folder / "parent.xml")
    demanded = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    optimized = core.compile_model(core.read_model(folder / "optimized.xml"), "CPU")

    assert executed_problem("parent_f32", executed_precisions(demanded)) == ""
    assert executed_problem("optimized", executed_precisions(optimized)) == ""
    assert "swapped" in executed_problem("parent_f32", executed_precisions(optimized))
    assert "none of the optimized" in executed_problem("optimized", executed_precisions(demanded))


def test_what_does_not_run_is_one_sentence(folder: Path) -> None:
    """A tensor that does not fit the model breaks the profile with the shapes."""
    with pytest.raises(MeasurementError, match="does not fit"):
        profile(folder / "parent.xml", "CPU", {"image": np.zeros((1, 3, 8, 8), np.float32)})
    with pytest.raises(MeasurementError, match="no tensor for the input"):
        profile(folder / "parent.xml", "CPU", {"a": INPUTS["image"], "b": INPUTS["image"]})


def test_memory_is_measured_in_a_child(folder: Path) -> None:
    """Compiling and running a model costs memory above that of the library."""
    measured = peak_memory(folder / "parent.xml", Benchmark())

    assert measured.peak_bytes > 100_000
    assert measured.base_bytes > 1_000_000


def test_memory_of_a_missing_model_is_one_sentence(folder: Path) -> None:
    """A child that fails passes its last line on."""
    with pytest.raises(MeasurementError, match="failed"):
        peak_memory(folder / "absent.xml", Benchmark())


def layer(
    name: str, precision: str, time_us: int, macs: int = 0, *, kind: str = "Convolution"
) -> Layer:
    """Make an executed layer; reorders stand for no operation."""
    originals = () if kind == "Reorder" else (name,)
    return Layer(name, kind, "kernel", precision, time_us * 1000, macs, originals)


def made(*layers: Layer) -> Profile:
    """Make a profile of layers."""
    total = sum(item.macs for item in layers)
    return Profile("CPU", "default", layers, 0, total, (), (0.1, 0.2, 0.3))


PARENT = made(layer("a", "bf16", 500, 100), layer("b", "bf16", 500, 100))


def test_clean_quantization_gets_no_advice() -> None:
    """Where all work runs in INT8 and is faster, there is nothing to say."""
    good = made(layer("a", "u8", 250, 100), layer("b", "i8", 250, 100))

    assert advise(Pair(PARENT, good), Estimate(1.9, 1.8, 2.0, 12)) == ()


def test_advice_names_the_layers_it_rests_on() -> None:
    """Layers left in floating point, many reorders and a loss against the default are named."""
    bad = made(
        layer("a", "u8", 250, 100),
        layer("r", "f32", 300, kind="Reorder"),
        layer("b", "bf16", 900, 100),
    )
    found = {
        advice.code: advice.layers
        for advice in advise(Pair(PARENT, bad), Estimate(0.8, 0.7, 0.9, 12))
    }

    assert found == {
        "slower-than-default": ("b", "r"),
        "float-layers-left": ("b",),
        "many-reorders": ("r",),
    }


def test_layers_that_lost_their_fusion_are_named() -> None:
    """Layers that the parent runs inside a convolution and the optimized model alone are a reason."""
    fused = Layer("conv", "Convolution", "kernel", "bf16", 500_000, 100, ("conv", "swish"))
    alone = Layer("swish/fq_output_0", "Subgraph", "kernel", "bf16", 300_000, 0, ("swish",))
    optimized = made(layer("conv", "u8", 400, 100), alone)
    found = {item.code: item for item in advise(Pair(made(fused), optimized))}

    assert found["lost-fusions"].layers == ("swish/fq_output_0",)
    assert "43% of its time" in found["lost-fusions"].sentence
    assert "calibrate.ignored (swish and the like)" in found["lost-fusions"].sentence
    assert "(see swish/fq_output_0)" in found["lost-fusions"].with_layers
    assert "follows-precision-hint" not in found
    assert [item.code for item in advise(Pair(optimized, optimized))] == ["follows-precision-hint"]


def test_small_model_is_told_so() -> None:
    """A model of a few microseconds is governed by the cost of starting its layers."""
    small = made(layer("a", "u8", 10, 100))

    assert [advice.code for advice in advise(Pair(PARENT, small))] == ["small-model"]


def test_fused_layers_are_one_group() -> None:
    """Two parent layers that became one are compared with it together."""
    fused = Layer("ab", "Convolution", "kernel", "u8", 600_000, 200, ("a", "b"))
    groups = joined(Pair(PARENT, made(fused)))

    assert [(group.parent_ns, group.optimized_ns) for group in groups] == [(1_000_000, 600_000)]


def test_share_of_nothing_raises() -> None:
    """Neither a model without multiply-accumulates nor one that was not timed has a share."""
    with pytest.raises(MeasurementError, match="does not exist"):
        int8_share(made(layer("a", "f32", 5)))
    with pytest.raises(MeasurementError, match="nothing was profiled"):
        reorder_share(Profile("CPU", "default", (), 0, 0, (), ()))


def test_reorder_share_has_the_range_of_the_copies() -> None:
    """The share of time is stochastic and comes with its range."""
    share = reorder_share(PARENT)

    assert (share.low, share.value, share.high) == pytest.approx((0.1, 0.2, 0.3))
