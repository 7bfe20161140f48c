"""How an image was brought to the model's input size, and the exact way back for boxes.

Conventions: boxes are ``xyxy`` in absolute float pixels, without the +1 pixel; sizes are
``(width, height)``. Coordinates count from pixel edges: the first pixel spans 0..1 and its centre is
0.5. In these coordinates a resize is a plain multiplication by the ratio of the sizes, because OpenCV
aligns edges (its half-pixel terms appear only when one counts from centres).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One image's geometry: ``model_px = image_px * scale + offset``, per axis.

    Parameters
    ----------
    image
        ``(width, height)`` of the original image, px.
    model
        ``(width, height)`` of the model's input, px.
    scale, offset
        ``(x, y)`` of the affine map from original pixels to input pixels.
    """

    image: tuple[int, int]
    model: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]

    def to_image(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map boxes [n, 4] from model-input pixels to original pixels, clipped to the image.

        Examples
        --------
        >>> frame = Frame(image=(200, 100), model=(64, 64), scale=(0.32, 0.32), offset=(0.0, 16.0))
        >>> frame.to_image(np.array([[0, 16, 64, 48], [-5, 0, 32, 32]])).tolist()
        [[0.0, 0.0, 200.0, 100.0], [0.0, 0.0, 100.0, 50.0]]
        """
        scale = np.array([*self.scale, *self.scale], dtype=np.float64)
        offset = np.array([*self.offset, *self.offset], dtype=np.float64)
        limit = np.array([*self.image, *self.image], dtype=np.float64)
        mapped = (boxes.astype(np.float64).reshape(-1, 4) - offset) / scale
        return np.clip(mapped, 0.0, limit).astype(np.float32)

    def points_to_image(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map points [..., 2] from model-input pixels to original pixels; they may lie outside the image.

        Examples
        --------
        >>> frame = Frame(image=(200, 100), model=(64, 64), scale=(0.32, 0.32), offset=(0.0, 16.0))
        >>> frame.points_to_image(np.array([[0, 16], [-32, 32]])).tolist()
        [[0.0, 0.0], [-100.0, 50.0]]
        """
        mapped = (points.astype(np.float64) - np.array(self.offset)) / np.array(self.scale)
        return np.asarray(mapped, np.float32)

    def to_model(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map boxes [n, 4] from original pixels to model-input pixels."""
        scale = np.array([*self.scale, *self.scale], dtype=np.float64)
        offset = np.array([*self.offset, *self.offset], dtype=np.float64)
        mapped = boxes.astype(np.float64).reshape(-1, 4) * scale + offset
        return mapped.astype(np.float32)
