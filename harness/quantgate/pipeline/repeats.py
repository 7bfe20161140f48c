"""``calibrate.repeats``: the same recipe on other draws of images, so that luck with one draw is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quantgate.engine.artifact import Artifact
    from quantgate.engine.comparison_file import Kept
    from quantgate.entries import ModelEntry
    from quantgate.pair import Pair
    from quantgate.pipeline.data import Data
    from quantgate.progress import Progress
    from quantgate.run import Run


def draws_of(entry: ModelEntry, data: Data) -> Iterator[tuple[ModelEntry, Data]]:
    """Give the entry and its data as each further draw of calibration images makes them."""
    recipe = entry.calibrate
    if recipe is None:
        return
    # Where no draw was made (a ready-made model), none is given.
    for seed, drawn in zip(recipe.seeds[1:], data.repeats, strict=False):
        again = replace(recipe, seed=seed)
        yield replace(entry, calibrate=again), replace(data, calibration=drawn)


def repeated_artifacts(
    entry: ModelEntry, run: Run, parent: Artifact, data: Data, *, progress: Progress
) -> tuple[Artifact, ...]:
    """Quantize on every further draw, or find that in the store; nothing where nothing is repeated.

    Raises
    ------
    QuantizationError
        Where the optimizer refuses.
    """
    from quantgate.pipeline.optimize import quantized

    made = tuple(
        quantized(again, run, parent, drawn, progress=progress).artifact
        for again, drawn in draws_of(entry, data)
    )
    if made:
        seeds = ", ".join(map(str, seeds_of(entry)))
        digests = ", ".join(artifact.digest[:16] for artifact in made)
        facts = [["calibrations", f"seeds {seeds}"], ["optimized digests of repeats", digests]]
        run.keep(entry.id, "repeating", {"facts": facts})
    return made


def seeds_of(entry: ModelEntry) -> tuple[int, ...]:
    """Seeds of all calibrations; none where nothing is repeated."""
    recipe = entry.calibrate
    if recipe is None or recipe.repeats == 1:
        return ()
    return recipe.seeds


def repeated_comparisons(
    entry: ModelEntry, run: Run, pairs: Sequence[Pair[Artifact]], data: Data, *, progress: Progress
) -> tuple[Kept, ...]:
    """Compare each of the repeats with the parent, or the baseline, on the evaluation set."""
    from quantgate.pipeline.accuracy import Conditions

    conditions = Conditions.of(entry, run, data)
    return tuple(conditions.compared(pair, progress)[0] for pair in pairs)
