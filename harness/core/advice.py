"""Why an optimized model is not faster, computed from what really executed.

Each advice names the layers it rests on, so that a reader can check it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.layers import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.estimate import Estimate
    from harness.core.profile import Layer, Profile
    from harness.pair import Pair

#: Reorders above this share of the time are worth a word.
MANY_REORDERS = 0.10
#: Floating-point layers below this share of the work explain nothing.
FEW_LEFT = 0.01
#: A model whose layers take less than this is governed by the cost of starting them.
SMALL_NS = 300_000
NAMED_LAYERS = 8


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


def _small(profiles: Pair[Profile]) -> Advice | None:
    profile = profiles.optimized
    if profile.time_ns >= SMALL_NS:
        return None
    return Advice(
        "small-model",
        f"all {len(profile.layers)} layers together take {profile.time_ns / 1e3:.0f} µs: starting "
        "them costs about as much as computing, so INT8 has little to win; try a larger batch",
        _named(profile.layers),
    )


def _follows_hint(profiles: Pair[Profile]) -> Advice | None:
    left = [
        layer
        for layer in profiles.optimized.layers
        if layer.precision in {"bf16", "f16"} and not layer.reorder and layer.time_ns
    ]
    if not left:
        return None
    kinds = ", ".join(sorted({layer.precision for layer in left}))
    return Advice(
        "follows-precision-hint",
        f"{len(left)} layers that are not quantized run in {kinds}, because this device prefers it: "
        "the parent runs faster in it too, so the gain over the parent as deployed is smaller than "
        "over f32",
        _named(left),
    )


def _native(profiles: Pair[Profile], native: Estimate | None) -> Advice | None:
    if native is None or native.high >= 1:
        return None
    slower = [group for group in joined(profiles) if group.slower_ns > 0]
    preferred = ", ".join(sorted({layer.precision for layer in profiles.parent.computing}))
    return Advice(
        "slower-than-default",
        f"INT8 is slower than the parent in the precision that this device prefers ({preferred}): "
        f"{native.value:.2f} times its speed; deploy the parent here, or quantize for other devices",
        tuple(group.name for group in slower[:NAMED_LAYERS]),
    )


def _named(layers: Sequence[Layer]) -> tuple[str, ...]:
    ranked = sorted(layers, key=lambda layer: (-layer.time_ns, layer.name))
    return tuple(layer.name for layer in ranked[:NAMED_LAYERS])
