"""SSD before DetectionOutput: encoded boxes, class scores, and the prior boxes from a file.

Decoding follows Liu et al. 2016 (SSD, arXiv:1512.02325) in TensorFlow's form: offsets divided by
``scales``, sizes through exp.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from typing_extensions import Doc

from quantgate.decoders.boxes import (
    LARGEST_EXPONENT,
    Candidates,
    above,
    centre_to_corners,
    detections,
    keeping_of,
    sigmoid,
    softmax,
)
from quantgate.decoders.boxes_scores import box_score_pair, without_background
from quantgate.decoders.fields import (
    Agnostic,
    Background,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    background_index,
)
from quantgate.decoders.ports import ByShape, finite, ports_of
from quantgate.decoders.priors import named_priors
from quantgate.decoders.protocol import Port
from quantgate.errors import DecoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_BOX = 4


@dataclass(frozen=True, slots=True)
class SsdRawDecoder(ByShape[tuple[Port, Port]]):
    """Encoded boxes [1, N, 4], scores [1, N, classes], priors [N, 4] from an .npy file or by name.

    Priors are centre and size in fractions of the input, in the order of ``box_format``.
    """

    priors: Annotated[
        Literal["faceboxes", "retinaface"] | Path,
        Doc(
            ".npy of the N prior boxes, relative to models.toml; or the name of a detector whose paper "
            "fixes them"
        ),
    ]
    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    expects: ClassVar[str] = (
        "encoded boxes [1,N,4] and scores [1,N,classes] (name both in `outputs` if ambiguous)"
    )
    kind: Literal["ssd-raw"] = "ssd-raw"
    box_format: Annotated[
        Literal["yxhw", "xywh"], Doc("order of centre and size in boxes, priors and scales")
    ] = "yxhw"
    scales: Annotated[
        tuple[float, float, float, float], Doc("divisors of the four offsets: 1 / variance")
    ] = (10.0, 10.0, 5.0, 5.0)
    activation: Annotated[
        Literal["none", "sigmoid", "softmax"], Doc("what the scores still need")
    ] = "none"
    background: Background = True
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.6
    max_detections: MaxDetections = 100
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    @classmethod
    def fits(cls, ports: Sequence[Port]) -> bool:
        """Whether there is one pair of boxes and scores, whatever the priors."""
        return box_score_pair(ports) is not None

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[Port, Port] | None:
        """Pick the boxes and their scores."""
        return box_score_pair(ports, named=named)

    def check(self, ports: Sequence[Port]) -> None:
        """Refuse a model without one pair of boxes and scores, or with other priors (see Decoder)."""
        boxes, _ = self.picked(ports)
        rows = boxes.shape[-2]
        if rows >= 0 and isinstance(self.priors, Path):
            self._check_rows(rows, read_priors(self.priors))

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        pair = self.picked(ports_of(outputs))
        encoded = finite(outputs, pair[0].name).reshape(-1, _BOX)
        priors = self._priors(frame.model)
        self._check_rows(len(encoded), priors)
        scores = self._activate(finite(outputs, pair[1].name).reshape(len(encoded), -1))
        scores = without_background(scores, background_index(self.background))
        rows, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        size = np.array([*frame.model, *frame.model], dtype=np.float32)
        candidates = Candidates(
            lambda index: self._boxes(encoded[rows[index]], priors[rows[index]]) * size,
            scores[rows, labels],
            labels,
        )
        return detections(candidates, frame, keeping_of(self))

    def _priors(self, size: tuple[int, int]) -> NDArray[np.float32]:
        if isinstance(self.priors, Path):
            return read_priors(self.priors)
        named = named_priors(self.priors, size)
        return named if self.box_format == "xywh" else named[:, [1, 0, 3, 2]]

    def _boxes(
        self, encoded: NDArray[np.float32], priors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        offsets = encoded / np.asarray(self.scales, dtype=np.float32)
        centre = offsets[:, :2] * priors[:, 2:] + priors[:, :2]
        size = np.exp(np.minimum(offsets[:, 2:], LARGEST_EXPONENT)) * priors[:, 2:]
        if self.box_format == "yxhw":
            centre, size = centre[:, ::-1], size[:, ::-1]
        return centre_to_corners(np.concatenate([centre, size], axis=1))

    def _activate(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.activation == "sigmoid":
            return sigmoid(scores)
        if self.activation == "softmax":
            return softmax(scores)
        return scores

    def _check_rows(self, rows: int, priors: NDArray[np.float32]) -> None:
        if len(priors) != rows:
            raise DecoderError(
                f"{self.priors} holds {len(priors)} prior boxes, the model gives {rows} boxes; "
                "use the priors of this model and input size"
            )


@lru_cache(maxsize=8)
def read_priors(path: Path) -> NDArray[np.float32]:
    """Read prior boxes [n, 4] as float32.

    Raises
    ------
    DecoderError
        When the file is missing or holds something else.
    """
    try:
        priors = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DecoderError(f"the prior boxes {path} cannot be read as .npy: {error}") from error
    if priors.ndim != 2 or priors.shape[1] != _BOX or not np.isfinite(priors).all():  # noqa: PLR2004
        raise DecoderError(
            f"the prior boxes {path} must be finite numbers of shape [n, 4], "
            f"found {list(priors.shape)}"
        )
    return np.ascontiguousarray(priors, dtype=np.float32)
