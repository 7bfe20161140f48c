"""Lanes: how they are named, what they are judged by, and their answers in files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from quantgate.core.predictions import (
    ClassScores,
    Detections,
    Embedding,
    LabelMap,
    Prediction,
    Rendering,
    Transcript,
)
from quantgate.core.verdict import Limit
from quantgate.datasets.sample import Dataset, Sample
from quantgate.declared import declared_limits, isa_of, limit_for
from quantgate.decoders.class_scores import ClassScoresDecoder
from quantgate.engine import answers as answers_file
from quantgate.engine.answers import Answers, compare_answers, load_answers, save_answers
from quantgate.engine.evaluate import Bench
from quantgate.engine.runtime import own_choice
from quantgate.entries import Preprocess
from quantgate.entries.lane import misnamed
from quantgate.errors import ManifestError, MeasurementError, UsageError
from quantgate.manifest import load_manifest
from quantgate.pair import Pair
from quantgate.session.lanes import with_lanes
from quantgate.shard import model_part
from quantgate.tasks.catalog import TASKS

MANIFEST = """
[datasets.images]
kind = "folder"
path = "."

[models.net]
task = "{task}"
source = "net.xml"
optimized = "net.xml"
decoder = "class-scores"
evaluate = {{ dataset = "images", device = {devices} }}
limits = {{ {limits} }}
"""
LIMITS = "min_agreement = 0.9, max_size_ratio = 0.5, max_tensor_distance = 0.1"
BETWEEN = "min_agreement_between_devices = 0.9"


def manifest(folder: Path, devices: str, limits: str, task: str = "classification") -> Any:
    """Load a manifest of one model."""
    (folder / "net.xml").touch()
    path = folder / "models.toml"
    path.write_text(MANIFEST.format(devices=devices, limits=limits, task=task), encoding="utf-8")
    return load_manifest(path)


def test_each_further_device_is_a_model(tmp_path: Path) -> None:
    """Judged by the limits of answers, and against the devices before it; the first one as ever."""
    loaded = manifest(tmp_path, '["CPU", "AUTO", "CPU@avx2"]', f"{LIMITS}, {BETWEEN}")

    models = with_lanes(loaded, None).models

    told = {
        name: (declared_limits(one), one.lane and one.lane.others) for name, one in models.items()
    }
    on_lane = ("min_agreement", "min_agreement_between_devices")
    assert told == {
        "net": (("min_agreement", "max_tensor_distance", "max_size_ratio"), None),
        "net:AUTO": (on_lane, ("CPU",)),
        "net:CPU@avx2": (on_lane, ("CPU", "AUTO")),
    }
    assert [one.benchmark.device for one in models.values()] == ["CPU", "AUTO", "CPU"]


def test_answers_of_another_machine_are_lanes(tmp_path: Path) -> None:
    """Named as the entry names the device, otherwise by the class of their machine; others are refused."""
    loaded = manifest(tmp_path, '["CPU", "NPU"]', LIMITS)
    for number, device in enumerate(("CPU", "NPU", "CPU@avx2")):
        folder = tmp_path / "run" / "answers" / str(number)
        folder.mkdir(parents=True)
        about = {"model": "net", "device": device, "isa": "amx"}
        (folder / "about.json").write_text(json.dumps(about))

    models = with_lanes(loaded, tmp_path / "run").models

    assert {name: Path(str(one.lane.given)).name for name, one in models.items() if one.lane} == {
        "net:NPU": "1",
        "net:CPU@amx": "0",
        "net:CPU@avx2": "2",
    }
    with pytest.raises(UsageError, match=r"found those of none; a run keeps"):
        with_lanes(loaded, tmp_path)
    (tmp_path / "run" / "answers" / "0" / "about.json").write_text("{")
    with pytest.raises(UsageError, match=r"about\.json cannot be read"):
        with_lanes(loaded, tmp_path / "run")


@pytest.mark.parametrize(
    ("devices", "limits", "task", "said"),
    [
        ('["gpu"]', LIMITS, "classification", "expected OpenVINO's name of a device"),
        ('["CPU@sse"]', LIMITS, "classification", "expected a class of instructions behind @"),
        ('["AUTO", "AUTO"]', LIMITS, "classification", "expected each device once"),
        (
            "[]",
            BETWEEN,
            "classification",
            "needs devices to compare: set models.net.evaluate.device",
        ),
        ('["GPU"]', "max_size_ratio = 1", "generic", "answers of generic are not compared"),
    ],
)
def test_what_is_no_lane_is_refused(  # noqa: PLR0917 - a case each
    tmp_path: Path, devices: str, limits: str, task: str, said: str
) -> None:
    """As a problem of the manifest, with the path."""
    with pytest.raises(ManifestError) as refused:
        manifest(tmp_path, devices, limits, task)
    assert said in str(refused.value)


TIMED = """
[models.net.benchmark]
device = {devices}

