"""The decoder that a Darknet network's heads ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quantgate.sources.darknet.heads import DarknetHead


def decoder_of(heads: Sequence[DarknetHead]) -> Mapping[str, Any] | None:
    """Return the keys of ``decoder`` in models.toml, or None where there is no head.

    Heads are listed by grid, the finest first, as the decoder asks. Thresholds are left to its
    defaults: Darknet takes them from its command line, not from the cfg.
    """
    if not heads:
        return None
    ordered = sorted(heads, key=lambda head: head.stride_px)
    first, scales = ordered[0], tuple(head.scale_xy for head in ordered)
    anchors, masks = _anchors(ordered)
    keys: dict[str, Any] = {"kind": "yolo", "anchors": anchors, "masks": masks}
    if first.kind == "region":
        keys |= {"anchor_units": "cells", "classes": "softmax"}
    if set(scales) != {1.0}:
        keys["scale_xy"] = scales
    if first.new_coords:
        keys |= {"activated": True, "sizes": "square"}
    if first.nms_kind == "diounms":
        keys["nms"] = "diou"
    return keys


def _anchors(
    heads: Sequence[DarknetHead],
) -> tuple[tuple[float, ...], tuple[tuple[int, ...], ...]]:
    """Return one list of anchors for all heads, each head's own one after the other."""
    anchors: list[float] = []
    masks: list[tuple[int, ...]] = []
    for head in heads:
        start = len(anchors) // 2
        anchors += [side for anchor in head.own_anchors for side in anchor]
        masks.append(tuple(range(start, start + len(head.mask))))
    return tuple(anchors), tuple(masks)
