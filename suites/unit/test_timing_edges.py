from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quantgate.core.estimate import Estimate
from quantgate.core.speed import (
    judge_speed,
    latency_ns,
    latency_ratio,
    speedup,
    throughput,
)
from quantgate.core.suggest import suggest
from quantgate.core.timing import Conditions, Timing
from quantgate.core.verdict import Limit, Outcome
from quantgate.engine import memory
from quantgate.engine.arms import OpenVinoArms
from quantgate.engine.fitness import INPUT, SHAPE, reference_model
from quantgate.engine.memory import measure
from quantgate.engine.profile import profile
from quantgate.engine.quiet import busiest, machine_lock
from quantgate.engine.timing import control_of
from quantgate.entries import Benchmark
from quantgate.errors import MeasurementError
from quantgate.machine import cpu_quota, quota_text, version_of
from quantgate.pair import Pair
from quantgate.stack import installed

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = {INPUT: np.random.default_rng(0).random(SHAPE, dtype=np.float32)}
EMPTY = Timing((), (), Conditions("CPU", "latency", 1, 1, 0, 50.0))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one convolution."""
    return reference_model(tmp_path_factory.mktemp("one") / "one.xml", 1)


def test_nothing_measured_has_no_figures() -> None:
    """An empty timing gives None, never a zero, and no control."""
    figures: list[Any] = [
        speedup(EMPTY, "parent_f32"),
        throughput(EMPTY, "optimized"),
        latency_ns(EMPTY, "optimized", 50),
        latency_ratio(EMPTY),
    ]

    assert figures == [None] * 4
    with pytest.raises(KeyError):
        EMPTY.facts("optimized")
    with pytest.raises(MeasurementError, match="no round"):
        control_of(EMPTY)


def test_unlisted_class_without_a_measurement_says_both() -> None:
    """Neither a limit nor a number: undecided, and no proposal is invented."""
    said = judge_speed(EMPTY, {"amx": 2.0}, Limit("min_speedup", 0.0, "p"), model="m", isa="neon")

    assert said.outcome is Outcome.UNDECIDED
    assert "p lists amx 2, and nothing was measured; add `neon = …` to it" in said.reason


def test_unknown_device_is_one_sentence(model: Path) -> None:
    """A device that is not there breaks timing and profile with its name."""
    arms = OpenVinoArms(Pair(model, model), INPUTS, Benchmark(device="NOPE"), ("parent_f32",))

    with pytest.raises(MeasurementError, match="NOPE"):
        arms.build(0)
    with pytest.raises(MeasurementError, match="NOPE"):
        profile(model, "NOPE", INPUTS)


def test_streams_and_threads_reach_the_device(model: Path) -> None:
    """Declared streams and threads are those of the compiled model."""
    declared = Benchmark(hint="throughput", streams=1, threads=1, requests=2)
    built = OpenVinoArms(Pair(model, model), INPUTS, declared, ("parent_f32",)).build(0)

    assert [(arm.facts.streams, arm.facts.threads, arm.facts.requests) for arm in built] == [
        (1, 1, 2)
    ]


def test_requests_follow_the_device_where_none_are_declared(model: Path) -> None:
    """In throughput mode every arm gets the number that the device asks for."""
    names: Any = ("parent_f32", "parent_copy")
    built = OpenVinoArms(Pair(model, model), INPUTS, Benchmark(hint="throughput"), names).build(0)

    assert len({arm.facts.requests for arm in built}) == 1
    assert built[0].facts.requests >= 1


def test_memory_of_this_process(model: Path) -> None:
    """A model's peak is counted above what the library took."""
    found = measure(str(model), "CPU", "latency", 1)

    assert found.base_bytes > 1_000_000
    assert found.peak_bytes >= 1


def test_memory_without_a_status_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the kernel has no status file the resource counter answers."""
    monkeypatch.setattr(memory, "STATUS", tmp_path / "absent")

    assert memory._peak_bytes() > 1_000_000


def test_memory_takes_a_bounded_time(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """A child that hangs is ended and said."""
    monkeypatch.setattr(memory, "TIMEOUT_S", 0.01)

    with pytest.raises(MeasurementError, match="longer than"):
        memory.peak_memory(model, Benchmark())


def test_lock_that_another_user_made_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock file that may not be written is replaced by one of our own."""
    (tmp_path / "quantgate-timing.lock").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with machine_lock(1.0, tmp_path):
        assert list((tmp_path / "cache").rglob("*.lock")) != []


def test_busy_programs_are_named() -> None:
    """The sentence about load names programs, or says that none stands out."""
    assert busiest(seconds=0.05)


@pytest.mark.parametrize(("text", "expected"), [("abc 100000", None), ("100000 0", None)])
def test_odd_quotas_are_no_quota(tmp_path: Path, text: str, expected: float | None) -> None:
    """What cannot be read as a quota is no limit."""
    file = tmp_path / "cpu.max"
    file.write_text(text, encoding="ascii")

    assert cpu_quota(file, tmp_path / "absent") is expected


def test_quota_is_shown_in_cores() -> None:
    """The table of facts says a quota in cores."""
    assert (quota_text(1.5), quota_text(None)) == ("1.5 cores", "none")


def test_versions_of_what_is_not_installed() -> None:
    """A missing library is named as missing, not raised."""
    assert version_of("no-such-distribution") == "not installed"
    assert installed("no-such-distribution") is None
    assert installed("numpy") is not None


def test_zero_drop_gets_a_limit_that_can_be_breached() -> None:
    """Where nothing was lost, the limit is the margin itself."""
    assert suggest("max_accuracy_drop", [Estimate.exact(0.0)]).limit == pytest.approx(0.002)
