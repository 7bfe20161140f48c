"""From an entry and its parent to the optimized artifact: calibrated by NNCF, or given ready-made."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from quantgate.errors import QuantizationError
from quantgate.escaping import printable
from quantgate.pair import ROLES, Pair

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from quantgate.datasets.sample import Dataset, Sample
    from quantgate.engine.artifact import Artifact
    from quantgate.engine.calibration import Aim
    from quantgate.engine.evaluate import Bench
    from quantgate.engine.quantize import Optimized, Reached
    from quantgate.entries import ModelEntry
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run


def optimized_artifact(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, *, progress: Progress
) -> Artifact:
    """Quantize the parent by the entry's recipe, or take the model given; keep what the report says.

    Raises
    ------
    QuantizationError
        Where the optimizer refuses.
    SourceError
        Where the model given cannot be read.
    """
    from quantgate.engine.artifact import given_artifact
    from quantgate.store import Store

    if entry.optimized is not None:
        root = run.manifest.root
        artifact = given_artifact(
            entry.optimized, entry.preprocess, root, Store(run.store, model=entry.id)
        )
        _keep(run, entry, Pair(parent, artifact), {"notes": list(data.notes)})
        return artifact
    made = _quantized(entry, run, parent, data, progress=progress)
    notes = [*data.notes, *_missed(made.reached)]
    told = {"calibration": list(made.calibrated_on), "notes": notes}
    _keep(run, entry, Pair(parent, made.artifact), told)
    return made.artifact


def _quantized(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, *, progress: Progress
) -> Optimized:
    from quantgate.engine.calibration import Calibration
    from quantgate.engine.quantize import quantize
    from quantgate.store import Store

    if data.calibration is None or entry.calibrate is None:
        raise QuantizationError(f"models.{entry.id} has neither `calibrate` nor `optimized`")
    calibration = Calibration(
        data.calibration.samples, lambda sample: prepared(entry, parent, sample), progress
    )
    return quantize(
        parent,
        entry.calibrate,
        calibration,
        Store(run.store, model=entry.id),
        aim=_aim(entry, data),
    )


def _missed(reached: Reached | None) -> list[str]:
    if reached is None or reached.target:
        return []
    return [
        (
            f"accuracy-aware quantization did not reach its target: {reached.parent:.4f} → "
            f"{reached.optimized:.4f}, a drop of {reached.parent - reached.optimized:.4f}, aimed at "
            f"{reached.max_drop:g}"
        )
    ]


def _keep(run: Run, entry: ModelEntry, pair: Pair[Artifact], told: Mapping[str, Any]) -> None:
    from quantgate.manifest.lines import lines_of

    facts = [[f"{role} digest", pair[role].digest[:16]] for role in ROLES]
    facts += [
        ["preprocess", _stated(entry.preprocess)],
        ["decoder", f"{entry.decoder.kind}: {_stated(entry.decoder)}"],
    ]
    written = lines_of(run.manifest.path.read_text(encoding="utf-8-sig"), entry.id)
    digests = [[role, pair[role].digest] for role in ROLES]
    made = {"source": source_text(entry), "entry": written, "facts": facts, "digests": digests}
    run.keep(entry.id, "optimizing", {**made, **told})


def _stated(table: Any) -> str:
    """Say what a table of the entry comes to, whoever stated it: keys that are not the default."""
    values = {field: getattr(table, field.name) for field in dataclasses.fields(table)}
    said = [
        f"{field.name} {value}"
        for field, value in values.items()
        if value and value != field.default
    ]
    return printable(", ".join(said)) or "nothing but the defaults"


def prepared(entry: ModelEntry, artifact: Artifact, sample: Sample) -> NDArray[np.uint8]:
    """One sample as the model's input, uint8 [height, width, channels]."""
    from quantgate.datasets.images import read_image
    from quantgate.engine.preprocess import prepare

    return prepare(read_image(sample), entry.preprocess, input_size(entry, artifact))[0]


def input_size(entry: ModelEntry, artifact: Artifact) -> tuple[int, int]:
    """``(width, height)`` of the embedded model's input, px."""
    if entry.preprocess.size is not None:
        return entry.preprocess.size
    from quantgate.engine.artifact import input_shape

    _, height, width, _ = input_shape(artifact)
    return width, height


def bench_of(entry: ModelEntry, dataset: Dataset) -> Bench:
    """What both roles are judged on."""
    from quantgate.engine.evaluate import Bench
    from quantgate.tasks.catalog import TASKS

    return Bench(dataset, entry.preprocess, entry.decoder, TASKS[entry.task], entry.task)


def source_text(entry: ModelEntry) -> str:
    """The source as the manifest names it."""
    from dataclasses import fields

    said = {field.name: getattr(entry.source, field.name) for field in fields(entry.source)}
    text = ", ".join(f"{key} {value}" for key, value in said.items() if value is not None)
    return printable(text)


def _aim(entry: ModelEntry, data: Data) -> Aim | None:
    """Aim accuracy-aware quantization at the task's own metric, on the calibration images."""
    recipe = entry.calibrate
    if recipe is None or recipe.method != "accuracy-aware" or data.calibration is None:
        return None
    from quantgate.engine.calibration import Aim
    from quantgate.engine.evaluate import evaluate_role

    if not data.calibration.annotated:
        raise QuantizationError(
            f"models.{entry.id}.calibrate.method accuracy-aware needs annotations, and "
            f"datasets.{recipe.dataset} has none"
        )
    bench = bench_of(entry, data.calibration)
    metric = entry.evaluate.metric or bench.task.DEFAULT_METRIC

    def measure(compiled: Any, samples: Sequence[Sample]) -> float:
        return bench.task.metrics(evaluate_role(compiled, bench, samples)).parent[metric]

    drop = recipe.max_drop if recipe.max_drop is not None else entry.limits.max_accuracy_drop
    if drop is None:
        raise QuantizationError(
            f"models.{entry.id}.calibrate.method accuracy-aware needs a drop to aim at: set "
            "calibrate.max_drop or limits.max_accuracy_drop"
        )
    return Aim(data.calibration.samples, measure, drop, {**bench.key(), "metric": metric})
