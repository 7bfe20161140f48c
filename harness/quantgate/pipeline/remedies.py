"""What to try when a limit is missed: the settings of the entry that bear on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS

if TYPE_CHECKING:
    from quantgate.entries import ModelEntry


def remedy_for(entry: ModelEntry, key: str) -> str:
    """Say what to try for a missed limit of this entry; empty where nothing general helps."""
    kind = LIMITS[key]
    return kind.remedy or (_recipe(entry) if kind.of_images else "")


def _recipe(entry: ModelEntry) -> str:
    recipe = entry.calibrate
    if recipe is None:
        return "compare how the optimized model was preprocessed and calibrated with its parent"
    tries = []
    if recipe.preset == "performance":
        tries.append('calibrate.preset = "mixed"')
    if recipe.method == "default":
        tries.append('calibrate.method = "accuracy-aware"')
    tries.append("calibrate.ignored for the layers that suffer most")
    return f"to try: {', '.join(tries)}"
