"""Scenes with turned lines of digits, and the corners of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from quantgate.zoo.backgrounds import background, clutter, degrade
from quantgate.zoo.canvas import SceneCanvas, place
from quantgate.zoo.scenes import Scene, draw_member, generator_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quantgate.zoo.strokes import Split

_SUBJECT: Final = 4
_MIN_CONTRAST: Final = 90.0
#: Lines of a scene, at most; digits of a line; their height and distance, in sides of the image and in heights.
_MOST: Final = 4
_SHORTEST, _LONGEST = 2, 5
_HEIGHT: Final = (0.11, 0.18)
_PITCH: Final = (0.65, 0.8)
_STEEPEST: Final = 1.2
_TRIED: Final = 12
_MARGIN: Final = 1.35


def render_lines(seed: int, index: int, *, size: tuple[int, int], split: Split) -> Scene:
    """Draw a scene of one to four lines of digits, each turned as a whole.

    Parameters and errors are those of :func:`~quantgate.zoo.scenes.render`. The objects are the lines, all of
    label 0; their ``points`` are the corners of the rectangle around their ink, clockwise from the beginning of
    its upper edge.
    """
    rng = generator_of(seed, index, size, (split, _SUBJECT))
    canvas = SceneCanvas(background(rng, size), _MIN_CONTRAST)
    clutter(rng, canvas.image, int(rng.integers(0, 5)))
    reach, taken, quads = min(size), np.zeros((0, 3)), []
    lines = np.zeros(canvas.owners.shape, np.uint8)
    for _ in range(int(rng.integers(1, _MOST + 1))):
        count = int(rng.integers(_SHORTEST, _LONGEST + 1))
        height = reach * float(rng.uniform(*_HEIGHT))
        pitch, angle = (
            height * float(rng.uniform(*_PITCH)),
            float(rng.uniform(-_STEEPEST, _STEEPEST)),
        )
        along = np.array([np.cos(angle), np.sin(angle)])
        steps = (np.arange(count) - (count - 1) / 2) * pitch
        middle = _free_middle(rng, (size, taken), steps[:, None] * along, height)
        if middle is None:
            continue
        before = len(canvas.labels)
        for step in steps:
            tall = height * float(rng.uniform(0.85, 1.1))
            place(
                rng, canvas, draw_member(rng, split), tall, centre=middle + step * along, turn=angle
            )
        discs = np.column_stack([middle + steps[:, None] * along, np.full(count, height)])
        taken = np.concatenate([taken, discs])
        ink = canvas.owners > before
        quads.append(_corners(ink, angle))
        lines[ink] = len(quads)
    corners = np.array(quads, np.float32).reshape(-1, 4, 2)
    return Scene(
        image=degrade(rng, canvas.image, blur=reach / 200, noise=16.0),
        clean=canvas.image,
        boxes=np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1),
        labels=np.zeros(len(quads), np.int64),
        points=corners,
        owners=lines,
    )


def _free_middle(
    rng: np.random.Generator,
    scene: tuple[tuple[int, int], NDArray[np.float64]],
    shifts: NDArray[np.float64],
    height: float,
) -> NDArray[np.float64] | None:
    """Find where digits at ``shifts`` [n, 2] from it lie inside of the image and touch no other; None for nowhere.

    ``taken`` has places and heights of those drawn already, [m, 3].
    """
    size, taken = scene
    half = np.abs(shifts).max(axis=0) + height * 0.6
    low, high = half, np.array(size) - half
    if (low > high).any():
        return None
    for _ in range(_TRIED):
        middle = rng.uniform(low, high)
        away = np.linalg.norm((middle + shifts)[:, None] - taken[None, :, :2], axis=2)
        if (away > _MARGIN * (height + taken[None, :, 2]) / 2).all():
            return np.asarray(middle, np.float64)
    return None


def _corners(ink: NDArray[np.bool_], angle: float) -> NDArray[np.float64]:
    """Corners [4, 2] of the rectangle, turned by ``angle``, around pixels of ink [height, width]."""
    rows, columns = np.nonzero(ink)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    placed = np.stack([columns + 0.5, rows + 0.5], axis=1) @ axes.T
    (x0, y0), (x1, y1) = placed.min(axis=0) - 0.5, placed.max(axis=0) + 0.5
    return np.asarray(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) @ axes)
