"""Scenes of handwritten digits with exact truth, drawn from a seed at any size.

A scene is determined by ``(seed, split, index, size)`` and, between machines, up to the rounding
of OpenCV's resampling. Splits share neither digits nor generators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.zoo.backgrounds import background, clutter, degrade
from harness.zoo.strokes import SPLITS, Split, Stroke, split_members, stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Class names; labels index into them.
LABELS: Final[tuple[str, ...]] = tuple(str(digit) for digit in range(10))

_MIN_SIDE_PX: Final = 32
_MIN_VISIBLE: Final = 0.5
#: Least mean difference of ink and what lies under it, in grey levels, of many digits and of one.
_MIN_CONTRASTS: Final = (90.0, 70.0)
_PLACES_TRIED: Final = 4
_HALF_COVERED: Final = 127
_MANY, _ONE = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One rendered image with its truth.

    Parameters
    ----------
    image
        uint8 [height, width, 3], BGR: blurred and noisy.
    clean
        The same before blur and noise: the truth of image restoration.
    boxes
        float32 [n, 4], ``xyxy`` px (far edges exclusive), tight around the *visible* stroke.
    labels
        int64 [n], 0..9. Digits of which less than half is visible are not listed.
    owners
        uint8 [height, width]: 0 where no listed digit is visible, else 1 + its row in ``labels``.
    """

    image: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    owners: NDArray[np.uint8]

    @property
    def masks(self) -> tuple[NDArray[np.uint8], ...]:
        """Visible pixels of every object: uint8 [height, width] of 0 and 1."""
        return tuple((self.owners == k + 1).astype(np.uint8) for k in range(len(self.labels)))

    @property
    def classes(self) -> NDArray[np.uint8]:
        """Semantic truth: uint8 [height, width], 0 background, else 1 + digit."""
        table = np.concatenate(([0], self.labels + 1)).astype(np.uint8)
        return np.asarray(table[self.owners], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a digit goes: linear map of its ink, half its extent and centre in px, opacity."""

    matrix: NDArray[np.float64]
    half: NDArray[np.float64]
    centre: NDArray[np.float64]
    opacity: float


class _Canvas:
    """An image being drawn, and who owns each of its pixels."""

    def __init__(self, image: NDArray[np.uint8], min_contrast: float) -> None:
        self.image = image
        self.min_contrast = min_contrast
        self.owners: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
        self.labels: list[int] = []
        self.full_px: list[int] = []


def render(seed: int, index: int, *, size: tuple[int, int], split: Split) -> Scene:
    """Draw a scene of one to five digits.

    Parameters
    ----------
    seed, index
        Which scene; both at least 0.
    size
        Width and height in px, each at least 32.
    split
        Whose digits and generator are used.

    Raises
    ------
    ValueError
        For an unknown split, a negative seed or index, or a side below 32 px.
    """
    rng = _generator(seed, index, size, (split, _MANY))
    canvas = _Canvas(background(rng, size), _MIN_CONTRASTS[_MANY])
    clutter(rng, canvas.image, int(rng.integers(0, 5)))
    reach = min(size)
    for _ in range(int(rng.integers(1, 6))):
        height = reach * float(np.exp(rng.uniform(np.log(0.25), np.log(0.5))))
        _place(rng, canvas, _draw_member(rng, split), height)
    if rng.random() < 0.25:  # noqa: PLR2004 - some of them
        _occlude(rng, canvas, 0.06)
    return _finish(rng, canvas, blur=reach / 200, noise=16.0)


def render_classification(
    seed: int, index: int, *, size: tuple[int, int], split: Split
) -> tuple[Scene, int]:
    """Draw one dominant digit among clutter; give the scene and the digit.

    Parameters and errors are those of :func:`render`. The digit is the scene's only object, or
    none at all where occlusion hides most of it; its label is always given.
    """
    rng = _generator(seed, index, size, (split, _ONE))
    canvas = _Canvas(background(rng, size), _MIN_CONTRASTS[_ONE])
    clutter(rng, canvas.image, int(rng.integers(0, 6)))
    reach = min(size)
    chosen = _draw_member(rng, split)
    _place(rng, canvas, chosen, reach * float(rng.uniform(0.4, 0.85)))
    if rng.random() < 0.6:  # noqa: PLR2004 - most of them
        _occlude(rng, canvas, 0.1)
    return _finish(rng, canvas, blur=reach / 100, noise=24.0), chosen.label


def _generator(
    seed: int, index: int, size: tuple[int, int], stream: tuple[Split, int]
) -> np.random.Generator:
    split, subject = stream
    if split not in SPLITS:
        raise ValueError(f"split is one of {', '.join(SPLITS)}, not {split!r}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are at least 0, not {seed} and {index}")
    if min(size) < _MIN_SIDE_PX:
        raise ValueError(f"each side is at least {_MIN_SIDE_PX} px, not {size[0]}x{size[1]}")
    entropy = (seed, SPLITS.index(split), subject, index)
    return np.random.default_rng(np.random.SeedSequence(entropy))


def _draw_member(rng: np.random.Generator, split: Split) -> Stroke:
    members = split_members(split)
    return stroke(members[int(rng.integers(len(members)))])


def _place(rng: np.random.Generator, canvas: _Canvas, digit: Stroke, height_px: float) -> None:
    """Draw a digit of about ``height_px`` at a random pose, over what is there."""
    x0, y0, x1, y1 = digit.box
    scale = height_px / (y1 - y0)
    angle, shear = rng.uniform(-0.35, 0.35), rng.uniform(-0.25, 0.25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[rng.uniform(0.75, 1.3), shear], [0.0, 1.0]]) * scale
    half = np.abs(matrix) @ np.array([(x1 - x0) / 2, (y1 - y0) / 2])
    centre = _free_centre(rng, canvas.owners, half)
    pose = _Pose(matrix, half + 2.0, centre, float(rng.uniform(0.85, 1.0)))
    _blend(rng, canvas, digit, pose)


def _free_centre(
    rng: np.random.Generator, owners: NDArray[np.uint8], half: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of a few random centres take the one that covers least; up to a tenth may stick out."""
    sides = np.array(owners.shape[::-1], np.float64)
    low = np.minimum(0.8 * half, sides / 2)
    centres = low + rng.random((_PLACES_TRIED, 2)) * (sides - 2 * low)

    def covered(centre: NDArray[np.float64]) -> int:
        (x0, y0), (x1, y1) = np.maximum(centre - half, 0).astype(int), (centre + half).astype(int)
        return int(np.count_nonzero(owners[y0:y1, x0:x1]))

    return np.asarray(min(centres, key=covered), dtype=np.float64)


def _blend(rng: np.random.Generator, canvas: _Canvas, digit: Stroke, pose: _Pose) -> None:
    import cv2

    x0, y0, x1, y1 = digit.box
    sides = canvas.owners.shape[::-1]
    left, top = np.maximum(pose.centre - pose.half, 0).astype(int).tolist()
    right, bottom = np.minimum(pose.centre + pose.half + 1, sides).astype(int).tolist()
    level = _level(pose.matrix, len(digit.pyramid))
    matrix = pose.matrix * 2**level
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) / 2**level
    shift = pose.centre - (left, top) - matrix @ middle
    source = digit.pyramid[level]
    affine = np.column_stack((matrix, shift))
    alpha = cv2.warpAffine(source, affine, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    region = (slice(top, bottom), slice(left, right))
    colour = _ink_colour(rng, canvas.image[region], canvas.min_contrast)
    _paint(rng, canvas.image[region], colour, alpha.astype(np.float32) * (pose.opacity / 255.0))
    ink = alpha > _HALF_COVERED
    canvas.labels.append(digit.label)
    canvas.full_px.append(int(ink.sum()))
    canvas.owners[region][ink] = len(canvas.labels)


def _level(matrix: NDArray[np.float64], levels: int) -> int:
    """Pick the pyramid level that needs no shrinking by two: linear resampling would alias."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    return int(np.clip(np.floor(-np.log2(max(scale, 1e-6))), 0, levels - 1))


def _ink_colour(
    rng: np.random.Generator, region: NDArray[np.uint8], min_contrast: float
) -> NDArray[np.float64]:
    """Choose a colour that differs from what lies under it."""
    under = region.reshape(-1, 3).mean(axis=0)
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
    mixed = region + (ink - region) * alpha[:, :, None]
    np.copyto(region, np.clip(mixed, 0, 255), casting="unsafe")


def _occlude(rng: np.random.Generator, canvas: _Canvas, thickness: float) -> None:
    """Lay one bar across the image, over everything."""
    import cv2

    rows, columns = canvas.owners.shape
    ends = rng.uniform(0, (columns, rows), (2, 2)).astype(int)
    a, b = ends[0].tolist(), ends[1].tolist()
    width = max(1, int(min(rows, columns) * rng.uniform(0.2, 1.0) * thickness))
    colour = rng.integers(0, 256, 3).tolist()
    cv2.line(canvas.image, a, b, colour, width, cv2.LINE_AA)
    cv2.line(canvas.owners, a, b, 0, width)


def _finish(rng: np.random.Generator, canvas: _Canvas, *, blur: float, noise: float) -> Scene:
    """Keep the digits that are visible enough, measure their boxes, then spoil the image."""
    boxes: list[tuple[int, int, int, int]] = []
    labels: list[int] = []
    table = np.zeros(len(canvas.labels) + 1, np.uint8)
    for k, (label, full) in enumerate(zip(canvas.labels, canvas.full_px, strict=True), start=1):
        visible = canvas.owners == k
        if not full or visible.sum() < _MIN_VISIBLE * full:
            continue
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        boxes.append((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
        labels.append(label)
        table[k] = len(labels)
    return Scene(
        image=degrade(rng, canvas.image, blur=blur, noise=noise),
        clean=canvas.image,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        owners=np.asarray(table[canvas.owners], dtype=np.uint8),
    )
