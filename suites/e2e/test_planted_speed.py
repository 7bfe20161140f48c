"""What would make a speed verdict worthless turns the run red, also where noise is excused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import Ran, World

MANIFEST = f"""{tiny.HEAD}undecided = "warn"

[models.tiny]
task = "classification"
decoder = "class-scores"
"""
GIVEN = 'source = "parent.xml"\noptimized = "given.xml"\nlimits = { min_speedup = 0.1 }\n'

#: A patch that demands bf16 where the gate demands f32.
BF16 = """
from quantgate.engine import arms, compiling

def properties(benchmark, name):
    chosen = compiling.properties(benchmark, name)
    return {**chosen, "INFERENCE_PRECISION_HINT": "bf16"} if name == "parent_f32" else chosen

arms.properties = properties
"""
#: A patch by which the measurement of a pair ends before its first round.
NOTHING = """
import dataclasses
from quantgate.engine import timing

measured = timing.timed

def timed(build, plan, benchmark, *, progress=None):
    found = measured(build, plan, benchmark, progress=progress)
    return found if plan.settled else dataclasses.replace(found, windows=())

timing.timed = timed
"""
#: A patch by which a model is not as fast as itself.
UNFIT = """
import dataclasses
from quantgate.engine import timing

found = timing.control_of
timing.control_of = lambda one: dataclasses.replace(found(one), fit=False, reason="planted: unfit")
"""


def planted(
    world: World,
    project: Callable[[str], Path],
    entry: str,
    plugin: str | None = None,
    *options: str,
) -> Ran:
    """Gate the tiny model through the real command line, with a defect in entry or plugin."""
    folder = project(MANIFEST + entry)
    if plugin is None:
        return world.gate(folder, *options)
    # Python imports it in every process, also in the one that measures.
    (folder / "sitecustomize.py").write_text(plugin, encoding="utf-8")
    return world.gate(folder, *options, PYTHONPATH=f"{folder}:{ROOT}")


@pytest.fixture(scope="module", autouse=True)
def _given(world: World) -> None:
    tiny.quantized(world.root, "given", tiny.build(world.weights))


def test_the_same_pair_without_a_defect_is_green(
    world: World, project: Callable[[str], Path]
) -> None:
    """Nothing planted: the speed gate reaches a verdict or says that noise left it open."""
    ran = planted(world, project, GIVEN)

    assert ran.status == 0, ran.said
    assert ran.outcomes["tiny", "min_speedup"] in {"passed", "undecided"}


def test_a_parent_silently_in_bf16_is_red(world: World, project: Callable[[str], Path]) -> None:
    """The runtime graph is believed, not the request: a parent that ran in bf16 is no f32 baseline."""
    import openvino as ov

    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor runs nothing in bf16")
    ran = planted(world, project, GIVEN, BF16)

    assert ran.status == 1, ran.said
    assert ran.outcomes["tiny", "min_speedup"] == "undecided"
    said = ran.verdicts["tiny", "min_speedup"]["reason"]
    assert said == "the parent was to execute in f32, and of its 2 computing layers 2 in bf16"


def test_swapped_roles_are_red(world: World, project: Callable[[str], Path]) -> None:
    """Parent and optimized model exchanged: no verdict on speed, whatever was measured."""
    entry = 'source = "given.xml"\noptimized = "parent.xml"\nlimits = { min_speedup = 0.1 }\n'

    ran = planted(world, project, entry)

    assert ran.status == 1, ran.said
    assert "PASSED  tiny: speedup" not in ran.said
    assert "(3 FakeQuantize nodes) already" in ran.said


def test_a_measurement_that_never_ran_is_red(world: World, project: Callable[[str], Path]) -> None:
    """A declared limit without a single round fails the run, also where undecided only warns."""
    ran = planted(world, project, GIVEN, NOTHING)

    assert ran.status == 1, ran.said
    assert ran.outcomes["tiny", "min_speedup"] == "undecided"
    said = ran.verdicts["tiny", "min_speedup"]["reason"]
    assert said == "no round of optimized and parent_f32 was measured"


def test_an_ignored_scope_that_is_too_wide_is_red(
    world: World, project: Callable[[str], Path]
) -> None:
    """Convolutions left in floating point are seen by the share of work, without a stopwatch."""
    entry = (
        'source = "parent.xml"\nlimits = { min_int8_share = 0.9 }\n'
        "[models.tiny.calibrate]\n"
        'dataset = "calibration"\nsubset = 50\nignored = { types = ["Convolution"] }\n'
    )

    ran = planted(world, project, entry)

    assert ran.status == 1, ran.said
    assert ran.outcomes["tiny", "min_int8_share"] == "failed"
    assert ran.verdicts["tiny", "min_int8_share"]["value"] < 0.1
    assert "an ignored scope may be too wide" in ran.said


def test_a_shard_on_an_unfit_machine_is_to_be_judged_again(
    world: World, project: Callable[[str], Path]
) -> None:
    """Its shard is listed for a job that repeats it, and the merge says so; a fit one is not."""
    ran = planted(world, project, GIVEN, UNFIT, "--shard", "1/1")
    shard = str(ran.latest)

    listed = world.run(ran.folder, "-m", "quantgate", "ci", "rerun", shard, "--format", "github")
    merged = world.run(ran.folder, "-m", "quantgate", "merge", shard, "--output", "merged")

    assert ran.outcomes["tiny", "min_speedup"] == "undecided"
    assert '"shard": 1, "shards": 1, "models": "tiny", "reason": "planted: unfit"' in listed.said
    assert "count=1" in listed.said
    assert "UNFIT  shard 1/1 left speed undecided (tiny): planted: unfit; judge it" in merged.said
