"""What a task's numbers over a whole set are made of, image by image, in a file beside the run.

From two runs' tallies a number is computed on the images that both share, again and again on the same
resamples of them: its difference then has an interval of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.tasks.catalog import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from quantgate.core.comparison import Comparison
    from quantgate.entries import EvaluationPlan
    from quantgate.tasks.protocol import Tally, TallyKind

_IMAGES = "images"


def _kind(task: str) -> TallyKind | None:
    """How a task counts; None where runs keep all that its numbers are made of in their tables."""
    return getattr(TASKS[task], "TALLY", None)


def save_tally(task: str, comparison: Comparison[Any], plan: EvaluationPlan, path: Path) -> bool:
    """Write what the numbers of a comparison are made of; False for a task that needs no file.

    Raises
    ------
    HarnessError
        Where they are not defined on these images.
    """
    kind = _kind(task)
    found = None if kind is None else kind.tally(comparison, plan)
    if found is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {_IMAGES: np.array([image.name for image in comparison.images]), **found.pack()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return True


def load_tally(task: str, path: Path) -> tuple[tuple[str, ...], Tally]:
    """Read back the names of the images, and what the numbers are made of."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = dict(stored)
    kind = _kind(task)
    assert kind is not None
    return tuple(map(str, arrays.pop(_IMAGES).tolist())), kind.unpack(arrays)
