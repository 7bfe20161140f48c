"""COCO's segmentations, checked: polygons and run lengths that libraries would misread in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A polygon needs three points: six numbers.
_FEWEST_NUMBERS = 6
#: Points may lie outside of the image by so many pixels and such a share of its side.
_SLACK_PX, _SLACK = 2.0, 0.02
_BITS, _MORE, _SIGN, _ZERO = 5, 0x20, 0x10, 48


class MasksError(ValueError):
    """A segmentation that is none; says what it has, without whose it is."""


def run_lengths(shape: Any, size: tuple[int, int]) -> dict[str, object]:
    """Turn a segmentation into compressed run lengths.

    Parameters
    ----------
    shape
        A list of polygons, or a table of size and counts.
    size
        Height and width of the image, px.

    Raises
    ------
    MasksError
        Where it is something else: pycocotools reads parts of four numbers as boxes, and run
        lengths of any size without a word.
    """
    from faster_coco_eval.core import mask as rle

    if isinstance(shape, list) and shape:
        return dict(rle.merge(rle.frPyObjects(_polygons(shape, size), *size)))
    if not isinstance(shape, dict):
        raise MasksError("has no segmentation" if not shape else "has a damaged segmentation")
    counts = _counts(shape, size)
    if isinstance(shape["counts"], str):
        return {"size": list(size), "counts": shape["counts"].encode()}
    return dict(rle.frPyObjects({"size": list(size), "counts": counts}, *size))


def outline_of(shape: Any, size: tuple[int, int]) -> NDArray[np.float64] | None:
    """Corners [corners, 2] of a segmentation's polygons, one after the other; None where it has none.

    ``size`` (height and width, px; 0 where unknown) and errors as in :func:`run_lengths`.
    """
    if not isinstance(shape, list) or not shape:
        return None
    return np.concatenate(_polygons(shape, size)).reshape(-1, 2)


def _polygons(parts: list[Any], size: tuple[int, int]) -> list[list[float]]:
    found = []
    for number, part in enumerate(parts, start=1):
        which = f"part {number} of its segmentation"
        if isinstance(part, list) and part and all(isinstance(point, list) for point in part):
            raise MasksError(
                f"has a damaged segmentation: {which} has its points in lists of their own, expected "
                "[x, y, x, y, …]"
            )
        if not isinstance(part, list):
            raise MasksError("has a damaged segmentation: expected a list of polygons, each a list")
        if len(part) < _FEWEST_NUMBERS or len(part) % 2:
            raise MasksError(
                f"has a damaged segmentation: {which} has {len(part)} numbers, expected pairs of x and "
                "y for at least 3 points"
            )
        try:
            points = np.array(part, np.float64).reshape(-1, 2)
        except (TypeError, ValueError):
            points = np.full((1, 2), np.nan)
        if not np.isfinite(points).all():
            raise MasksError(f"has a damaged segmentation: {which} holds what is no number")
        if all(size):
            _check_inside(points, size, which)
        found.append(points.ravel().tolist())
    return found


def _check_inside(points: NDArray[np.float64], size: tuple[int, int], which: str) -> None:
    height, width = size
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    wide, high = _SLACK_PX + _SLACK * width, _SLACK_PX + _SLACK * height
    if x0 < -wide or x1 > width + wide or y0 < -high or y1 > height + high:
        raise MasksError(
            f"has a segmentation of another image: {which} spans x {x0:g}..{x1:g}, y {y0:g}..{y1:g}, "
            f"the image has {width}x{height} pixels"
        )


def _counts(shape: dict[str, Any], size: tuple[int, int]) -> list[int]:
    height, width = size
    said = shape.get("size")
    if "counts" not in shape:
        raise MasksError("has a damaged segmentation: run lengths without counts")
    if said is not None and said != [height, width]:
        turned = ": height and width are exchanged" if said == [width, height] else ""
        raise MasksError(
            f"has a segmentation of the size {said}, the image has [{height}, {width}], as "
            f"[height, width]{turned}"
        )
    counts = decoded(shape["counts"]) if isinstance(shape["counts"], str) else shape["counts"]
    if not isinstance(counts, list) or not all(
        isinstance(run, int) and not isinstance(run, bool) and run >= 0 for run in counts
    ):
        raise MasksError("has a damaged segmentation: its counts are no run lengths")
    if sum(counts) != height * width:
        raise MasksError(
            f"has a damaged segmentation: its run lengths are of {sum(counts)} pixels, the image has "
            f"{height * width}"
        )
    return counts


def decoded(text: str) -> list[int]:
    """Run lengths of COCO's compressed counts (maskApi.c, rleFrString); what is none gives a wrong sum."""
    runs: list[int] = []
    value = shift = 0
    for code in map(ord, text):
        digit = code - _ZERO
        if not 0 <= digit < 2 * _MORE:
            raise MasksError("has a damaged segmentation: its counts hold foreign letters")
        value |= (digit & (_MORE - 1)) << shift
        shift += _BITS
        if digit & _MORE:
            continue
        if digit & _SIGN:
            value |= -1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)  # noqa: PLR2004 - the third is a difference
        value = shift = 0
    if shift:
        raise MasksError("has a damaged segmentation: its counts end within a number")
    return runs
