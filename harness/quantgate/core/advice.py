"""Why an optimized model is not faster, computed from what really executed.

Each advice names the layers it rests on, so that a reader can check it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quantgate.core.layers import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quantgate.core.estimate import Estimate
    from quantgate.core.layers import MatchedLayers
    from quantgate.core.profile import Layer, Profile
    from quantgate.pair import Pair

#: Reorders, or layers that lost their fusion, above this share of the time are worth a word.
MANY_REORDERS = 0.10
MANY_ALONE = 0.10
#: Floating-point layers below this share of the work explain nothing.
FEW_LEFT = 0.01
#: A model whose layers take less than this is governed by the cost of starting them.
SMALL_NS = 300_000
NAMED_LAYERS, SHOWN_LAYERS = 8, 3
#: NNCF names a quantizer after the operation and this.
QUANTIZER = "/fq_"


@dataclass(frozen=True, slots=True)
class Advice:
    """One reason why it is not faster.

    Parameters
    ----------
    code
        Stable name of the rule, e.g. ``float-layers-left``.
    sentence
        What was seen and what can be done.
    layers
        Names of the layers it rests on, the most expensive first.
    """

    code: str
    sentence: str
    layers: tuple[str, ...]

    @property
    def with_layers(self) -> str:
        """The sentence and the first of its layers."""
        if not self.layers:
            return self.sentence
        return f"{self.sentence} (see {', '.join(self.layers[:SHOWN_LAYERS])})"


def advise(profiles: Pair[Profile], native: Estimate | None = None) -> tuple[Advice, ...]:
    """Explain why the optimized model is not faster; empty where nothing stands out.

    Parameters
    ----------
    profiles
        Both roles as the device runs them by default.
    native
        Measured speedup against the parent as the device runs it by default, if there is one.
    """
    rules: tuple[Callable[[Pair[Profile]], Advice | None], ...] = (
        _float_layers,
        _reorders,
        _alone,
        _small,
        _follows_hint,
    )
    found = [rule(profiles) for rule in rules]
    return tuple(advice for advice in (_native(profiles, native), *found) if advice is not None)


def _float_layers(profiles: Pair[Profile]) -> Advice | None:
    profile = profiles.optimized
    left = [layer for layer in profile.computing if not layer.int8]
    macs = sum(layer.macs for layer in left) / max(1, profile.total_macs)
    time = sum(layer.time_ns for layer in left) / max(1, profile.time_ns)
    if max(macs, time) < FEW_LEFT:
        return None
    kinds = ", ".join(sorted({layer.precision for layer in left}))
    return Advice(
        "float-layers-left",
        f"{len(left)} of {len(profile.computing)} computing layers of the optimized model still run "
        f"in {kinds}: {macs:.0%} of the multiply-accumulates, {time:.0%} of the time; check the "
        "ignored scope, or expect no gain from them",
        _named(left),
    )


def _reorders(profiles: Pair[Profile]) -> Advice | None:
    profile = profiles.optimized
    share = sum(layer.time_ns for layer in profile.reorders) / max(1, profile.time_ns)
    if share <= MANY_REORDERS:
        return None
    return Advice(
        "many-reorders",
        f"{len(profile.reorders)} reorders and conversions take {share:.0%} of the time, with "
        f"{profile.transitions} transitions between INT8 and floating point; quantize the layers "
        "between, or keep a whole branch in floating point",
        _named(profile.reorders),
    )


def _alone(profiles: Pair[Profile]) -> Advice | None:
    """Layers that the parent computes inside others: a quantizer between the two keeps them apart."""
    profile = profiles.optimized
    left = [layer for group in joined(profiles) for layer in _unfused(group)]
    share = sum(layer.time_ns for layer in left) / max(1, profile.time_ns)
    if share < MANY_ALONE:
        return None
    left.sort(key=lambda layer: -layer.time_ns)
    kinds = ", ".join(sorted({layer.type for layer in left}))
    apart = [name for name in left[0].originals if QUANTIZER not in name]
    return Advice(
        "lost-fusions",
        f"{len(left)} layers ({kinds}) that the parent computes inside others run on their own in the "
        f"optimized model: {share:.0%} of its time; quantizers keep them apart, so try to leave such "
        f"operations out with calibrate.ignored ({', '.join(apart)} and the like)",
        _named(left),
    )


def _unfused(group: MatchedLayers) -> list[Layer]:
    """Find the layers that a joined group has more of than in the parent, the most expensive first."""
    surplus = len(group.optimized) - len(group.parent)
    if not group.parent or surplus <= 0:
        return []
    idle = [layer for layer in group.optimized if not (layer.macs or layer.reorder)]
    return sorted(idle, key=lambda layer: -layer.time_ns)[:surplus]


def _small(profiles: Pair[Profile]) -> Advice | None:
    profile = profiles.optimized
    if profile.time_ns >= SMALL_NS:
        return None
    return Advice(
        "small-model",
        f"all {len(profile.layers)} layers together take {profile.time_ns / 1e3:.0f} µs: starting "
        "them costs about as much as computing, so INT8 has little to gain; try a larger batch",
        _named(profile.layers),
    )


def _follows_hint(profiles: Pair[Profile]) -> Advice | None:
    profile = profiles.optimized
    alone = {layer.name for group in joined(profiles) for layer in _unfused(group)}
    left = [
        layer
        for layer in profile.layers
        if layer.precision in {"bf16", "f16"}
        and not (layer.macs or layer.reorder or layer.name in alone)
    ]
    share = sum(layer.time_ns for layer in left) / max(1, profile.time_ns)
    if share < FEW_LEFT:
        return None
    kinds = ", ".join(sorted({layer.precision for layer in left}))
    return Advice(
        "follows-precision-hint",
        f"{len(left)} other layers that are not quantized take {share:.0%} of the time and run in {kinds}, "
        "which this device prefers to f32: they gain nothing from INT8, and the parent as deployed "
        "runs in it too",
        _named(left),
    )


def _native(profiles: Pair[Profile], native: Estimate | None) -> Advice | None:
    if native is None or native.high >= 1:
        return None
    slower = [group for group in joined(profiles) if group.slower_ns > 0]
    preferred = ", ".join(sorted({layer.precision for layer in profiles.parent.computing}))
    return Advice(
        "slower-than-default",
        f"INT8 runs at {native.value:.2f} times the speed of the parent in the precision that this "
        f"device prefers ({preferred}): deploy the parent here, or quantize for other devices",
        tuple(group.name for group in slower[:NAMED_LAYERS]),
    )


def _named(layers: Sequence[Layer]) -> tuple[str, ...]:
    ranked = sorted(layers, key=lambda layer: (-layer.time_ns, layer.name))
    return tuple(layer.name for layer in ranked[:NAMED_LAYERS])
