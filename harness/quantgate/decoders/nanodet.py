"""NanoDet (RangiLyu): class scores and, for each side, a distribution over distances.

The distances follow Li et al. 2020 (Generalized Focal Loss, arXiv:2006.04388).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from typing_extensions import Doc

from quantgate.decoders.boxes import Candidates, above, detections, keeping_of, softmax
from quantgate.decoders.fields import (
    Agnostic,
    ClassIds,
    IouThreshold,
    MaxDetections,
    MultiLabel,
    OutputNames,
    ScoreThreshold,
    Strides,
)
from quantgate.decoders.ports import ByShape, as_table, finite, finite_rows, ports_of
from quantgate.decoders.priors import cells, check_cells
from quantgate.decoders.protocol import Port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quantgate.core.geometry import Frame
    from quantgate.core.predictions import Detections
    from quantgate.decoders.protocol import Outputs

_SIDES = 4


@dataclass(frozen=True, slots=True)
class NanodetDecoder(ByShape[tuple[list[Port], list[Port]]]):
    """Scores [1, n, classes] (sigmoid done) and distances [1, n, 4·bins] for each stride.

    A single output [1, N, classes + 4·bins] of all strides, finest first, is read too
    (NanoDet-Plus, whose ``centre`` is ``corner``).
    """

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    kind: Literal["nanodet"] = "nanodet"
    strides: Strides = (8, 16, 32)
    bins: Annotated[int, Ge(2), Doc("values a side's distribution has (reg_max + 1)")] = 8
    centre: Annotated[
        Literal["cell", "corner"],
        Doc("where distances start: the middle of a cell's pixels, or its first pixel"),
    ] = "cell"
    score_threshold: ScoreThreshold = 0.01
    iou_threshold: IouThreshold = 0.6
    max_detections: MaxDetections = 100
    multi_label: MultiLabel = True
    agnostic: Agnostic = False
    class_ids: ClassIds = None
    outputs: OutputNames = None

    @classmethod
    def fits(cls, ports: Sequence[Port]) -> bool:
        """Whether the outputs are pairs of scores and distances with the usual eight bins."""
        heads = _find_heads(ports, _USUAL)
        return heads is not None and len(heads[1]) > 1

    def find(self, ports: Sequence[Port], *, named: bool) -> tuple[list[Port], list[Port]] | None:
        """Pick a pair of scores and distances for each stride, or one table of both."""
        return _find_heads(ports, _Form(len(self.strides), _SIDES * self.bins, named))

    def expected(self, ports: Sequence[Port]) -> str:
        """Say which outputs the strides and bins ask for, and how many strides would fit."""
        form = _Form(None, _SIDES * self.bins, self.outputs is not None)
        levels = len((_find_heads(ports, form) or ([], []))[1])
        usual = ", ".join(str(8 * 2**level) for level in range(levels))
        return (
            f"for each of the strides {', '.join(map(str, self.strides))} scores [1,n,classes] and "
            f"distances [1,n,{_SIDES * self.bins}], or one table of both "
            "(name scores, then distances in `outputs` if ambiguous)"
            + (f"; {levels} strides would fit, usually strides = [{usual}]" if levels else "")
        )

    def decode(self, outputs: Outputs, frame: Frame) -> Detections:
        """Objects of one image (see Decoder)."""
        scores, distances = self._read(outputs)
        check_cells(len(scores), frame.model, self.strides)
        rows, labels = above(scores, self.score_threshold, multi_label=self.multi_label)
        grid = cells(frame.model, self.strides)
        candidates = Candidates(
            lambda index: self._corners(distances[rows[index]], grid[rows[index]]),
            scores[rows, labels],
            labels,
        )
        return detections(candidates, frame, keeping_of(self))

    def _read(self, outputs: Outputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, distances = self.picked(ports_of(outputs))
        columns = _SIDES * self.bins
        if not distances:
            table = finite(outputs, scores[0].name).reshape(-1, scores[0].shape[-1])
            return table[:, :-columns], table[:, -columns:]
        return finite_rows(outputs, scores), finite_rows(outputs, distances)

    def _corners(
        self, distances: NDArray[np.float32], cell: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        bins = distances.reshape(-1, _SIDES, self.bins)
        stride = cell[:, 2:]
        # Not `@`: BLAS would start threads beside those that infer.
        steps = np.arange(self.bins, dtype=np.float32)
        sides = np.einsum("nsb,b->ns", softmax(bins), steps) * stride
        middle = cell[:, :2] * stride
        if self.centre == "cell":
            middle = middle + (stride - 1) * np.float32(0.5)
        return np.concatenate([middle - sides[:, :2], middle + sides[:, 2:]], axis=1)


@dataclass(frozen=True, slots=True)
class _Form:
    """How many strides (None: any), columns of distances, and whether outputs are named in order."""

    levels: int | None
    columns: int
    named: bool


_USUAL = _Form(levels=None, columns=32, named=False)


def _find_heads(ports: Sequence[Port], form: _Form) -> tuple[list[Port], list[Port]] | None:
    """Scores and distances, the most cells first; one table of both has no distances."""
    tables = [(p, t) for p in ports if (t := as_table(p.shape)) is not None]
    if len(tables) == 1 and tables[0][1][1] > form.columns:
        return [tables[0][0]], []
    levels = len(tables) // 2 if form.levels is None else form.levels
    if form.named and len(tables) == 2 * levels:
        return [p for p, _ in tables[:levels]], [p for p, _ in tables[levels:]]
    tables.sort(key=lambda item: -item[1][0])
    scores = [(p, t) for p, t in tables if t[1] != form.columns]
    distances = [(p, t) for p, t in tables if t[1] == form.columns]
    same_rows = [t[0] for _, t in scores] == [t[0] for _, t in distances]
    same_classes = len({t[1] for _, t in scores}) == 1
    if not same_classes or not same_rows or len(scores) != levels:
        return None
    return [p for p, _ in scores], [p for p, _ in distances]
