"""From an image to the model's input: resize here by OpenCV, all else inside the graph.

What is embedded (colour, mean, scale, layout) is quantized and timed with the model, as a
deployment would run it; the resize stays outside because OpenCV's is faster and better known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.geometry import Frame
from quantgate.engine.embed import embed, input_size
from quantgate.errors import PreprocessError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.entries import Preprocess

__all__ = ["embed", "input_size", "prepare"]

#: Resized images beyond this many pixels are refused: only absurdly long strips get there.
LARGEST_RESIZED_PX = 100_000_000
_USUAL_CROP = 0.875


def prepare(
    image: NDArray[np.uint8], plan: Preprocess, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Frame]:
    """Resize, pad or crop one image to the model's input size.

    Parameters
    ----------
    image
        uint8 [height, width, 3], BGR.
    size
        ``(width, height)`` of the model's input, as :func:`input_size` gives it.

    Returns
    -------
    tuple
        uint8 [height, width, 3] BGR (one channel where ``plan.colour`` is gray or lightness, the latter
        255 for white), and the exact way
        back to the original image.

    Raises
    ------
    PreprocessError
        When the image has another form, or a crop would be larger than the resized image.
    """
    import cv2

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:  # noqa: PLR2004
        raise PreprocessError(
            f"an image must be uint8 [height, width, 3], found {image.dtype} {list(image.shape)}"
        )
    if plan.colour == "gray":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    elif plan.colour == "lightness":
        image = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)[..., 0]
    original = (image.shape[1], image.shape[0])
    resized = _resized_size(original, plan, size)
    scaled = _resize(image, resized, plan.interpolation)
    scale = (resized[0] / original[0], resized[1] / original[1])
    if plan.resize == "crop":
        placed, offset = _crop(scaled, size)
    else:
        placed, offset = _place(scaled, plan, size)
    if placed.ndim == 2:  # noqa: PLR2004 - OpenCV drops a single channel
        placed = placed[..., None]
    return np.ascontiguousarray(placed), Frame(original, size, scale, offset)


def _resized_size(
    original: tuple[int, int], plan: Preprocess, size: tuple[int, int]
) -> tuple[int, int]:
    """``(width, height)`` after the resize and before padding or cropping."""
    if plan.resize == "stretch":
        return size
    ratios = (size[0] / original[0], size[1] / original[1])
    if plan.resize == "height":
        return min(size[0], max(1, round(original[0] * ratios[1]))), size[1]
    if plan.resize in {"letterbox", "fit"}:
        ratio = min(ratios)
        width, height = (max(1, round(side * ratio)) for side in original)
        return min(width, size[0]), min(height, size[1])
    if plan.short_side is None:
        ratio = max(ratios) / _USUAL_CROP
    else:
        ratio = plan.short_side / min(original)
    width, height = (max(1, round(side * ratio)) for side in original)
    if width < size[0] or height < size[1]:
        raise PreprocessError(
            f"preprocess.short_side {plan.short_side} makes an image of {original[0]}x{original[1]} "
            f"{width}x{height}, smaller than the crop of {size[0]}x{size[1]}; raise short_side"
        )
    if width * height > LARGEST_RESIZED_PX:
        raise PreprocessError(
            f"an image of {original[0]}x{original[1]} would be resized to {width}x{height} before "
            "the crop; leave it out of the dataset"
        )
    return width, height


def _resize(
    image: NDArray[np.uint8], size: tuple[int, int], interpolation: str
) -> NDArray[np.uint8]:
    import cv2

    if (image.shape[1], image.shape[0]) == size:
        return image
    methods = {
        "linear": cv2.INTER_LINEAR,
        "cubic": cv2.INTER_CUBIC,
        "area": cv2.INTER_AREA,
        "nearest": cv2.INTER_NEAREST,
    }
    resized: NDArray[np.uint8] = cv2.resize(image, size, interpolation=methods[interpolation])
    return resized


def _crop(
    image: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    left = (image.shape[1] - size[0]) // 2
    top = (image.shape[0] - size[1]) // 2
    return image[top : top + size[1], left : left + size[0]], (-float(left), -float(top))


def _place(
    image: NDArray[np.uint8], plan: Preprocess, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    import cv2

    height, width = image.shape[:2]
    if (width, height) == size:
        return image, (0.0, 0.0)
    centred = plan.resize == "letterbox"
    left = (size[0] - width) // 2 if centred else 0
    top = (size[1] - height) // 2 if centred else 0
    if plan.pad == "edge":
        right, below = size[0] - width - left, size[1] - height - top
        edges = cv2.BORDER_REPLICATE
        return cv2.copyMakeBorder(image, top, below, left, right, edges), (float(left), float(top))
    canvas = np.full((size[1], size[0], *image.shape[2:]), plan.pad, dtype=np.uint8)
    canvas[top : top + height, left : left + width] = image
    return canvas, (float(left), float(top))
