"""Quadrilaterals of COCO's annotations: polygons of four corners, or boxes of five numbers, the last an angle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from quantgate.core.quads import turned_corners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_TURNED, _UPRIGHT = 5, 4
_FEWEST_NUMBERS = 6
Unit: TypeAlias = Literal[
    "degrees", "radians", "counter-clockwise degrees", "counter-clockwise radians"
]


class QuadsError(ValueError):
    """An annotation without corners; says what it has."""


def angle_unit(rows: Sequence[Mapping[str, Any]], said: Unit | None) -> Unit | None:
    """What the angles of boxes of five numbers are in: as ``said``, else degrees where one is beyond a turn in radians.

    None where there are no such boxes.
    """
    angles = [
        abs(float(row["bbox"][4]))
        for row in rows
        if isinstance(row.get("bbox"), list) and len(row["bbox"]) == _TURNED
    ]
    if not angles:
        return None
    return said or ("degrees" if max(angles) > 2 * math.pi else "radians")


def corners_of(row: Mapping[str, Any], unit: Unit | None) -> NDArray[np.float64]:
    """Corners [points, 2] of an annotation: of its polygon, else of its box.

    Raises
    ------
    QuadsError
        Where it has neither.
    """
    shape = row.get("segmentation")
    if isinstance(shape, list) and shape:
        parts = shape if isinstance(shape[0], list) else [shape]
        numbers = _floats([value for part in parts for value in part])
        if len(numbers) < _FEWEST_NUMBERS or len(numbers) % 2:
            raise QuadsError("has a segmentation that is no polygon of x and y")
        return np.array(numbers).reshape(-1, 2)
    box = _floats(row.get("bbox") or ())
    if len(box) == _TURNED and unit is not None:
        cx, cy, width, height, angle = box
        turned = math.radians(angle) if unit.endswith("degrees") else angle
        turned *= -1 if unit.startswith("counter") else 1
        sides = np.array([[width, height]])
        return np.asarray(turned_corners(np.array([[cx, cy]]), sides, np.array([turned]))[0])
    if len(box) == _UPRIGHT:
        x, y, width, height = box
        return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    raise QuadsError(
        f"has the bbox {row.get('bbox')} and no polygon: expected [cx, cy, width, height, angle], or a "
        "segmentation of four corners"
    )


def _floats(said: Any) -> list[float]:
    """Finite numbers; none where one of them is not."""
    try:
        found = [float(value) for value in said]
    except (TypeError, ValueError):
        return []
    return found if all(map(math.isfinite, found)) else []
