from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
import pytest

from quantgate.attribution.execution import in_floats
from quantgate.attribution.facts import saturating
from quantgate.attribution.flow import shares_of
from quantgate.attribution.groups import blocks, groups_of, most_suspect, patterns, tail
from quantgate.attribution.scores import scores
from quantgate.attribution.simulate import simulated
from quantgate.core.explained import TAIL, Group, Loss
from quantgate.engine.quantizers import Graph, layers, quantizers
from quantgate.engine.surgery import floated, only, without
from quantgate.errors import MeasurementError
from quantgate.pair import Pair
from quantgate.sources.opset import opset
from suites.quantized import DAMAGES, damaged, images, network, run


@pytest.fixture(scope="module")
def models() -> Pair[ov.Model]:
    """A network of six convolutions, and the same quantized."""
    return network()


def noise(clean: Any, other: Any) -> float:
    """Squared distance over power."""
    return float(((other - clean) ** 2).sum() / (clean**2).sum())


def test_quantizers_name_the_layers_that_read_them(models: Pair[ov.Model]) -> None:
    """Activations and weights are told apart, each with its grid and its layer."""
    found = {one.name: one for one in quantizers(models.optimized)}

    assert found["block1/fq"].kind == "activations"
    assert found["block1/fq"].layers == ("block1/conv",)
    assert found["block1/fq"].levels == 256
    assert found["block1/fq_weights"].kind == "weights"
    assert found["block1/fq_weights"].grids == 8
    assert [layer.name for layer in layers(models.optimized)] == [
        f"block{n}/conv" for n in range(6)
    ]
    assert quantizers(models.parent) == ()


def test_every_layer_put_back_is_the_parent(models: Pair[ov.Model]) -> None:
    """With all layers in floating point the graph computes exactly what its parent does."""
    names = [layer.name for layer in layers(models.optimized)]
    clean = run(models.parent, images())

    assert noise(clean, run(models.optimized, images())) > 1e-6
    assert np.array_equal(run(without(models, names), images()), clean)
    assert np.array_equal(run(only(models, []), images()), clean)


def test_no_layer_put_back_is_the_optimized_model(models: Pair[ov.Model]) -> None:
    """Taking nothing out changes nothing, and the models given stay as they are."""
    before = run(models.optimized, images())

    assert np.array_equal(run(without(models, []), images()), before)
    assert np.array_equal(
        run(only(models, [layer.name for layer in layers(models.optimized)]), images()), before
    )
    without(models, ["block1/conv", "block4/conv"])
    assert np.array_equal(run(models.optimized, images()), before)


def test_a_quantizer_stays_for_the_layers_that_are_not_named() -> None:
    """Where two layers read one quantizer through a pooling, only the one put back goes around it."""
    op = opset()
    image = op.parameter([1, 3, 8, 8], np.float32)
    fake = op.fake_quantize(image, *map(np.float32, (-1, 1, -1, 1)), 16, name="fq")
    pool = op.max_pool(fake, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "floor", "explicit")
    left = op.multiply(pool.output(0), np.float32(2), name="left")
    right = op.multiply(pool.output(0), np.float32(3), name="right")
    quantized = ov.Model([op.concat([left, right], 1)], [image])
    inputs = [one[:, :, :8, :8] for one in images()]
    whole = run(quantized, inputs)

    found = run(without(Pair(quantized.clone(), quantized), ["left"]), inputs)

    assert [layer.name for layer in layers(quantized)] == ["left", "right"]
    assert np.array_equal(found[:, :, 3:], whole[:, :, 3:])
    assert not np.array_equal(found[:, :, :3], whole[:, :, :3])
    assert found[:, :, :3] / 2 == pytest.approx(_pooled(inputs), abs=1e-6)


def _pooled(inputs: list[Any]) -> Any:
    blocks = np.stack(inputs).reshape(len(inputs), 1, 3, 4, 2, 4, 2)
    return blocks.max(axis=(4, 6))


