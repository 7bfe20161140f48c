"""PixelLink (Deng et al. 2018, arXiv:1801.01315): text or not of each cell, and whether it goes on in each of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import sigmoid
from quantgate.decoders.fields import Fraction, MaxDetections, OutputNames
from quantgate.decoders.ports import ByShape, ports_of
from quantgate.decoders.turned import turned_detections
from quantgate.decoders.two_maps import TwoMaps, two_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs, Port

#: Channels: no text and text; no link and link to each neighbour.
_TEXT, _LINKS = 2, 16
#: Neighbours of a cell, x and y, in the order of the links.
_AROUND = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))


@dataclass(frozen=True, slots=True)
class PixelLinkDecoder(ByShape[TwoMaps]):
    """Logits of text [1,2,h,w] and of links [1,16,h,w], or with the channels last."""

    tasks: ClassVar[tuple[str, ...]] = ("quads",)
    expects: ClassVar[str] = (
        "two maps: text [1,2,h,w] and links [1,16,h,w], or [1,h,w,2] and [1,h,w,16]"
    )
    kind: Literal["pixel-link"] = "pixel-link"
    threshold: Annotated[Fraction, Doc("cells from this share of text on are text")] = 0.8
    link_threshold: Annotated[Fraction, Doc("cells are joined from this share of a link on")] = 0.8
    min_area: Annotated[
        float, Ge(0), Doc("square pixels of the image; smaller ones are dropped")
    ] = 300.0
    min_height: Annotated[float, Ge(0), Doc("pixels of the image; thinner ones are dropped")] = 10.0
    max_detections: MaxDetections = 1000
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> TwoMaps | None:  # noqa: ARG002
        """Pick the map of text and that of links."""
        return two_maps(ports, (_TEXT, _LINKS))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Regions of text of one image (see Decoder)."""
        text, links = self.picked(ports_of(outputs)).read(outputs)
        shares = _share(text)[..., 0]
        mask = shares >= self.threshold
        kinds = _components(mask, _share(links) >= self.link_threshold)
        order = np.argsort(kinds, kind="stable")
        rows, columns = np.nonzero(mask)
        ends = np.flatnonzero(np.diff(kinds[order], prepend=-1, append=-1))
        quads, scores = [], []
        for start, stop in pairwise(ends.tolist()):
            own = order[start:stop]
            corners = self._rectangle(rows[own], columns[own], mask.shape, frame)
            if corners is not None:
                quads.append(corners)
                scores.append(float(shares[rows[own], columns[own]].mean()))
        found = np.array(quads, np.float64).reshape(-1, 4, 2)
        labels = np.zeros(len(found), np.int64)
        # They lie in pixels of the image already.
        whole = _of_image(frame)
        sure = turned_detections(found, np.array(scores, np.float64), labels, whole)
        return sure.take(np.arange(min(len(sure), self.max_detections)))

    def _rectangle(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        shape: tuple[int, ...],
        frame: Frame,
    ) -> NDArray[np.float32] | None:
        """Rectangle of least area around cells [n], in pixels of the image [4, 2]; None where it is too small."""
        import cv2

        # The ends of each row and column of cells: what lies between them is in the hull.
        cells = np.stack([columns, rows], axis=1)
        edges = (cells[:, None] + np.array([[0, 0], [1, 0], [1, 1], [0, 1]])).reshape(-1, 2)
        pixels = edges * (np.array(frame.model) / np.array(shape[::-1]))
        rect = cv2.minAreaRect(frame.points_to_image(pixels.astype(np.float32)))
        width, height = rect[1]
        if min(width, height) < self.min_height or width * height < self.min_area:
            return None
        return np.asarray(cv2.boxPoints(rect))


def _of_image(frame: Frame) -> Frame:
    """Give the frame of pixels of the image themselves."""
    return type(frame)(frame.image, frame.image, (1.0, 1.0), (0.0, 0.0))


def _components(mask: NDArray[np.bool_], links: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of the component of each cell of a mask [h, w], in row-major order, joined by links [h, w, 8]; [n].

    A link joins two cells of the mask, whichever of them says so.
    """
    index = np.full(mask.shape, -1, np.int64)
    count = int(mask.sum())
    index[mask] = np.arange(count)
    padded = np.pad(index, 1, constant_values=-1)
    parent = np.arange(count)
    height, width = mask.shape
    pairs = []
    for k, (dx, dy) in enumerate(_AROUND):
        other = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        joined = mask & links[..., k] & (other >= 0)
        pairs.append(np.stack([index[joined], other[joined]]))
    a, b = np.concatenate(pairs, axis=1)
    # Each cell takes the least number around it, and that of its own, until none changes.
    while True:
        least = np.minimum(parent[a], parent[b])
        before = parent.copy()
        np.minimum.at(parent, a, least)
        np.minimum.at(parent, b, least)
        parent = parent[parent]
        if (parent == before).all():
            return parent


def _share(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax of pairs of channels [h, w, 2 n]: the share of the second of each, [h, w, n]."""
    return sigmoid(logits[..., 1::2] - logits[..., ::2])