[models.net.limits]
{limits}
"""


def timed(folder: Path, devices: str, limits: str) -> Any:
    """Load a manifest of a model that is timed on some devices."""
    (folder / "net.xml").touch()
    path = folder / "models.toml"
    head = MANIFEST[: MANIFEST.index("limits =")].format(task="classification", devices="[]")
    path.write_text(head + TIMED.format(devices=devices, limits=limits), encoding="utf-8")
    return load_manifest(path)


SPEED = "min_agreement = 0.9\nmin_speedup = { vnni = 2, avx2 = 1.1 }\nmin_int8_share = 0.9"


def test_each_further_device_of_the_benchmark_is_timed(tmp_path: Path) -> None:
    """By the model's limits of speed and execution, or by its own, and each limit knows where it was set."""
    own = 'devices."CPU@avx2" = { max_latency_ratio = 0.9, min_int8_share = 0.5 }'
    loaded = timed(tmp_path, '["CPU", "GPU", "CPU@avx2"]', f"{SPEED}\n{own}")

    models = with_lanes(loaded, None).models
    lane = models["net:CPU@avx2"]

    assert [one.benchmark.device for one in models.values()] == ["CPU", "GPU", "CPU"]
    assert declared_limits(models["net:GPU"]) == ("min_speedup", "min_int8_share")
    assert declared_limits(lane) == ("min_speedup", "max_latency_ratio", "min_int8_share")
    assert limit_for(lane, "min_speedup", isa_of(lane)) == Limit(
        "min_speedup", 1.1, "models.net.limits.min_speedup.avx2"
    )
    place = 'models.net.limits.devices."CPU@avx2".min_int8_share'
    assert limit_for(lane, "min_int8_share", isa_of(lane)) == Limit("min_int8_share", 0.5, place)
    assert all(not one.lane.answers and one.lane.timed for one in models.values() if one.lane)


@pytest.mark.parametrize(
    ("devices", "limits", "said"),
    [
        ('["CPU", "gpu"]', SPEED, "benchmark.device: expected OpenVINO's name of a device"),
        ('["CPU", "CPU"]', SPEED, "benchmark.device: expected each device once"),
        ("[]", SPEED, "benchmark.device"),
        ('["CPU@avx2"]', SPEED, "benchmark.device: expected the device of both roles first"),
        (
            '["CPU", "GPU"]',
            "min_agreement = 0.9",
            "benchmark.device: nothing to judge on GPU: set a limit of speed or execution",
        ),
        (
            '["CPU", "GPU"]',
            f"{SPEED}\ndevices.NPU = {{ min_speedup = 2 }}",
            'limits.devices.NPU: expected a further device of benchmark.device (GPU), found "NPU"',
        ),
        (
            '["CPU", "GPU"]',
            f"{SPEED}\ndevices.GPU = {{ min_int8_share = 0 }}",
            "limits.devices.GPU.min_int8_share: expected a number above 0, found 0",
        ),
    ],
)
def test_what_cannot_be_timed_is_refused(
    tmp_path: Path, devices: str, limits: str, said: str
) -> None:
    """As a problem of the manifest, with the path."""
    with pytest.raises(ManifestError) as refused:
        timed(tmp_path, devices, limits)
    assert f"models.net.{said}" in str(refused.value)


def test_devices_of_all_models_are_of_those_that_judge_there(tmp_path: Path) -> None:
    """What [defaults] list makes no lane of a model without a limit of speed, and refuses nothing."""
    (tmp_path / "net.xml").touch()
    head = MANIFEST[: MANIFEST.index("limits =")].format(task="classification", devices="[]")
    other = head[head.index("[models.net]") :].replace("models.net", "models.slow")
    defaults = (
        '[defaults]\nbenchmark = { device = ["CPU", "GPU"] }\n'
        "limits = { devices.GPU = { max_reorder_share = 0.5 }, min_agreement = 0.5 }\n"
    )
    path = tmp_path / "models.toml"
    plain = other.replace("models.slow", "models.plain") + 'benchmark = { device = "CPU" }\n'
    text = f"{defaults}{head}limits = {{ min_speedup = 2 }}\n{other}{plain}"
    path.write_text(text, encoding="utf-8")
    bare = tmp_path / "bare.toml"
    bare.write_text(text.replace("devices.GPU = { max_reorder_share = 0.5 }, ", ""))

    models = with_lanes(load_manifest(path), None).models

    assert [*models] == ["net", "net:GPU", "slow", "slow:GPU", "plain"]
    assert declared_limits(models["net:GPU"]) == ("min_speedup", "max_reorder_share")
    assert declared_limits(models["slow:GPU"]) == ("max_reorder_share",)
    assert [*with_lanes(load_manifest(bare), None).models] == ["net", "net:GPU", "slow", "plain"]


