"""OpenPose (Cao et al. 2017, arXiv:1611.08050): heat maps of parts, and fields that point along the limbs.

Grouped into persons as Open Model Zoo's evaluation does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quantgate.decoders.fields import MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.points import PeakThreshold, in_pixels, persons
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.summits import MOST_PEAKS, Summits, apexes, summits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANK = 4
#: Maps of nose, neck, right and left arm, right and left leg, eyes and ears; behind them the background.
_PARTS = 18
#: Where COCO's seventeen key points stand among them: all but the neck.
_COCO = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
#: Limbs in the order of grouping: both parts, and the field's first channel (x, then y).
_LIMBS = (
    *((1, 2, 12), (1, 5, 20), (2, 3, 14), (3, 4, 16), (5, 6, 22), (6, 7, 24), (1, 8, 0)),
    *((8, 9, 2), (9, 10, 4), (1, 11, 6), (11, 12, 8), (12, 13, 10), (1, 0, 28), (0, 14, 30)),
    *((14, 16, 34), (0, 15, 32), (15, 17, 36), (2, 16, 18), (5, 17, 26)),
)
#: The last limbs, from shoulders to ears, only add what a person lacks.
_FILLING = 2
#: Places along a limb at which the field is read; how strongly, and at how many of them, it has to agree.
_STEPS, _AGREES, _FEWEST_STEPS = 10, 0.05, 9
_FEWEST_PARTS, _LEAST_MEAN = 3, 0.2
#: Largest sum of the scores of a whole person's parts and limbs, times the limbs that they span.
_WHOLE = (_PARTS + _PARTS - 1) * (_PARTS - 1)


@dataclass(frozen=True, slots=True)
class OpenposeDecoder(ByShape[tuple[Port, Port]]):
    """Eighteen heat maps and the background, and fields of nineteen limbs; persons have COCO's seventeen key points."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints",)
    expects: ClassVar[str] = (
        "heat maps [1,19,h,w] of eighteen parts and the background, and fields [1,38,h,w] of nineteen limbs"
    )
    kind: Literal["openpose"] = "openpose"
    peak_threshold: PeakThreshold = 0.1
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 30
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port] | None:  # noqa: ARG002
        """Pick both outputs by their channels."""
        maps = {port.shape[1]: port for port in ports if len(port.shape) == _RANK}
        heat, fields = maps.get(_PARTS + 1), maps.get(2 * len(_LIMBS))
        if len(ports) != len(maps) or len(maps) != 2 or heat is None or fields is None:  # noqa: PLR2004
            return None
        return (heat, fields) if heat.shape[2:] == fields.shape[2:] else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Persons of one image (see Decoder)."""
        heat, fields = (finite(outputs, port.name)[0] for port in self.picked(ports_of(outputs)))
        found = summits(heat[:_PARTS], self.peak_threshold, 1, MOST_PEAKS)
        cells = found.cells + apexes(heat, found)
        people = _grouped(_bonds(found, cells, fields), found.height)
        chosen = np.array([person.parts for person in people], np.int64).reshape(-1, _PARTS)[
            :, _COCO
        ]
        # -1, of a part that a person lacks, picks the last row.
        own = np.column_stack([in_pixels(cells, heat.shape, frame), np.clip(found.height, 0, 1)])
        points = np.concatenate([own, np.zeros((1, 3))])[chosen]
        return persons(points, np.array([person.score for person in people]), frame, self)


@dataclass(slots=True)
class _Person:
    """Peak of each part, -1 where it has none; the sum of their heights and of limbs, and how many were added."""

    parts: list[int]
    total: float
    count: int = 2

    @property
    def score(self) -> float:
        """Of 0..1, in the order of the original's: its root, as that grows with the square of the parts."""
        return float(np.sqrt(min(1.0, max(0.0, self.total * (self.count - 1) / _WHOLE))))


_Bonds = list[list[tuple[int, int, float]]]


