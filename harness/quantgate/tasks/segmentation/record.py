"""What is kept of one image's class map: how often which class meets which, and a small preview."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import IGNORED, LabelMap
from quantgate.errors import DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.record import Arrays, offsets
from quantgate.tasks.segmentation.soft import packed, softness, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth
    from quantgate.tasks.segmentation.soft import Softness

#: Longest side of the preview that is drawn, px.
PREVIEW_PX = 320
_IDS = 256
_AXES = 2


@dataclass(frozen=True, slots=True)
class Meetings:
    """Pixels by pair of classes, only the pairs that occur.

    Parameters
    ----------
    cells
        int64 [k], ``256 * reference class + predicted class``, ascending.
    counts
        int64 [k], pixels.
    """

    cells: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def reference(self) -> NDArray[np.int64]:
        """Class in the reference, [k]."""
        return self.cells // _IDS

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Class in the prediction, [k]."""
        return self.cells % _IDS


@dataclass(frozen=True, slots=True)
class SegmentationRecord:
    """One role's answer for one image.

    Parameters
    ----------
    preview
        uint8 [height, width], every n-th pixel of the class map.
    against_truth
        Empty where there is no annotation; ignored pixels are left out.
    against_parent
        All pixels.
    soft, shares
        Of maps of one object: what its shares are like, and uint8 [height, width] for a preview, 255 all of it;
        None where there are none.
    """

    preview: NDArray[np.uint8]
    against_truth: Meetings
    against_parent: Meetings
    soft: Softness | None = None
    shares: NDArray[np.uint8] | None = None


def compact(
    prediction: Pair[LabelMap], truth: Truth | None, name: str = "this image"
) -> Pair[SegmentationRecord]:
    """Keep which class meets which, and a preview of at most 320 px a side.

    Raises
    ------
    DecoderError
        Where a class map is not uint8 [height, width] of one size, naming the image.
    """
    shape = prediction.parent.labels.shape
    annotated = truth.labels if isinstance(truth, LabelMap) else None
    for role in ROLES:
        _check(prediction[role].labels, shape, f"{name}, {role} model")
    if annotated is not None:
        _check(annotated, shape, f"{name}, annotation")
    records = prediction.map(lambda role: _record(role.labels, prediction.parent.labels, annotated))
    parent, optimized = prediction.parent.shares, prediction.optimized.shares
    if parent is None or optimized is None:
        return records
    shares = Pair(parent, optimized)
    known = truth if isinstance(truth, LabelMap) else None
    for role in ROLES:
        _check_shares(shares[role], shape, f"{name}, {role} model")
    return Pair(
        *(
            replace(
                records[role],
                soft=softness(shares[role], parent, known),
                shares=_small(np.rint(np.clip(shares[role], 0, 1) * 255).astype(np.uint8)),
            )
            for role in ROLES
        )
    )


def _check(labels: NDArray[np.uint8], shape: tuple[int, ...], where: str) -> None:
    if labels.dtype != np.uint8 or labels.ndim != _AXES or not labels.size:
        raise DecoderError(
            f"{where}: expected a class map uint8 [height, width], found {labels.dtype} "
            f"{labels.shape}"
        )
    if labels.shape != shape:
        raise DecoderError(f"{where}: the class map is {labels.shape}, the parent's is {shape}")


def _check_shares(shares: NDArray[np.float32], shape: tuple[int, ...], where: str) -> None:
    if shares.shape != shape or not np.isfinite(shares).all():
        raise DecoderError(
            f"{where}: expected finite shares {list(shape)} like the class map, found {list(shares.shape)}"
        )


def _record(
    labels: NDArray[np.uint8], parent: NDArray[np.uint8], truth: NDArray[np.uint8] | None
) -> SegmentationRecord:
    nothing = np.zeros(0, np.int64)
    return SegmentationRecord(
        preview=_small(labels),
        against_truth=Meetings(nothing, nothing) if truth is None else meet(truth, labels),
        against_parent=meet(parent, labels),
    )


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every n-th pixel [h, w], so that no side is longer than a preview's."""
    step = max(1, -(-max(pixels.shape) // PREVIEW_PX))
    return np.ascontiguousarray(pixels[::step, ::step])


def meet(reference: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> Meetings:
    """Count the pairs of classes of two maps [h, w] over the pixels that the reference does not ignore."""
    keys = reference.astype(np.int64).ravel() * _IDS + predicted.ravel()
    counts = np.bincount(keys, minlength=_IDS * _IDS)
    counts[IGNORED * _IDS :] = 0
    cells = np.flatnonzero(counts)
    return Meetings(cells, counts[cells])


def pack(records: Sequence[SegmentationRecord]) -> Arrays:
    """Flatten records; ``unpack`` gives them back bit for bit."""
    arrays: Arrays = {
        "shapes": np.array([r.preview.shape for r in records], np.int64).reshape(-1, 2),
        "previews": np.concatenate([np.zeros(0, np.uint8), *(r.preview.ravel() for r in records)]),
    }
    arrays["soft"] = packed([record.soft for record in records])
    shares = [r.shares.ravel() for r in records if r.shares is not None]
    whole = len(shares) == len(records)  # a picture of some is none
    arrays["shares"] = np.concatenate([np.zeros(0, np.uint8), *(shares if whole else ())])
    for name in ("against_truth", "against_parent"):
        listed: list[Meetings] = [getattr(record, name) for record in records]
        none = np.zeros(0, np.int64)
        arrays[f"{name}_starts"] = offsets([len(own.cells) for own in listed])
        arrays[f"{name}_cells"] = np.concatenate([none, *(own.cells for own in listed)])
        arrays[f"{name}_counts"] = np.concatenate([none, *(own.counts for own in listed)])
    return arrays


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[SegmentationRecord]:
    """Inverse of ``pack``: records of arrays [images, ...]."""
    shapes = np.asarray(arrays["shapes"], np.int64).tolist()
    starts = offsets([height * width for height, width in shapes])
    previews = np.asarray(arrays["previews"], np.uint8)
    truth, parent = _meetings(arrays, "against_truth"), _meetings(arrays, "against_parent")
    soft = unpacked(np.asarray(arrays["soft"], np.float64))
    shares = np.asarray(arrays["shares"], np.uint8)
    return [
        SegmentationRecord(
            previews[starts[i] : starts[i + 1]].reshape(shape),
            truth[i],
            parent[i],
            soft[i],
            shares[starts[i] : starts[i + 1]].reshape(shape) if len(shares) else None,
        )
        for i, shape in enumerate(shapes)
    ]


def _meetings(arrays: Mapping[str, NDArray[np.generic]], name: str) -> list[Meetings]:
    starts = np.asarray(arrays[f"{name}_starts"], np.int64)
    cells = np.asarray(arrays[f"{name}_cells"], np.int64)
    counts = np.asarray(arrays[f"{name}_counts"], np.int64)
    return [
        Meetings(cells[start:stop], counts[start:stop])
        for start, stop in itertools.pairwise(starts)
    ]
