"""The two image sets of an entry: what the optimizer sees, and what both roles are judged on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from quantgate.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quantgate.datasets.sample import Dataset
    from quantgate.entries import Manifest, ModelEntry, Recipe
    from quantgate.run import Run

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Data:
    """Both sets, disjoint by content, with the sentences that a reader of the report must see.

    ``calibration`` is None where the optimized model was given ready-made; ``repeats`` are the further draws
    that ``calibrate.repeats`` asks for.
    """

    evaluation: Dataset
    calibration: Dataset | None
    notes: tuple[str, ...] = ()
    repeats: tuple[Dataset, ...] = ()


def load_data(
    entry: ModelEntry,
    manifest: Manifest,
    cache: Path,
    load: Callable[[str, str | None], Dataset] | None = None,
) -> Data:
    """Load, draw and part the sets as the entry says.

    Parameters
    ----------
    cache
        Folder where digests of files are remembered.
    load
        Loads a set by its name and the truth that is wanted, as :func:`load_named` does.

    Raises
    ------
    DatasetError
        Where a set is missing, empty or inconsistent, or an image is in both sets.
    """
    from quantgate.datasets.selection import hold_out, subset
    from quantgate.tasks.catalog import TASKS

    plan, recipe = entry.evaluate, entry.calibrate
    notes: list[str] = []
    truth = TASKS[entry.task].TRUTH
    load = load or partial(load_named, manifest, cache)
    evaluation = load(plan.dataset, truth)
    calibration: Dataset | None = None
    repeats: tuple[Dataset, ...] = ()
    if recipe is not None:
        found = load(recipe.dataset, truth)
        drawn = subset(found, recipe.subset, recipe.seed)
        calibration = drawn.dataset
        notes += [f"calibrate.subset: {drawn.note}"] if drawn.note else []
        repeats = _further_draws(found, recipe)
        for used in (calibration, *repeats) if plan.hold_out else ():
            evaluation = hold_out(evaluation, used)
    if plan.subset is not None:
        chosen = subset(evaluation, plan.subset, plan.seed, together=True)
        evaluation = chosen.dataset
        notes += [f"evaluate.subset: {chosen.note}"] if chosen.note else []
    for used in filter(None, (calibration, *repeats)):
        notes += _part(entry, used, evaluation)
    for dataset in filter(None, (evaluation, calibration)):
        notes += [*dataset.notes, *([_skipped(dataset)] if dataset.skipped else [])]
    evaluation = replace(evaluation, score_threshold=plan.score_threshold)
    return Data(evaluation, calibration, tuple(dict.fromkeys(notes)), repeats)


def _further_draws(dataset: Dataset, recipe: Recipe) -> tuple[Dataset, ...]:
    """Draw the images of every repeat after the first.

    Raises
    ------
    DatasetError
        Where each draw would be all images, so that nothing but the same could come of it.
    """
    from quantgate.datasets.selection import subset

    if recipe.repeats > 1 and recipe.subset >= len(dataset):
        raise DatasetError(
            f"calibrate.repeats = {recipe.repeats} draws {recipe.subset} of {len(dataset)} images of "
            f"datasets.{dataset.name}: every draw is the same; set a smaller calibrate.subset, or name a "
            "larger dataset"
        )
    return tuple(subset(dataset, recipe.subset, seed).dataset for seed in recipe.seeds[1:])


def keep_digests(entry: ModelEntry, run: Run, data: Data) -> None:
    """Keep what the judged numbers rest on, for the report; speed is measured on the first image."""
    digests = [["evaluation", data.evaluation.digest], ["input", data.evaluation.samples[0].digest]]
    if data.evaluation.segments:
        told = json.dumps(sorted(data.evaluation.segments.items()))
        digests.append(["segments", hashlib.blake2b(told.encode(), digest_size=16).hexdigest()])
    if data.calibration is not None:
        digests.append(["calibration", data.calibration.digest])
    run.keep(entry.id, "truth", {"digests": digests, "doubts": [*data.evaluation.notes]})


def load_named(manifest: Manifest, cache: Path, name: str, truth: str | None) -> Dataset:
    """Load one of a manifest's sets; errors as :func:`load_data`."""
    from quantgate.datasets.catalog import load_dataset

    entry = manifest.datasets[name]
    return load_dataset(name, entry, manifest.root, cache=cache, truth=truth)


def _part(entry: ModelEntry, calibration: Dataset, evaluation: Dataset) -> list[str]:
    """Demand that no image is in both sets; return the warning where the entry allows it."""
    from quantgate.datasets.selection import overlap

    shared = overlap(calibration, evaluation)
    if not shared:
        return []
    some = ", ".join(shared[:_NAMED]) + (", …" if len(shared) > _NAMED else "")
    found = f"{len(shared)} of {len(evaluation)} evaluation images were also used for calibration ({some})"
    if entry.evaluate.allow_overlap:
        return [f"{found}: the accuracy below flatters the optimized model"]
    raise DatasetError(
        f"models.{entry.id}: {found}; name another dataset, or set evaluate.hold_out = true to leave "
        "them out, or evaluate.allow_overlap = true to accept it with a warning"
    )


def _skipped(dataset: Dataset) -> str:
    """Count the files that are not used by their reasons, and name the first of each."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in dataset.skipped:
        by_reason.setdefault(reason, []).append(name)
    said = []
    for reason, files in by_reason.items():
        some = ", ".join(files[:_NAMED]) + (", …" if len(files) > _NAMED else "")
        said.append(f"{len(files)} × {reason} ({some})")
    count = len(dataset.skipped)
    left = "1 file was" if count == 1 else f"{count} files were"
    return f"datasets.{dataset.name}: {left} left out: {'; '.join(said)}"
