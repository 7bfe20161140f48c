"""What is kept of one image's rendering: its likeness to parent and truth, and a small preview."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.pictures import Windows, psnr_db
from quantgate.core.predictions import Rendering
from quantgate.errors import DatasetError, DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.record import Arrays, offsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth

#: Longest side of the preview that is drawn, px.
PREVIEW_PX = 320


@dataclass(frozen=True, slots=True)
class RenderingRecord:
    """One role's rendering of one image.

    Parameters
    ----------
    preview
        uint8 [height, width, 3], BGR, every n-th pixel.
    truth_psnr_db, truth_ssim
        Against the annotated picture; NaN where there is none.
    parent_psnr_db, parent_ssim
        Against the parent's picture.
    """

    preview: NDArray[np.uint8]
    truth_psnr_db: float
    truth_ssim: float
    parent_psnr_db: float
    parent_ssim: float


def compact(
    prediction: Pair[Rendering], truth: Truth | None, name: str = "this image"
) -> Pair[RenderingRecord]:
    """Keep the likeness to parent and truth, and a preview of at most 320 px a side.

    Raises
    ------
    DecoderError
        On NaN, infinity, or pictures of different sizes, naming the image.
    DatasetError
        Where the annotated picture has another size.
    """
    parent = prediction.parent.pixels
    for role in ROLES:
        _check(prediction[role].pixels, parent.shape, f"{name}, {role} model")
    target = truth.pixels if isinstance(truth, Rendering) else None
    if target is not None and target.shape != parent.shape:
        own, wanted = (f"{shape[1]}x{shape[0]}" for shape in (target.shape, parent.shape))
        raise DatasetError(
            f"{name}: the target picture has {own} pixels, the models give {wanted}: write targets of what "
            "the models give, or let preprocess.size be that of the inputs"
        )
    shown = prediction.map(lambda role: np.clip(role.pixels, 0, 255))
    # Each picture is compared with two others: what its windows hold is computed once.
    reference = Windows.of(shown.parent)
    windows = Pair(reference, Windows.of(shown.optimized))
    aim = None if target is None else Windows.of(target)
    return Pair(
        *(
            RenderingRecord(
                preview=_preview(shown[role]),
                truth_psnr_db=math.nan if target is None else psnr_db(shown[role], target),
                truth_ssim=math.nan if aim is None else windows[role].likeness(aim),
                parent_psnr_db=psnr_db(shown[role], shown.parent),
                parent_ssim=windows[role].likeness(reference),
            )
            for role in ROLES
        )
    )


def _check(pixels: NDArray[np.float32], shape: tuple[int, ...], where: str) -> None:
    if pixels.shape[2:] != (3,) or not pixels.size:
        raise DecoderError(f"{where}: expected a picture [height, width, 3], found {pixels.shape}")
    if pixels.shape != shape:
        raise DecoderError(f"{where}: the picture is {pixels.shape}, the parent's is {shape}")
    if not np.isfinite(pixels).all():
        raise DecoderError(f"{where}: the picture holds NaN or infinity")


def _preview(shown: NDArray[np.float32]) -> NDArray[np.uint8]:
    step = max(1, -(-max(shown.shape[:2]) // PREVIEW_PX))
    return np.ascontiguousarray(np.rint(shown[::step, ::step]).astype(np.uint8))


def pack(records: Sequence[RenderingRecord]) -> Arrays:
    """Flatten records; ``unpack`` gives them back bit for bit."""
    return {
        "shapes": np.array([r.preview.shape for r in records], np.int64).reshape(-1, 3),
        "previews": np.concatenate([np.zeros(0, np.uint8), *(r.preview.ravel() for r in records)]),
        "likeness": np.array(
            [(r.truth_psnr_db, r.truth_ssim, r.parent_psnr_db, r.parent_ssim) for r in records],
            np.float64,
        ).reshape(-1, 4),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[RenderingRecord]:
    """Inverse of ``pack``: records of arrays [images, ...]."""
    shapes = np.asarray(arrays["shapes"], np.int64)
    starts = offsets(shapes.prod(axis=1).tolist())
    previews = np.asarray(arrays["previews"], np.uint8)
    likeness = np.asarray(arrays["likeness"], np.float64).tolist()
    return [
        RenderingRecord(previews[starts[i] : starts[i + 1]].reshape(shape), *likeness[i])
        for i, shape in enumerate(shapes.tolist())
    ]
