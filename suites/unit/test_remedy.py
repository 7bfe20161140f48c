from __future__ import annotations

import hashlib
import itertools
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.attribution.images import prepare_images
from quantgate.core.verdict import Limit
from quantgate.engine.quantizers import Graph, layers
from quantgate.engine.surgery import without
from quantgate.entries import Benchmark, IgnoredScope, Recipe, Unquantized
from quantgate.errors import MeasurementError
from quantgate.pair import Pair
from quantgate.remedy.course import Job
from quantgate.remedy.judge import Judge
from quantgate.remedy.patterns import architecture, has_attention
from quantgate.remedy.readings import Exchange
from quantgate.remedy.recipes import bases, ignoring, lines, refined, unquantizing
from quantgate.remedy.search import search
from quantgate.sources.opset import opset
from suites.quantized import SIDE, Bed, bed, damaged, network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DECLARED = Recipe("noise", subset=24)
LIMIT = Limit("min_agreement", 0.9, "models.m.limits.min_agreement")


def quantized(value: Any, name: str) -> Any:
    """Round a value to a grid."""
    return opset().fake_quantize(value, *map(np.float32, (-1, 1, -1, 1)), 256, name=f"{name}/fq")


def convolved(value: Any, name: str, channels: int = 4) -> Any:
    """Convolve a rounded value with weights of one pixel."""
    inputs = value.get_partial_shape()[1].get_length()
    kernel = opset().constant(np.ones((channels, inputs, 1, 1), np.float32))
    sides = ([1, 1], [0, 0], [0, 0], [1, 1])
    return opset().convolution(quantized(value, name), kernel, *sides, name=name).output(0)


def built(make: Callable[[Any], Any], shape: tuple[int, ...] = (1, 3, 8, 8)) -> Graph:
    """Read a graph made of an input."""
    image = opset().parameter(list(shape), np.float32)
    return Graph(ov.Model([make(image.output(0))], [image]))


def silu(value: Any, name: str) -> Any:
    """An activation that multiplies its input by its sigmoid, written out."""
    gate = opset().sigmoid(quantized(value, f"{name}/in"), name=f"{name}/gate")
    return (
        opset()
        .multiply(
            quantized(value, f"{name}/left"), quantized(gate, f"{name}/right"), name=f"{name}/mul"
        )
        .output(0)
    )


def hard_swish(value: Any, name: str) -> Any:
    """X · relu6(x + 3) / 6."""
    op = opset()
    moved = op.clamp(
        op.add(quantized(value, f"{name}/in"), np.float32(3), name=f"{name}/add"), 0, 6
    )
    sixth = op.multiply(quantized(moved, f"{name}/c"), np.float32(1 / 6), name=f"{name}/sixth")
    return op.multiply(
        quantized(value, f"{name}/v"), quantized(sixth, f"{name}/s"), name=f"{name}/mul"
    ).output(0)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (silu, {"act/gate", "act/mul"}),
        (hard_swish, {"act/add", "act/sixth", "act/mul"}),
    ],
)
def test_activations_written_out_are_recognised(make: Any, expected: set[str]) -> None:
    """By structure, whatever the names are; a product of two different values is none."""
    graph = built(lambda image: convolved(make(convolved(image, "first"), "act"), "second"))
    other = built(
        lambda image: (
            opset()
            .multiply(
                quantized(convolved(image, "left"), "l"),
                opset().sigmoid(quantized(convolved(image, "right"), "r")),
            )
            .output(0)
        )
    )

    assert architecture(graph)["activations with a gate"] == expected
    assert "act/mul" not in architecture(other).get("activations with a gate", set())


def test_squeeze_and_excite_is_recognised() -> None:
    """Channels weighed by numbers made of their means: the product and what makes the numbers."""

    def make(image: Any) -> Any:
        value = convolved(image, "first")
        mean = opset().reduce_mean(value, np.array([2, 3]), True).output(0)
        gate = opset().sigmoid(convolved(mean, "excite"))
        product = opset().multiply(quantized(value, "v"), quantized(gate, "g"), name="weighed")
        return convolved(product.output(0), "last")

    assert architecture(built(make))["squeeze and excite"] == {"excite", "weighed"}


