from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.speed import SpeedTarget, judge_speed
from quantgate.core.timing import ArmFacts, Conditions, Timing, Window
from quantgate.core.verdict import Limit, Outcome
from quantgate.engine.arms import OpenVinoArms
from quantgate.engine.compiling import Copier, balanced
from quantgate.engine.quiet import (
    BUSY,
    LoadMark,
    machine_lock,
    other_load,
    refuse_parallel,
    wait_for_quiet,
)
from quantgate.engine.rounds import RoundPlan, measure_rounds
from quantgate.engine.timing import Options, control_of, measure_control, targets_of, time_pair
from quantgate.entries import Benchmark, Limits
from quantgate.errors import MeasurementError
from quantgate.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quantgate.core.timing import ArmName

INPUTS = {"image": np.random.default_rng(0).random((1, 8, 32, 32), dtype=np.float32)}
QUICK = Options(window_s=0.002)


def operations() -> Any:
    """Import opset 13 from where this OpenVINO keeps it."""
    try:
        return importlib.import_module("openvino.opset13")
    except ModuleNotFoundError:
        return importlib.import_module("openvino.runtime.opset13")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let these tests run under parallel pytest, with a lock of their own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("quantgate.engine.timing.PATIENCE_S", 0.0)


def chain(convolutions: int, *, quantized: bool) -> Any:
    """Build a chain of convolutions, with fake quantization around each or without."""
    import openvino as ov

    ops = operations()

    rng = np.random.default_rng(1)

    def fake(node: Any, low: float, high: float, levels: int = 256) -> Any:
        ends = [np.float32(low), np.float32(high)] * 2
        return ops.fake_quantize(node, *ends, levels) if quantized else node

    image = ops.parameter([1, 8, 32, 32], np.float32, name="image")
    image.output(0).set_names({"image"})
    node: Any = image
    for index in range(convolutions):
        weights = rng.normal(0, 0.1, (8, 8, 3, 3)).astype(np.float32)
        kernel = fake(ops.constant(weights), -0.5, 0.5, 255)
        same = ([1, 1], [1, 1], [1, 1], [1, 1])
        node = ops.relu(ops.convolution(fake(node, 0, 2.55), kernel, *same, name=f"c{index}"))
    return ov.Model([node], [image], "chain")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Pair[Path]:
    """Write a parent and its quantized twin, which also gets ten times the layers."""
    import openvino as ov

    folder = tmp_path_factory.mktemp("chain")
    ov.save_model(chain(2, quantized=False), folder / "parent.xml", compress_to_fp16=False)
    ov.save_model(chain(2, quantized=True), folder / "optimized.xml", compress_to_fp16=False)
    ov.save_model(chain(40, quantized=True), folder / "slowed.xml", compress_to_fp16=False)
    return Pair(folder / "parent.xml", folder / "optimized.xml")


def verdict_of(timing: Timing, limit: float) -> Any:
    """Judge the speedup against the parent in f32."""
    declared = Limit("min_speedup", limit, "models.m.limits.min_speedup")
    return judge_speed(timing, limit, declared, model="m", isa="other")


def test_slowed_down_model_fails(models: Pair[Path]) -> None:
    """An optimized model with twenty times the layers fails a limit of 1 at one of the first looks."""
    slowed = Pair(models.parent, models.parent.with_name("slowed.xml"))
    timing = time_pair(
        slowed, INPUTS, Benchmark(), targets=(SpeedTarget("parent_f32", 1.0),), options=QUICK
    )

    assert timing.problem == ""
    assert verdict_of(timing, 1.0).outcome is Outcome.FAILED
    # The first on a quiet machine; other programs may make it a later one.
    assert timing.rounds() <= 32


def test_swapped_roles_are_undecided(models: Pair[Path]) -> None:
    """A parent that executes in INT8 beside an optimized model that does not: no speed verdict."""
    swapped = Pair(models.optimized, models.parent)
    timing = time_pair(
        swapped, INPUTS, Benchmark(), targets=(SpeedTarget("parent_f32", 0.01),), options=QUICK
    )
    said = verdict_of(timing, 0.01)

    assert said.outcome is Outcome.UNDECIDED
    assert "INT8" in said.reason


def test_throughput_keeps_several_requests_in_flight(models: Pair[Path]) -> None:
    """In throughput mode a window holds at least twenty inferences a request."""
    benchmark = Benchmark(hint="throughput", requests=2)
    timing = time_pair(models, INPUTS, benchmark, options=QUICK)

    assert timing.conditions.requests == 2
    assert min(window.count for window in timing.windows) >= 40
    assert all(window.latencies_ns for window in timing.windows)


