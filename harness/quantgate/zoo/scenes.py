"""Scenes of handwritten digits with exact truth, drawn from a seed at any size.

A scene is determined by ``(seed, split, index, size)`` and, between machines, up to the rounding
of OpenCV's resampling. Splits share neither digits nor generators.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from quantgate.zoo.backgrounds import background, clutter, degrade
from quantgate.zoo.canvas import SceneCanvas, occlude, place
from quantgate.zoo.strokes import SPLITS, STROKE_POINTS, Split, Stroke, split_members, stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Class names; labels index into them.
LABELS: Final[tuple[str, ...]] = tuple(str(digit) for digit in range(10))

_MIN_SIDE_PX: Final = 32
_MIN_VISIBLE: Final = 0.5
#: Least mean difference of ink and what lies under it, in grey levels: of many digits, of one, of a line, of one
#: that is told from others by its hand.
_MIN_CONTRASTS: Final = (90.0, 70.0, 90.0, 90.0)
_MANY, _ONE, _LINE, _HAND = 0, 1, 2, 3
#: Digits of a line, and their distance, in heights of one.
_SHORTEST, _LONGEST = 3, 7
_PITCH: Final = (0.62, 0.95)
#: Images in a row that show the same written digit.
IMAGES_A_HAND: Final = 5


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
    points
        float32 [n, 4, 2]: x and y of each digit's four ends (``STROKE_POINTS``), px, hidden or not.
    owners
        uint8 [height, width]: 0 where no listed digit is visible, else 1 + its row in ``labels``.
    """

    image: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    points: NDArray[np.float32]
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
    rng = generator_of(seed, index, size, (split, _MANY))
    canvas = SceneCanvas(background(rng, size), _MIN_CONTRASTS[_MANY])
    clutter(rng, canvas.image, int(rng.integers(0, 5)))
    reach = min(size)
    for _ in range(int(rng.integers(1, 6))):
        height = reach * float(np.exp(rng.uniform(np.log(0.25), np.log(0.5))))
        place(rng, canvas, draw_member(rng, split), height)
    if rng.random() < 0.25:  # noqa: PLR2004 - some of them
        occlude(rng, canvas, 0.06)
    return _finish(rng, canvas, blur=reach / 200, noise=16.0)


def render_classification(
    seed: int, index: int, *, size: tuple[int, int], split: Split
) -> tuple[Scene, int]:
    """Draw one dominant digit among clutter; give the scene and the digit.

    Parameters and errors are those of :func:`render`. The digit is the scene's only object, or
    none at all where occlusion hides most of it; its label is always given.
    """
    rng = generator_of(seed, index, size, (split, _ONE))
    canvas = SceneCanvas(background(rng, size), _MIN_CONTRASTS[_ONE])
    clutter(rng, canvas.image, int(rng.integers(0, 6)))
    reach = min(size)
    chosen = draw_member(rng, split)
    place(rng, canvas, chosen, reach * float(rng.uniform(0.4, 0.85)))
    if rng.random() < 0.6:  # noqa: PLR2004 - most of them
        occlude(rng, canvas, 0.1)
    return _finish(rng, canvas, blur=reach / 100, noise=24.0), chosen.label


def render_text(seed: int, index: int, *, size: tuple[int, int], split: Split) -> tuple[Scene, str]:
    """Draw a line of three to seven digits among clutter; give the scene and what it reads.

    Parameters and errors are those of :func:`render`. Digits that are mostly hidden are read all the same.
    """
    rng = generator_of(seed, index, size, (split, _LINE))
    canvas = SceneCanvas(background(rng, size), _MIN_CONTRASTS[_LINE])
    clutter(rng, canvas.image, int(rng.integers(0, 6)))
    chosen = [draw_member(rng, split) for _ in range(int(rng.integers(_SHORTEST, _LONGEST + 1)))]
    width, reach = size[0], min(size)
    tall = reach * float(rng.uniform(0.5, 0.85))
    pitch = min(tall * float(rng.uniform(*_PITCH)), width / len(chosen))
    left = float(rng.uniform(0, width - pitch * len(chosen)))
    middle, slope = size[1] / 2, float(rng.uniform(-0.06, 0.06))
    for place_of, digit in enumerate(chosen):
        x = left + (place_of + 0.5) * pitch
        y = middle + (x - width / 2) * slope + float(rng.normal(0, 0.03)) * reach
        height = min(tall, 1.6 * pitch) * float(rng.uniform(0.85, 1.1))
        place(rng, canvas, digit, height, centre=np.array([x, y]))
    if rng.random() < 0.15:  # noqa: PLR2004 - few of them
        occlude(rng, canvas, 0.08)
    return _finish(rng, canvas, blur=reach / 32, noise=16.0), "".join(
        LABELS[digit.label] for digit in chosen
    )


