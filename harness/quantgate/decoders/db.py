"""Differentiable binarization (Liao et al. 2020, arXiv:1911.08947): a map of how likely each pixel is text.

Text was shrunk for training; what is found is grown back by area · ratio / perimeter. The offset of a rectangle has
round corners, and the rectangle of least area around that is the rectangle with so much more on each side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt
from typing_extensions import Doc

from quantgate.decoders.boxes import sigmoid
from quantgate.decoders.fields import Fraction, MaxDetections, OutputNames, ScoreThreshold
from quantgate.decoders.points import in_pixels
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.turned import turned_detections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANKS = (3, 4)


@dataclass(frozen=True, slots=True)
class DbDecoder(ByShape[Port]):
    """One map of shares, [1,1,h,w], [1,h,w,1] or [1,h,w]."""

    tasks: ClassVar[tuple[str, ...]] = ("quads",)
    expects: ClassVar[str] = "one map [1,1,h,w], [1,h,w,1] or [1,h,w] of how likely a pixel is text"
    kind: Literal["db"] = "db"
    activation: Annotated[Literal["none", "sigmoid"], Doc("sigmoid where the map holds logits")] = (
        "none"
    )
    threshold: Annotated[Fraction, Doc("pixels above it are text")] = 0.3
    score_threshold: ScoreThreshold = 0.5
    unclip: Annotated[
        float, Ge(0), Doc("regions grow by area · unclip / perimeter on each side")
    ] = 1.6
    min_side: Annotated[float, Gt(0), Doc("pixels of the map; thinner regions are dropped")] = 3.0
    max_detections: MaxDetections = 1000
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one map of one channel."""
        return only([port for port in ports if _is_map(port.shape)])

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Regions of text of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        values = finite(outputs, found.name).reshape(_sides(found.shape))
        shares = sigmoid(values) if self.activation == "sigmoid" else values
        listed = list(self._regions(shares))
        scores = np.array([score for _, score in listed], np.float64)
        corners = np.array([own for own, _ in listed], np.float64).reshape(-1, 4, 2)
        kept = np.argsort(-scores, kind="stable")[: self.max_detections]
        quads = in_pixels(corners[kept], shares.shape, frame)
        return turned_detections(quads, scores[kept], np.zeros(len(kept), np.int64), frame)

    def _regions(self, shares: NDArray[np.float32]) -> Iterator[tuple[Any, float]]:
        """Corners [4, 2] in pixels of the map, counted from their middles, and mean share of each region."""
        import cv2

        cut = (shares > self.threshold).astype(np.uint8)
        for outline in cv2.findContours(cut, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
            middle, (width, height), angle = cv2.minAreaRect(outline)
            if min(width, height) < self.min_side:
                continue
            score = _mean_inside(shares, cv2.boxPoints((middle, (width, height), angle)))
            if score < self.score_threshold:
                continue
            more = width * height * self.unclip / (width + height)
            yield cv2.boxPoints((middle, (width + more, height + more), angle)), score


def _mean_inside(shares: NDArray[np.float32], corners: NDArray[np.float32]) -> float:
    """Mean share of the pixels in a rectangle, its border included."""
    import cv2

    height, width = shares.shape
    low = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, (width - 1, height - 1)).astype(int)
    mask = np.zeros((high - low + 1)[::-1], np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    part = shares[low[1] : high[1] + 1, low[0] : high[0] + 1]
    return float(cv2.mean(part, mask)[0])


def _is_map(shape: Sequence[int]) -> bool:
    """Whether an output is a map of one channel."""
    sides = _sides(shape)
    return sides is not None and 1 not in sides


def _sides(shape: Sequence[int]) -> Any:
    """Height and width of a map of one channel; None where it is none."""
    if len(shape) not in _RANKS or shape[0] not in {1, -1}:
        return None
    if len(shape) == min(_RANKS):
        return tuple(shape[1:])
    if shape[1] == 1:
        return tuple(shape[2:])
    return tuple(shape[1:3]) if shape[3] == 1 else None
