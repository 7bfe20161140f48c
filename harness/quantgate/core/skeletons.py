"""Key points by the number of them: their names, the bones between them, how exactly people place them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Of key points about which nothing is known, in the size of their object: COCO's lie from .025 to .107.
USUAL_SIGMA = 0.05


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the key points of an object are.

    Parameters
    ----------
    names
        One a key point.
    bones
        Pairs of key points between which a line is drawn.
    sigmas
        Spread of people's annotations of each, as a share of the object's size; empty: ``USUAL_SIGMA``.
    eyes
        Key points of the left and of the right eye whose distance normalizes errors on faces (the outer
        corners where there are corners); None where there are no eyes.
    root
        Key points whose mean is the origin of a pose in space; empty: of all.
    """

    names: tuple[str, ...]
    bones: tuple[tuple[int, int], ...] = ()
    sigmas: tuple[float, ...] = ()
    eyes: tuple[int, int] | None = None
    root: tuple[int, ...] = ()


def _chain(first: int, last: int, *, closed: bool = False) -> tuple[tuple[int, int], ...]:
    """Bones from each key point to the next."""
    lines = tuple(pairwise(range(first, last + 1)))
    return (*lines, (last, first)) if closed else lines


_FINGERS = ("thumb", "index", "middle", "ring", "little")
#: COCO's persons: order, bones and sigmas as in cocodataset.org's own evaluation.
PERSON = Skeleton(
    (
        *("nose", "left eye", "right eye", "left ear", "right ear"),
        *("left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist"),
        *("right wrist", "left hip", "right hip", "left knee", "right knee"),
        *("left ankle", "right ankle"),
    ),
    (
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7)),
        *((6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    ),
    (
        *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107),
        *(0.107, 0.087, 0.087, 0.089, 0.089),
    ),
    root=(11, 12),
)
#: Eye centres, tip of the nose and corners of the mouth: what face detectors give.
FACE_5 = Skeleton(
    ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner"),
    ((0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4)),
    eyes=(0, 1),
)
#: A wrist and four joints of each finger, from the palm outwards.
HAND = Skeleton(
    ("wrist", *(f"{finger} {joint}" for finger in _FINGERS for joint in range(1, 5))),
    tuple(bone for start in range(1, 21, 4) for bone in ((0, start), *_chain(start, start + 3))),
    root=(0,),
)
#: 300-W (iBUG): jaw, brows, nose, eyes, outer and inner lips.
FACE_68 = Skeleton(
    tuple(f"point {number}" for number in range(1, 69)),
    (
        *_chain(0, 16),
        *_chain(17, 21),
        *_chain(22, 26),
        *_chain(27, 30),
        *_chain(31, 35),
        *_chain(36, 41, closed=True),
        *_chain(42, 47, closed=True),
        *_chain(48, 59, closed=True),
        *_chain(60, 67, closed=True),
    ),
    eyes=(36, 45),
)
#: WFLW: jaw, brows, nose, eyes, lips, pupils.
FACE_98 = Skeleton(
    tuple(f"point {number}" for number in range(98)),
    (
        *_chain(0, 32),
        *_chain(33, 41, closed=True),
        *_chain(42, 50, closed=True),
        *_chain(51, 54),
        *_chain(55, 59),
        *_chain(60, 67, closed=True),
        *_chain(68, 75, closed=True),
        *_chain(76, 87, closed=True),
        *_chain(88, 95, closed=True),
    ),
    eyes=(60, 72),
)
_BY_COUNT = {len(one.names): one for one in (FACE_5, PERSON, HAND, FACE_68, FACE_98)}


def skeleton_of(count: int) -> Skeleton:
    """Give the usual meaning of so many key points; numbered ones without bones where there is none.

    Examples
    --------
    >>> skeleton_of(17).names[0], skeleton_of(3).names
    ('nose', ('point 1', 'point 2', 'point 3'))
    """
    numbered = Skeleton(tuple(f"point {number}" for number in range(1, count + 1)))
    return _BY_COUNT.get(count, numbered)


def sigmas_of(count: int) -> NDArray[np.float64]:
    """Spread of each of so many key points, [count], in the size of their object."""
    listed: Sequence[float] = skeleton_of(count).sigmas or (USUAL_SIGMA,) * count
    return np.asarray(listed, np.float64)
