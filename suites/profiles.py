"""Both roles of a small model as a device might have executed them, by hand."""

from __future__ import annotations

from quantgate.core.profile import Layer, Profile
from quantgate.pair import Pair


def _profile(*layers: Layer) -> Profile:
    return Profile("CPU", "default", layers, 0, sum(layer.macs for layer in layers), (), ())


#: Two convolutions get faster; a reorder that INT8 needs and a softmax get slower.
PROFILES = Pair(
    _profile(
        Layer("conv1", "Convolution", "jit", "f32", 900_000, 700, ("conv1", "relu1")),
        Layer("conv2", "Convolution", "jit", "f32", 300_000, 200, ("conv2",)),
        Layer("softmax", "Softmax", "ref", "f32", 20_000, 0, ("softmax",)),
    ),
    _profile(
        Layer("conv1", "Convolution", "jit", "i8", 200_000, 700, ("conv1",)),
        Layer("relu1", "Eltwise", "jit", "i8", 50_000, 0, ("relu1",)),
        Layer("conv2", "Convolution", "jit", "i8", 100_000, 200, ("conv2",)),
        Layer("reorder1", "Reorder", "ref", "i8", 40_000, 0, ()),
        Layer("softmax", "Softmax", "ref", "f32", 25_000, 0, ("softmax",)),
    ),
)
