from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from quantgate.core.verdict import Limit
from quantgate.engine.quantizers import layers
from quantgate.entries import IgnoredScope, Recipe
from quantgate.errors import MeasurementError
from quantgate.remedy.readings import Exchange
from quantgate.remedy.search import search
from suites.quantized import bed, network
from suites.recipes_by_surgery import LIMIT, World

if TYPE_CHECKING:
    from pathlib import Path

    import openvino as ov


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


def test_nothing_that_is_far_from_a_limit_is_called_impossible(world: World) -> None:
    """A limit out of reach leaves the best that was tried, and no set of all layers, which would be the parent."""
    far = Limit("min_sqnr_db", 200.0, "models.m.limits.min_sqnr_db")
    job = world.job()
    found = search(replace(job, judge=replace(job.judge, limits={"min_sqnr_db": far})))
    layers_of_all = len(layers(world.bed.models.optimized))

    assert found.finalists
    assert found.finalists[0].need > 1e9
    assert max(one.layers for one in found.tried) < layers_of_all


@pytest.mark.parametrize("sure", [True, False])
def test_what_stays_in_float_must_leave_the_share_in_int8(world: World, *, sure: bool) -> None:
    """What leaves too much work in float is no finalist, and not even read where another set is sure to meet all."""
    share = Limit("min_int8_share", 0.8, "models.m.limits.min_int8_share")
    job = world.job()
    tight = replace(LIMIT, threshold=1 - 0.5 / len(job.judge.images))
    judged = {"min_agreement": LIMIT if sure else tight, "min_int8_share": share}
    judge = replace(job.judge, limits=judged)
    found = search(replace(job, judge=judge, exchange=Exchange(judge, world.make)))
    whole = [one for one in found.tried if "min_int8_share" in one.reading.values]
    poor = [one for one in whole if one.reading.values["min_int8_share"] < 0.8]

    assert bool(poor) is not sure
    assert any("sets of layers were not read" in note for note in found.notes) is sure
    assert all(one.need > 1 and one.fate != "finalist" for one in poor)
    assert found.finalists[0].need <= 0.75
    assert found.finalists[0].recipe.ignored.names == ("block3/conv",)
    best = next(one for one in found.tried if one.fate == "finalist")
    assert best.reading.images == 2 * len(judge.images), "what was read last is forgotten"
