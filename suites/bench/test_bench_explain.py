"""Whether a planted fault is named, and what an explanation costs.

Forty damages of one layer each, over built-in and real models: its block has to be named first in 95 of
100, its layer among the first three in 90. Twenty faults of execution have to be called so, and none of
the damages. QUANTGATE_BENCH_EXPLAIN names some of the models; QUANTGATE_REAL names the folder of real models; the built-in ones alone make 24 damages.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from quantgate.attribution.ask import Ask, drawn
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
from quantgate.store import default_store
from suites.quantized import DAMAGES, altered, damaged
from suites.real.work import MANIFEST

if TYPE_CHECKING:
    from quantgate.core.explained import Explanation
    from quantgate.engine.evaluate import Bench
    from quantgate.entries import ModelEntry

BUILT_IN = (
    "digits-mobilenet-v2",
    "digits-ssd-mobilenet-v2",
    "digits-yolo-v4-tiny",
    "digits-instance-segmentation",
    "digits-segmentation",
    "digits-restoration",
)
REAL = ("squeezenet", "mobilenet-v2", "nanodet-m", "fastestdet")
IMAGES = 8
#: A fault has to matter: so many times the noise of the sound model, and a part of the signal.
LOUDER, LOUD = 10.0, 0.01
TRIES = 12


@dataclass(frozen=True)
class Case:
    """A model of a manifest, quantized."""

    entry: ModelEntry
    models: Pair[Any]
    bench: Bench
    size: tuple[int, int]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Every built-in model, and the real ones where they are."""
    wanted = os.environ.get("QUANTGATE_BENCH_EXPLAIN", ",".join((*BUILT_IN, *REAL))).split(",")
    found = [_case(Path("models.toml"), name) for name in BUILT_IN if name in wanted]
    if "QUANTGATE_REAL" in os.environ:
        manifest = tmp_path_factory.mktemp("real") / "models.toml"
        manifest.write_text(MANIFEST.format(real=os.environ["QUANTGATE_REAL"]), encoding="utf-8")
        found += [_case(manifest, name) for name in REAL if name in wanted]
    return found


def _case(manifest: Path, name: str) -> Case:
    options = argparse.Namespace(model=name, manifest=manifest, store=default_store())
    with prepared(options) as model:
        models = model.artifacts.map(lambda artifact: ov.Core().read_model(artifact.path))
        _, height, width, _ = models.parent.input(0).get_shape()
        return Case(
            model.entry, models, bench_of(model.entry, model.data.evaluation), (width, height)
        )


def test_planted_damage_is_named(cases: list[Case], tmp_path: Path) -> None:
    """The block that holds the damaged layer comes first, the layer among the first three."""
    blocks, layers, wrong = [], [], 0
    for case in cases:
        for number, damage in enumerate(DAMAGES):
            planted, readers = _planted(case, damage, seed=number)
            found = _explained(case, planted, tmp_path)
            blocks.append(not readers.isdisjoint(found.ranked("block")[0].layers))
            named = {group.name for group in found.ranked("layer")[:3]}
            layers.append(not readers.isdisjoint(named))
            wrong += found.execution is None or found.execution.cause == "execution"
            print(
                f"{case.entry.id}, {damage}: {min(readers)}, block {'first' if blocks[-1] else 'MISSED'}, "
                f"layer {'among three' if layers[-1] else 'MISSED'}",
                flush=True,
            )
    print(
        f"{len(blocks)} damages: block first in {sum(blocks)}, layer among three in {sum(layers)}, "
        f"called execution {wrong}"
    )
    assert np.mean(blocks) >= 0.95
    assert np.mean(layers) >= 0.9
    assert wrong == 0


def test_planted_faults_of_execution_are_called_so(cases: list[Case], tmp_path: Path) -> None:
    """Two kernels of each model compute something else: execution, at that quantizer."""
    called, first = [], []
    for case in cases:
        for seed in (0, 1):
            quantizer = _erring(case, seed)
            ask = Ask(
                images=IMAGES,
                groups={},
                execute=lambda model, at=quantizer: in_floats(altered(model, at, 4.0)),  # type: ignore[misc]
            )
            told = explain(
                _paths(case.models, tmp_path), case.bench, case.entry.evaluate, ask
            ).execution
            called.append(told is not None and told.cause == "execution")
            first.append(
                told is not None and told.first is not None and told.first.quantizer == quantizer
            )
            print(
                f"{case.entry.id}: {quantizer}, execution {called[-1]}, first {first[-1]}",
                flush=True,
            )
    print(
        f"{len(called)} faults of execution: called so {sum(called)}, the quantizer named {sum(first)}"
    )
    assert all(called)
    assert np.mean(first) >= 0.9


def test_what_an_explanation_costs(cases: list[Case], tmp_path: Path) -> None:
    """Local scores, and ten groups asked both ways, as multiples of one evaluation of the same images."""
    count = 64
    for case in cases:
        samples = drawn(case.bench.dataset.samples, count, 0)
        paths = _paths(case.models, tmp_path)
        began = time.perf_counter()
        both = paths.map(lambda path: compile_model(_Artifact(path), Target()))  # type: ignore[arg-type]
        some = replace(case.bench, dataset=replace(case.bench.dataset, samples=tuple(samples)))
        compare_models(both, some)
        evaluation = time.perf_counter() - began
        images = prepare_images(case.bench, case.entry.evaluate, samples, case.size)
        began = time.perf_counter()
        scores(case.models, [tensor[None] for tensor in images.first(16).tensors])
        scoring = time.perf_counter() - began
        began = time.perf_counter()
        ask = Ask(images=count, seconds=1e9)
        explain(paths, case.bench, case.entry.evaluate, ask)
        whole = time.perf_counter() - began
        print(
            f"{case.entry.id}: evaluation {evaluation:.1f} s, local scores {scoring / evaluation:.1f}×, "
            f"explanation {whole / evaluation:.1f}×"
        )


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
    for number in rng.choice(able, min(TRIES, len(able)), replace=False):
        model = damaged(case.models.optimized, int(number), damage)
        if parent.ask(in_floats(model)).noise > max(LOUD, LOUDER * sound):
            chosen = graph.layers[int(number)]
            places = set(chosen.activations if damage in {"narrow", "wide"} else chosen.weights)
            read = [one for one in graph.layers if places & {*one.activations, *one.weights}]
            return model, {layer.name for layer in read}
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
    for place in rng.permutation(graph.fakes()):
        name = graph.nodes[int(place)].get_friendly_name()
        err = plain.ask(in_floats(altered(case.models.optimized, name, 4.0))).noise
        if err > max(LOUD, LOUDER * sound):
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
