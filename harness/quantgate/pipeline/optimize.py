"""From an entry and its parent to the optimized artifact: calibrated by NNCF, or given ready-made."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from quantgate.errors import DatasetError, QuantizationError
from quantgate.escaping import toml_string
from quantgate.pair import Pair
from quantgate.pipeline.feeding import bench_of, prepared, reaching
from quantgate.pipeline.provenance import keep_provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quantgate.datasets.sample import Sample
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
    from quantgate.engine.artifact import given_artifact, told_of

    if entry.optimized is not None:
        root = run.manifest.root
        artifact = given_artifact(
            entry.optimized,
            entry.preprocess,
            root,
            run.store_of(entry.id),
            parent=parent,
        )
        notes = [*data.notes, *_lowered(entry), *told_of(artifact)["notes"]]
        keep_provenance(run, entry, Pair(parent, artifact), {"notes": notes})
        return artifact
    made = quantized(entry, run, parent, data, progress=progress)
    notes = [*data.notes, *_lowered(entry), *_missed(made.reached), *_put_back(made)]
    told = {"calibration": list(made.calibrated_on), "notes": notes}
    keep_provenance(run, entry, Pair(parent, made.artifact), told)
    if made.put_back:
        facts = [["put back into floating point", ", ".join(made.put_back)]]
        run.keep(entry.id, "put-back", {"facts": facts, "put_back": list(made.put_back)})
    return made.artifact


def quantized(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, *, progress: Progress
) -> Optimized:
    """Quantize the parent by the entry's recipe on its calibration images, or find that in the store.

    Raises
    ------
    QuantizationError
        Where the optimizer refuses.
    """
    from quantgate.datasets.augment import augmented
    from quantgate.engine.calibration import Calibration
    from quantgate.engine.quantize import quantize

    if data.calibration is None or entry.calibrate is None:
        raise QuantizationError(f"models.{entry.id} has neither `calibrate` nor `optimized`")
    recipe = entry.calibrate
    samples = augmented(data.calibration.samples, recipe.augment, recipe.seed)
    calibration = Calibration(samples, lambda sample: prepared(entry, parent, sample), progress)
    return quantize(
        parent,
        recipe,
        calibration,
        run.store_of(entry.id),
        aim=_aim(entry, data, progress),
    )


def _put_back(made: Optimized) -> list[str]:
    """Name the layers that accuracy-aware quantization has put back, as they would be left out for good."""
    if not made.put_back:
        return []
    count = len(made.put_back)
    layers = "1 layer" if count == 1 else f"{count} layers"
    names = ", ".join(map(toml_string, made.put_back))
    return [
        (
            f"accuracy-aware quantization put {layers} back into floating point: "
            f"calibrate.ignored.names = [{names}] does the same without the search"
        )
    ]


def _lowered(entry: ModelEntry) -> list[str]:
    lowered = reaching(entry.decoder, entry.evaluate)
    if lowered is entry.decoder:
        return []
    before, after = (getattr(each, "score_threshold", 0.0) for each in (entry.decoder, lowered))
    own = {one.name: one.default for one in fields(cast("Any", entry.decoder))}
    if before == own["score_threshold"]:
        return []  # nobody set it
    return [
        (
            f"decoder.score_threshold {before:g} is taken as {after:g}, so that evaluate.hysteresis "
            f"{entry.evaluate.hysteresis:g} below evaluate.score_threshold "
            f"{entry.evaluate.score_threshold:g} finds what it looks for"
        )
    ]


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


def _aim(entry: ModelEntry, data: Data, progress: Progress) -> Aim | None:
    """Aim accuracy-aware quantization at the task's own metric, on the calibration images."""
    recipe = entry.calibrate
    if recipe is None or recipe.method != "accuracy-aware" or data.calibration is None:
        return None
    from quantgate.engine.calibration import Aim

    if not data.calibration.annotated:
        raise QuantizationError(
            f"models.{entry.id}.calibrate.method accuracy-aware needs annotations, and "
            f"datasets.{recipe.dataset} has none"
        )
    bench = bench_of(entry, data.calibration)
    metric = entry.evaluate.metric or bench.task.DEFAULT_METRIC
    drop = recipe.max_drop if recipe.max_drop is not None else entry.limits.max_accuracy_drop
    if drop is None:
        raise QuantizationError(
            f"models.{entry.id}.calibrate.method accuracy-aware needs a drop to aim at: set "
            "calibrate.max_drop or limits.max_accuracy_drop"
        )
    measure = measuring(bench, metric, progress)
    return Aim(data.calibration.samples, measure, drop, {**bench.key(), "metric": metric})


def measuring(
    bench: Bench, metric: str, progress: Progress
) -> Callable[[Any, Sequence[Sample]], float]:
    """Make what measures a compiled model on some of a bench's images, as a search does again and again.

    Layers are ranked image by image; each round of the images is a pass of the progress. An image
    without objects, or letters, loses nothing, whatever is put back: its metric is 0 for every model. An error is
    measured below 0, because more is better to whoever searches.
    """
    from quantgate.engine.evaluate import evaluate_role

    every, looked_at = len(bench.dataset.samples), itertools.count()

    def measure(compiled: Any, samples: Sequence[Sample]) -> float:
        found = evaluate_role(compiled, bench, samples)
        for number in itertools.islice(looked_at, len(samples)):
            if number % every == 0:
                progress.start(f"accuracy-aware, pass {number // every + 1}", every)
            progress.advance()
        try:
            value = bench.task.metrics(found).parent.get(metric, 0.0)
            return -value if bench.task.METRICS[metric].is_error else value
        except DatasetError:
            if len(samples) == every:
                raise
            return 0.0

    return measure
