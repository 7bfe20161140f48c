"""Darknet files: weights for any cfg, and YOLOv4's own architecture in any width."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.sources.darknet.cfg import read_cfg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

#: YOLOv4's anchors, px of an image of 608 (Bochkovskiy et al., *YOLOv4*, 2020).
ANCHORS = "12,16, 19,36, 40,28, 36,75, 76,55, 72,146, 142,110, 192,243, 459,401"
#: Channels and blocks of CSPDarknet53's stages.
_STAGES = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))
#: Layers that the neck comes back to: the ends of the stages of 256 and 512 channels.
_FINE, _MIDDLE = 54, 85
_OUTPUTS = 255


def _plan(cfg: Path) -> list[tuple[int, int, int, bool]]:
    """List filters, inputs a group, size and batch norm of every convolution, by Darknet's rules."""
    _, *layers = read_cfg(cfg)
    channels: list[int] = []
    plan = []
    for section in layers:
        before = channels[-1] if channels else 3
        number = section.index
        if section.kind == "convolutional":
            filters, groups = section.integer("filters", 1), section.integer("groups", 1)
            size = section.integer("size", 1)
            plan.append((filters, before // groups, size, "batch_normalize" in section.options))
            before = filters
        elif section.kind == "route":
            groups = section.integer("groups", 1)
            chosen = [i if i >= 0 else number + i for i in section.integers("layers")]
            before = sum(channels[i] // groups for i in chosen)
        elif section.kind in {"reorg", "reorg3d"}:
            before *= section.integer("stride") ** 2
        channels.append(before)
    return plan


def _random_floats(cfg: Path, seed: int, doubt: float) -> Array:
    """Weights that keep activations near 1 through a deep network; ``doubt`` is taken off each objectness."""
    rng = np.random.default_rng(seed)
    parts: list[NDArray[Any]] = []
    for filters, inputs, size, normalized in _plan(cfg):
        biases = rng.normal(0, 0.1, filters)
        if filters == _OUTPUTS:
            biases[4 :: _OUTPUTS // 3] -= doubt
        parts.append(biases)
        if normalized:
            parts += [rng.uniform(0.8, 1.2, filters), rng.normal(0, 0.1, filters)]
            parts.append(rng.uniform(0.5, 1.5, filters))
        fan_in = inputs * size * size
        parts.append(rng.normal(0, np.sqrt(1.5 / fan_in), filters * fan_in))
    return np.concatenate(parts).astype("<f4") if parts else np.zeros(0, "<f4")


def write_darknet(
    folder: Path, text: str, *, seed: int = 0, seen64: bool = True, doubt: float = 0
) -> tuple[Path, Path]:
    """Write net.cfg, and net.weights with random weights that fit it; ``doubt``: fewer objects."""
    cfg, weights = folder / "net.cfg", folder / "net.weights"
    cfg.write_text(text)
    header = struct.pack("<3iq", 0, 2, 5, 9) if seen64 else struct.pack("<3ii", 0, 1, 0, 9)
    weights.write_bytes(header + _random_floats(cfg, seed, doubt).tobytes())
    return cfg, weights


def yolov4_cfg(size: int, divisor: int = 1) -> str:
    """Write YOLOv4's 162 layers for square images of ``size`` px, with a ``divisor``-th of its channels."""
    net = f"[net]\nwidth={size}\nheight={size}\nchannels=3\n"
    return net + "\n".join((*_backbone(divisor), *_neck(divisor)))


def _conv(filters: int, size: int, activation: str = "leaky", stride: int = 1) -> str:
    return (
        f"[convolutional]\nbatch_normalize=1\nfilters={max(4, filters)}\nsize={size}\nstride={stride}\n"
        f"pad=1\nactivation={activation}\n"
    )


def _route(*layers: int) -> str:
    return f"[route]\nlayers={','.join(map(str, layers))}\n"


def _backbone(divisor: int) -> Iterator[str]:
    yield _conv(32 // divisor, 3, "mish")
    for filters, blocks in _STAGES:
        wide = filters // divisor
        half = wide if blocks == 1 else wide // 2
        yield _conv(wide, 3, "mish", 2)
        yield _conv(half, 1, "mish")
        yield _route(-2)
        yield _conv(half, 1, "mish")
        for _ in range(blocks):
            yield _conv(wide // 2, 1, "mish")
            yield _conv(half, 3, "mish")
            yield "[shortcut]\nfrom=-3\nactivation=linear\n"
        yield _conv(half, 1, "mish")
        yield _route(-1, -4 - 3 * blocks)
        yield _conv(wide, 1, "mish")


def _in_turns(wide: int, count: int) -> Iterator[str]:
    """Convolutions of 1 and 3 px in turns, the second with twice as many channels."""
    for k in range(count):
        yield _conv(2 * wide, 3) if k % 2 else _conv(wide, 1)


def _neck(divisor: int) -> Iterator[str]:
    yield from _in_turns(512 // divisor, 3)
    for k, size in enumerate((5, 9, 13)):
        yield f"[maxpool]\nstride=1\nsize={size}\n"
        yield _route(-2 * (k + 1)) if size < 13 else _route(-1, -3, -5, -6)
    yield from _in_turns(512 // divisor, 3)
    for wide, end in ((256, _MIDDLE), (128, _FINE)):
        yield _conv(wide // divisor, 1)
        yield "[upsample]\nstride=2\n"
        yield _route(end)
        yield _conv(wide // divisor, 1)
        yield _route(-1, -3)
        yield from _in_turns(wide // divisor, 5)
    yield from _head(256 // divisor, (0, 1, 2), 1.2)
    for wide, back, mask, scale in ((256, -16, (3, 4, 5), 1.1), (512, -37, (6, 7, 8), 1.05)):
        yield _route(-4)
        yield _conv(wide // divisor, 3, stride=2)
        yield _route(-1, back)
        yield from _in_turns(wide // divisor, 5)
        yield from _head(2 * wide // divisor, mask, scale)


def _head(wide: int, mask: tuple[int, ...], scale: float) -> Iterator[str]:
    yield _conv(wide, 3)
    yield f"[convolutional]\nsize=1\nstride=1\npad=1\nfilters={_OUTPUTS}\nactivation=linear\n"
    yield (
        f"[yolo]\nmask={','.join(map(str, mask))}\nanchors={ANCHORS}\nclasses=80\nnum=9\n"
        f"scale_x_y={scale}\nbeta_nms=0.6\nnms_kind=greedynms\n"
    )
