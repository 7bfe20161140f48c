from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.commands.check import _conclusion
from quantgate.core.benchmark_json import benchmark_file, benchmark_record, statistics
from quantgate.core.noise import smallest_slowdown
from quantgate.engine.explore import (
    Exploration,
    Figures,
    Point,
    Resume,
    Setting,
    explore,
    grid,
    measure_setting,
    point_from_dict,
    setting_snippet,
)
from quantgate.engine.fitness import (
    INPUT,
    SHAPE,
    frequency_policy,
    machine_fitness,
    reference_model,
)
from quantgate.engine.timing import Options, time_pair
from quantgate.entries import Benchmark
from quantgate.errors import WorkerError
from quantgate.manifest import load_manifest
from quantgate.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.core.timing import Timing

QUICK = Options(window_s=0.002)
INPUTS = {INPUT: np.random.default_rng(0).random(SHAPE, dtype=np.float32)}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let these tests run under parallel pytest, with a lock of their own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("quantgate.engine.timing.PATIENCE_S", 0.0)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Pair[Path]:
    """Write a short and a shorter chain; neither is quantized."""
    folder = tmp_path_factory.mktemp("chains")
    return Pair(reference_model(folder / "two.xml", 2), reference_model(folder / "one.xml", 1))


def point(name: int, rate: float, p90_ms: float) -> Point:
    """Make a measured point."""
    figures = Figures(rate, rate * 0.9, rate * 1.1, p90_ms * 5e5, p90_ms * 1e6)
    return Point(Setting("throughput", name, None, 1), {"optimized": figures})


def test_grid_holds_every_combination_once() -> None:
    """Two hints, two stream counts and two batches are eight points, duplicates one."""
    settings = grid(streams=(1, 2, 2), batches=(1, 4))

    assert len(settings) == len({setting.key for setting in settings}) == 8


def test_best_point_and_best_within_a_latency() -> None:
    """The fastest point overall need not be the fastest within a latency."""
    found = Exploration((point(1, 100, 10), point(2, 150, 14), point(4, 180, 40)))
    best, within = found.best(), found.best(within_ns=15e6)

    assert best is not None
    assert within is not None
    assert (best.setting.streams, within.setting.streams) == (4, 2)
    assert found.best(within_ns=1e6) is None


def test_exploration_resumes(models: Pair[Path]) -> None:
    """Known points are not measured again, fresh ones are kept at once, and all survive JSON."""
    settings = grid(hints=("latency",), threads=(1, None))
    known = point_from_dict(json.loads(json.dumps(Point(settings[0], {}, "known").to_dict())))
    kept: list[Point] = []
    found = explore(settings, measured(models), resume=Resume((known,), kept.append))

    assert found.points[0].problem == "known"
    assert [item.setting for item in kept] == [settings[1]]
    assert set(kept[0].figures) == {"parent", "optimized"}
    assert point_from_dict(json.loads(json.dumps(kept[0].to_dict()))) == kept[0]


def measured(models: Pair[Path]) -> Callable[[Setting], Point]:
    """Measure settings of a pair, each shortly."""
    return lambda setting: measure_setting(models, INPUTS, Benchmark(), setting, options=QUICK)


def test_a_setting_that_cannot_run_is_a_point_with_a_problem(models: Pair[Path]) -> None:
    """One impossible setting does not end the exploration."""
    absent = Pair(models.parent, models.parent.with_name("absent.xml"))
    found = explore(grid(hints=("latency",)), measured(absent))

    assert "absent.xml" in found.points[0].problem
    assert found.best() is None


def test_a_setting_that_kills_its_process_is_tried_again_next_time() -> None:
    """Its point says what happened and is not kept; the other settings are measured."""
    settings = grid(hints=("latency",), streams=(1, 2))
    kept: list[Point] = []

    def measure(setting: Setting) -> Point:
        if setting.streams == 1:
            raise WorkerError("the worker process crashed")
        return point(2, 100, 10)

    found = explore(settings, measure, resume=Resume((), kept.append))

    assert [one.problem for one in found.points] == ["the worker process crashed", ""]
    assert kept == [found.points[1]]