def test_batch_reaches_the_model(models: Pair[Path]) -> None:
    """One sample is repeated to the batch, and the model is given its shape."""
    arms = OpenVinoArms(models, INPUTS, Benchmark(batch=3), ("optimized", "parent_f32"))
    built: Any = arms.build(0)

    assert [list(arm.request.get_input_tensor(0).shape) for arm in built] == [[3, 8, 32, 32]] * 2


def test_every_arm_is_measured_in_every_round(models: Pair[Path]) -> None:
    """Each arm has one window a round, and both compile and first-inference times a copy."""
    timing = time_pair(models, INPUTS, Benchmark(), options=QUICK)
    arms = timing.arm_names()
    per_round = {
        tuple(sorted(window.arm for window in timing.windows if window.round == index))
        for index in range(timing.rounds())
    }

    assert per_round == {tuple(sorted(arms))}
    assert timing.native_is_f32 == ("parent_default" not in arms)
    assert all(len(arm.first_ns) == 6 for arm in timing.arms)
    assert all(len(arm.compile_ns) == 1 for arm in timing.arms)


def test_control_is_a_model_against_itself(models: Pair[Path]) -> None:
    """The control measures two copies of the parent through the same code."""
    control = measure_control(models.parent, INPUTS, Benchmark(), options=QUICK)

    assert set(control.timing.arm_names()) == {"parent_f32", "parent_copy"}
    assert control.fit == (control.reason == "")
    assert control.fit or control.miss > control.delta


def test_noise_alone_does_not_make_a_machine_unfit() -> None:
    """A value off by chance, with an interval that holds 1, is noise: verdicts widen by it too."""
    noisy = made_control(1.0, noise=0.25)
    control = control_of(noisy)

    assert control.miss > control.delta
    assert control.fit


def made_control(ratio: float, rounds: int = 12, noise: float = 0.0) -> Timing:
    """Make a control's timing in which the copy is faster by ``ratio``."""
    names: tuple[ArmName, ...] = ("parent_f32", "parent_copy")
    costs = {"parent_f32": ratio * 1e6, "parent_copy": 1e6}
    factors = np.exp(noise * np.random.default_rng(4).normal(size=(rounds, 2)))
    windows = tuple(
        Window(
            name,
            index,
            index // 3,
            place,
            10,
            10_000_000,
            (costs[name] + index) * factors[index, place],
        )
        for index in range(rounds)
        for place, name in enumerate(names)
    )
    facts = tuple(ArmFacts(name, {"f32": 1}, (1,), (1,), 1, 1, 1) for name in names)
    return Timing(facts, windows, Conditions("CPU", "latency", 1, 1, 0, 50.0))


@pytest.mark.parametrize(
    ("ratio", "fit"), [(1.0, True), (1.015, True), (1.05, False), (0.95, False)]
)
def test_machine_on_which_equal_is_not_equal_is_unfit(ratio: float, *, fit: bool) -> None:
    """A control outside 1 ± δ calls the machine unfit and says what it measured."""
    control = control_of(made_control(ratio))

    assert control.fit is fit
    assert fit == ("unfit" not in control.reason)


def test_unfit_machine_makes_every_verdict_undecided(models: Pair[Path]) -> None:
    """However clear the rounds, an unfit machine gives no speed verdict, for that reason."""
    unfit = control_of(made_control(1.2))
    timing = time_pair(
        models,
        INPUTS,
        Benchmark(),
        targets=(SpeedTarget("parent_f32", 0.001),),
        control=unfit,
        options=QUICK,
    )
    said = verdict_of(timing, 0.001)

    assert said.outcome is Outcome.UNDECIDED
    assert "unfit" in said.reason