def test_attention_makes_a_transformer() -> None:
    """Products of moving values around a softmax; a softmax at the end of a classifier is none."""

    def attend(image: Any) -> Any:
        op = opset()
        rows = quantized(op.reshape(image, np.array([1, 3, 64]), False), "rows")
        product = op.matmul(rows, rows, False, True, name="product")
        return op.matmul(
            quantized(op.softmax(product, 2), "s"), rows, False, False, name="mixed"
        ).output(0)

    graph = built(attend)
    plain = built(lambda image: opset().softmax(convolved(image, "last"), 1).output(0))

    assert has_attention(graph)
    assert {"product", "mixed"} <= architecture(graph)["attention"]
    assert not has_attention(plain)


def test_first_last_and_the_arithmetic_behind_are_told_apart() -> None:
    """Boxes are computed behind the last layer with weights: that arithmetic is a part of its own."""

    def make(image: Any) -> Any:
        op = opset()
        offsets = convolved(convolved(convolved(image, "first"), "middle"), "last")
        grown = op.exp(quantized(offsets, "e"), name="exp")
        return op.multiply(quantized(grown, "m"), np.float32(8), name="stride").output(0)

    found = architecture(built(make))

    assert found["the first layers"] == {"first"}
    assert found["the last layers"] == {"last"}
    assert found["the arithmetic behind the last layers"] == {"exp", "stride"}
    assert found["everything without weights"] == {"exp", "stride"}


def test_distributions_of_box_sides_are_recognised() -> None:
    """A softmax whose mean a last convolution takes, and the arithmetic behind it."""

    def make(image: Any) -> Any:
        op = opset()
        softmax = op.softmax(quantized(convolved(image, "head", 16), "s"), 1, name="softmax")
        mean = convolved(softmax.output(0), "mean", 1)
        return op.multiply(quantized(mean, "x"), np.float32(8), name="stride").output(0)

    assert architecture(built(make))["distributions of box sides"] >= {"mean", "stride"}


def test_recipes_begin_with_the_declared_one() -> None:
    """The other preset follows, and the model type where the network is a transformer."""
    plain = bases(replace(DECLARED, method="accuracy-aware"), transformer=False)
    every = bases(DECLARED, transformer=True)

    assert plain == [("as declared", DECLARED), ("mixed preset", replace(DECLARED, preset="mixed"))]
    assert every[:2] == plain
    assert {recipe.model_type for _, recipe in every[2:]} == {"transformer"}


def test_a_refinement_changes_one_thing_of_the_best_recipe() -> None:
    """Ranges, SmoothQuant for transformers, other images only where they may be drawn, exact bias correction."""
    mixed = replace(DECLARED, preset="mixed")
    plain = [one for _, one in refined(mixed, redraw=False)]
    every = [one for _, one in refined(replace(mixed, model_type="transformer"), redraw=True)]

    assert {one.preset for one in plain} == {"mixed"}
    assert {one.seed for one in plain} == {0}
    assert {(one.seed, one.subset) for one in every} == {(0, 24), (1, 24), (0, 48)}
    assert {one.advanced.smooth_quant_alphas.matmul for one in plain} == {None}
    assert {one.advanced.smooth_quant_alphas.matmul for one in every} == {None, 0.5, 0.8}
    assert sum(not one.fast_bias_correction for one in plain) == 1
    assert len({repr(one) for one in every}) == len(every)


def test_lines_are_the_recipe_again() -> None:
    """Read back as TOML they give every changed key, a whole type by its name and the rest by theirs."""
    types = {"a": "Add", "b": "Add", 'c "x"': "MatMul", "d": "MatMul"}
    mixed = replace(DECLARED, preset="mixed")
    _, ranged = next(refined(mixed, redraw=False))
    recipe = unquantizing(ignoring(ranged, {"a", "b", 'c "x"'}, types), {"d"}, types)

    told = tomllib.loads(lines("my.model", recipe, DECLARED))["models"]["my.model"]["calibrate"]

    assert recipe.ignored == IgnoredScope(names=('c "x"',), types=("Add",))
    assert recipe.unquantized == Unquantized(names=("d",))
    assert told == {
        "dataset": "noise",
        "subset": 24,
        "preset": "mixed",
        "ignored": {"names": ['c "x"'], "types": ["Add"]},
        "unquantized": {"names": ["d"]},
        "advanced": {
            "activations_range_estimator_params": {
                "min": {"statistics_type": "min", "aggregator_type": "min"},
                "max": {"statistics_type": "max", "aggregator_type": "max"},
            }
        },
    }


