"""COCO's key points, checked: flat lists of x, y and visibility, as long as their category says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from quantgate.core.skeletons import Skeleton, skeleton_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_NUMBERS = 3
_VISIBILITIES = frozenset({0, 1, 2})


class PointsError(ValueError):
    """Key points that are none; says what an annotation has, without which it is."""


def skeleton_in(content: Mapping[str, Any]) -> Skeleton | None:
    """Read what the key points of a json are; None where no category and no annotation has any.

    Names and bones are its category's; where it gives none, they are the usual ones of that number.

    Raises
    ------
    PointsError
        Where its categories have key points of different numbers.
    """
    named = {
        str(category["name"]): [str(name) for name in category["keypoints"]]
        for category in content["categories"]
        if category.get("keypoints")
    }
    if len({len(names) for names in named.values()}) > 1:
        said = ", ".join(f"{category} {len(names)}" for category, names in named.items())
        raise PointsError(f"its categories have different numbers of key points ({said})")
    used = {
        len(row["keypoints"]) // _NUMBERS
        for row in content["annotations"]
        if isinstance(row.get("keypoints"), list) and row["keypoints"]
    }
    if not named:
        return skeleton_of(min(used)) if used else None
    names = next(iter(named.values()))
    usual = skeleton_of(len(names))
    lines = next((c.get("skeleton") for c in content["categories"] if c.get("keypoints")), None)
    bones = tuple((int(a) - 1, int(b) - 1) for a, b in lines or ())
    if any(not 0 <= end < len(names) for bone in bones for end in bone):
        raise PointsError(
            f"its skeleton names points beyond its {len(names)} key points, which COCO counts from 1"
        )
    return Skeleton(tuple(names), bones or usual.bones, usual.sigmas, usual.eyes, usual.root)


def spatial_of(said: Any, count: int) -> NDArray[np.float32]:
    """Read the key points in space of one annotation, [points, 3]; NaN where none are given.

    Raises
    ------
    PointsError
        Where they are not ``count`` triples of finite numbers.
    """
    if said is None or said == []:
        return np.full((count, _NUMBERS), np.nan, np.float32)
    try:
        numbers = np.asarray(said, np.float32)
    except (TypeError, ValueError):
        numbers = np.zeros(0, np.float32)
    if numbers.size != _NUMBERS * count or not np.isfinite(numbers).all():
        raise PointsError(
            f"has keypoints_3d of {numbers.size} numbers, expected x, y and z of {count}"
        )
    return numbers.reshape(count, _NUMBERS)


def points_of(said: Any, count: int) -> NDArray[np.float32]:
    """Read the key points of one annotation, [points, 3]; of one that has none all are not annotated.

    Raises
    ------
    PointsError
        Where they are not ``count`` triples of finite x, y and a visibility of 0, 1 or 2.
    """
    if said is None or said == []:
        return np.zeros((count, _NUMBERS), np.float32)
    try:
        numbers = [float(value) for value in said]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != _NUMBERS * count:
        found = f"{len(said)} numbers" if isinstance(said, list) else repr(said)
        raise PointsError(f"has key points of {found}, expected x, y and visibility of {count}")
    if not all(map(math.isfinite, numbers)):
        raise PointsError("has key points that are not finite")
    seen: Sequence[float] = numbers[2::_NUMBERS]
    odd = next((value for value in seen if value not in _VISIBILITIES), None)
    if odd is not None:
        raise PointsError(f"has a key point of visibility {odd:g}, expected 0, 1 or 2")
    return np.asarray(numbers, np.float32).reshape(count, _NUMBERS)
