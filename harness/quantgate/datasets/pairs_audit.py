"""Whether target pictures are of their inputs: a few of both, small and grey, compared with each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.datasets.remembered import recall, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_KIND, _KIND_SAME = "thumbs", "same"
#: Pairs that are looked at, spread evenly; side of the small pictures, px.
_PAIRS, _SIDE = 12, 24
_FEWEST = 4
#: Another picture has to be so much more like the input, as a difference of correlations.
_MORE = 0.15
#: Grey levels that no small picture reaches of a set that is read nearly black, and by which a JPEG differs.
_DARK, _LOST = 32, 0.5
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by its digest; ``read`` gives its pixels, uint8 [height, width, 3]."""

    digest: str
    read: Callable[[], NDArray[np.uint8]]


def audit_pairs(
    pairs: Sequence[tuple[Picture, Picture]], cache: Path | None = None
) -> Iterator[str]:
    """Note targets that are more like other inputs than like their own, or like them turned.

    Parameters
    ----------
    pairs
        Inputs and their targets.
    cache
        Where small pictures are remembered.
    """
    if len(pairs) < _FEWEST:
        return
    chosen = np.unique(np.linspace(0, len(pairs) - 1, _PAIRS).astype(int)).tolist()
    # The neighbour of each is looked at as well: lists slip by one.
    some = sorted({min(i + step, len(pairs) - 1) for i in chosen for step in (0, 1)})
    inputs = _thumbs([pairs[i][0] for i in some], cache)
    targets = _thumbs([pairs[i][1] for i in some], cache)
    yield from _dark(targets)
    same = _same([pairs[i] for i in some], cache)
    if same > _MOSTLY * len(some):
        yield (
            f"{same} of {len(some)} targets are their own inputs: a model that changes nothing would be "
            "the best"
        )
        return
    like = _flat(inputs) @ _flat(targets).T
    own = float(np.median(np.diag(like)))
    best = float(np.median(np.where(np.eye(len(like)), -1.0, like).max(axis=1)))
    if best >= own + _MORE:
        yield (
            f"the inputs resemble their own targets less (correlation {own:.2f}) than like those of "
            f"other inputs ({best:.2f}): are they paired by the right names?"
        )
        return
    for said, turned in (
        ("mirrored", targets[:, :, ::-1]),
        ("upside down", targets[:, ::-1]),
        *((f"turned by {90 * k}°", np.rot90(targets, k, (1, 2))) for k in (1, 2, 3)),
    ):
        other = float(np.median(np.sum(_flat(inputs) * _flat(turned), axis=1)))
        if other >= own + _MORE:
            yield f"the targets resemble their inputs {said} ({other:.2f}, as they are {own:.2f})"
            return


def _dark(targets: NDArray[np.float64]) -> Iterator[str]:
    """Targets, small and grey [pictures, side, side], of which next to nothing is to be seen."""
    most = float(targets.max())
    if most < _DARK:
        yield (
            f"the targets are all but black (no more than {most:.0f} of 255 on {len(targets)} of them): "
            "are they scaled to 0..255?"
        )


def _same(pairs: Sequence[tuple[Picture, Picture]], cache: Path | None) -> int:
    """How many targets are their inputs, pixel by pixel but for what a JPEG loses."""
    known = recall(cache, _KIND_SAME)
    fresh = {}
    for one, other in pairs:
        key = f"{one.digest} {other.digest}"
        if key not in known:
            fresh[key] = "same" if _differ(one.read(), other.read()) < _LOST else ""
    remember(cache, _KIND_SAME, fresh)
    known |= fresh
    return sum(known[f"{one.digest} {other.digest}"] == "same" for one, other in pairs)


def _differ(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean difference of two pictures, grey levels; endless where they are of two sizes."""
    if one.shape != other.shape:
        return math.inf
    return float(np.abs(one.astype(np.int16) - other).mean())


def _thumbs(pictures: Sequence[Picture], cache: Path | None) -> NDArray[np.float64]:
    """Small grey pictures [pictures, side, side]."""
    known = {key: fact for key, fact in recall(cache, _KIND).items() if len(fact) == 2 * _SIDE**2}
    fresh = {
        one.digest: _thumb(one.read()).tobytes().hex()
        for one in pictures
        if one.digest not in known
    }
    remember(cache, _KIND, fresh)
    known |= fresh
    data = b"".join(bytes.fromhex(known[one.digest]) for one in pictures)
    return np.frombuffer(data, np.uint8).reshape(-1, _SIDE, _SIDE).astype(np.float64)


def _thumb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def _flat(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 0 and length 1; zeros for a picture of one colour."""
    rows = pictures.reshape(len(pictures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float64)
