"""The same INT8 model on several devices: each against the parent, and against each other."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from quantgate.machine import isa_class
from suites.e2e import tiny
from suites.e2e.world import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from suites.e2e.world import World

ENTRY = """
[models.tiny]
task = "classification"
decoder = "class-scores"
source = "parent.xml"
optimized = "given.xml"
evaluate = {{ dataset = "evaluation", device = {devices} }}
limits = {{ min_agreement = 0.93, min_agreement_between_devices = 0.95, max_size_ratio = 1.0 }}
"""
#: A patch by which a device whose instructions are capped takes a third of all classes for others.
OTHERWISE = """
import os

if os.environ.get("ONEDNN_MAX_CPU_ISA"):
    import numpy as np
    from quantgate.core.predictions import ClassScores
    from quantgate.decoders import class_scores

    decode = class_scores.ClassScoresDecoder.decode

    def otherwise(self, outputs, frame):
        scores = decode(self, outputs, frame).scores
        return ClassScores(np.roll(scores, 1) if scores.argmax() % 3 == 0 else scores)

    class_scores.ClassScoresDecoder.decode = otherwise
"""
ON_LANES = ("min_agreement", "min_agreement_between_devices")


@pytest.fixture
def folder(world: World, project: Callable[[str], Path]) -> Callable[..., Path]:
    """Make a folder in which the tiny model is judged on some devices."""
    if not (world.root / "given.xml").exists():
        tiny.quantized(world.root, "given", tiny.build(world.weights))

    def make(*devices: str) -> Path:
        return project(tiny.HEAD + ENTRY.format(devices=json.dumps(devices)))

    return make


def test_devices_that_agree_are_green_here_and_elsewhere(
    world: World, folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Each device has gates of its own; their answers, taken to another run, are judged as they are there."""
    here = world.gate(folder("CPU", "AUTO"))
    latest, outcomes = here.latest, here.outcomes
    brought = tmp_path / "brought"
    shutil.copytree(latest, brought)
    about = next(brought.glob("answers/*CPU*/about.json"))
    told = json.loads(about.read_text())
    about.write_text(json.dumps({**told, "decoder": {"kind": "another"}}))

    there = world.gate(here.folder, "--predictions-from", str(brought))

    agreeing = [("tiny", "min_agreement"), ("tiny", "max_size_ratio")]
    agreeing += [("tiny:AUTO", key) for key in ON_LANES]
    assert here.status == 0, here.said
    assert outcomes == there.outcomes == dict.fromkeys(agreeing, "passed")
    assert there.status == 1
    assert f"BROKEN  tiny:CPU@{isa_class()}: " in there.said
    said = f"models.tiny: the answers of {latest.name} on CPU are of another decoder"
    assert said in there.said
    assert "Traceback" not in there.said


@pytest.mark.skipif(
    isa_class() not in {"amx", "vnni", "avx2"}, reason="the CPU has no AVX2 to stop at"
)
def test_a_device_that_answers_otherwise_is_red(world: World, folder: Callable[..., Path]) -> None:
    """Against the parent and against the first device, which stays green itself."""
    place = folder("CPU@avx2")
    (place / "sitecustomize.py").write_text(OTHERWISE, encoding="utf-8")

    ran = world.gate(place, PYTHONPATH=f"{place}:{ROOT}")

    assert ran.status == 1, ran.said
    assert ran.outcomes == {
        ("tiny", "min_agreement"): "passed",
        ("tiny", "max_size_ratio"): "passed",
        **{("tiny:CPU@avx2", key): "failed" for key in ON_LANES},
    }
    assert "against CPU: " in ran.said
    assert '[tiny:CPU and avx2]"' in ran.said


TIMED = """
[models.tiny]
task = "classification"
decoder = "class-scores"
source = "parent.xml"
optimized = "given.xml"
evaluate = "evaluation"
benchmark = { device = ["CPU", "CPU@avx2"], seconds = 10 }
undecided = "warn"

[models.tiny.limits]
min_speedup = 0.05
min_int8_share = 0.1
devices."CPU@avx2" = { min_speedup = 500, max_latency_ratio = 50 }
"""


@pytest.mark.alone
@pytest.mark.skipif(
    isa_class() not in {"amx", "vnni"}, reason="the CPU has no instructions to leave out"
)
def test_a_device_that_is_too_slow_is_red(world: World, project: Callable[[str], Path]) -> None:
    """Timed there with the instructions that it has, while the first device stays green; never two at once."""
    assert (world.root / "given.xml").exists() or tiny.quantized(
        world.root, "given", tiny.build(world.weights)
    )
    ran = world.gate(project(tiny.HEAD + TIMED))

    assert ran.status == 1, ran.said
    outcomes = ran.outcomes
    assert outcomes["tiny", "min_speedup"] == "passed"
    assert outcomes["tiny:CPU@avx2", "min_speedup"] == "failed"
    assert outcomes["tiny:CPU@avx2", "max_latency_ratio"] == "passed"
    assert ran.verdicts["tiny:CPU@avx2", "min_speedup"]["path"] == (
        'models.tiny.limits.devices."CPU@avx2".min_speedup'
    )
    told = (ran.latest / "run.json").read_text("utf-8")
    assert "CPU@avx2, latency, batch 1" in told


def test_a_device_to_be_timed_that_is_not_there_is_told_first(
    world: World, folder: Callable[..., Path]
) -> None:
    """As one whose answers are judged, by the key that names it."""
    place = folder("CPU")
    manifest = place / "models.toml"
    said = manifest.read_text().replace("max_size_ratio = 1.0", "min_speedup = 0.1")
    manifest.write_text(said + '\n[models.tiny.benchmark]\ndevice = ["CPU", "NPU"]\n')

    ran = world.gate(place)

    assert ran.status == 4
    assert "models.tiny.benchmark.device: device NPU is not on this machine, found " in ran.said
    assert not (ran.folder / "reports").exists()


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("NPU", "device NPU is not on this machine, found "),
        ("CPU@neon", "CPU@neon is not on this machine"),
    ],
)
def test_a_device_that_is_not_there_is_told_first(
    world: World, folder: Callable[..., Path], device: str, said: str
) -> None:
    """Nothing is read or run; the sentence names the key and what is there."""
    ran = world.gate(folder(device))

    assert ran.status == 4
    assert f"models.tiny.evaluate.device: {said}" in ran.said
    assert not (ran.folder / "reports").exists()
