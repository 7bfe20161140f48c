from __future__ import annotations

from dataclasses import replace
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest

from quantgate.attribution.ask import Ask, asked, drawn
from quantgate.attribution.execution import in_floats, refusals
from quantgate.attribution.explain import explain
from quantgate.attribution.simulate import simulated
from quantgate.core.estimate import Estimate
from quantgate.core.explained import TAIL, Execution, Explanation, Group, Loss
from quantgate.datasets.sample import Sample
from quantgate.decoders.tensors import TensorsDecoder
from quantgate.engine.quantizers import layers
from quantgate.errors import MeasurementError
from quantgate.pair import Pair
from quantgate.report.html.depth_chart import depth_chart
from quantgate.report.words.explained import (
    execution_sentences,
    headline,
    sentences,
    verdict_text,
)
from quantgate.sources.opset import opset
from quantgate.tasks.catalog import TASKS
from suites.quantized import (
    DAMAGES,
    bed,
    damaged,
    misexecuting,
    network,
    picture,
    run,
)

if TYPE_CHECKING:
    from suites.quantized import Bed

ASK = Ask(model="planted", images=16)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    """Networks of six blocks on pictures whose class is the parent's answer."""
    return bed(tmp_path_factory.mktemp("bed"), network())


@pytest.mark.parametrize("damage", DAMAGES)
def test_planted_damage_is_named_first(planted: Bed, tmp_path: Path, damage: str) -> None:
    """The block, the layer and quantization itself are named, with the setting that leaves it out."""
    paths = planted.saved(damaged(planted.models.optimized, 3, damage), tmp_path)

    found = explain(paths, planted.bench, planted.plan, ASK)

    assert found.ranked("block")[0].layers == ("block3/conv",)
    assert found.ranked("layer")[0].name == "block3/conv"
    assert found.ranked("layer")[0].costs(found.base) > 0.5
    assert found.execution is not None
    assert found.execution.cause == "quantization"
    said = " ".join(sentences(found))
    assert 'calibrate.ignored.names = ["block3/conv"]' in said
    assert "It is quantization" in said
    assert found.images == 16
    assert headline(found).startswith("Top-1 accuracy 1.000 → ")


def test_putting_the_damaged_layer_back_regains_the_metric(planted: Bed, tmp_path: Path) -> None:
    """What only the layer costs, and what comes back without it, are asked in the task's metric."""
    paths = planted.saved(damaged(planted.models.optimized, 3, "narrow"), tmp_path)

    found = explain(paths, planted.bench, planted.plan, ASK)
    first = found.ranked("layer")[0]

    assert depth_chart(found).count('class="worst"') == 1  # no other layer is a cause
    assert first.only is not None
    assert first.back is not None
    assert first.only.drop is not None
    assert first.only.drop > 0.2
    assert first.back.drop == pytest.approx(0, abs=0.1)
    assert first.only.noise > 100 * first.back.noise


@pytest.mark.parametrize("number", [0, 2, 5])
def test_a_kernel_that_computes_something_else_is_execution(
    planted: Bed, tmp_path: Path, number: int
) -> None:
    """Execution is named, the quantizer where it begins, and a part that fails by itself is kept."""
    quantizer = f"block{number}/fq"
    ask = Ask(images=16, execute=misexecuting(quantizer), folder=tmp_path / "part")

    found = explain(planted.paths, planted.bench, planted.plan, ask)

    told = found.execution
    assert told is not None
    assert told.cause == "execution"
    assert told.first is not None
    assert told.first.quantizer == quantizer
    assert told.first.layers == (f"block{number}/conv",)
    assert told.first.alone
    said = " ".join(execution_sentences(told))
    assert "It is execution, not quantization" in said
    assert f'calibrate.ignored.names = ["block{number}/conv"]' in said
    part = ov.Core().read_model(told.first.subgraph)
    assert [layer.name for layer in layers(part)][-1] == f"block{number}/conv"
    inputs = list(np.load(tmp_path / "part" / "inputs.npz").values())
    wrong, right = (
        np.array(compiled(inputs)[0])
        for compiled in (misexecuting(quantizer)(part), in_floats(simulated(part)))
    )
    assert np.abs(wrong - right).max() > 0.01
    assert found.groups[0].asked


