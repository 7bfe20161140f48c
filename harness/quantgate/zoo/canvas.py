"""Drawing digits over an image, and keeping who owns each of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.zoo.strokes import Stroke

_PLACES_TRIED: Final = 4
_HALF_COVERED: Final = 127


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a digit goes: linear map of its ink, half its extent and centre in px, opacity."""

    matrix: NDArray[np.float64]
    half: NDArray[np.float64]
    centre: NDArray[np.float64]
    opacity: float


class SceneCanvas:
    """An image being drawn, and who owns each of its pixels.

    Parameters
    ----------
    image
        uint8 [height, width, 3], drawn on.
    min_contrast
        Least mean difference of ink and what lies under it, in grey levels.
    """

    def __init__(self, image: NDArray[np.uint8], min_contrast: float) -> None:
        self.image = image
        self.min_contrast = min_contrast
        self.owners: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
        self.labels: list[int] = []
        self.full_px: list[int] = []
        self.points: list[NDArray[np.float64]] = []


def place(
    rng: np.random.Generator,
    canvas: SceneCanvas,
    digit: Stroke,
    height_px: float,
    *,
    centre: NDArray[np.float64] | None = None,
    turn: float = 0.0,
) -> None:
    """Draw a digit of about ``height_px`` at a random pose, over what is there.

    ``centre`` is the place of its middle, [2], px; None: a random one. ``turn`` adds to its angle, radians.
    """
    x0, y0, x1, y1 = digit.box
    scale = height_px / (y1 - y0)
    angle, shear = turn + rng.uniform(-0.35, 0.35), rng.uniform(-0.25, 0.25)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turned @ np.array([[rng.uniform(0.75, 1.3), shear], [0.0, 1.0]]) * scale
    half = np.abs(matrix) @ np.array([(x1 - x0) / 2, (y1 - y0) / 2])
    middle = _free_centre(rng, canvas.owners, half) if centre is None else centre
    pose = _Pose(matrix, half + 2.0, middle, float(rng.uniform(0.85, 1.0)))
    _blend(rng, canvas, digit, pose)


def _free_centre(
    rng: np.random.Generator, owners: NDArray[np.uint8], half: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of a few random centres take the one that covers least; up to a tenth may stick out."""
    sides = np.array(owners.shape[::-1], np.float64)
    low = np.minimum(0.8 * half, sides / 2)
    centres = low + rng.random((_PLACES_TRIED, 2)) * (sides - 2 * low)
    corners = np.maximum(centres - half, 0).astype(int), (centres + half).astype(int)
    covered = [
        np.count_nonzero(owners[y0:y1, x0:x1])
        for (x0, y0), (x1, y1) in zip(*(corner.tolist() for corner in corners), strict=True)
    ]
    return np.asarray(centres[covered.index(min(covered))], dtype=np.float64)


def _blend(rng: np.random.Generator, canvas: SceneCanvas, digit: Stroke, pose: _Pose) -> None:
    import cv2

    sides = canvas.owners.shape[::-1]
    left, top = np.maximum(pose.centre - pose.half, 0).astype(int).tolist()
    right, bottom = np.minimum(pose.centre + pose.half + 1, sides).astype(int).tolist()
    level = _level(pose.matrix, len(digit.pyramid))
    matrix = pose.matrix * 2**level
    middle = _middle(digit) / 2**level
    shift = pose.centre - (left, top) - matrix @ middle
    source = digit.pyramid[level]
    affine = np.column_stack((matrix, shift))
    alpha = cv2.warpAffine(source, affine, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    region = (slice(top, bottom), slice(left, right))
    colour = _ink_colour(rng, canvas.image[region], canvas.min_contrast)
    _paint(rng, canvas.image[region], colour, alpha.astype(np.float32) * (pose.opacity / 255.0))
    ink = alpha > _HALF_COVERED
    canvas.labels.append(digit.label)
    canvas.points.append((digit.points - _middle(digit)) @ pose.matrix.T + pose.centre)
    canvas.full_px.append(int(ink.sum()))
    canvas.owners[region][ink] = len(canvas.labels)


def _middle(digit: Stroke) -> NDArray[np.float64]:
    """Middle of a digit's ink, [2], px of its first level."""
    x0, y0, x1, y1 = digit.box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2])


def _level(matrix: NDArray[np.float64], levels: int) -> int:
    """Pick the pyramid level that needs no shrinking by two: linear resampling would alias."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    return int(np.clip(np.floor(-np.log2(max(scale, 1e-6))), 0, levels - 1))


def _ink_colour(
    rng: np.random.Generator, region: NDArray[np.uint8], min_contrast: float
) -> NDArray[np.float64]:
    """Choose a colour that differs from the background under it."""
    import cv2

    # Sums of bytes are exact in any order, and OpenCV's take a tenth of numpy's time over three columns.
    under = np.array(cv2.sumElems(region)[:3]) / (region.shape[0] * region.shape[1])
    colour = rng.uniform(0.0, 255.0, 3)
    if float(np.abs(colour - under).mean()) < min_contrast:
        away = np.where(under < 128.0, 1.0, -1.0)  # noqa: PLR2004 - towards the far end
        colour = np.clip(under + away * min_contrast * rng.uniform(1.0, 1.6), 0.0, 255.0)
    return np.asarray(colour, dtype=np.float64)


def _paint(
    rng: np.random.Generator,
    region: NDArray[np.uint8],
    colour: NDArray[np.float64],
    alpha: NDArray[np.float32],
) -> None:
    """Lay ink over a region, lighter on one side."""
    ramp = np.linspace(-1.0, 1.0, region.shape[0], dtype=np.float32) * rng.uniform(-25.0, 25.0)
    ink = colour.astype(np.float32) + ramp[:, None, None]
    under = region.astype(np.float32)
    mixed = ink - under
    mixed *= alpha[:, :, None]
    mixed += under
    np.copyto(region, np.clip(mixed, 0, 255, out=mixed), casting="unsafe")


def occlude(rng: np.random.Generator, canvas: SceneCanvas, thickness: float) -> None:
    """Lay one bar across the image, over everything."""
    import cv2

    rows, columns = canvas.owners.shape
    ends = rng.uniform(0, (columns, rows), (2, 2)).astype(int)
    a, b = ends[0].tolist(), ends[1].tolist()
    width = max(1, int(min(rows, columns) * rng.uniform(0.2, 1.0) * thickness))
    colour = rng.integers(0, 256, 3).tolist()
    cv2.line(canvas.image, a, b, colour, width, cv2.LINE_AA)
    cv2.line(canvas.owners, a, b, 0, width)
