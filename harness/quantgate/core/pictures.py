"""Likeness of two pictures: PSNR and SSIM."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How an image is drawn: its objects, its best classes, its class maps, what the model made of it, read in it, the numbers
#: that it gives every pixel, what is nearest to it, or what each of its heads says.
PictureKind = Literal[
    "objects", "classes", "segments", "rendered", "text", "numbers", "neighbours", "heads"
]
#: Largest value of a pixel.
PEAK = 255.0
#: Equal pictures have no noise; beyond float32's own 24 bits more signal is not a difference.
HIGHEST_PSNR_DB = 150.0
_SIGMA, _RADIUS = 1.5, 5
_BELL = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
_WEIGHTS = _BELL / _BELL.sum()
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def psnr_db(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Peak signal to noise ratio of pictures [h, w, channels], 0..255: dB, at most HIGHEST_PSNR_DB.

    Examples
    --------
    >>> white = np.full((4, 4, 3), 255, np.float32)
    >>> round(psnr_db(white, white - 1), 2), psnr_db(white, white)
    (48.13, 150.0)
    """
    error = np.asarray(first, np.float64) - second
    mse = float(np.mean(error * error))
    if mse == 0:
        return HIGHEST_PSNR_DB
    return min(HIGHEST_PSNR_DB, 10 * math.log10(PEAK * PEAK / mse))


@dataclass(frozen=True, slots=True)
class Windows:
    """A picture seen through Gaussian windows, for several comparisons: all [h, w, c].

    Parameters
    ----------
    pixels
        The picture itself.
    means, squares, spreads
        Mean, its square, and variance of the window around each pixel.
    """

    pixels: NDArray[np.float64]
    means: NDArray[np.float64]
    squares: NDArray[np.float64]
    spreads: NDArray[np.float64]

    @classmethod
    def of(cls, picture: NDArray[np.float32]) -> Windows:
        """Look at a picture [h, w, c], 0..255."""
        pixels = np.asarray(picture, np.float64)
        means = _blurred(pixels)
        squares = means * means
        return cls(pixels, means, squares, _blurred(pixels * pixels) - squares)

    def likeness(self, other: Windows) -> float:
        """As :func:`ssim`; of a picture with itself it is 1, to the last bit."""
        if other is self:
            return 1.0
        product = self.means * other.means
        common = _blurred(self.pixels * other.pixels) - product
        likeness = (2 * product + _C1) * (2 * common + _C2)
        likeness /= (self.squares + other.squares + _C1) * (self.spreads + other.spreads + _C2)
        return float(_inside(likeness).mean())


def ssim(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Structural similarity, mean over pixels and channels, of two pictures [h, w, c] 0..255.

    Wang, Bovik, Sheikh and Simoncelli, *Image Quality Assessment* (IEEE TIP 13, 2004): Gaussian
    window of 11 by 11 pixels, sigma 1.5. Smaller pictures are mirrored at their border.
    """
    return Windows.of(first).likeness(Windows.of(second))


def _blurred(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    # In a third of scipy's time.
    blurred = cv2.sepFilter2D(
        picture, cv2.CV_64F, _WEIGHTS, _WEIGHTS, borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(blurred, np.float64).reshape(picture.shape)


def _inside(likeness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out the pixels whose window reaches over the border, where any others are left."""
    height, width = likeness.shape[:2]
    if min(height, width) <= 2 * _RADIUS:
        return likeness
    return likeness[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
