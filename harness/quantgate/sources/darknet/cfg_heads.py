"""The heads that a cfg declares, read without its weights and without OpenVINO."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from quantgate.sources.darknet.cfg import Section, read_cfg
from quantgate.sources.darknet.heads import COORDINATES, DarknetHead, read_head

if TYPE_CHECKING:
    from pathlib import Path

_HEADS = frozenset({"yolo", "region"})
_SHRINKING = frozenset({"convolutional", "maxpool", "reorg", "reorg3d"})


def heads_of(cfg: Path) -> tuple[DarknetHead, ...]:
    """Read every head of a cfg; empty for a classifier.

    Raises
    ------
    SourceError
        Naming the line, where the file is no cfg or a head's anchors do not fit.
    """
    net, *layers = read_cfg(cfg)
    size = (net.integer("width", 416), net.integer("height", 416))
    strides: list[Fraction] = []
    heads: list[DarknetHead] = []
    for section in layers:
        stride = _stride(section, strides)
        strides.append(stride)
        if section.kind in _HEADS:
            heads.append(read_head(section, _shape(section, size, stride), size, "head"))
    return tuple(heads)


def _stride(section: Section, before: list[Fraction]) -> Fraction:
    """Input pixels a cell behind this layer."""
    current = before[-1] if before else Fraction(1)
    if section.kind in _SHRINKING:
        return current * section.integer("stride", 1)
    if section.kind == "upsample":
        return current / section.integer("stride", 2)
    if section.kind == "route" and before:
        first = section.integers("layers")[0]
        place = first if first >= 0 else len(before) + first
        return before[place] if 0 <= place < len(before) else current
    return current


def _shape(section: Section, size: tuple[int, int], stride: Fraction) -> tuple[int, ...]:
    """Shape of the head's tensor, as it has to be: whether it is so, the import checks."""
    anchors = section.integers("mask") or range(section.integer("num", 1))
    channels = len(anchors) * (COORDINATES + 1 + section.integer("classes", 20))
    width, height = (max(1, int(side / stride)) for side in size)
    return (1, channels, height, width)
