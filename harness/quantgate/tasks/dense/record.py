"""What is kept of one image's map: its errors against parent and truth, and a small preview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from quantgate.core.comparison import Comparison
from quantgate.core.dense import MEASURES, RANGES, aligned, alignment, by_range, errors
from quantgate.core.predictions import DenseMap
from quantgate.errors import DatasetError, DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.record import Arrays, offsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth

#: Longest side of the previews that are drawn, px.
PREVIEW_PX = 160
#: Ratios of sides that differ by no more than rounding does.
_SAME_RATIO = 0.02
_VECTORS = 2


@dataclass(frozen=True, slots=True)
class DenseRecord:
    """One role's map of one image.

    Parameters
    ----------
    preview
        float32 [h, w, channels], every n-th pixel, in the numbers of the annotation where there is one.
    against_truth, against_parent
        ``core.dense.MEASURES`` of it, float64 [5]; NaN where one is not defined.
    ranges
        Sums by the size of the reference, the annotation's or else the parent's: float64 [40, 3], see
        ``core.dense.by_range``.
    factor
        By what least squares, or the medians, multiplied the model's numbers; 1 where nothing is aligned.
    wanted
        Preview of the annotation, which the parent's record keeps; empty where there is none.
    """

    preview: NDArray[np.float32]
    against_truth: NDArray[np.float64]
    against_parent: NDArray[np.float64]
    ranges: NDArray[np.float64]
    factor: float
    wanted: NDArray[np.float32]


Mapped: TypeAlias = Comparison[DenseRecord]


def compact(
    prediction: Pair[DenseMap], truth: Truth | None, name: str = "this image"
) -> Pair[DenseRecord]:
    """Measure both maps, and keep previews of at most 160 px a side.

    Maps of another size than the annotation's are brought to it.

    Raises
    ------
    DecoderError
        On NaN, infinity, or maps of different sizes, naming the image.
    DatasetError
        Where the annotation is of another ratio of sides, or has other numbers a pixel.
    """
    for role in ROLES:
        _check(prediction[role].values, prediction.parent.values.shape, f"{name}, {role} model")
    wanted = truth.values if isinstance(truth, DenseMap) else None
    if wanted is not None:
        prediction = prediction.map(lambda role: _sized(role, wanted, name))
    return Pair(*(_record(prediction, role, wanted) for role in (True, False)))


def _check(values: NDArray[np.float32], shape: tuple[int, ...], where: str) -> None:
    if values.shape != shape:
        raise DecoderError(f"{where}: the map is {values.shape}, the parent's is {shape}")
    if not np.isfinite(values).all():
        raise DecoderError(f"{where}: the map holds NaN or infinity")


def _sized(found: DenseMap, wanted: NDArray[np.float32], name: str) -> DenseMap:
    """Bring a prediction to the size of its annotation [h, w, c]."""
    own, aim = found.values.shape, wanted.shape
    if own[2] != aim[2]:
        raise DatasetError(
            f"{name}: the annotation has {_numbers(aim[2])} a pixel, the models give {_numbers(own[2])}: "
            "annotate what the models give, or name the right output in decoder.outputs"
        )
    if own == aim:
        return found
    if own[2] == _VECTORS or abs(own[1] * aim[0] / (own[0] * aim[1]) - 1) > _SAME_RATIO:
        raise DatasetError(
            f"{name}: the annotation is of {aim[1]}x{aim[0]} pixels, the image has {own[1]}x{own[0]}: write "
            "maps of the images' size"
        )
    import cv2

    values = cv2.resize(found.values, (aim[1], aim[0]), interpolation=cv2.INTER_LINEAR)
    return DenseMap(np.asarray(values, np.float32)[..., None], found.inverse, found.align)


def _numbers(channels: int) -> str:
    return "1 number" if channels == 1 else f"{channels} numbers"


def _record(
    prediction: Pair[DenseMap],
    parents: bool,  # noqa: FBT001 - which of the two roles
    wanted: NDArray[np.float32] | None,
) -> DenseRecord:
    own = prediction.parent if parents else prediction.optimized
    parent = prediction.parent.values
    none = np.full(len(MEASURES), np.nan)
    to_parent = own.values if parents else aligned(own.values, parent, own.align)
    shown, against_truth, ranges = to_parent, none, by_range(to_parent, parent)
    if wanted is not None:
        shown = aligned(own.values, wanted, own.align, inverse=own.inverse)
        against_truth, ranges = errors(shown, wanted), by_range(shown, wanted)
    step = max(1, -(-max(shown.shape[:2]) // PREVIEW_PX))
    kept = (
        wanted if parents and wanted is not None else np.zeros((0, 0, shown.shape[2]), np.float32)
    )
    return DenseRecord(
        preview=np.ascontiguousarray(shown[::step, ::step], np.float32),
        against_truth=against_truth,
        against_parent=errors(to_parent, parent),
        ranges=ranges,
        factor=1.0
        if wanted is None
        else alignment(own.values, wanted, own.align, inverse=own.inverse)[0],
        wanted=np.ascontiguousarray(kept[::step, ::step], np.float32),
    )


def pack(records: Sequence[DenseRecord]) -> Arrays:
    """Flatten records; ``unpack`` gives them back bit for bit."""
    none = np.zeros(0, np.float32)
    numbers = [np.stack([r.against_truth, r.against_parent]) for r in records]
    return {
        "shapes": np.array([r.preview.shape for r in records], np.int64).reshape(-1, 3),
        "previews": np.concatenate([none, *(r.preview.ravel() for r in records)]),
        "annotated": np.array([r.wanted.size > 0 for r in records], np.bool_),
        "wanted": np.concatenate([none, *(r.wanted.ravel() for r in records)]),
        "errors": np.array(numbers, np.float64).reshape(-1, 2, len(MEASURES)),
        "factors": np.array([r.factor for r in records], np.float64),
        "ranges": np.array([r.ranges for r in records], np.float64).reshape(-1, RANGES, 3),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[DenseRecord]:
    """Inverse of ``pack``: records of arrays [images, ...]."""
    shapes = np.asarray(arrays["shapes"], np.int64)
    sizes, annotated = shapes.prod(axis=1), np.asarray(arrays["annotated"], np.bool_)
    starts, also = offsets(sizes.tolist()), offsets((sizes * annotated).tolist())
    previews = np.asarray(arrays["previews"], np.float32)
    wanted = np.asarray(arrays["wanted"], np.float32)
    numbers = np.asarray(arrays["errors"], np.float64)
    ranges = np.asarray(arrays["ranges"], np.float64)
    factors = np.asarray(arrays["factors"], np.float64).tolist()
    return [
        DenseRecord(
            previews[starts[i] : starts[i + 1]].reshape(shape),
            numbers[i, 0],
            numbers[i, 1],
            ranges[i],
            factors[i],
            wanted[also[i] : also[i + 1]].reshape(shape if annotated[i] else (0, 0, shape[2])),
        )
        for i, shape in enumerate(shapes.tolist())
    ]
