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
    PositiveInt,
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
        "one output with a single dimension above 1, such as [1,1000] or [1,1000,1,1], or the best "
        "class itself, [1]"
    )
    kind: Literal["class-scores"] = "class-scores"
    softmax: Annotated[
        Literal["auto"] | bool,
        Doc("auto: applied where the scores are not probabilities that sum to 1 already"),
    ] = "auto"
    classes: Annotated[
        PositiveInt | None,
        Doc(
            "how many the model knows, where it gives the best class itself (ArgMax) and no scores"
        ),
    ] = None
    background: Background = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:  # noqa: ARG002
        """Pick the one row of scores, or the one class."""
        return only(_rows(ports)) or _best_class(ports)

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse outputs that do not fit, and a class without the number of classes (see Decoder)."""
        found = self.picked(ports)
        if self.classes is None and _best_class([found]):
            raise DecoderError(
                f"output {found.name} is one number, the best class itself: set decoder.classes to how "
                "many classes the model knows"
            )

    def decode(self, outputs: Outputs, frame: Frame) -> ClassScores:  # noqa: ARG002 - no geometry
        """Probabilities of the dataset's labels (see Decoder)."""
        found = self.picked(ports_of(outputs))
        scores = finite(outputs, found.name).reshape(-1)
        if self.classes is not None and len(scores) == 1:
            scores = _one_hot(float(scores[0]), self.classes, found.name)
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


def _best_class(ports: Sequence[Port]) -> Port | None:
    """Give the one output where it is a single number."""
    single = len(ports) == 1 and all(d == 1 for d in ports[0].shape[1:])
    return ports[0] if single and ports[0].shape[:1] in {(), (1,), (-1,)} else None


def _one_hot(value: float, classes: int, output: str) -> NDArray[np.float32]:
    index = round(value)
    if index != value or not 0 <= index < classes:
        raise DecoderError(
            f"output {output} holds {value:g}, expected a class from 0 to {classes - 1} "
            "(decoder.classes)"
        )
    scores = np.zeros(classes, np.float32)
    scores[index] = 1
    return scores


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