def test_what_quantization_costs_is_asked_in_floats_where_execution_is_at_fault(
    planted: Bed, tmp_path: Path
) -> None:
    """A damaged layer is still found behind a faulty kernel, and told apart from it."""
    paths = planted.saved(damaged(planted.models.optimized, 4, "outlier", 1.1), tmp_path)
    ask = Ask(images=16, execute=misexecuting("block1/fq", 4.0))

    found = explain(paths, planted.bench, planted.plan, ask)

    assert found.execution is not None
    assert found.execution.cause == "execution"
    assert found.execution.first is not None
    assert found.execution.first.quantizer == "block1/fq"
    assert found.ranked("layer")[0].name == "block4/conv"
    assert found.base.noise < found.total.noise


def test_compilations_that_differ_are_said_and_widen_the_interval(planted: Bed) -> None:
    """One compilation of two is another model: execution, and an interval that holds both."""
    faulty, turns = misexecuting("block2/fq", 6.0), cycle((False, True))

    def execute(model: ov.Model) -> ov.CompiledModel:
        return faulty(model) if next(turns) else in_floats(model)

    ask = Ask(images=16, execute=execute)

    told = explain(planted.paths, planted.bench, planted.plan, ask).execution

    assert told is not None
    assert not told.repeats
    assert told.cause == "execution"
    assert told.spread > 0
    assert told.error.high - told.error.low >= 2 * told.spread
    assert any("differ among themselves" in sentence for sentence in execution_sentences(told))


def test_agreeing_execution_is_not_blamed(planted: Bed) -> None:
    """A sound model on a sound device: no error of execution, no compilation that differs."""
    told = explain(planted.paths, planted.bench, planted.plan, ASK).execution

    assert told is not None
    assert told.cause == "quantization"
    assert told.compilations == 0
    assert told.error.value == 0
    assert told.of == "top1"


def test_without_annotations_agreement_is_asked(tmp_path: Path) -> None:
    """No truth is needed: what is lost is agreement with the parent."""
    made = bed(tmp_path, network(), annotated=False)
    paths = made.saved(damaged(made.models.optimized, 3, "narrow"), tmp_path)

    found = explain(paths, made.bench, made.plan, ASK)

    assert found.parent is None
    assert found.total.disagreement is not None
    assert found.total.disagreement > 0.2
    assert found.execution is not None
    assert found.execution.of == "disagreement"
    assert "of agreement" in " ".join(sentences(found))
    assert found.ranked("layer")[0].name == "block3/conv"


def test_out_of_time_keeps_what_is_known(planted: Bed) -> None:
    """No further question is begun; local scores rank the rest, and the page says so."""
    ticks = count(0, 20)
    ask = Ask(images=8, seconds=30, clock=lambda: float(next(ticks)))

    found = explain(planted.paths, planted.bench, planted.plan, ask)

    assert not any(group.asked for group in found.ranked("type"))
    assert sum(group.asked for group in found.groups) < 10
    assert any("time was over after" in note for note in found.notes)
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)


def test_without_time_for_any_question_the_noise_names_the_layer(
    planted: Bed, tmp_path: Path
) -> None:
    """Nothing asked is never "no layer stands out": one pass has named the suspect already."""
    paths = planted.saved(damaged(planted.models.optimized, 3, "narrow"), tmp_path)
    ticks = count(0, 20)
    ask = Ask(images=8, seconds=1, clock=lambda: float(next(ticks)))

    found = explain(paths, planted.bench, planted.plan, ask)

    assert not any(group.asked for group in found.groups)
    assert verdict_text(found).startswith("most of the noise begins in block3/conv (")
    assert 'calibrate.ignored.names = ["block3/conv"]' in " ".join(sentences(found))
    assert "stands out" not in " ".join(sentences(found))


def test_several_products_behind_the_weights_are_named_together() -> None:
    """No single one of them costs much, all of them do."""
    alone, put_back = Loss(0.3, None, 0.01), Loss(0.0, None, 0.1)
    last = Group("pattern", TAIL, ("boxes", "corners"), 1e-6, alone, put_back)
    one = Group("layer", "boxes", ("boxes",), 1e-6, Loss(0.01, None, 0.01), Loss(0.3, None, 0.1))
    total = Loss(0.3, None, 0.1)
    found = Explanation("m", "AP", 8, 0.7, total, total, groups=(last, one))
    leave = 'calibrate.ignored.names = ["boxes", "corners"]'

    assert verdict_text(found) == f"lost in {TAIL} (52.5 %): {leave}"
    assert f"To leave them out: {leave}" in sentences(found)
    assert not any("stands out" in one for one in sentences(found))


