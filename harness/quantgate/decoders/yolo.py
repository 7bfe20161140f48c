"""Raw heads of YOLO v2, v3 and v4: one map of anchors a grid (Darknet's and OMZ's contract).

Redmon & Farhadi 2017 and 2018 (arXiv:1612.08242, 1804.02767), Bochkovskiy et al. 2020
(arXiv:2004.10934).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, MinLen
from typing_extensions import Doc

from quantgate.decoders.boxes import detections, keeping_of
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    NmsMeasure,
    OutputNames,
    ScoreThreshold,
)
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.protocol import Port
from quantgate.decoders.yolo_heads import HEAD, HeadForm, as_head, head_candidates
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_RANKS = (4, 5)
#: No YOLO has as many anchors a head.
_MOST_ANCHORS = 10
#: Anchors a head by the number of heads: YOLO v2 has one head of five, v3 and v4 heads of three.
_USUAL_ANCHORS = {1: 5, 2: 3}


@dataclass(frozen=True, slots=True)
class YoloDecoder(ByShape[tuple[Port, ...]]):
    """Heads [1, anchors·(5 + classes), rows, columns], or with the channels last, any number of them.

    Anchors may have a dimension of their own, as in YOLO v5's raw heads [1, anchors, rows, columns,
    5 + classes], which ask for ``sizes = "square"`` and ``scale_xy = 2``. Lists by head go from the
    finest grid to the coarsest.
    """

    anchors: Annotated[
        tuple[Annotated[float, Gt(0)], ...],
        MinLen(2),
        Doc("width, height, width, height, … of every anchor, in input pixels"),
    ]
    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    kind: Literal["yolo"] = "yolo"
    masks: Annotated[
        tuple[Annotated[tuple[Annotated[int, Ge(0)], ...], MinLen(1)], ...] | None,
        Doc("for each head the numbers of its anchors; default: shared evenly, in order"),
    ] = None
    anchor_units: Annotated[Literal["pixels", "cells"], Doc("cells: YOLO v2")] = "pixels"
    classes: Annotated[
        Literal["sigmoid", "softmax"], Doc("activation of the class scores; softmax: YOLO v2")
    ] = "sigmoid"
    activated: Annotated[bool, Doc("the model applied its sigmoids (and softmax) itself")] = False
    scale_xy: Annotated[
        float | tuple[float, ...], Doc("Darknet's scale_x_y, for all heads or for each")
    ] = 1.0
    sizes: Annotated[
        Literal["exp", "square"], Doc("square: scaled YOLO v4 (Darknet's new_coords)")
    ] = "exp"
    nms: NmsMeasure = "iou"
    agnostic: Agnostic = False
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.5
    max_detections: MaxDetections = 100
    multi_label: MultiLabel = True
    class_ids: ClassIds = None
    outputs: OutputNames = None

    @classmethod
    def fits(cls, ports: Sequence[Port]) -> bool:
        """Whether all outputs are maps that three anchors (v3, v4) or five (v2) would give."""
        counts = {_USUAL_ANCHORS[min(len(ports), 2)]} if ports else set()
        return bool(ports) and all(_may_be_head(port, counts) for port in ports)

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, ...] | None:  # noqa: ARG002
        """Pick all outputs, if each is a map of these anchors."""
        counts = self._counts(ports)
        return tuple(ports) if ports and all(_may_be_head(p, counts) for p in ports) else None

    def expected(self, ports: Sequence[Port]) -> str:
        """Say which maps the anchors ask for, and how many anchors a head would fit."""
        return f"maps [1,{_channels(self._counts(ports))},rows,columns]{_fitting(ports)}"

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        ports = self.picked(ports_of(outputs))
        arrays = sorted((finite(outputs, port.name) for port in ports), key=lambda a: -a.size)
        selection = (self.score_threshold, self.multi_label)
        heads = [
            (as_head(array, len(form.anchors), frame.model), form)
            for array, form in zip(arrays, self._forms(len(arrays)), strict=True)
        ]
        candidates = head_candidates(heads, frame.model, selection)
        keeping = replace(keeping_of(self), measure=self.nms)
        return detections(candidates, frame, keeping)

    def _forms(self, heads: int) -> list[HeadForm]:
        """How each head is read, the finest grid first."""
        pairs = tuple(zip(self.anchors[::2], self.anchors[1::2], strict=True))
        scales = self.scale_xy if isinstance(self.scale_xy, tuple) else (self.scale_xy,) * heads
        if len(scales) != heads:
            raise DecoderError(f"scale_xy gives {len(scales)} values for {heads} heads")
        return [
            HeadForm(
                tuple(pairs[i] for i in mask),
                in_cells=self.anchor_units == "cells",
                classes=self.classes,
                activated=self.activated,
                scale_xy=scale,
                squared=self.sizes == "square",
            )
            for mask, scale in zip(self._masks(heads), scales, strict=True)
        ]

    def _counts(self, ports: Sequence[Port]) -> set[int]:
        """Numbers of anchors that the heads have."""
        return {len(mask) for mask in self._masks(len(ports))} if ports else set()

    def _masks(self, heads: int) -> tuple[tuple[int, ...], ...]:
        count, odd = divmod(len(self.anchors), 2)
        if odd:
            raise DecoderError(
                f"anchors are pairs of width and height, found {count * 2 + 1} numbers"
            )
        if self.masks is None:
            each, rest = divmod(count, heads)
            if rest:
                raise DecoderError(
                    f"{count} anchors cannot be shared evenly by {heads} heads; set masks"
                )
            return tuple(tuple(range(i * each, (i + 1) * each)) for i in range(heads))
        if len(self.masks) != heads:
            raise DecoderError(
                f"masks are given for {len(self.masks)} heads, the model has {heads}; "
                "give one mask a head, the finest grid first"
            )
        highest = max(max(mask) for mask in self.masks)
        if highest >= count:
            raise DecoderError(
                f"the decoder's masks name anchor {highest}, its anchors are numbered 0 to {count - 1}; "
                "give width and height of every anchor, or other masks"
            )
        return self.masks


def _may_be_head(port: Port, counts: set[int]) -> bool:
    """Whether channels, first or last, are that many anchors of five numbers and some classes."""
    if len(port.shape) not in _RANKS:
        return False
    if len(port.shape) == max(_RANKS):
        images, count, first, _, last = port.shape
        return (
            images in {1, -1}
            and count in {-1, *counts}
            and (max(first, last) > HEAD or -1 in {first, last})
        )
    channels = {port.shape[1], port.shape[3]}
    return any(c < 0 or any(c % n == 0 and c // n > HEAD for n in counts) for c in channels)


def _channels(counts: set[int]) -> str:
    return " or ".join(f"{count}·(5+classes)" for count in sorted(counts))


def _fitting(ports: Sequence[Port]) -> str:
    """Which numbers of anchors a head every map would fit; empty where none does."""
    fitting = [n for n in range(1, _MOST_ANCHORS) if all(_may_be_head(p, {n}) for p in ports)]
    if not ports or not fitting:
        return ""
    return f" (these would fit {' or '.join(map(str, fitting))} anchors a head)"
