"""What to try when a limit is missed: the settings of the entry that bear on it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.limits import LIMITS
from quantgate.tasks.catalog import needs_others

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.explained import Explanation
    from quantgate.engine.artifact import Artifact
    from quantgate.entries import ModelEntry, Recipe

#: The recipe that made the baseline is known to do: what changed since is what to look at.
_TO_BASELINE = (
    "compare what made the baseline with what makes this model: weights, recipe, calibration images, "
    "versions of OpenVINO and NNCF"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a miss beside the entry.

    Parameters
    ----------
    explained
        Which layers lose the accuracy, where that is known: they are named instead of being alluded to,
        and no recipe is proposed where it is the device that loses it.
    put_back
        Layers that accuracy-aware quantization has put back into floating point, which did not suffice.
    transformer
        Whether the parent has attention, which NNCF quantizes otherwise when it is told.
    searched
        Whether a search for a recipe came to an answer: it has tried what else would be advised.
    """

    explained: Explanation | None = None
    put_back: Sequence[str] = ()
    transformer: bool = False
    searched: bool = False


def remedy_for(
    entry: ModelEntry, key: str, known: Known | None = None, doubts: Sequence[str] = ()
) -> str:
    """Say what to try for a missed limit of this entry; empty where nothing general helps.

    Parameters
    ----------
    doubts
        Whether images, annotations and feeding are as they should be, the gravest first: answers to images
        mean nothing before that is settled, so a remedy begins with it.
    """
    kind, known = LIMITS[key], known or Known()
    told = known.explained.execution if known.explained else None
    if told is not None and told.cause == "execution":
        return ""
    recipe = _recipe(entry, known) if kind.of_images else ""
    remedy = _TO_BASELINE if kind.to_baseline else kind.remedy or recipe
    answers = kind.of_images or kind.scope == "outputs"
    return _settled_first(doubts, remedy) if answers and doubts else remedy


def _settled_first(doubts: Sequence[str], remedy: str) -> str:
    count = len(doubts) - 1
    more = f" ({count} more under the notes)" if count else ""
    return f"settle this first: {doubts[0]}{more}{f'; then {remedy}' if remedy else ''}"


def wants_attention(entry: ModelEntry, key: str) -> bool:
    """Whether what a missed limit advises depends on the parent's having attention."""
    recipe = entry.calibrate
    return LIMITS[key].of_images and recipe is not None and recipe.model_type is None


def attends(parent: Artifact) -> bool:
    """Whether the parent has attention."""
    from quantgate.engine.quantizers import graph_at
    from quantgate.remedy.patterns import has_attention

    return has_attention(graph_at(parent.path))


def _recipe(entry: ModelEntry, known: Known) -> str:
    recipe = entry.calibrate
    if recipe is None:
        return "compare how the optimized model was preprocessed and calibrated with its parent"
    told = []
    if known.put_back:
        put_back = ", ".join(known.put_back)
        told.append(f"accuracy-aware quantization has put {put_back} back already")
    if not known.searched:
        told.append(f"to try: {', '.join(_tries(entry, recipe, known))}")
    return "; ".join(told)


def _tries(entry: ModelEntry, recipe: Recipe, known: Known) -> list[str]:
    tries = []
    if known.transformer and recipe.model_type is None:
        tries.append('calibrate.model_type = "transformer"')
    if recipe.preset == "performance":
        tries.append('calibrate.preset = "mixed"')
    if recipe.method == "default" and not needs_others(entry.task):
        tries.append('calibrate.method = "accuracy-aware"')
    if known.explained is None:
        tries.append("calibrate.ignored for the layers that lose most")
    return [*tries, f"quantgate remedy {shlex.quote(entry.id)}"]