@pytest.mark.parametrize("cap", ["", "AVX2", "AVX512_CORE_VNNI", "AVX512_CORE_BF16"])
def test_a_capped_processor_chooses_as_one_without_better_instructions(
    monkeypatch: pytest.MonkeyPatch, cap: str
) -> None:
    """In f32 where it has no bf16; OpenVINO would ask the processor, and find no kernel."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", cap)
    wanted = {} if cap in {"", "AVX512_CORE_BF16"} else {"INFERENCE_PRECISION_HINT": "f32"}

    assert own_choice("CPU") == wanted
    assert own_choice("GPU") == {}


@pytest.mark.parametrize("name", ["CPU", "GPU.1", "AUTO:GPU,CPU", "NPU", "CPU@avx2"])
def test_names_of_openvino_are_devices(name: str) -> None:
    """Those of single devices, of several, and with a class of instructions."""
    assert misnamed(name) == ""


@pytest.mark.parametrize("model", ["net", "net:AUTO", "net:CPU@avx2", "net:AUTO:GPU,CPU"])
@pytest.mark.parametrize("group", ["", "@net"])
def test_lanes_stay_with_their_model(model: str, group: str) -> None:
    """In one worker, in one shard, and in one duration, whatever xdist writes behind an id."""
    assert model_part(f"suites/gates/test_agreement.py::test_agreement[{model}]{group}") == "net"


BOXES = Detections(
    np.array([[1, 2, 3, 4]], np.float32), np.array([0.5], np.float32), np.array([2], np.int64)
)
TURNED = replace(BOXES, quads=np.array([[[1, 3], [2, 2], [3, 3], [2, 4]]], np.float32))
KEPT = {
    "corners": (TURNED, TURNED),
    "scores": (ClassScores(np.array([0.1, 0.9], np.float32)), ClassScores(np.ones(2, np.float32))),
    "boxes": (BOXES, Detections.empty(), BOXES),
    "maps": (LabelMap(np.eye(3, dtype=np.uint8)), LabelMap(np.ones((2, 5), np.uint8))),
    "soft maps": (
        LabelMap(np.eye(3, dtype=np.uint8), np.full((3, 3), 0.25, np.float32)),
        LabelMap(np.ones((2, 5), np.uint8)),
        LabelMap(np.ones((1, 2), np.uint8), np.array([[0.5, 1]], np.float32)),
    ),
    "text": (Transcript("Straße", 0.5), Transcript("")),
    "vectors": (
        Embedding(np.array([0.6, 0.8], np.float32)),
        Embedding(np.array([3, -4, 5], np.float32), euclidean=True),
    ),
    "nothing": (),
}


@pytest.mark.parametrize("predictions", KEPT.values(), ids=KEPT)
def test_answers_come_back_bit_for_bit(tmp_path: Path, predictions: tuple[Any, ...]) -> None:
    """Of every kind, and where no image could be read."""
    names = tuple(f"{i}.png" for i in range(len(predictions)))
    kept = Answers(names, ((4, 3),) * len(predictions), predictions, (("bad.png", "cut off"),))

    save_answers(kept, tmp_path)
    found = load_answers(tmp_path)

    assert (found.names, found.sizes, found.skipped) == (kept.names, kept.sizes, kept.skipped)
    for one, other in zip(found.predictions, predictions, strict=True):
        for field in one.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_every_kind_of_answer_is_kept_or_too_large() -> None:
    """A new one is not forgotten."""
    kinds = {kind.__name__ for kind in get_args(Prediction)}

    assert kinds - answers_file._PACK.keys() == {"Rendering", "DenseMap", "RawOutputs"}
    assert answers_file._PACK.keys() == answers_file._UNPACK.keys()


def test_pictures_are_not_kept(tmp_path: Path) -> None:
    """They would be as large as the data set."""
    answers = Answers(("a",), ((1, 1),), (Rendering(np.zeros((1, 1, 3), np.float32)),))

    with pytest.raises(MeasurementError, match="kind Rendering are not compared"):
        save_answers(answers, tmp_path)


def test_an_image_that_one_device_did_not_read_is_named() -> None:
    """Nothing is compared of a set that differs."""
    scores = ClassScores(np.array([0.1, 0.9], np.float32))
    samples = tuple(Sample(f"{i}", Path("no"), str(i)) for i in range(2))
    task = TASKS["classification"]
    dataset = Dataset("set", samples, ("a", "b"), "digest")
    bench = Bench(dataset, Preprocess(), ClassScoresDecoder(), task, "classification")
    both = Pair(
        Answers(("0", "1"), ((1, 1),) * 2, (scores,) * 2), Answers(("0",), ((1, 1),), (scores,))
    )

    with pytest.raises(MeasurementError, match=r"datasets\.set: 1 was read on one device only"):
        compare_answers(both, bench)
