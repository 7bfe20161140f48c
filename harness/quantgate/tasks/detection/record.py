"""Records as flat arrays for an .npz, exactly and without pickling."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from quantgate.core.predictions import Detections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Arrays: TypeAlias = "dict[str, NDArray[np.generic]]"


def offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Where each run starts in a flat array, [runs + 1]."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(lengths, np.int64))])


def pack(records: Sequence[Detections]) -> Arrays:
    """Flatten detections; ``unpack`` gives them back bit for bit."""
    everything = [Detections.empty(), *records]
    arrays: Arrays = {
        "objects": offsets([len(record) for record in records]),
        "boxes": np.concatenate([record.boxes for record in everything]),
        "scores": np.concatenate([record.scores for record in everything]),
        "labels": np.concatenate([record.labels for record in everything]),
        "masked": np.array([record.masks is not None for record in records], np.bool_),
    }
    masks = [mask for record in records for mask in record.masks or ()]
    outlines = [cast("bytes", mask["counts"]) for mask in masks]
    arrays["mask_bytes"] = offsets([len(outline) for outline in outlines])
    arrays["mask_counts"] = np.frombuffer(b"".join(outlines), np.uint8)
    pointed = [record.points for record in records if record.points is not None]
    if pointed:
        arrays["points"] = np.concatenate(pointed)
    spatial = [record.spatial for record in records if record.spatial is not None]
    if spatial:
        arrays["spatial"] = np.concatenate(spatial)
    turned = [record.quads for record in records if record.quads is not None]
    if turned:
        arrays["quads"] = np.concatenate(turned)
    arrays["mask_sizes"] = np.array([mask["size"] for mask in masks], np.int64).reshape(-1, 2)
    return arrays


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[Detections]:
    """Inverse of ``pack``: records of arrays [objects, ...] and offsets [images + 1]."""
    objects = np.asarray(arrays["objects"], np.int64)
    boxes, scores = np.asarray(arrays["boxes"]), np.asarray(arrays["scores"])
    labels, masked = np.asarray(arrays["labels"]), np.asarray(arrays["masked"], np.bool_)
    masks = _unpack_masks(arrays)
    beside = [arrays.get(name) for name in ("points", "spatial", "quads")]
    used = 0
    records = []
    for index, (start, stop) in enumerate(pairwise(objects)):
        own = tuple(masks[used : used + stop - start]) if masked[index] else None
        used += stop - start if masked[index] else 0
        part = slice(start, stop)
        others = (None if one is None else np.asarray(one[part]) for one in beside)
        records.append(Detections(boxes[part], scores[part], labels[part], own, *others))
    return records


def _unpack_masks(arrays: Mapping[str, NDArray[np.generic]]) -> list[dict[str, object]]:
    ends = np.asarray(arrays["mask_bytes"], np.int64)
    counts = np.asarray(arrays["mask_counts"], np.uint8).tobytes()
    sizes = np.asarray(arrays["mask_sizes"], np.int64).tolist()
    return [
        {"size": size, "counts": counts[start:stop]}
        for size, start, stop in zip(sizes, ends[:-1], ends[1:], strict=True)
    ]
