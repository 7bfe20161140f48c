"""Letters: what each role reads in the place of each, and which of them quantization costs most."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.bootstrap import Resampled, bootstrap_ratio
from quantgate.core.matching import ChangeCounts
from quantgate.core.text import aligned
from quantgate.errors import MeasurementError
from quantgate.tasks.text.accuracy import annotated, check, metric_of, spelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.text.record import Transcribed

#: Times that a letter has to be annotated before it is judged by itself.
FEWEST_LETTERS = 10
#: Of each image its columns: letters that stand for each other, empty where there is none.
Columns = list[list[tuple[str, ...]]]


def along_truth(comparison: Transcribed, plan: EvaluationPlan) -> Columns:
    """Annotated letter, parent's, optimized model's: spelled as the plan's metric compares them.

    Raises
    ------
    DatasetError
        Where an image has no annotated text.
    """
    metric = metric_of(plan)

    def columns() -> Columns:
        check(comparison)
        return [
            aligned(
                spelled(annotated(r), metric),
                [spelled(record.text, metric) for record in r.record],
            )
            for r in comparison.images
        ]

    return comparison.once(f"letters {metric}", columns)


def between_roles(comparison: Transcribed) -> Columns:
    """Parent's letter, optimized model's."""

    def columns() -> Columns:
        check(comparison)
        return [
            aligned(r.record.parent.text, (r.record.optimized.text,)) for r in comparison.images
        ]

    return comparison.once("letters between the roles", columns)


def letter_changes(comparison: Transcribed) -> ChangeCounts:
    """Count the parent's letters that are kept, replaced (as relabelled) and lost, and those gained."""
    found = Counter(
        "gained" if not one else "lost" if not other else "kept" if one == other else "relabelled"
        for one, other in chain.from_iterable(between_roles(comparison))
    )
    return ChangeCounts(**found)


def letter_sums(
    comparison: Transcribed, plan: EvaluationPlan
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Sum up each letter that is annotated often enough, by image.

    Returns
    -------
    tuple
        The letters; how many of each the optimized model lost against its parent, and how many there are,
        [images, letters] both.
    """
    columns = along_truth(comparison, plan)
    seen = Counter(column[0] for image in columns for column in image if column[0])
    letters = tuple(sorted(one for one, count in seen.items() if count >= FEWEST_LETTERS))
    places = {letter: place for place, letter in enumerate(letters)}
    lost, counts = np.zeros((2, len(columns), len(letters)))
    for image, own in enumerate(columns):
        for letter, parent, optimized in own:
            if letter in places:
                lost[image, places[letter]] += (letter == parent) - (letter == optimized)
                counts[image, places[letter]] += 1
    return letters, lost, counts


def worst_of(lost: NDArray[np.float64], counts: NDArray[np.float64]) -> int:
    """Place of the letter that lost the largest share, of sums [images, letters]; the first of several."""
    return int(np.argmax(lost.sum(axis=0) / counts.sum(axis=0)))


def letter_drop(comparison: Transcribed, plan: EvaluationPlan) -> tuple[str, Resampled]:
    """Find the letter that lost most, and how much more often it is lost than by the parent.

    Raises
    ------
    MeasurementError
        Where no letter is annotated ten times.
    """
    letters, lost, counts = letter_sums(comparison, plan)
    if not letters:
        raise MeasurementError(
            f"no letter is annotated {FEWEST_LETTERS} times on these {len(comparison)} images: "
            "limits.max_class_drop needs more images"
        )
    worst = worst_of(lost, counts)
    return letters[worst], bootstrap_ratio(lost[:, worst], counts[:, worst])