class World:
    """A network with one damaged layer; recipes are made by surgery instead of NNCF."""

    def __init__(self, folder: Path, layer: int = 3) -> None:
        models = network()
        self.folder = folder
        self.bed: Bed = bed(folder, Pair(models.parent, damaged(models.optimized, layer, "narrow")))
        self.made: list[Recipe] = []
        self.kept: dict[str, Any] = {}
        self.read = 0

    def make(self, recipe: Recipe) -> Path:
        """Put what a recipe leaves out back into floating point."""
        self.made.append(recipe)
        folder = self.folder / hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]
        if not folder.exists():
            folder.mkdir()
            out = {*recipe.ignored.names, *recipe.unquantized.names}
            types = {*recipe.ignored.types, *recipe.unquantized.types}
            models = self.bed.models
            out |= {one.name for one in layers(models.optimized) if one.type in types}
            ov.save_model(without(models, out), folder / "model.xml", compress_to_fp16=False)
        return folder / "model.xml"

    def keep(self, told: Any, build: Any) -> Any:
        """Keep readings as the store does."""
        key = repr(sorted(told.items()))
        if key not in self.kept:
            self.read += 1
            self.kept[key] = build()
        return self.kept[key]

    def job(self, **changed: Any) -> Job:
        """What the search works with."""
        dataset = self.bed.bench.dataset
        images = prepare_images(self.bed.bench, self.bed.plan, dataset.samples, (SIDE, SIDE))
        parent, limits = self.bed.paths.parent, {"min_agreement": LIMIT}
        judge = Judge(images, parent, limits, Benchmark(), lambda *_: 1.0)
        given = {"declared": DECLARED, "parent": self.bed.paths.parent, "judge": judge}
        return Job(
            **{
                **given,
                "make": self.make,
                "whole": self.make,
                "keep": self.keep,
                "seconds": 1e6,
                **changed,
            }
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One layer's grid is too narrow."""
    return World(tmp_path)


def test_the_damaged_layer_is_found_and_nothing_else_is_left_out(world: World) -> None:
    """Without a hint: the best finalist meets the limit with that layer alone in floating point."""
    found = search(world.job())

    best = found.finalists[0]
    assert best.need <= 0.75
    assert best.recipe.ignored.names == ("block3/conv",)
    assert best.recipe.preset == "performance"
    assert found.tried[0].title == "as declared"
    assert found.tried[0].need > 1
    assert {one.fate for one in found.tried} == {"out", "survived", "finalist"}
    assert [one.reading.images for one in found.tried].count(8) > 1


def test_a_search_that_was_killed_goes_on_where_it_stopped(world: World) -> None:
    """What was kept is not read again, and the answer is the same."""
    first = search(world.job())
    halfway = dict(itertools.islice(world.kept.items(), world.read // 2))
    reads, half, world.kept, world.read = world.read, len(halfway), halfway, 0

    second = search(world.job())

    assert [one.recipe for one in second.finalists] == [one.recipe for one in first.finalists]
    assert world.read <= reads - half


def test_where_nncf_answers_otherwise_quantizers_are_taken_out_instead(world: World) -> None:
    """An ignored scope that does not help is not proposed: the same layers go by `unquantized`."""
    make = world.make

    def stubborn(recipe: Recipe) -> Path:
        return make(replace(recipe, ignored=IgnoredScope()))

    best = search(world.job(make=stubborn, whole=stubborn)).finalists[0]

    assert best.recipe.unquantized.names == ("block3/conv",)
    assert best.recipe.ignored == IgnoredScope()


def test_no_time_at_all_still_reads_the_declared_recipe(world: World) -> None:
    """The budget ends the search, and the answer says so."""
    ticks = itertools.count()

    found = search(world.job(seconds=2.0, clock=lambda: float(next(ticks))))

    assert found.tried[0].title == "as declared"
    assert len(found.tried) <= 2
    assert any("time for the search was over" in note for note in found.notes)


def test_a_parent_that_cannot_be_read_is_one_sentence(world: World) -> None:
    """Where not even the declared recipe can be tried, its own reason is raised."""

    def broken(_: Recipe) -> Path:
        raise MeasurementError("CPU does not compile it")

    with pytest.raises(Exception, match="as declared could not be tried: CPU does not compile it"):
        search(world.job(make=broken))


def test_where_nothing_is_lost_the_declared_recipe_comes_first(tmp_path: Path) -> None:
    """What is as good and changes less is preferred."""
    world = World(tmp_path)
    sound = network()
    world.bed = bed(tmp_path, sound)

    found = search(world.job())

    assert found.tried[0].need <= 0.75
    assert all(one.need <= 0.75 for one in found.finalists)


def test_a_missed_speed_is_searched_for_as_accuracy_is(tmp_path: Path) -> None:
    """One layer slows the model down while it is quantized: it alone is left out, and what is fast enough wins."""
    world = World(tmp_path)
    world.bed = bed(tmp_path, network())
    speed = Limit("min_speedup", 1.2, "models.m.limits.min_speedup")

    def slowed(candidate: ov.Model, *_: Any) -> float:
        quantized = {layer.name for layer in layers(candidate)}
        return 0.9 if "block3/conv" in quantized else 1.5

    job = world.job()
    judge = replace(job.judge, limits={"min_agreement": LIMIT, "min_speedup": speed}, pace=slowed)
    found = search(replace(job, judge=judge))
    declared, best = found.tried[0], found.finalists[0]

    assert declared.need > 1
    assert best.need <= 1
    assert best.recipe.ignored.names == ("block3/conv",)


@pytest.mark.parametrize("weightless", [False, True])
def test_pruning_spends_nothing_where_nothing_is_gained(
    world: World, monkeypatch: pytest.MonkeyPatch, *, weightless: bool
) -> None:
    """Work that need not be in float goes back, and the whole set stays a finalist; what has no work stays out."""
    wide = frozenset({"block2/conv", "block3/conv", "block4/conv"})
    monkeypatch.setattr("quantgate.remedy.search.scopes", lambda *_: {"three blocks": wide})
    if weightless:
        monkeypatch.setattr("quantgate.remedy.graphs.macs_by_name", lambda _: {})

    finalists = search(world.job()).finalists
    left = [set(one.recipe.ignored.names) for one in finalists if one.need <= 0.75]

    assert wide in left
    assert ({"block3/conv"} in left) is not weightless
    assert all(len(names) in {1, 3} for names in left)


def test_the_likelier_of_two_as_fast_is_the_better_finalist(world: World) -> None:
    """As declared meets the limit too, but hardly on other images: what is sure goes first, though it changes more."""
    job = world.job()
    loose = replace(LIMIT, threshold=1 - 11 / len(job.judge.images))
    found = search(replace(job, judge=replace(job.judge, limits={"min_agreement": loose})))
    declared, best = found.tried[0], found.finalists[0]

    assert declared.need <= 0.75, "as declared must meet the target as well"
    assert declared.reading.chance is not None
    assert declared.reading.chance < 0.95 < best.chance
    assert best.recipe.ignored.names == ("block3/conv",)


@pytest.mark.parametrize(
    ("pace", "weightless", "spared"), [(1.0, True, True), (1.5, True, False), (1.0, False, False)]
)
def test_what_another_outdoes_is_neither_read_again_nor_made(
    world: World, monkeypatch: pytest.MonkeyPatch, *, pace: float, weightless: bool, spared: bool
) -> None:
    """As declared is in doubt: it stays in the race where it is faster, or leaves less work in floating point."""
    if weightless:
        monkeypatch.setattr("quantgate.remedy.graphs.macs_by_name", lambda _: {})
    every = len(layers(world.bed.models.optimized))
    job = world.job()
    loose = replace(LIMIT, threshold=1 - 11 / len(job.judge.images))

    def timed(candidate: ov.Model, *_: Any) -> float:
        return pace if len(layers(candidate)) == every else 1.0

    judge = replace(job.judge, limits={"min_agreement": loose}, pace=timed)
    found = search(replace(job, judge=judge, exchange=Exchange(judge, world.make)))
    declared = found.tried[0]
    finalists = [one.title for one in found.finalists]

    assert declared.need <= 0.75
    assert ("as declared" in finalists) is not spared
    assert (declared.reading.images == len(judge.images)) is spared


def test_what_meets_the_limits_in_doubt_is_made_surer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer put back meets the limit, as other images may not: together with a second one it goes first."""
    world, models = World(tmp_path), network()
    twice = damaged(damaged(models.optimized, 3, "narrow", 3), 5, "narrow", 6)
    world.bed = bed(tmp_path, Pair(models.parent, twice))
    sets = {name: frozenset({f"{name}/conv"}) for name in ("block3", "block5")}
    monkeypatch.setattr("quantgate.remedy.search.scopes", lambda *_: sets)
    job = world.job()
    loose = replace(LIMIT, threshold=1 - 9 / len(job.judge.images))
    found = search(replace(job, judge=replace(job.judge, limits={"min_agreement": loose})))
    tried = {one.title: one for one in found.tried}

    assert tried["block3"].need > 1
    assert tried["block5"].need <= 0.75
    assert (tried["block5"].reading.chance or 0) < 0.98
    assert found.finalists[0].title == "block5 + block3"
    assert found.finalists[0].recipe.ignored.names == ("block3/conv", "block5/conv")


def test_the_best_are_looked_at_again_with_images_exchanged(tmp_path: Path) -> None:
    """What answers well by luck with its calibration images is found out before it becomes a finalist."""
    world = World(tmp_path)
    world.bed = bed(tmp_path, network())
    (tmp_path / "other").mkdir()
    unlucky = World(tmp_path / "other")
    job = world.job()

    def other(recipe: Recipe) -> Path:
        return (unlucky if recipe.preset == "performance" else world).make(recipe)

    found = search(replace(job, exchange=Exchange(job.judge, other)))
    declared = found.tried[0]

    assert search(job).tried[0].need <= 0.75
    assert declared.need > 0.75
    assert declared.reading.images == 2 * len(job.judge.images)
    assert "as declared" not in [one.title for one in found.finalists]
    assert all(one.need <= 0.75 for one in found.finalists)
    assert any("with images exchanged" in note for note in found.notes)


def test_nothing_that_is_far_from_a_limit_is_called_impossible(world: World) -> None:
    """A limit out of reach leaves the best that was tried, and no set of all layers, which would be the parent."""
    far = Limit("min_sqnr_db", 200.0, "models.m.limits.min_sqnr_db")
    job = world.job()
    found = search(replace(job, judge=replace(job.judge, limits={"min_sqnr_db": far})))
    layers_of_all = len(layers(world.bed.models.optimized))

    assert found.finalists
    assert found.finalists[0].need > 1e9
    assert max(one.layers for one in found.tried) < layers_of_all


def test_what_stays_in_float_must_leave_the_share_in_int8(world: World) -> None:
    """A set of layers that meets the accuracy by leaving too much work in float is no finalist."""
    share = Limit("min_int8_share", 0.8, "models.m.limits.min_int8_share")
    job = world.job()
    judge = replace(job.judge, limits={"min_agreement": LIMIT, "min_int8_share": share})
    found = search(replace(job, judge=judge))
    whole = [one for one in found.tried if "min_int8_share" in one.reading.values]
    poor = [one for one in whole if one.reading.values["min_int8_share"] < 0.8]

    assert poor, "no candidate left so much out"
    assert all(one.need > 1 and one.fate != "finalist" for one in poor)
    assert found.finalists[0].need <= 1
