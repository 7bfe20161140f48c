"""Associative embedding (Newell et al. 2017, arXiv:1611.05424): tags of key points are alike within a person.

Open Model Zoo's EfficientHRNet and HigherHRNet; grouped as its evaluation does, but for peaks that find no
person left: these start one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quantgate.decoders.fields import MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.points import CellOffset, PeakThreshold, in_pixels, persons
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.summits import MOST_PEAKS, Summits, slopes, summits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANK, _PAIR = 4, 2
#: Cells around a peak within which the models' own graphs suppress others.
_REACH = 2
#: Tags of one person differ by less.
_ALIKE = 1.0
#: Tags that differ by no more differ by no whole step.
_ROUNDED_OFF = 0.5
_QUARTER = 0.25
#: COCO's key points from the head over the trunk to the limbs: what comes first starts persons.
_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)
#: Cells that are at least so high are looked at first where a key point is searched by its tag.
_NOTICED = 0.02


@dataclass(frozen=True, slots=True)
class AssociativeEmbeddingDecoder(ByShape[tuple[Port, Port]]):
    """Heat maps, negative where the graph suppressed a cell, and a map of tags for each."""

    tasks: ClassVar[tuple[str, ...]] = ("keypoints",)
    expects: ClassVar[str] = (
        "heat maps [1,points,h,w] and, behind them, tags [1,points,h,w] or [1,points,h,w,1] (name both in "
        "`outputs`, in this order, if they come otherwise)"
    )
    kind: Literal["associative-embedding"] = "associative-embedding"
    peak_threshold: PeakThreshold = 0.1
    cell_offset: CellOffset = 0.5
    score_threshold: ScoreThreshold = 0.01
    max_detections: MaxDetections = 30
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port] | None:
        """Pick both outputs: the one with a fifth dimension are the tags, else the second."""
        if len(ports) != _PAIR or any(len(port.shape) not in {_RANK, _RANK + 1} for port in ports):
            return None
        heat, tags = ports if named else sorted(ports, key=lambda port: len(port.shape))
        fits = len(heat.shape) == _RANK and tags.shape[:_RANK] == heat.shape
        several = heat.shape[0] in {1, -1} and heat.shape[1] not in {0, 1}
        return (heat, tags) if fits and several and tags.shape[_RANK:] in {(), (1,)} else None

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Persons of one image (see Decoder)."""
        signed, tags = (finite(outputs, port.name)[0] for port in self.picked(ports_of(outputs)))
        tags = tags.reshape(signed.shape)
        heat = np.abs(signed)
        found = summits(signed, self.peak_threshold, _REACH, MOST_PEAKS)
        people = _grouped(found, tags[found.part, found.row, found.column], len(heat))
        cells, heights = _places(people, found, (heat, tags))
        scores = np.array([float(found.height[person.peaks].sum()) for person in people]) / len(
            heat
        )
        own = in_pixels(cells, heat.shape, frame, self.cell_offset)
        points = np.concatenate([own, np.clip(heights, 0, 1)[..., None]], axis=2)
        return persons(points, np.clip(scores, 0, 1), frame, self)


@dataclass(slots=True)
class _Person:
    """Peak of each part, -1 where it has none, and the mean tag of those that it has."""

    parts: list[int]
    tag: float = 0.0

    @property
    def peaks(self) -> list[int]:
        """Those that it has."""
        return [peak for peak in self.parts if peak >= 0]

    def add(self, part: int, peak: int, tag: float) -> None:
        """Take one more peak, and its tag into the mean."""
        count = len(self.peaks)
        self.tag = (self.tag * count + tag) / (count + 1)
        self.parts[part] = peak


def _grouped(found: Summits, tags: NDArray[np.float32], points: int) -> list[_Person]:
    """Join peaks with tags [n] to persons, part by part: the most alike first, by whole steps, then the surest."""
    people: list[_Person] = []
    ends = np.searchsorted(found.part, np.arange(points + 1))
    for part in _ORDER if points == len(_ORDER) else range(points):
        own = np.arange(ends[part], ends[part + 1])
        left = set(own.tolist())
        away = np.abs(tags[own][:, None] - np.array([person.tag for person in people]))
        rows, columns = np.nonzero(away < _ALIKE)
        order = np.lexsort((-found.height[own[rows]], np.round(away[rows, columns])))
        free = set(range(len(people)))
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            peak = int(own[row])
            if peak in left and column in free:
                left.remove(peak)
                free.remove(column)
                people[column].add(part, peak, float(tags[peak]))
        for peak in sorted(left):
            people.append(_Person([-1] * points))
            people[-1].add(part, peak, float(tags[peak]))
    return people


def _places(
    people: Sequence[_Person], found: Summits, maps: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Cell and height of each key point of each person, [n, points, 2] and [n, points].

    What a person lacks is where the tag is most alike, by whole steps, and the map highest.
    """
    heat, tags = maps
    points, wide = len(heat), heat.shape[2]
    chosen = np.array([person.parts for person in people], np.int64).reshape(-1, points)
    index = (found.row * wide + found.column)[chosen] if len(found.part) else chosen
    flat, labels = heat.reshape(points, -1), tags.reshape(points, -1)
    for part in range(points):
        lacking = np.flatnonzero(chosen[:, part] < 0)
        if len(lacking):
            wanted = np.array([people[one].tag for one in lacking.tolist()], np.float32)
            index[lacking, part] = _alike(flat[part], labels[part], wanted)
    parts = np.broadcast_to(np.arange(points), chosen.shape).ravel()
    row, column = np.divmod(index.ravel(), wide)
    cells = np.stack([column, row], axis=1) + _QUARTER * slopes(heat, parts, row, column)
    return cells.reshape(*chosen.shape, 2), flat[parts, index.ravel()].reshape(chosen.shape)


def _alike(
    heat: NDArray[np.float32], tags: NDArray[np.float32], wanted: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Find for each wanted tag [n] the cell of one map [cells] that is most alike and, of these, highest.

    A cell that is noticed and as alike as can be wins against all that are not noticed: most need no other.
    """
    noticed = np.flatnonzero(heat >= _NOTICED)
    same = np.abs(tags[noticed] - wanted[:, None]) <= _ROUNDED_OFF
    best = np.where(same, heat[noticed], -1.0)
    place = noticed[best.argmax(axis=1)] if len(noticed) else np.zeros(len(wanted), np.int64)
    for one in np.flatnonzero(~same.any(axis=1)).tolist():
        place[one] = (np.round(np.abs(tags - wanted[one])) - heat).argmin()
    return place
