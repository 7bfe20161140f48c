"""What is kept of one image's class scores: bounded, picklable, exact in an .npz."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quantgate.core.predictions import ClassLabel, ClassScores
from quantgate.errors import DatasetError, DecoderError
from quantgate.pair import ROLES, Pair
from quantgate.tasks.detection.record import Arrays, offsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quantgate.core.predictions import Truth

#: Best classes kept of one image and role.
KEPT = 10
#: Rank where there is no annotation.
NO_RANK = -1


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """One role's answer for one image.

    Parameters
    ----------
    labels, scores
        Best classes and their scores, [min(10, classes)], highest first, stable on ties.
    truth_rank, truth_score
        Of the annotated class; -1 and NaN where there is none.
    parent_rank, parent_score
        Of the parent's best class. Ranks start at 0; equal scores share the worst rank.
    classes
        How many classes the model tells apart.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    truth_rank: int
    truth_score: float
    parent_rank: int
    parent_score: float
    classes: int

    @property
    def label(self) -> int:
        """The predicted class."""
        return int(self.labels[0])

    @property
    def score(self) -> float:
        """Confidence in the predicted class."""
        return float(self.scores[0])


def rank(scores: NDArray[np.float32], label: int) -> int:
    """Rank of a class among scores [classes], 0 the best; equal scores share the worst rank."""
    return int((scores >= scores[label]).sum()) - 1


def compact(
    prediction: Pair[ClassScores], truth: Truth | None, name: str = "this image"
) -> Pair[ClassRecord]:
    """Keep the ten best classes of both roles, and where the truth and the parent's class rank.

    Raises
    ------
    DecoderError
        On NaN or infinite scores, or a different number of classes in the roles.
    DatasetError
        Where the annotated class is not one of the model's.
    """
    _check(prediction, name)
    classes = len(prediction.parent.scores)
    annotated = truth.label if isinstance(truth, ClassLabel) else None
    if annotated is not None and not 0 <= annotated < classes:
        raise DatasetError(
            f"{name}: annotated class id {annotated} is outside the {classes} classes of the model; "
            "check the dataset's labels, or let the decoder remove a background class"
        )
    best = int(np.argmax(prediction.parent.scores))
    return prediction.map(lambda role: _record(role.scores, annotated, best))


def _check(prediction: Pair[ClassScores], name: str) -> None:
    for role in ROLES:
        scores = prediction[role].scores
        if scores.ndim != 1 or not scores.size:
            raise DecoderError(
                f"{name}, {role} model: expected one score a class, found shape {scores.shape}"
            )
        if not np.isfinite(scores).all():
            raise DecoderError(f"{name}, {role} model: class scores hold NaN or infinity")
    counts = prediction.map(lambda role: len(role.scores))
    if counts.parent != counts.optimized:
        raise DecoderError(
            f"{name}: the parent gives {counts.parent} class scores, the optimized model "
            f"{counts.optimized}"
        )


def _record(scores: NDArray[np.float32], annotated: int | None, best: int) -> ClassRecord:
    top = _best(scores)
    return ClassRecord(
        labels=top,
        scores=scores[top],
        truth_rank=NO_RANK if annotated is None else rank(scores, annotated),
        truth_score=float("nan") if annotated is None else float(scores[annotated]),
        parent_rank=rank(scores, best),
        parent_score=float(scores[best]),
        classes=len(scores),
    )


def _best(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Classes of the ``KEPT`` highest scores, best first, stable on ties, without sorting all."""
    count = min(KEPT, len(scores))
    least = np.partition(scores, len(scores) - count)[-count]
    best = np.flatnonzero(scores >= least)
    return best[np.argsort(-scores[best], kind="stable")][:count].astype(np.int64)


def pack(records: Sequence[ClassRecord]) -> Arrays:
    """Flatten records; ``unpack`` gives them back bit for bit."""
    return {
        "tops": offsets([len(record.labels) for record in records]),
        "labels": np.concatenate([np.zeros(0, np.int64), *(r.labels for r in records)]),
        "scores": np.concatenate([np.zeros(0, np.float32), *(r.scores for r in records)]),
        "ranks": np.array(
            [(r.truth_rank, r.parent_rank, r.classes) for r in records], np.int64
        ).reshape(-1, 3),
        "values": np.array([(r.truth_score, r.parent_score) for r in records], np.float64).reshape(
            -1, 2
        ),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> list[ClassRecord]:
    """Inverse of ``pack``: records of arrays [images, ...]."""
    starts = np.asarray(arrays["tops"], np.int64)
    labels, scores = np.asarray(arrays["labels"]), np.asarray(arrays["scores"])
    ranks = np.asarray(arrays["ranks"], np.int64).tolist()
    values = np.asarray(arrays["values"], np.float64).tolist()
    return [
        ClassRecord(
            labels=labels[start:stop],
            scores=scores[start:stop],
            truth_rank=own_ranks[0],
            truth_score=own_values[0],
            parent_rank=own_ranks[1],
            parent_score=own_values[1],
            classes=own_ranks[2],
        )
        for start, stop, own_ranks, own_values in zip(
            starts[:-1], starts[1:], ranks, values, strict=True
        )
    ]