def render_hand(seed: int, index: int, *, size: tuple[int, int], split: Split) -> tuple[Scene, str]:
    """Draw one written digit among clutter; give the scene and whose hand it is, ``3-0417``.

    Parameters and errors are those of :func:`render`. Every ``IMAGES_A_HAND`` indices in a row show one digit as it
    was written once, each time turned, stretched and coloured otherwise.
    """
    rng = generator_of(seed, index, size, (split, _HAND))
    canvas = SceneCanvas(background(rng, size), _MIN_CONTRASTS[_HAND])
    clutter(rng, canvas.image, int(rng.integers(0, 4)))
    reach = min(size)
    member = _hands(seed, split)[index // IMAGES_A_HAND % len(split_members(split))]
    place(rng, canvas, stroke(member), reach * float(rng.uniform(0.55, 0.8)))
    return _finish(rng, canvas, blur=reach / 64, noise=12.0), hand(seed, index, split)


def hand(seed: int, index: int, split: Split) -> str:
    """Name the digit that :func:`render_hand` draws, without drawing it: its class and its number."""
    member = _hands(seed, split)[index // IMAGES_A_HAND % len(split_members(split))]
    return f"{stroke(member).label}-{member:04d}"


@cache
def _hands(seed: int, split: Split) -> tuple[int, ...]:
    """Members of a split in random order."""
    entropy = (seed, SPLITS.index(split), _HAND)
    order = np.random.default_rng(np.random.SeedSequence(entropy))
    return tuple(order.permutation(split_members(split)).tolist())


def generator_of(
    seed: int, index: int, size: tuple[int, int], stream: tuple[Split, int]
) -> np.random.Generator:
    """Make the generator of one image of a split's subject.

    Raises
    ------
    ValueError
        As :func:`render`.
    """
    split, subject = stream
    if split not in SPLITS:
        raise ValueError(f"split is one of {', '.join(SPLITS)}, not {split!r}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are at least 0, not {seed} and {index}")
    if min(size) < _MIN_SIDE_PX:
        raise ValueError(f"each side is at least {_MIN_SIDE_PX} px, not {size[0]}x{size[1]}")
    entropy = (seed, SPLITS.index(split), subject, index)
    return np.random.default_rng(np.random.SeedSequence(entropy))


def draw_member(rng: np.random.Generator, split: Split) -> Stroke:
    """Choose a digit of a split."""
    members = split_members(split)
    return stroke(members[int(rng.integers(len(members)))])


def _finish(rng: np.random.Generator, canvas: SceneCanvas, *, blur: float, noise: float) -> Scene:
    """Keep the digits that are visible enough, measure their boxes, then spoil the image."""
    import cv2

    boxes: list[tuple[int, int, int, int]] = []
    labels: list[int] = []
    points: list[NDArray[np.float64]] = []
    table = np.zeros(len(canvas.labels) + 1, np.uint8)
    for k, (label, full) in enumerate(zip(canvas.labels, canvas.full_px, strict=True), start=1):
        visible = cv2.inRange(canvas.owners, k, k)
        if not full or cv2.countNonZero(visible) < _MIN_VISIBLE * full:
            continue
        left, top, width, height = cv2.boundingRect(visible)
        boxes.append((left, top, left + width, top + height))
        labels.append(label)
        points.append(canvas.points[k - 1])
        table[k] = len(labels)
    return Scene(
        image=degrade(rng, canvas.image, blur=blur, noise=noise),
        clean=canvas.image,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        points=np.array(points, np.float32).reshape(-1, len(STROKE_POINTS), 2),
        owners=np.asarray(table[canvas.owners], dtype=np.uint8),
    )
