"""What to try when a limit is missed: the settings of the entry that bear on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS

if TYPE_CHECKING:
    from quantgate.core.explained import Explanation
    from quantgate.entries import ModelEntry

#: The recipe that made the baseline is known to do: what changed since is what to look at.
_TO_BASELINE = (
    "compare what made the baseline with what makes this model: weights, recipe, calibration images, "
    "versions of OpenVINO and NNCF"
)


def remedy_for(entry: ModelEntry, key: str, explained: Explanation | None = None) -> str:
    """Say what to try for a missed limit of this entry; empty where nothing general helps.

    Parameters
    ----------
    explained
        Which layers lose the accuracy, where that is known: they are named instead of being alluded to,
        and no recipe is proposed where it is the device that loses it.
    """
    kind = LIMITS[key]
    told = explained.execution if explained else None
    if told is not None and told.cause == "execution":
        return ""
    if kind.to_baseline:
        return _TO_BASELINE
    return kind.remedy or (_recipe(entry, named=explained is not None) if kind.of_images else "")


def _recipe(entry: ModelEntry, *, named: bool) -> str:
    recipe = entry.calibrate
    if recipe is None:
        return "compare how the optimized model was preprocessed and calibrated with its parent"
    tries = []
    if recipe.preset == "performance":
        tries.append('calibrate.preset = "mixed"')
    if recipe.method == "default":
        tries.append('calibrate.method = "accuracy-aware"')
    if not named:
        tries.append("calibrate.ignored for the layers that lose most")
    return f"to try: {', '.join(tries)}" if tries else ""