def _bonds(found: Summits, cells: NDArray[np.float64], fields: NDArray[np.float32]) -> _Bonds:
    """Choose for each limb the pairs of peaks that it joins, the surest first, each peak once."""
    ends = np.searchsorted(found.part, np.arange(_PARTS + 1))
    limb, first, second = _pairs(ends)
    along = cells[second] - cells[first]
    length = np.linalg.norm(along, axis=1)
    unit = along / np.maximum(length, 1e-6)[:, None]
    places = cells[first][:, None] + np.linspace(0, 1, _STEPS)[:, None] * along[:, None]
    channels = np.array([channel for *_, channel in _LIMBS])[limb]
    x, y = (_read(fields, channels + k, places) for k in (0, 1))
    agreeing = x * unit[:, :1] + y * unit[:, 1:]
    agrees = agreeing > _AGREES
    counts = agrees.sum(axis=1)
    scores = (agreeing * agrees).sum(axis=1) / np.maximum(counts, 1)
    # A limb longer than half the picture is less likely the longer it is.
    scores += np.minimum(fields.shape[1] / 2 / np.maximum(length, 1e-6) - 1, 0)
    bonds: _Bonds = [[] for _ in _LIMBS]
    used: set[tuple[int, int, int]] = set()
    good = np.flatnonzero((counts >= _FEWEST_STEPS) & (scores > 0))
    for pair in good[np.argsort(-scores[good], kind="stable")].tolist():
        number, a, b = int(limb[pair]), int(first[pair]), int(second[pair])
        if not {(number, 0, a), (number, 1, b)} & used:
            used |= {(number, 0, a), (number, 1, b)}
            bonds[number].append((a, b, float(scores[pair])))
    return bonds


def _pairs(ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Every limb, and every pair of peaks that it could join, [pairs] each; ``ends`` [parts + 1] of the parts' peaks."""
    every = []
    for number, (start, end, _) in enumerate(_LIMBS):
        grid = np.mgrid[ends[start] : ends[start + 1], ends[end] : ends[end + 1]].reshape(2, -1)
        every.append(np.stack([np.full(grid.shape[1], number), *grid]))
    limb, first, second = np.concatenate(every, axis=1).astype(np.int64)
    return limb, first, second


def _read(
    fields: NDArray[np.float32], channels: NDArray[np.int64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Read channels [n] of fields [channels, h, w] at places [n, steps, 2] in cells, between four of them: [n, steps]."""
    high, wide = fields.shape[1:]
    low = np.clip(np.floor(places).astype(np.int64), 0, np.array([wide - 1, high - 1]))
    share = np.clip(places - low, 0, 1)
    nx, ny = np.minimum(low[..., 0] + 1, wide - 1), np.minimum(low[..., 1] + 1, high - 1)
    own, (px, py), (sx, sy) = channels[:, None], low.transpose(2, 0, 1), share.transpose(2, 0, 1)
    above = fields[own, py, px] * (1 - sx) + fields[own, py, nx] * sx
    below = fields[own, ny, px] * (1 - sx) + fields[own, ny, nx] * sx
    return np.asarray(above * (1 - sy) + below * sy, np.float64)


def _grouped(bonds: _Bonds, heights: NDArray[np.float32]) -> list[_Person]:
    """Join limbs to persons, in the order of the limbs: those of three parts and more, and not too faint."""
    people: list[_Person] = []
    owner: dict[int, _Person] = {}
    for number, joined in enumerate(bonds):
        start, end, _ = _LIMBS[number]
        for a, b, score in joined:
            if number >= len(_LIMBS) - _FILLING:
                _fill(owner, (start, a), (end, b))
            elif a in owner:
                person = owner[b] = owner[a]
                person.parts[end] = b
                person.total += float(heights[b]) + score
                person.count += 1
            else:
                person = owner[a] = owner[b] = _Person([-1] * _PARTS, score)
                person.parts[start], person.parts[end] = a, b
                person.total += float(heights[a] + heights[b])
                people.append(person)
    return [p for p in people if p.count >= _FEWEST_PARTS and p.total / p.count >= _LEAST_MEAN]


def _fill(owner: dict[int, _Person], first: tuple[int, int], second: tuple[int, int]) -> None:
    """Give a person who has one end of a limb the other, where it lacks that."""
    for (part, peak), (other, beyond) in ((first, second), (second, first)):
        person = owner.get(peak)
        if person is not None and person.parts[part] == peak and person.parts[other] < 0:
            person.parts[other] = beyond
            return
