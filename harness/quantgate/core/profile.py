"""What a model really executed, layer by layer, and the shares of work read from it.

Shares of layers and of multiply-accumulates are deterministic on one kind of processor: they judge
a quantization without a stopwatch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.estimate import Estimate
from quantgate.core.ranks import hodges_lehmann
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

INT8 = frozenset({"i8", "u8"})
#: Layer types that change layout or precision and compute nothing of the model.
REORDERS = frozenset({"reorder", "convert"})


@dataclass(frozen=True, slots=True)
class Layer:
    """One executed layer.

    Parameters
    ----------
    type, primitive
        Layer type ("Convolution") and the kernel that ran it.
    precision
        Precision it computed in, lower case: "i8", "u8", "bf16", "f16", "f32".
    time_ns
        Median over compiled copies of its mean time; 0 where it takes none (a view).
    macs
        Multiply-accumulates of one inference, 0 for layers that have none.
    originals
        Names of the model's operations fused into it; empty for inserted reorders.
    """

    name: str
    type: str
    primitive: str
    precision: str
    time_ns: int
    macs: int
    originals: tuple[str, ...]

    @property
    def int8(self) -> bool:
        """Whether it computed in INT8."""
        return self.precision in INT8

    @property
    def reorder(self) -> bool:
        """Whether it only changes layout or precision."""
        return self.type.lower() in REORDERS


@dataclass(frozen=True, slots=True)
class Profile:
    """One role as the device executed it.

    Parameters
    ----------
    precision
        What was demanded: "default" or "f32".
    layers
        Executed layers that depend on the input, in execution order.
    transitions
        Connections between layers of which one computes in INT8 and the other does not.
    total_macs
        Multiply-accumulates of the model's operations, executed in whatever layer.
    unmatched
        Operations with multiply-accumulates that no executed layer names.
    reorder_shares
        Share of the layers' time spent in reorders and conversions, one a compiled copy.
    """

    device: str
    precision: str
    layers: tuple[Layer, ...]
    transitions: int
    total_macs: int
    unmatched: tuple[str, ...]
    reorder_shares: tuple[float, ...]

    @property
    def reorders(self) -> tuple[Layer, ...]:
        """Layers that only change layout or precision."""
        return tuple(layer for layer in self.layers if layer.reorder)

    @property
    def computing(self) -> tuple[Layer, ...]:
        """Layers that multiply and accumulate."""
        return tuple(layer for layer in self.layers if layer.macs > 0)

    @property
    def time_ns(self) -> int:
        """Time of all layers together."""
        return sum(layer.time_ns for layer in self.layers)


def int8_share(profile: Profile) -> Estimate:
    """Share (0..1) of the multiply-accumulates that executed in INT8; deterministic.

    Operations that no executed layer names count as not in INT8.

    Raises
    ------
    MeasurementError
        When the model has no multiply-accumulates: there is no share of nothing.
    """
    if profile.total_macs == 0:
        raise MeasurementError(
            "the model has no convolution or matrix product, so a share of its multiply-accumulates "
            "in INT8 does not exist; remove min_int8_share"
        )
    done = sum(layer.macs for layer in profile.layers if layer.int8)
    return Estimate.exact(done / profile.total_macs, len(profile.computing) or 1, of="layers")


def reorder_share(profile: Profile) -> Estimate:
    """Share (0..1) of the layers' time in reorders and conversions; its interval is the range.

    Raises
    ------
    MeasurementError
        When no layer took any time.
    """
    if not profile.reorder_shares:
        raise MeasurementError("no executed layer took any time: nothing was profiled")
    shares = np.array(profile.reorder_shares)
    low, high = float(shares.min()), float(shares.max())
    return Estimate(hodges_lehmann(shares), low, high, len(shares), of="compiled copies")


def work_shares(profile: Profile) -> Mapping[str, Mapping[str, float]]:
    """Shares (0..1) by precision of layers, of multiply-accumulates and of time.

    A kind of work of which there is none is left out.
    """
    own = [layer for layer in profile.layers if not layer.reorder]
    kinds: dict[str, Mapping[str, float]] = {
        "layers": _by_precision(own, lambda _: 1),
        "multiply-accumulates": _by_precision(own, lambda layer: layer.macs),
        "time": _by_precision(profile.layers, lambda layer: layer.time_ns),
    }
    return {kind: shares for kind, shares in kinds.items() if shares}


def _by_precision(layers: Iterable[Layer], weight: Callable[[Layer], int]) -> Mapping[str, float]:
    sums: dict[str, int] = {}
    for layer in layers:
        sums[layer.precision] = sums.get(layer.precision, 0) + weight(layer)
    total = sum(sums.values())
    ranked = sorted(sums.items(), key=lambda item: -item[1])
    return {name: value / total for name, value in ranked if value} if total else {}
