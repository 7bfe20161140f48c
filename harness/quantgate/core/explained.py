"""Where accuracy was lost, as frozen plain values: what `explain` finds and every report shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from quantgate.core.estimate import Estimate  # noqa: TC001 - the codec reads it at run time

GroupKind = Literal["block", "type", "pattern", "layer"]
KINDS: tuple[GroupKind, ...] = ("block", "layer", "type", "pattern")
Cause = Literal["quantization", "execution", "neither"]
#: Noise that only rounding of floats makes: below it two arms give the same outputs.
ROUNDING = 1e-9
#: A group below this part of the loss is no cause.
WORTH = 0.05


@dataclass(frozen=True, slots=True)
class Loss:
    """How far one arm is from the parent on the images looked at.

    Parameters
    ----------
    drop
        Of the task's metric, parent − arm; None without annotations.
    disagreement
        1 − agreement with the parent, where there is no drop; None where the task knows none.
    noise
        Squared distance of the raw outputs over the parent's power, mean over outputs.
    """

    drop: float | None
    disagreement: float | None
    noise: float

    @property
    def judged(self) -> float:
        """What is compared first: the metric's drop, else the disagreement, else the noise."""
        found = self.drop if self.drop is not None else self.disagreement
        return self.noise if found is None else found


def sqnr_db(noise: float) -> float:
    """Signal to quantization noise of a noise over signal; inf where there is none."""
    return -10 * math.log10(noise) if noise > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Values:
    """Values of a tensor and the grid they are rounded to.

    ``grid`` of the quantizer and ``seen`` values, each (low, high); ``clipped`` share beyond the
    grid; ``spread``: the largest channel over the median one.
    """

    grid: tuple[float, float]
    seen: tuple[float, float]
    clipped: float
    spread: float


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One quantized layer.

    Parameters
    ----------
    depth
        Its number in the order of execution, from 0.
    block, pattern
        The groups it is in.
    own, gathered
        Noise over signal behind it, where only this layer is quantized and where all are.
    share
        Part of the noise at the outputs that begins here.
    inputs, weights
        What is rounded; None where it has no such input.
    saturating
        Share of neighbouring weights whose sum of products leaves 16 bits on processors without VNNI.
    """

    name: str
    type: str
    depth: int
    block: str
    pattern: str
    own: float
    gathered: float
    share: float
    inputs: Values | None = None
    weights: Values | None = None
    saturating: float | None = None


#: Name of the pattern of layers without weights behind which no layer with weights comes.
TAIL = "arithmetic behind the last weights"


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that are measured together.

    Parameters
    ----------
    share
        Part of the noise at the outputs that begins in them.
    only, back
        The loss where only they are quantized, and where only they are put back; None: not asked.
    """

    kind: GroupKind
    name: str
    layers: tuple[str, ...]
    share: float
    only: Loss | None = None
    back: Loss | None = None

    @property
    def asked(self) -> bool:
        """Whether both measurements were made."""
        return self.only is not None and self.back is not None

    def costs(self, total: Loss) -> float:
        """Part of the whole loss that is theirs: mean of what they cost alone and what putting them back brings.

        Of the noise at the outputs, and of the metric as well where that lost anything.
        """
        if self.only is None or self.back is None:
            return self.share
        parts = [_part(self.only.noise, total.noise - self.back.noise, total.noise)]
        own, back, whole = self.only.drop, self.back.drop, total.drop
        if own is None or back is None or whole is None:
            own, back, whole = self.only.disagreement, self.back.disagreement, total.disagreement
        if own is not None and back is not None and whole is not None and whole > 0:
            parts.append(_part(own, whole - back, whole))
        return sum(parts) / len(parts)


def _part(alone: float, regained: float, whole: float) -> float:
    if whole <= 0:
        return 0.0
    return (min(1.0, max(0.0, alone / whole)) + min(1.0, max(-1.0, regained / whole))) / 2


@dataclass(frozen=True, slots=True)
class FirstFault:
    """Where execution leaves the quantized graph.

    Parameters
    ----------
    quantizer, place, between, layers
        Its name, where it stands in the graph, the operations before and behind it, the layers that read it.
    alone
        Whether everything is well with only this one computed in floating point.
    subgraph
        Path of the smallest failing part, saved as an IR; empty where none was found.
    """

    quantizer: str
    place: int
    between: tuple[str, str]
    layers: tuple[str, ...]
    alone: bool
    subgraph: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """The executed model against its own graph in plain floating point.

    Parameters
    ----------
    images
        How many were looked at.
    simulated, executed
        Loss of either arm against the parent.
    error
        Loss of the executed arm against the simulated one, of the worst compilation; the interval is
        over images, and widened by ``spread``.
    of
        What ``error`` is a loss of: the metric's key, "disagreement" or "noise".
    apart
        Noise between executed and simulated outputs, of the worst compilation.
    compilations
        Noise between the outputs of compilations of the one file.
    spread
        How far ``error`` differs between compilations.
    """

    images: int
    simulated: Loss
    executed: Loss
    error: Estimate
    of: str
    apart: float
    compilations: float
    spread: float
    first: FirstFault | None = None

    @property
    def cause(self) -> Cause:
        """What makes most of the noise: rounding as the graph demands, or the device.

        A device that loses less than its graph does is not at fault: outputs that are sorted, as rows of
        objects, lie far apart as soon as two of them change places.
        """
        apart = max(self.apart, self.compilations) > max(self.simulated.noise, ROUNDING)
        if apart and self.executed.judged >= self.simulated.judged:
            return "execution"
        return "quantization" if self.simulated.noise > ROUNDING else "neither"

    @property
    def repeats(self) -> bool:
        """Whether compilations of the file agree within what rounding does anyway."""
        return self.compilations <= max(self.simulated.noise, ROUNDING)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that was found about one model.

    Parameters
    ----------
    metric
        Title of the task's metric; empty without annotations.
    images
        How many were looked at.
    parent
        The parent's metric on them; None without annotations.
    total
        Loss of the model as it is executed.
    base
        The loss that groups have parts of: ``total``, or that of the graph in plain floating point
        where execution is at fault.
    groups
        Those asked about and those not, what costs most first within a kind.
    notes
        What is missing and why, one sentence each.
    seconds
        How long it took.
    """

    model: str
    metric: str
    images: int
    parent: float | None
    total: Loss
    base: Loss
    layers: tuple[LayerFacts, ...] = ()
    groups: tuple[Group, ...] = ()
    execution: Execution | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def ranked(self, kind: GroupKind) -> tuple[Group, ...]:
        """Groups of one kind, what costs most first."""
        return tuple(group for group in self.groups if group.kind == kind)