def test_chosen_point_is_a_manifest_snippet() -> None:
    """The chosen point says its conditions in the manifest's words."""
    import tomllib

    text = setting_snippet("ssd", point(2, 150, 14))

    assert tomllib.loads(text)["models"]["ssd"]["benchmark"] == {
        "hint": "throughput",
        "streams": 2,
        "batch": 1,
    }
    dotted = setting_snippet("net-1.0-224", point(2, 150, 14))
    assert list(tomllib.loads(dotted)["models"]) == ["net-1.0-224"]


def test_a_manifest_takes_the_chosen_point(tmp_path: Path) -> None:
    """What explore writes is read back by the manifest as the same conditions."""
    entry = (
        '[datasets.d]\nkind = "digits"\nsubject = "single"\ncount = 9\n'
        '[models.ssd]\nsource = {{ zoo = "digits-mobilenet-v2" }}\ncalibrate = "d"\n'
        'evaluate = {{ dataset = "d", hold_out = true }}\n{}'
    )
    file = tmp_path / "models.toml"
    file.write_text(entry.format(setting_snippet("ssd", point(2, 150, 14))), encoding="utf-8")

    assert load_manifest(file).models["ssd"].benchmark == Benchmark(hint="throughput", streams=2)


def test_noise_that_hides_everything_is_said() -> None:
    """A machine that measures equal as equal but sees no slowdown is not praised."""
    fit = machine_fitness(QUICK)

    assert _conclusion(replace(fit, visible={10: 0.02, 60: 0.01})) == "fit for speed gates"
    assert "hides all below 30%" in _conclusion(replace(fit, visible={60: 0.3}))


def test_fitness_says_what_the_machine_can_see() -> None:
    """Longer gates see smaller slowdowns, and the verdict is the control's."""
    fitness = machine_fitness(QUICK)

    assert fitness.fit is fitness.control.fit
    assert 0 < fitness.visible[60] <= fitness.visible[30] <= fitness.visible[10] <= 1
    assert fitness.facts["frequency policy"]


def test_frequency_policy_is_read_or_not_told(tmp_path: Path) -> None:
    """A cloud machine without the file gets "not told"."""
    governor = tmp_path / "scaling_governor"
    governor.write_text("performance\n", encoding="ascii")

    assert frequency_policy(governor) == "performance"
    assert frequency_policy(tmp_path / "absent") == "not told"


def test_visible_slowdown_shrinks_with_rounds_and_grows_with_noise() -> None:
    """Too few rounds see nothing, more see more, noise and scattering copies hide."""
    assert smallest_slowdown(0.03, 0.0, 5) == 1.0
    assert 0.03 < smallest_slowdown(0.03, 0.0, 12) < 0.06
    assert smallest_slowdown(0.03, 0.0, 64) < smallest_slowdown(0.03, 0.0, 12)
    assert smallest_slowdown(0.03, 0.02, 64) > smallest_slowdown(0.03, 0.0, 64)


@pytest.fixture
def timing(models: Pair[Path]) -> Timing:
    """Time two floating-point models: the arms have rounds all the same."""
    return time_pair(models, INPUTS, Benchmark(), options=QUICK)


def test_statistics_are_those_of_pytest_benchmark() -> None:
    """Every statistic equals what pytest-benchmark itself computes of the same rounds."""
    from pytest_benchmark.stats import Stats

    values = np.abs(np.random.default_rng(0).normal(1, 0.1, 25))
    theirs: Any = Stats()  # type: ignore[no-untyped-call]
    for value in values:
        theirs.update(float(value))
    ours = statistics(values)

    for name in ("min", "max", "mean", "stddev", "median", "rounds", "total", "ops"):
        assert ours[name] == pytest.approx(getattr(theirs, name))


def test_pytest_benchmark_compares_our_records(timing: Timing, tmp_path: Path) -> None:
    """The compare command of pytest-benchmark reads a file of our records."""
    arms = timing.arm_names()
    records = [benchmark_record(timing, arm, "ssd") for arm in arms]
    content = benchmark_file(
        records,
        machine={"cpu": "Some CPU", "os": "Linux x86_64"},
        commit={"id": "0", "dirty": False},
        date="2026-11-20T00:00:00+00:00",
    )
    file = tmp_path / "0001_run.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("pytest-benchmark")), "compare", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert all(f"ssd[{arm}]" in done.stdout for arm in arms)


def test_record_of_an_arm_that_was_not_measured_raises(timing: Timing) -> None:
    """There is no record of nothing."""
    with pytest.raises(ValueError, match="no window"):
        benchmark_record(timing, "parent_copy", "ssd")
