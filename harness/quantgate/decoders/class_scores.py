"""One score a class: what a classifier gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.core.predictions import ClassScores
from quantgate.decoders.boxes import softmax
from quantgate.decoders.fields import (
    Background,
    ClassIds,
    OutputNames,
    background_index,
    class_table,
)
from quantgate.decoders.ports import ByShape, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

#: Probabilities may sum to 1 only roughly: a quantized softmax rounds each of them.
_SUM_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class ClassScoresDecoder(ByShape[Port]):
    """Class scores of any shape with one dimension above 1; softmax where the model has none."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    expects: ClassVar[str] = (
        "one output with a single dimension above 1, such as [1,1000] or [1,1000,1,1]"
    )
    kind: Literal["class-scores"] = "class-scores"
    softmax: Annotated[
        Literal["auto"] | bool,
        Doc("auto: applied where the scores are not probabilities that sum to 1 already"),
    ] = "auto"
    background: Background = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one row of scores."""
        return only(_rows(ports))

    def decode(self, outputs: Outputs, frame: Frame) -> ClassScores:  # noqa: ARG002 - no geometry
        """Probabilities of the dataset's labels (see Decoder)."""
        found = self.picked(ports_of(outputs))
        scores = finite(outputs, found.name).reshape(-1)
        if self.softmax is True or (self.softmax == "auto" and not _is_distribution(scores)):
            scores = softmax(scores)
        dropped = background_index(self.background)
        if dropped is not None:
            scores = np.delete(scores, dropped)
        return ClassScores(_as_labels(scores, class_table(self.class_ids)))


def _rows(ports: Sequence[Port]) -> list[Port]:
    """Ports with exactly one dimension above 1; a dynamic one may only be the batch."""
    return [
        port
        for port in ports
        if sum(d > 1 for d in port.shape) == 1 and all(d > 0 for d in port.shape[1:])
    ]


def _is_distribution(scores: NDArray[np.float32]) -> bool:
    lowest, total = float(scores.min()), float(scores.sum(dtype=np.float64))
    return lowest >= 0.0 and abs(total - 1.0) <= _SUM_TOLERANCE


def _as_labels(scores: NDArray[np.float32], table: tuple[int, ...] | None) -> NDArray[np.float32]:
    if table is None:
        return scores
    if len(table) != len(scores):
        raise DecoderError(
            f"class_ids names {len(table)} classes, the model has {len(scores)} without "
            "background; give one label index (or -1) for each"
        )
    index = np.asarray(table, dtype=np.int64)
    named = np.zeros(int(index.max()) + 1, np.float32)
    named[index[index >= 0]] = scores[index >= 0]
    return named