def test_parallel_workers_refuse(models: Pair[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a parallel pytest worker nothing is measured, and the reason is said."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")

    with pytest.raises(MeasurementError, match="gw1"):
        time_pair(models, INPUTS, Benchmark())


def test_alone_is_not_refused() -> None:
    """Without a parallel worker nothing is refused."""
    refuse_parallel({})


def test_lock_is_held_by_one(tmp_path: Path) -> None:
    """A second timing waits for the lock, and gives up with one sentence."""
    with machine_lock(1.0, tmp_path) as waited:
        assert waited >= 0
        script = (
            "import sys, pathlib; from quantgate.engine.quiet import machine_lock\n"
            f"with machine_lock(0.05, pathlib.Path({str(tmp_path)!r})): sys.exit(3)"
        )
        done = run_python(script)

    assert done != 3
    assert run_python(script) == 3


def run_python(script: str) -> int:
    """Run a script in a process of its own and return its exit status."""
    import subprocess
    import sys

    root = str(Path(__file__).parents[2])
    environ = {**os.environ, "PYTHONPATH": root}
    return subprocess.run(
        [sys.executable, "-c", script], env=environ, check=False, stderr=subprocess.DEVNULL
    ).returncode


def loads(*values: float) -> Iterator[float]:
    """Give loads one after the other, the last one for ever."""
    yield from values
    while True:
        yield values[-1]


@pytest.mark.parametrize(
    ("seen", "left", "notes"), [((0.0,), 0.0, 0), ((0.9, 0.9, 0.1), 0.1, 1), ((0.9,), 0.9, 1)]
)
def test_other_load_is_waited_for_a_bounded_time(
    seen: tuple[float, ...], left: float, notes: int
) -> None:
    """Load of others is waited for, never for ever, and said."""
    source, ticks = loads(*seen), iter(range(1000))
    load, said = wait_for_quiet(5.0, load=lambda: next(source), clock=lambda: float(next(ticks)))

    assert (load, len(said)) == (left, notes)
    assert (load > BUSY) == any("kept" in note for note in said)


def test_own_work_is_no_other_load() -> None:
    """What this process uses itself is not counted as others' load."""
    since = LoadMark(10.0, 100.0, 5.0)

    assert other_load(since, LoadMark(20.0, 120.0, 15.0)) == 0.0
    assert other_load(since, LoadMark(20.0, 120.0, 5.0)) == 0.5


def test_targets_are_those_of_this_class_of_machine() -> None:
    """Numbers apply everywhere, tables only where they list the class."""
    limits = Limits(min_speedup={"amx": 2.0}, min_native_speedup=1.1)

    assert targets_of(limits, "amx") == (
        SpeedTarget("parent_f32", 2.0),
        SpeedTarget("parent_default", 1.1),
    )
    assert targets_of(limits, "avx2") == (SpeedTarget("parent_default", 1.1),)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "no input tensor"),
        ({"a": INPUTS["image"], "b": INPUTS["image"]}, "no tensor for the input"),
        ({"image": np.zeros((1, 3, 4, 4), np.float32)}, "does not fit"),
    ],
)
def test_inputs_that_do_not_fit_are_one_sentence(
    models: Pair[Path], inputs: dict[str, Any], said: str
) -> None:
    """Missing, wrongly named and wrongly shaped tensors are said before anything is timed."""
    with pytest.raises(MeasurementError, match=said):
        time_pair(models, inputs, Benchmark(), options=QUICK)


def test_missing_model_is_one_sentence(models: Pair[Path]) -> None:
    """A file that cannot be read breaks the timing with its name."""
    absent = Pair(models.parent, models.parent.with_name("absent.xml"))

    with pytest.raises(MeasurementError, match=r"absent\.xml"):
        time_pair(absent, INPUTS, Benchmark(), options=QUICK)


def test_an_export_that_is_not_read_back_is_compiled_anew(models: Pair[Path]) -> None:
    """A device may refuse what it wrote itself: the copy is made all the same, as are all later ones."""
    import openvino as ov

    core = ov.Core()
    copier = Copier(core, core.read_model(models.parent), "CPU", {})
    copier.export(copier.compiled())
    assert copier.exported
    copier.exported = copier.exported[:64]

    compiled = copier.copy()

    assert compiled(INPUTS)[0].shape == (1, 8, 32, 32)
    assert copier.exported == b""


@pytest.mark.parametrize(
    "names", [("optimized", "parent_f32"), ("optimized", "parent_f32", "parent_default")]
)
def test_no_arm_is_always_compiled_first(names: tuple[ArmName, ...]) -> None:
    """Over the copies of the first look each arm is compiled before each other one equally often."""
    orders = [balanced(names, copy) for copy in range(4)]

    for one in names:
        for other in set(names) - {one}:
            assert sum(order.index(one) < order.index(other) for order in orders) == 2


def test_both_baselines_are_one_where_the_device_prefers_f32(
    models: Pair[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that runs the parent in f32 by default gets no third arm, and says so."""
    seen = {"f32": 2}
    monkeypatch.setattr("quantgate.engine.arms.executed_precisions", lambda _: seen)
    names: tuple[ArmName, ...] = ("optimized", "parent_f32", "parent_default")
    factory = OpenVinoArms(models, INPUTS, Benchmark(), names)
    built = [sorted(arm.facts.name for arm in factory.build(copy)) for copy in range(2)]

    assert built == [["optimized", "parent_f32"]] * 2
    assert factory.native_is_f32


def test_a_target_against_an_arm_that_is_not_measured_ends_the_rounds(models: Pair[Path]) -> None:
    """A limit against an arm that is not timed does not keep the rounds running."""
    arms = OpenVinoArms(models, INPUTS, Benchmark(), ("optimized", "parent_f32"))
    plan = RoundPlan((SpeedTarget("baseline", 1.0),), window_s=0.001)
    timing = measure_rounds(arms.build, plan, Conditions("CPU", "latency", 1, 0, 0, 1.0))

    assert timing.rounds() == 12
