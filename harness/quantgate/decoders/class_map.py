"""Semantic segmentation: scores a pixel and class, or the class of every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.core.predictions import IGNORED, LabelMap
from quantgate.decoders.boxes import sigmoid
from quantgate.decoders.fields import ClassIds, OutputNames, class_table
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

_RANKS = (3, 4)
#: Channels of a background and an object, and the share from which a pixel is the object's.
_BOTH, _HALF = 2, 0.5
#: Classes may come out of a float or an 8-bit output this far from whole.
_ROUNDING = 0.05


@dataclass(frozen=True, slots=True)
class ClassMapDecoder(ByShape[Port]):
    """One map of class scores, or of classes, brought to the size of the original image."""

    tasks: ClassVar[tuple[str, ...]] = ("semantic_segmentation",)
    expects: ClassVar[str] = "one map [1,classes,h,w], [1,h,w,classes], [1,h,w] or [1,1,h,w]"
    kind: Literal["class-map"] = "class-map"
    layout: Annotated[
        Literal["nchw", "nhwc"] | None, Doc("default: the smaller end is the classes")
    ] = None
    resize: Annotated[
        Literal["linear", "nearest"],
        Doc("nearest: classes are resized; linear: scores are, which costs ten times as much"),
    ] = "nearest"
    activation: Annotated[
        Literal["none", "sigmoid", "softmax"],
        Doc(
            "of one object (masks, saliency, mattes): sigmoid where one channel holds logits of class 1, softmax "
            "where two channels hold those of class 0 and 1"
        ),
    ] = "none"
    threshold: Annotated[
        float | None,
        Doc(
            "of one object: class 1 from this value on, in the output's own unit, after the activation; default: "
            "above a half"
        ),
    ] = None
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one map."""
        return only(_maps(ports))

    def decode(self, outputs: Outputs, frame: Frame) -> LabelMap:
        """Class of every pixel of the original image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        values = self._channels_last(finite(outputs, found.name)[0])
        shares = self._shares(values, found.name)
        if shares is not None:
            return self._soft(shares, frame)
        if values.shape[2] == 1:
            classes = to_original(self._whole(values, found.name), frame, "nearest")[..., 0]
        elif self.resize == "nearest":
            best = _likeliest(values).astype(np.float32)
            classes = to_original(best[..., None], frame, "nearest")[..., 0]
        else:
            classes = to_original(values, frame, "linear").argmax(axis=2)
        return LabelMap(_as_labels(classes, class_table(self.class_ids)))

    def _shares(self, values: NDArray[np.float32], output: str) -> NDArray[np.float32] | None:
        """How much of each pixel is of class 1, [h, w, 1]; None where the map does not tell."""
        channels = values.shape[2]
        if self.activation == "softmax":
            if channels != _BOTH:
                raise DecoderError(
                    f"output {output} has {channels} channels: softmax is of two, the background's and the "
                    "object's"
                )
            return sigmoid(values[..., 1:] - values[..., :1])
        if self.activation == "sigmoid" and channels == 1:
            return sigmoid(values)
        cut = channels == 1 or (channels == _BOTH and self.threshold is not None)
        fits = cut and float(values.min()) >= 0 and float(values.max()) <= 1
        return values[..., -1:] if fits else None

    def _soft(self, shares: NDArray[np.float32], frame: Frame) -> LabelMap:
        """Cut shares of class 1 [h, w, 1], and keep them."""
        table = class_table(self.class_ids)
        soft = to_original(shares, frame, "linear")[..., 0]
        if self.resize == "nearest":
            cut = to_original(self._cut(shares).astype(np.float32), frame, "nearest")[..., 0] > 0
        else:
            cut = self._cut(soft)
        labels = _as_labels(cut, table)
        swapped = table is not None and table[:_BOTH] == (1, 0)
        kept = 1 - soft if swapped else soft if table is None or table[:_BOTH] == (0, 1) else None
        return LabelMap(labels, kept)

    def _cut(self, shares: NDArray[np.float32]) -> NDArray[np.bool_]:
        return shares > _HALF if self.threshold is None else shares >= self.threshold

    def _whole(self, values: NDArray[np.float32], output: str) -> NDArray[np.float32]:
        """Classes of a map of one channel, which holds them, or numbers that are cut."""
        if self.threshold is not None:
            return (values >= self.threshold).astype(np.float32)
        whole = np.rint(values)
        low, high = float(values.min()), float(values.max())
        if not (low >= 0 and high <= 1) and float(np.abs(values - whole).max()) > _ROUNDING:
            raise DecoderError(
                f"output {output} holds {low:.3g}..{high:.3g}, neither classes nor shares: where these "
                'are logits set decoder.activation = "sigmoid"'
            )
        return whole

    def _channels_last(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.ndim == 2:  # noqa: PLR2004 - a map of classes
            return values[..., None]
        first = values.shape[0] < values.shape[2] if self.layout is None else self.layout == "nchw"
        return values.transpose(1, 2, 0) if first else values


def _likeliest(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Class of the highest score of every pixel [h, w, classes], the first of several."""
    if scores.flags.c_contiguous:
        return np.asarray(scores.argmax(axis=2))
    # Map after map, as they lie in memory: numpy would turn them around first, which takes twice as long.
    best = scores[..., 0].copy()
    found = np.zeros(best.shape, np.intp)
    for label in range(1, scores.shape[2]):
        higher = scores[..., label] > best
        np.copyto(found, label, where=higher)
        np.copyto(best, scores[..., label], where=higher)
    return found