def test_simulation_is_the_rounding_that_the_graph_demands(models: Pair[ov.Model]) -> None:
    """A quantizer in plain floats gives each value that a FakeQuantize does, ties to even included."""
    op = opset()
    value = op.parameter([1, 3, 16, 16], np.float32)
    fake = op.fake_quantize(value, *map(np.float32, (-1, 1, -2, 2)), 5)
    quantized = ov.Model([fake], [value])
    ties = np.linspace(-1.5, 1.5, 3 * 16 * 16, dtype=np.float32).reshape(1, 3, 16, 16)
    grid = np.clip(ties, -1, 1)
    expected = np.round((grid + 1) * 2) - 2

    assert run(simulated(quantized), [ties]) == pytest.approx(expected[None])
    assert "FakeQuantize" not in {
        op.get_type_name() for op in simulated(models.optimized).get_ops()
    }
    assert noise(run(simulated(models.optimized), images()), run(models.optimized, images())) < 1e-4


def test_only_the_chosen_quantizers_are_simulated(models: Pair[ov.Model]) -> None:
    """The others stay as the device executes them."""
    fakes = Graph(models.optimized).fakes()

    kept = Graph(simulated(models.optimized, set(fakes[2:]))).fakes()

    assert len(kept) == 2


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("layer", [1, 2, 4])
def test_a_damaged_layer_has_the_largest_share(
    models: Pair[ov.Model], damage: str, layer: int
) -> None:
    """Whichever layer is damaged in whichever way, one pass names it first."""
    broken = Pair(models.parent, damaged(models.optimized, layer, damage))

    found = scores(broken, images())

    assert max(found, key=lambda name: found[name].share) == f"block{layer}/conv"
    assert sum(score.share for score in found.values()) == pytest.approx(1)


def test_scores_tell_own_noise_from_what_has_gathered(models: Pair[ov.Model]) -> None:
    """Behind a damaged layer noise has gathered; its own is made at one place only."""
    broken = Pair(models.parent, damaged(models.optimized, 2, "narrow"))

    found = scores(broken, images())

    assert found["block2/conv"].own > 20 * found["block4/conv"].own
    assert found["block4/conv"].gathered > 20 * found["block4/conv"].own
    assert found["block1/conv"].gathered < 1e-2 * found["block2/conv"].gathered
    assert found["block2/conv"].clipped > 0.1
    assert found["block3/conv"].clipped < 0.01


def test_the_signal_to_noise_of_one_layer_is_what_it_costs_alone(models: Pair[ov.Model]) -> None:
    """Own noise behind the last layer is the noise of the graph with only that layer quantized."""
    found = scores(models, images())["block5/conv"]
    alone = only(models, ["block5/conv"])
    behind = [_relu(graph) for graph in (models.parent, alone)]

    assert found.own == pytest.approx(noise(*(run(one, images()) for one in behind)), rel=1e-3)


def _relu(model: ov.Model) -> ov.Model:
    copy = model.clone()
    (node,) = (op for op in copy.get_ops() if op.get_friendly_name() == "block5/relu")
    return ov.Model([node], copy.get_parameters())


def test_no_image_cannot_be_scored(models: Pair[ov.Model]) -> None:
    """Nothing looked at is an error, not a score of 0."""
    with pytest.raises(MeasurementError, match="no image"):
        scores(models, [])


def test_shares_follow_the_noise_back(models: Pair[ov.Model]) -> None:
    """All noise that came in belongs to the layer that made it, none to those that hand it on."""
    graph = Graph(models.optimized)
    noises = [(0.0, 0.0), (0.5, 0.5), *[(0.0, 0.5)] * 4]

    assert shares_of(graph, noises) == pytest.approx([0, 1, 0, 0, 0, 0])