def test_a_model_without_quantizers_is_one_sentence(planted: Bed) -> None:
    """Nothing was quantized: nothing is asked, and nothing fails."""
    found = explain(
        Pair(planted.paths.parent, planted.paths.parent), planted.bench, planted.plan, ASK
    )

    assert found.layers == ()
    assert sentences(found) == (
        "The optimized model has no quantized layer: there is nothing to put back.",
    )


def test_one_quantized_layer_is_enough(tmp_path: Path) -> None:
    """A network of one layer: its facts are told though there is no group to compare it with."""
    made = bed(tmp_path, network(depth=1))

    found = explain(made.paths, made.bench, made.plan, ASK)

    assert [layer.name for layer in found.layers] == ["block0/conv"]
    assert found.layers[0].share == pytest.approx(1)


def test_a_model_from_elsewhere_says_which_weights_stay(planted: Bed, tmp_path: Path) -> None:
    """Layers whose names the parent does not have keep their integer weights, and that is said."""
    renamed = planted.models.optimized.clone()
    for node in renamed.get_ops():
        if node.get_type_name() == "Convolution":
            node.set_friendly_name(f"other/{node.get_friendly_name()}")

    found = explain(planted.saved(renamed, tmp_path), planted.bench, planted.plan, ASK)

    assert any("6 of 6 layers with weights are not in the parent" in note for note in found.notes)
    assert found.ranked("layer")[0].asked


def test_a_model_with_other_weights_is_more_than_quantization(planted: Bed, tmp_path: Path) -> None:
    """An optimized model that was also trained further is said to differ by more than quantizers."""
    other = planted.models.optimized.clone()
    for node in other.get_ops():
        if node.get_friendly_name() == "pooled":
            scaled = opset().multiply(node.input_value(0), np.float32(1.5))
            node.input(0).replace_source_output(scaled.output(0))

    found = explain(planted.saved(other, tmp_path), planted.bench, planted.plan, ASK)

    assert any("differs from it by more than its quantizers" in note for note in found.notes)


def test_an_output_of_another_name_counts_as_lost(planted: Bed, tmp_path: Path) -> None:
    """Raw outputs that have no twin are no crash: what the parent says there is noise as a whole."""
    renamed = planted.models.optimized.clone()
    renamed.output(0).set_names({"probabilities"})

    found = explain(planted.saved(renamed, tmp_path), planted.bench, planted.plan, ASK)

    assert found.total.noise == pytest.approx(1)
    assert found.total.drop is not None


def test_what_openvino_refuses_is_a_measurement_that_failed() -> None:
    """A graph made for an explanation that cannot be built never takes the verdict with it."""
    image = opset().parameter([1, 3], np.float32)

    with pytest.raises(MeasurementError, match="refuses a graph made of"), refusals():
        opset().reshape(image, [2, 7], special_zero=False)


def test_several_outputs_and_loops_are_taken_as_they_are(tmp_path: Path) -> None:
    """A second output counts as the first does, and layers inside a loop are said to be left out."""
    models = network().map(_with_loop_and_second_output)
    made = bed(tmp_path, models, annotated=False)
    bench = replace(
        made.bench, decoder=TensorsDecoder(), task=TASKS["generic"], task_name="generic"
    )

    found = explain(made.paths, bench, made.plan, ASK)

    assert any("1 loop or branch is taken as it is" in note for note in found.notes)
    assert found.ranked("layer")[0].asked
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)


def test_rows_that_are_data_are_looked_at(tmp_path: Path) -> None:
    """Behind a choice of rows, which noise chooses otherwise, layers are scored and asked about all the same."""
    models = network()
    chosen = Pair(
        _chosen(models.parent, quantized=False), _chosen(models.optimized, quantized=True)
    )
    made = bed(tmp_path, chosen, annotated=False)
    bench = replace(
        made.bench, decoder=TensorsDecoder(), task=TASKS["generic"], task_name="generic"
    )

    found = explain(made.paths, bench, made.plan, replace(ASK, groups={"layer": 2}))

    assert "rows/matmul" in {layer.name for layer in found.layers}
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    assert found.ranked("layer")[0].asked
    assert found.notes == ()


