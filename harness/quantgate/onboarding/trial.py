"""One way to feed and read a model, how good its answers were, and what is concluded from many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.entries import Preprocess
    from quantgate.onboarding.options import Option

#: Keys of ``preprocess`` that are guessed, in groups of what is said together.
COLOUR, NUMBERS, RESIZE = ("colour",), ("mean", "scale"), ("resize",)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to feed and read the parent, and how good its answers were, an image each."""

    option: Option
    plan: Preprocess
    quality: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean quality; 0 where nothing was said."""
        known = self.quality[np.isfinite(self.quality)]
        return float(known.mean()) if len(known) else 0.0


@dataclass(frozen=True, slots=True)
class Guess:
    """What was found.

    Parameters
    ----------
    best
        The way that is proposed; ``others`` are the next best ones, clearly worse or not.
    unsure
        What nothing decided, with what there is to say: ``{"colour": "…"}``.
    evidence
        What speaks for the settings of each group.
    annotated
        Whether quality is the fit to annotations, else steadiness.
    ranked
        Everything that came into the last round, the best first.
    """

    best: Trial
    others: tuple[Trial, ...]
    unsure: dict[str, str]
    evidence: dict[str, str]
    annotated: bool
    ranked: tuple[Trial, ...] = ()

    @property
    def images(self) -> int:
        """How many images the last round had."""
        return len(self.best.quality)


def numbers(plan: Preprocess) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and scale, in the order of the picture's channels."""
    both = [v if isinstance(v, tuple) else (v, v, v) for v in (plan.mean, plan.scale)]
    turned = [tuple(reversed(v)) if plan.colour == "rgb" else v for v in both]
    return turned[0], turned[1]
