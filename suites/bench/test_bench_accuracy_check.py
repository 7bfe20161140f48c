"""Both roles evaluated at once, beside two runs of Open Model Zoo's accuracy_check on the same images.

``suites.bench.accuracy_check`` says how that is installed. Every side is a process of its own, start-up
included, and they take turns: the evaluation alone, which is what accuracy_check does; and a whole
gate, which also judges, draws and writes the report. Rounds come from QUANTGATE_BENCH_ROUNDS (default 5).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from quantgate.pair import ROLES, Pair
from suites.bench.accuracy_check import accuracy_check, command, setting
from suites.e2e.world import World

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = max(3, int(os.environ.get("QUANTGATE_BENCH_ROUNDS", "5")))
#: Calibrated on other images, so that all 500 photographs are evaluated.
MANIFEST = """
[datasets.scenes]
kind = "folder"
path = "{real}/images/coco_val149/images"

[datasets.photographs]
kind = "imagenet"
path = "{real}/images/imagenet500/images"
annotations = "{real}/images/imagenet500/labels.txt"

[models.squeezenet]
task = "classification"
source = "{real}/models/cls_squeezenet1_1/squeezenet1_1_fp32.onnx"
decoder = "class-scores"
preprocess = {{ resize = "crop", short_side = 256, mean = [104, 117, 123] }}
calibrate = {{ dataset = "scenes", subset = 50 }}
evaluate = "photographs"
limits = {{ max_accuracy_drop = 0.1, min_agreement = 0.5 }}
"""

#: Evaluates both kept models with an empty store, and says top-1 of both roles.
CHILD = """
import sys
from pathlib import Path
from quantgate.datasets.catalog import load_dataset
from quantgate.engine.artifact import load
from quantgate.engine.comparing import compare
from quantgate.engine.runtime import Target
from quantgate.machine import isa_class
from quantgate.manifest import load_manifest
from quantgate.pipeline.feeding import bench_of
from quantgate.pair import Pair
from quantgate.store import Store
parent, optimized, empty = map(Path, sys.argv[1:])
manifest = load_manifest(Path("models.toml"))
entry = manifest.models["squeezenet"]
dataset = load_dataset("photographs", manifest.datasets["photographs"], manifest.root)
bench = bench_of(entry, dataset)
artifacts = Pair(load(parent), load(optimized))
found = compare(artifacts, bench, Store(empty), target=Target(), isa=isa_class())
print(*(list(role.values())[0] for role in bench.task.metrics(found)))
"""


@dataclass(frozen=True, slots=True)
class Timed:
    """What one side took for both roles, s, and the top-1 accuracy it found."""

    wall_s: float
    top1: Pair[float]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A user's folder, both roles in its store and an accuracy_check configuration for each."""
    command()
    real = setting("QUANTGATE_REAL", "the folder of real models and images")
    made = World(tmp_path_factory.mktemp("accuracy-check"), {})
    (made.root / "models.toml").write_text(MANIFEST.format(real=real), "utf-8")
    gate(made)
    lines = (real / "images" / "imagenet500" / "labels.txt").read_text("utf-8").splitlines()
    listed = "".join(f"{file} {index}\n" for file, index, _ in (x.split(" ", 2) for x in lines))
    (made.root / "list.txt").write_text(listed, "utf-8")
    for role in ROLES:
        config = configuration(made.root, role, real / "images" / "imagenet500" / "images")
        # JSON is YAML.
        (made.root / f"{role}.yml").write_text(json.dumps(config), "utf-8")
    return made


def kept(root: Path, role: str) -> Path:
    """Where the store of a world keeps a role's model."""
    (model,) = (root / "store" / "v1" / role).rglob("model.xml")
    return model


def configuration(root: Path, role: str, images: Path) -> dict[str, object]:
    """Describe one role to accuracy_check; mean and layout are in the graph already."""
    model = kept(root, role)
    launcher = {
        "framework": "openvino",
        "device": "CPU",
        "adapter": "classification",
        "model": str(model),
        "weights": str(model.with_suffix(".bin")),
        "inputs": [{"name": "data_0", "type": "INPUT", "layout": "NHWC", "precision": "U8"}],
    }
    dataset = {
        "name": "photographs",
        "data_source": str(images),
        "annotation_conversion": {
            "converter": "imagenet",
            "annotation_file": str(root / "list.txt"),
        },
        "reader": "opencv_imread",
        "preprocessing": [
            {"type": "resize", "size": 256, "aspect_ratio_scale": "greater"},
            {"type": "crop", "size": 224},
        ],
        "metrics": [{"name": "top1", "type": "accuracy", "top_k": 1}],
    }
    return {"models": [{"name": role, "launchers": [launcher], "datasets": [dataset]}]}


def gate(world: World) -> Timed:
    """Run ``quantgate gate`` with both models kept, and nothing kept of any evaluation."""
    for kind in ("comparison", "derived"):
        shutil.rmtree(world.root / "store" / "v1" / kind, ignore_errors=True)
    started = time.perf_counter()
    ran = world.gate(world.root)
    wall_s = time.perf_counter() - started
    assert ran.status == 0, ran.said
    run = json.loads((ran.latest / "run.json").read_text("utf-8"))
    top1 = run["models"][0]["metrics"][0]
    return Timed(wall_s, Pair(top1["parent"], top1["optimized"]))


def evaluation(world: World) -> Timed:
    """Evaluate both roles in a process of its own, without gates or report."""
    empty = world.root / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    folders = [str(kept(world.root, role).parent) for role in ROLES]
    started = time.perf_counter()
    ran = world.run(world.root, "-c", CHILD, *folders, str(empty))
    wall_s = time.perf_counter() - started
    assert ran.status == 0, ran.said
    return Timed(wall_s, Pair(*map(float, ran.said.split())))


def two_accuracy_checks(world: World, *options: str) -> Timed:
    """Run accuracy_check once for each role."""
    checked = [accuracy_check(world.root / f"{role}.yml", *options) for role in ROLES]
    assert [one.images for one in checked] == [500, 500]
    return Timed(sum(one.wall_s for one in checked), Pair(*(one.values["top1"] for one in checked)))


@pytest.mark.parametrize(
    "options",
    [(), ("--inference_precision_hint", "f32")],
    ids=["its own precision", "f32 as the gate"],
)
def test_evaluating_is_quicker_than_two_accuracy_checks(
    world: World, options: tuple[str, ...]
) -> None:
    """Both roles are evaluated sooner than accuracy_check runs twice, to the same top-1."""
    ours, gates, theirs = [], [], []
    for _ in range(ROUNDS):
        ours.append(evaluation(world))
        theirs.append(two_accuracy_checks(world, *options))
        gates.append(gate(world))
        print(
            f"evaluation {ours[-1].wall_s:.1f} s, gate {gates[-1].wall_s:.1f} s, two accuracy_checks "
            f"{theirs[-1].wall_s:.1f} s; top-1 {[*ours[-1].top1]}, {[*theirs[-1].top1]}"
        )
    alone, gated, checks = (
        statistics.median(side.wall_s for side in sides) for sides in (ours, gates, theirs)
    )
    print(f"ratio of medians: evaluation {checks / alone:.2f} (aim 1.5), gate {checks / gated:.2f}")

    assert checks / alone > 1
    for mine, gated_too, expected in zip(ours, gates, theirs, strict=True):
        assert gated_too.top1 == mine.top1
        assert list(mine.top1) == pytest.approx(list(expected.top1), abs=0.01)