def test_groups_hold_every_layer_once_in_each_way(models: Pair[ov.Model]) -> None:
    """By block, type, pattern and layer: every layer is in one group of each kind."""
    graph = Graph(models.optimized)
    shares = {layer.name: 1 / 6 for layer in graph.layers}

    found = groups_of(graph, shares)

    for kind in ("block", "type", "pattern", "layer"):
        named = [name for group in found if group.kind == kind for name in group.layers]
        assert sorted(named) == sorted(shares)
    assert set(patterns(graph).values()) == {"Convolution + Add + Relu"}
    assert blocks(graph)["block2/conv"] != blocks(graph)["block0/conv"]
    assert blocks(graph)["block3/conv"] != blocks(graph)["block2/conv"]


def test_a_residual_is_not_cut(models: Pair[ov.Model]) -> None:
    """What a residual goes around is one block with nothing of what follows."""
    names = blocks(Graph(models.optimized))

    assert names["block4/conv"] != names["block3/conv"]
    assert len(set(names.values())) == 6


def test_arithmetic_behind_the_last_weights_is_always_asked_about() -> None:
    """Coordinates are computed there: eight bits of a hundred dB cost half of the matches."""
    pair = network()
    graph = Graph(_scaled(pair.optimized))
    shares = {layer.name: 1.0 for layer in graph.layers} | {"boxes": 1e-9, "corners": 1e-9}

    found = groups_of(graph, shares)
    asked = most_suspect(found, {"pattern": 1}, lambda _: True)

    assert tail(Graph(pair.optimized)) == []
    assert tail(graph) == ["boxes", "corners"]
    assert [group.name for group in asked] == ["Convolution + Add + Relu", TAIL]


def _scaled(model: ov.Model) -> ov.Model:
    """Quantize two products behind the last layer, as NNCF does where boxes are put into pixels."""
    op, copy = opset(), model.clone()
    values = copy.output(0).get_node().input_value(0)
    for name in ("boxes", "corners"):
        fake = op.fake_quantize(values, *map(np.float32, (0, 9, 0, 9)), 256, name=f"{name}/fq")
        values = op.multiply(fake, np.float32(2.5), name=name).output(0)
    return ov.Model([op.result(values)], copy.get_parameters())


def test_most_suspect_groups_take_turns() -> None:
    """The first of every kind come before the second of any."""
    made = [Group("block", f"b{n}", (f"b{n}",), 0.5) for n in range(3)]
    made += [Group("layer", f"l{n}", (f"l{n}",), 0.5) for n in range(3)]

    found = most_suspect(made, {"block": 2, "layer": 3}, lambda group: group.name != "l0")

    assert [group.name for group in found] == ["b0", "l1", "b1", "l2"]


def test_costs_are_the_mean_of_what_is_lost_alone_and_regained() -> None:
    """Where the metric lost something both it and the noise count; a gain never counts as cost."""
    total = Loss(0.2, None, 0.1)
    group = Group("layer", "a", ("a",), 0.3, Loss(0.1, None, 0.05), Loss(0.1, None, 0.05))
    better = Group("layer", "b", ("b",), 0.3, Loss(-0.1, None, 0.0), Loss(0.2, None, 0.1))

    assert group.costs(total) == pytest.approx(0.5)
    assert better.costs(total) == 0
    assert Group("layer", "c", ("c",), 0.3).costs(total) == pytest.approx(0.3)


@pytest.mark.parametrize(("held", "share"), [(127, 1.0), (60, 0.0)])
def test_saturating_weights_are_counted(held: int, share: float) -> None:
    """Two neighbouring inputs saturate 16 bits where both weights are large, and not where small."""
    assert saturating(np.full((4, 6, 3, 3), held, np.int8)) == share


def test_a_graph_without_quantizers_has_no_layer_to_put_back(models: Pair[ov.Model]) -> None:
    """A parent given as optimized model is left as it is."""
    both = Pair(models.parent, models.parent)

    assert np.array_equal(run(floated(both).model, images()), run(models.parent, images()))
    assert in_floats(floated(both).model) is not None
