"""Whether a planted fault is named, and what an explanation costs.

Forty damages of one layer each, over built-in and real models: its block has to be named first in 95 of
100, its layer among the first three in 90. Twenty faults of execution have to be called so, and none of
the damages. QUANTGATE_REAL names the folder of real models; the built-in ones alone make 24 damages.

All of it takes long. ``-k`` chooses models and damages, and QUANTGATE_BENCH_EXPLAIN names a file that keeps
what was found: what is in it is not asked again, and the last test judges all of it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.attribution.ask import SCORED, Ask, drawn
from quantgate.attribution.execution import in_floats
from quantgate.attribution.explain import explain
from quantgate.attribution.images import Reference, prepare_images
from quantgate.attribution.scores import scores
from quantgate.commands.prepare import prepared
from quantgate.engine.evaluate import compare_models
from quantgate.engine.quantizers import Graph
from quantgate.engine.runtime import Target, compile_model
from quantgate.pair import Pair
from quantgate.pipeline.feeding import bench_of
from quantgate.store import store_root
from suites.quantized import DAMAGES, altered, damaged
from suites.real.work import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.core.explained import Explanation
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import ModelEntry

BUILT_IN = (
    "digits-mobilenet-v2",
    "digits-ssd-mobilenet-v2",
    "digits-yolo-v4-tiny",
    "digits-instance-segmentation",
    "digits-segmentation",
    "digits-keypoints",
    "digits-quads",
    "digits-text",
    "digits-embedding",
    "digits-depth",
    "digits-attributes",
    "digits-restoration",
)
REAL = ("squeezenet", "mobilenet-v2", "nanodet-m", "fastestdet")
IMAGES, COSTED = 8, 64
#: What local scores, and a whole explanation, may cost: so many evaluations of the same images.
MOST_SCORES, MOST_WHOLE = 3, 15
#: A fault has to matter: so many times the noise of the sound model, and a part of the signal. Where a sound
#: model is noisy already, ten times that is beyond all signal: three times is most of the noise still.
LOUDER, LOUD = (10.0, 3.0), 0.01
TRIES = 6
#: How strong a damage is, until one matters.
FACTORS = (8.0, 16.0, 32.0)


@dataclass(frozen=True)
class Case:
    """A model of a manifest, quantized."""

    entry: ModelEntry
    models: Pair[Any]
    bench: Bench
    size: tuple[int, int]


@dataclass(frozen=True)
class Found:
    """What an explanation said of one planted fault."""

    model: str
    planted: str
    cause: str
    group: bool
    layer: bool


class Tally:
    """What was found so far, in this session and in the file that keeps it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        self.found = [Found(**json.loads(line)) for line in lines]

    def has(self, model: str, planted: str) -> bool:
        """Whether that was asked already."""
        return any((one.model, one.planted) == (model, planted) for one in self.found)

    def add(self, found: Found, said: str) -> None:
        """Keep one answer, and print it."""
        print(f"{found.model}, {found.planted}: {said}", flush=True)
        self.found.append(found)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(asdict(found))}\n")

    def of(self, *, execution: bool) -> list[Found]:
        """Give the answers to faults of execution, or to damages of quantization."""
        return [one for one in self.found if one.planted.startswith("kernel") == execution]


