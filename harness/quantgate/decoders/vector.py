"""Embeddings: the numbers of one output as a vector, pooled where the model leaves that to others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.core.predictions import Embedding
from quantgate.decoders.fields import OutputNames
from quantgate.decoders.ports import ByShape, MisfitError, finite, only, ports_of
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.decoders.protocol import Outputs

_TOKENS, _MAP = 3, 4


@dataclass(frozen=True, slots=True)
class VectorDecoder(ByShape[Port]):
    """All numbers of one output as a vector; tokens and maps may be pooled first."""

    tasks: ClassVar[tuple[str, ...]] = ("embedding",)
    expects: ClassVar[str] = (
        "one output of one image's numbers, [1,length] or [1,length,1,1], or with decoder.pool tokens [1,tokens,length] "
        "or a map [1,length,height,width]; name it in `outputs` where there are others"
    )
    kind: Literal["vector"] = "vector"
    compare: Annotated[
        Literal["cosine", "euclidean"],
        Doc(
            "how two vectors are compared: by direction, whatever their length (each is brought to 1), or by distance "
            "as they are"
        ),
    ] = "cosine"
    pool: Annotated[
        Literal["none", "mean", "max", "first"],
        Doc(
            "none: every number counts; else over tokens [1,tokens,length] or places [1,length,height,width]: their "
            "mean, their largest, or the first alone (a class token)"
        ),
    ] = "none"
    outputs: OutputNames = None

    def find(self, ports: Sequence[Port], *, named: bool) -> Port | None:
        """Pick the one output of one image; of several that are not named, the only one that is no map."""
        found = [port for port in ports if self._fits(port.shape)]
        if len(found) > 1 and not named:
            found = [port for port in found if _length(port.shape) in {*port.shape[1:], -1}]
        return only(found)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        if len(shape) < 2 or shape[0] not in {1, -1} or _length(shape) in {0, 1}:  # noqa: PLR2004 - image and numbers
            return False
        return self.pool == "none" or len(shape) in {_TOKENS, _MAP}

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse an output whose vectors would differ in length from image to image (see Decoder)."""
        found = self.picked(ports)
        kept = found.shape[1:]
        if self.pool != "none":
            kept = found.shape[2:] if len(found.shape) == _TOKENS else found.shape[1:2]
        if sum(side < 0 for side in kept) > 1:
            raise MisfitError(self.kind, f"{self.expects}; its sides are not known", ports)

    def decode(self, outputs: Outputs, frame: Frame) -> Embedding:  # noqa: ARG002 - no geometry
        """The vector of one image (see Decoder)."""
        found = self.picked(ports_of(outputs))
        vector = self._pooled(finite(outputs, found.name)[0]).reshape(-1)
        if self.compare == "euclidean":
            return Embedding(np.ascontiguousarray(vector, np.float32), euclidean=True)
        length = float(np.linalg.norm(vector.astype(np.float64)))
        if not length:
            raise DecoderError(
                f"output {found.name} is zero in all {vector.size} numbers: it has no direction to compare; check "
                "preprocess and the model's export"
            )
        return Embedding((vector / length).astype(np.float32))

    def _pooled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pool tokens [tokens, length] or a map [length, height, width] as the contract says, [length]."""
        if self.pool == "none":
            return values
        rows = values if values.ndim < _TOKENS else values.reshape(len(values), -1).T
        pooled = {"first": lambda: rows[0], "mean": lambda: rows.mean(axis=0)}
        return np.asarray(pooled.get(self.pool, lambda: rows.max(axis=0))())


def _length(shape: tuple[int, ...]) -> int:
    """How many numbers an output has an image; -1 where that is not known."""
    sides = shape[1:]
    return -1 if -1 in sides else math.prod(sides)