def to_original(
    values: NDArray[np.float32], frame: Frame, interpolation: Literal["linear", "nearest"]
) -> NDArray[np.float32]:
    """Bring a map [h, w, channels] over the model's input to the original image's pixels.

    What the input left of the image is resized; what a crop cut off repeats the map's edge.
    """
    import cv2

    height, width = values.shape[:2]
    shrink = (width / frame.model[0], height / frame.model[1])
    scale = [frame.scale[i] * shrink[i] for i in (0, 1)]
    offset = [frame.offset[i] * shrink[i] for i in (0, 1)]
    columns, rows = (
        ((np.arange(frame.image[i]) + 0.5) * scale[i] + offset[i] - 0.5).astype(np.float32)
        for i in (0, 1)
    )
    method = cv2.INTER_LINEAR if interpolation == "linear" else cv2.INTER_NEAREST
    grid = np.meshgrid(columns, rows)
    # cv2.remap takes at most four channels at a time.
    parts = [
        cv2.remap(values[..., k : k + 4], grid[0], grid[1], method, borderMode=cv2.BORDER_REPLICATE)
        for k in range(0, values.shape[2], 4)
    ]
    return np.concatenate([p if p.ndim == 3 else p[..., None] for p in parts], axis=2)  # noqa: PLR2004


def _as_labels(classes: NDArray[np.generic], table: tuple[int, ...] | None) -> NDArray[np.uint8]:
    whole = classes.astype(np.int64)
    if table is not None:
        if len(table) <= int(whole.max(initial=0)):
            raise DecoderError(
                f"class_ids names {len(table)} classes, the model found class {whole.max()}"
            )
        named = np.asarray(table, np.int64)[whole]
        whole = np.where(named < 0, IGNORED, named)
    if int(whole.max(initial=0)) > IGNORED or int(whole.min(initial=0)) < 0:
        raise DecoderError(
            f"a map of classes holds {whole.min()}..{whole.max()}; classes run from 0 to {IGNORED}"
        )
    return whole.astype(np.uint8)


def _maps(ports: Sequence[Port]) -> list[Port]:
    return [
        p for p in ports if len(p.shape) in _RANKS and sum(d not in {1, -1} for d in p.shape) > 1
    ]