@pytest.fixture(scope="module")
def tally() -> Tally:
    """The tally of this session, or the one that is kept."""
    kept = os.environ.get("QUANTGATE_BENCH_EXPLAIN")
    return Tally(Path(kept) if kept else None)


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A built-in model, or a real one where they are."""
    name = request.param
    if name in BUILT_IN:
        return _case(Path("models.toml"), name)
    if "QUANTGATE_REAL" not in os.environ:
        pytest.skip("QUANTGATE_REAL names no folder of real models")
    manifest = tmp_path_factory.mktemp("real") / "models.toml"
    manifest.write_text(MANIFEST.format(real=os.environ["QUANTGATE_REAL"]), encoding="utf-8")
    return _case(manifest, name)


def _case(manifest: Path, name: str) -> Case:
    options = argparse.Namespace(model=name, manifest=manifest, store=store_root())
    with prepared(options) as model:
        models = model.artifacts.map(lambda artifact: ov.Core().read_model(artifact.path))
        _, height, width, _ = models.parent.input(0).get_shape()
        return Case(
            model.entry, models, bench_of(model.entry, model.data.evaluation), (width, height)
        )


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("case", [*BUILT_IN, *REAL], indirect=True)
def test_planted_damage_is_named(case: Case, damage: str, tally: Tally, tmp_path: Path) -> None:
    """The block that holds the damaged layer comes first, the layer among the first three."""
    if tally.has(case.entry.id, damage):
        return
    planted, readers = _planted(case, damage, seed=DAMAGES.index(damage))
    told = _explained(case, planted, tmp_path)
    first, named = told.ranked("block")[0], [group.name for group in told.ranked("layer")[:3]]
    found = Found(
        case.entry.id,
        damage,
        "unknown" if told.execution is None else told.execution.cause,
        group=not readers.isdisjoint(first.layers),
        layer=not readers.isdisjoint(named),
    )
    block, layer = (
        "first" if found.group else "MISSED",
        "among three" if found.layer else "MISSED",
    )
    tally.add(found, f"{', '.join(sorted(readers))}: block {block}, layer {layer}, {found.cause}")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("case", [*BUILT_IN, *REAL], indirect=True)
def test_planted_fault_of_execution_is_called_so(
    case: Case, seed: int, tally: Tally, tmp_path: Path
) -> None:
    """A kernel of the model computes something else: execution, at that quantizer."""
    if tally.has(case.entry.id, f"kernel {seed}"):
        return
    quantizer = _erring(case, seed)
    ask = Ask(
        images=IMAGES,
        groups={},
        execute=lambda model: in_floats(altered(model, quantizer, 4.0)),
    )
    paths = _paths(case.models, tmp_path)
    told = explain(paths, case.bench, case.entry.evaluate, ask).execution
    first = told is not None and told.first is not None and told.first.quantizer == quantizer
    cause = "unknown" if told is None else told.cause
    found = Found(case.entry.id, f"kernel {seed}", cause, group=first, layer=first)
    tally.add(found, f"{quantizer}: {cause}, {'first' if first else 'MISSED'}")


def test_planted_faults_are_named_often_enough(tally: Tally) -> None:
    """Of all damages the block first in 95 of 100, the layer in 90; execution always told apart."""
    damages, kernels = tally.of(execution=False), tally.of(execution=True)
    print(
        f"{len(damages)} damages: block first in {sum(one.group for one in damages)}, layer among three in "
        f"{sum(one.layer for one in damages)}, called execution "
        f"{sum(one.cause == 'execution' for one in damages)}; {len(kernels)} faults of execution: called so "
        f"{sum(one.cause == 'execution' for one in kernels)}, the quantizer named {sum(one.group for one in kernels)}"
    )
    assert damages or kernels, "no fault was planted: select some of the tests above as well"
    assert all(one.cause == "quantization" for one in damages)
    assert all(one.cause == "execution" for one in kernels)
    if damages:
        assert np.mean([one.group for one in damages]) >= 0.95
        assert np.mean([one.layer for one in damages]) >= 0.9
    if kernels:
        assert np.mean([one.group for one in kernels]) >= 0.9


@pytest.mark.parametrize("case", [*BUILT_IN, *REAL], indirect=True)
def test_what_an_explanation_costs(case: Case, tmp_path: Path) -> None:
    """Local scores, and ten groups asked both ways, as multiples of one evaluation of the same images."""
    samples = drawn(case.bench.dataset.samples, COSTED, 0)
    paths = _paths(case.models, tmp_path)
    some = replace(case.bench, dataset=replace(case.bench.dataset, samples=tuple(samples)))
    evaluations = [Spent.by(lambda: _evaluate(some, paths)) for _ in range(3)]
    evaluation = sorted(evaluations, key=lambda spent: spent.cpu_s)[1]
    images = prepare_images(case.bench, case.entry.evaluate, samples, case.size)
    fed = [tensor[None] for tensor in images.first(SCORED).tensors]
    scoring = Spent.by(lambda: scores(case.models, fed))
    ask = Ask(images=COSTED, seconds=1e9)
    whole = Spent.by(lambda: explain(paths, case.bench, case.entry.evaluate, ask))
    print(
        f"{case.entry.id}: evaluation {evaluation}; local scores {scoring.over(evaluation)}; "
        f"explanation {whole.over(evaluation)}"
    )
    assert scoring.cpu_s <= MOST_SCORES * evaluation.cpu_s
    assert whole.cpu_s <= MOST_WHOLE * evaluation.cpu_s


def _evaluate(bench: Bench, paths: Pair[Path]) -> None:
    """Compile both roles, run them over the images, and compute the metric of each."""
    compiled = paths.map(lambda path: compile_model(_Artifact(path), Target()))  # type: ignore[arg-type]
    bench.task.metrics(compare_models(compiled, bench))


@dataclass(frozen=True)
class Spent:
    """Time on the clock, and of processors: the latter hardly knows what else a machine does."""

    wall_s: float
    cpu_s: float

    @staticmethod
    def by(work: Callable[[], object]) -> Spent:
        """Time something."""
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        work()
        return Spent(time.perf_counter() - wall_s, time.process_time() - cpu_s)

    def over(self, one: Spent) -> str:
        """Write it as multiples of another."""
        return f"{self.wall_s / one.wall_s:.1f}× ({self.cpu_s / one.cpu_s:.1f}× of processor time)"

    def __str__(self) -> str:
        """Write it in seconds."""
        return f"{self.wall_s:.1f} s ({self.cpu_s:.1f} s of processor time)"


@dataclass(frozen=True)
class _Artifact:
    path: Path


def _planted(case: Case, damage: str, seed: int) -> tuple[ov.Model, set[str]]:
    """Damage a layer of a model so that it matters; name all layers that read what is damaged."""
    rng = np.random.default_rng(seed)
    graph = Graph(case.models.optimized)
    able = [
        number
        for number, layer in enumerate(graph.layers)
        if layer.activations and (layer.weights or damage in {"narrow", "wide"})
    ]
    images = prepare_images(
        case.bench, case.entry.evaluate, drawn(case.bench.dataset.samples, 3, seed), case.size
    )
    parent = Reference(images, in_floats(case.models.parent))
    sound = parent.ask(in_floats(case.models.optimized)).noise
    chosen = rng.choice(able, min(TRIES, len(able)), replace=False)
    noises: dict[tuple[float, int], float] = {}
    for louder, factor, number in product(LOUDER, FACTORS, map(int, chosen)):
        model = damaged(case.models.optimized, number, damage, factor)
        if (factor, number) not in noises:
            noises[factor, number] = parent.ask(in_floats(model)).noise
        if noises[factor, number] > max(LOUD, louder * sound):
            layer = graph.layers[number]
            places = set(layer.activations if damage in {"narrow", "wide"} else layer.weights)
            read = [one for one in graph.layers if places & {*one.activations, *one.weights}]
            return model, {one.name for one in read}
    raise AssertionError(f"{case.entry.id}: no damage of kind {damage} matters")


def _erring(case: Case, seed: int) -> str:
    """Choose a quantizer whose kernel matters when it errs."""
    rng = np.random.default_rng(seed)
    graph = Graph(case.models.optimized)
    images = prepare_images(
        case.bench, case.entry.evaluate, drawn(case.bench.dataset.samples, 3, seed), case.size
    )
    plain = Reference(images, in_floats(case.models.optimized))
    parent = Reference(images, in_floats(case.models.parent))
    sound = parent.ask(in_floats(case.models.optimized)).noise
    names = [
        graph.nodes[int(place)].get_friendly_name() for place in rng.permutation(graph.fakes())
    ]
    noises: dict[str, float] = {}
    for louder, name in product(LOUDER, names):
        if name not in noises:
            wrong = altered(case.models.optimized, name, 4.0)
            noises[name] = plain.ask(in_floats(wrong)).noise
        if noises[name] > max(LOUD, louder * sound):
            return str(name)
    raise AssertionError(f"{case.entry.id}: no kernel matters")


def _explained(case: Case, planted: ov.Model, folder: Path) -> Explanation:
    paths = _paths(Pair(case.models.parent, planted), folder)
    ask = Ask(images=IMAGES, seconds=1e9, groups={"block": 2, "layer": 4})
    return explain(paths, case.bench, case.entry.evaluate, ask)


def _paths(models: Pair[Any], folder: Path) -> Pair[Path]:
    def save(role: str) -> Path:
        path = folder / f"{role}.xml"
        ov.save_model(
            models.parent if role == "parent" else models.optimized, path, compress_to_fp16=False
        )
        return path

    return Pair(save("parent"), save("optimized"))
