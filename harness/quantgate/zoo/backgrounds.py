"""Backgrounds of the digits: photographs, procedural textures, clutter, noise."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from quantgate.zoo.material import photograph

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PHOTOGRAPHS: Final = ("china.jpg", "flower.jpg")
_PHOTOGRAPH_SHARE: Final = 0.7
_NOISE_SIDE: Final = 512
_NOISE_SEED: Final = 7


@cache
def _noise_tile() -> NDArray[np.float32]:
    rng = np.random.default_rng(_NOISE_SEED)
    shape = (_NOISE_SIDE, _NOISE_SIDE, 3)
    return rng.standard_normal(shape, dtype=np.float32)


def background(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a background of ``size`` (width, height): uint8 [height, width, 3], BGR."""
    draw = _photographic if rng.random() < _PHOTOGRAPH_SHARE else _texture
    return _shift_colours(rng, draw(rng, size))


def _photographic(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2

    whole = photograph(_PHOTOGRAPHS[rng.integers(len(_PHOTOGRAPHS))])
    rows, columns = whole.shape[:2]
    height = int(rows * rng.uniform(0.25, 1.0))
    width = min(columns, max(8, int(height * size[0] / size[1])))
    top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
    crop = whole[top : top + height, left : left + width]
    flip = int(rng.integers(-1, 3))
    resized = cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized if flip > 1 else cv2.flip(resized, flip), dtype=np.uint8)


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Blotches of two scales under stripes."""
    import cv2

    cells = rng.integers(2, 20)
    spread = rng.uniform(10.0, 90.0)
    coarse = rng.uniform(40.0, 215.0, 3) + rng.uniform(-spread, spread, (cells, cells, 3))
    blotches = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    angle, period = rng.uniform(0.0, np.pi), rng.uniform(0.03, 0.4) * min(size)
    along = np.arange(size[0], dtype=np.float32) * np.cos(angle)
    across = np.arange(size[1], dtype=np.float32) * np.sin(angle)
    phase = np.add.outer(across, along) * np.float32(2 * np.pi / period)
    stripes = np.sin(phase, out=phase)
    stripes *= np.float32(rng.uniform(0.0, 60.0))
    mixed = blotches + stripes[:, :, None]
    return np.asarray(np.clip(mixed, 0, 255, out=mixed), dtype=np.uint8)


def _shift_colours(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    gain, offset = rng.uniform(0.6, 1.2, 3), rng.uniform(-40.0, 40.0, 3)
    table = np.arange(256)[:, None] * gain + offset
    lut = np.clip(table, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(image, lut), dtype=np.uint8)


def clutter(rng: np.random.Generator, image: NDArray[np.uint8], count: int) -> None:
    """Draw ``count`` curves and lines into the image [h, w, 3]: pen strokes that are no digits."""
    import cv2

    height, width = image.shape[:2]
    reach = min(width, height)
    for _ in range(count):
        colour = rng.integers(0, 256, 3).tolist()
        x, y = (int(v) for v in rng.integers(0, (width, height)))
        thickness = max(1, int(reach * rng.uniform(0.008, 0.03)))
        if rng.random() < 0.5:  # noqa: PLR2004 - a fair coin
            end = (int(x + reach * rng.uniform(-0.3, 0.3)), int(y + reach * rng.uniform(-0.3, 0.3)))
            cv2.line(image, (x, y), end, colour, thickness, cv2.LINE_AA)
        else:
            axes = tuple(int(v) for v in reach * rng.uniform(0.03, 0.14, 2))
            start, sweep = rng.uniform(0, 360), rng.uniform(90, 270)
            cv2.ellipse(image, (x, y), axes, start, 0, sweep, colour, thickness, cv2.LINE_AA)


def degrade(
    rng: np.random.Generator, image: NDArray[np.uint8], *, blur: float, noise: float
) -> NDArray[np.uint8]:
    """Blur an image [h, w, 3] (sigma of at most ``blur`` px) and add noise (``noise`` grey levels)."""
    import cv2

    sigma = rng.uniform(0.0, blur)
    soft = cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.3 else image  # noqa: PLR2004 - below it a kernel is one pixel
    height, width = image.shape[:2]
    tile = _noise_tile()
    if max(height, width) > _NOISE_SIDE:
        repeats = (-(-height // _NOISE_SIDE) + 1, -(-width // _NOISE_SIDE) + 1, 1)
        tile = np.tile(tile, repeats)
    top = int(rng.integers(tile.shape[0] - height + 1))
    left = int(rng.integers(tile.shape[1] - width + 1))
    strength = float(rng.uniform(0.0, noise))
    grain = tile[top : top + height, left : left + width]
    noisy = cv2.addWeighted(soft, 1.0, grain, strength, 0.0, dtype=cv2.CV_8U)
    return np.asarray(noisy, dtype=np.uint8)
