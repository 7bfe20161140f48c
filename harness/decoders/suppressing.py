"""From a decoder's own keys to what its suppression keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from harness.decoders.boxes import Keeping
from harness.decoders.fields import class_table

if TYPE_CHECKING:
    from collections.abc import Sequence


class Suppressing(Protocol):
    """The keys that every decoder with suppression has."""

    @property
    def max_detections(self) -> int:
        """Most objects an image."""
        ...

    @property
    def iou_threshold(self) -> float | None:
        """NMS threshold, or None where nothing is suppressed."""
        ...

    @property
    def agnostic(self) -> bool:
        """Whether boxes suppress those of other classes too."""
        ...

    @property
    def class_ids(self) -> str | Sequence[int] | None:
        """Label of each class."""
        ...


def keeping_of(decoder: Suppressing) -> Keeping:
    """What the decoder's keys say of suppression, limits and labels."""
    return Keeping(
        decoder.max_detections,
        decoder.iou_threshold,
        class_table(decoder.class_ids),
        agnostic=decoder.agnostic,
    )