def _chosen(model: ov.Model, *, quantized: bool) -> ov.Model:
    """Beside the output there is, keep the pixels above the mean, and multiply those."""
    op, copy = opset(), model.clone()
    (behind,) = (node for node in copy.get_ops() if node.get_friendly_name() == "block5/relu")
    pixels = op.reshape(op.transpose(behind, [0, 2, 3, 1]), [-1, 8], False)
    largest = op.reduce_max(pixels, [1])
    above = op.non_zero(op.greater(largest, op.reduce_mean(largest, [0], True)))
    rows = op.gather(pixels, op.reshape(above, [-1], False), np.int64(0))
    if quantized:
        rows = op.fake_quantize(rows, *map(np.float32, (0, 3, 0, 3)), 256, name="rows/fq")
    weights = np.random.default_rng(0).normal(0, 1, (8, 4)).astype(np.float32)
    product = op.matmul(rows, op.constant(weights), False, False, name="rows/matmul")
    product.output(0).set_names({"rows"})
    return ov.Model(
        [copy.get_results()[0].input_value(0), product.output(0)], copy.get_parameters()
    )


def test_models_of_other_sizes_are_one_sentence(planted: Bed, tmp_path: Path) -> None:
    """What cannot be given the same images is refused with both sizes."""
    other = planted.models.optimized.clone()
    other.reshape([1, 24, 24, 3])

    with pytest.raises(MeasurementError, match=r"\[1,16,16,3\] and \[1,24,24,3\]"):
        explain(planted.saved(other, tmp_path), planted.bench, planted.plan, ASK)


def _with_loop_and_second_output(model: ov.Model) -> ov.Model:
    op, copy = opset(), model.clone()
    pooled = copy.get_results()[0].input_value(0)
    inner = op.parameter([1, 8], np.float32)
    body = ov.Model([op.multiply(inner, np.float32(0.5))], [inner])
    loop = op.tensor_iterator()
    loop.set_function(body)
    loop.set_sliced_input(inner, op.reshape(pooled, [1, 8], False).output(0), 0, 1, 1, -1, 0)
    looped = loop.get_concatenated_slices(body.get_results()[0].output(0), 0, 1, 1, -1, 0)
    extra = op.multiply(looped, np.float32(1), name="extra")
    extra.output(0).set_names({"extra"})
    scores = op.reshape(pooled, [1, 8], False, name="scores")
    scores.output(0).set_names({"pooled_again"})
    return ov.Model([scores, extra], copy.get_parameters())


def test_images_are_drawn_by_the_seed() -> None:
    """The same seed gives the same images in their own order, another one gives others."""
    every = [Sample(f"{k}.png", Path(f"{k}.png"), "digest") for k in range(100)]

    assert drawn(every, 10, 0) == drawn(every, 10, 0)
    assert drawn(every, 10, 0) != drawn(every, 10, 1)
    assert [every.index(one) for one in drawn(every, 10, 0)] == sorted(
        map(every.index, drawn(every, 10, 0))
    )
    assert drawn(every, 200, 0) == every


@pytest.mark.parametrize(("executed", "cause"), [(0.01, "quantization"), (0.05, "execution")])
def test_a_device_that_loses_less_than_its_graph_is_not_at_fault(
    executed: float, cause: str
) -> None:
    """Rows that change places are far apart; what counts first is what is lost."""
    error = Estimate(executed - 0.03, executed - 0.04, executed - 0.02, 8)
    arms = Loss(0.03, None, 1e-4), Loss(executed, None, 0.2)
    found = Execution(8, *arms, error, "ap", apart=0.2, compilations=0.0, spread=0.0)

    assert found.cause == cause


@pytest.mark.parametrize("number", [1, 2, 5, 10, 40])
def test_groups_asked_about_are_as_many_as_wanted(number: int) -> None:
    """However many, single layers and blocks are among them."""
    kinds = asked(number)

    assert kinds["layer"] >= 1
    assert sum(kinds.values()) == max(2, number)


def test_pictures_are_no_two_alike() -> None:
    """What the planted networks are judged on is not one picture many times."""
    made = run(
        network().parent, [picture(n).transpose(2, 0, 1)[None] / np.float32(255) for n in range(4)]
    )

    assert len(np.unique(made.round(4), axis=0)) == 4
