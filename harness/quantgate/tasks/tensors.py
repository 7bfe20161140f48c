"""Tensor distance: how far the raw outputs of the roles are apart, for any model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from quantgate.core.bootstrap import bootstrap_mean
from quantgate.core.estimate import Estimate
from quantgate.core.table import Cell, Column, Table
from quantgate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable

    from quantgate.core.comparison import Comparison

AnyComparison: TypeAlias = "Comparison[Any]"

LIMITS = ("max_tensor_distance", "min_sqnr_db")
#: Equal outputs have no noise; beyond float32's own 24 bits more signal is not a difference.
HIGHEST_SQNR_DB = 150.0


def judge_quantity(key: str, comparison: AnyComparison) -> Estimate:
    """Mean over images of the relative mean squared error, or of the SQNR in dB.

    An image with several outputs counts with its worst one.

    Raises
    ------
    MeasurementError
        Where no distance was measured, or the parent's output is all zero and the optimized not.
    """
    if key == "max_tensor_distance":
        return bootstrap_mean(relative_distances(comparison)).estimate
    found = bootstrap_mean(sqnr_decibels(comparison)).estimate
    return Estimate(found.value, found.low, found.high, found.n, "dB")


def _nothing_compared(image: str) -> MeasurementError:
    return MeasurementError(
        f"image {image}: no raw output was compared, because no output has the same name and shape in "
        "both roles; name and shape the optimized model's outputs as its parent's are"
    )


def relative_distances(comparison: AnyComparison) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Relative mean squared error of the worst output of every image, [images]."""
    worst = []
    for result in comparison.images:
        if not result.distances:
            raise _nothing_compared(result.name)
        for distance in result.distances:
            if not math.isfinite(distance.relative):
                raise MeasurementError(
                    f"image {result.name}, output {distance.output}: the parent gives zeros only and "
                    "the optimized model does not; no relative distance is defined"
                )
        worst.append(max(distance.relative for distance in result.distances))
    if not worst:
        raise MeasurementError("the evaluation set holds no image: no tensor distance is defined")
    return np.array(worst, np.float64)


def sqnr_decibels(comparison: AnyComparison) -> np.ndarray[Any, np.dtype[np.float64]]:
    """SQNR of the worst output of every image in dB, at most ``HIGHEST_SQNR_DB``, [images]."""
    relative = np.maximum(relative_distances(comparison), 10 ** (-HIGHEST_SQNR_DB / 10))
    return np.asarray(-10 * np.log10(relative))


def tensor_table(comparison: AnyComparison) -> Table:
    """One row an image and output; an SQNR without end (equal outputs) is an empty cell."""
    columns = (
        Column("image", "Image Name"),
        Column("output", "Output"),
        Column("mse", "Mean Squared Error", "number"),
        Column("relative", "Relative Mean Squared Error", "number"),
        Column("sqnr_db", "SQNR, dB", "number"),
        Column("cosine", "Cosine Similarity", "number"),
        Column("largest", "Largest Absolute Difference", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    erroneous: set[int] = set()
    for result in comparison.images:
        for d in result.distances:
            if d.mse > 0:
                erroneous.add(len(rows))
            relative, sqnr = _finite(d.relative), _finite(d.sqnr_db)
            rows.append((result.name, d.output, d.mse, relative, sqnr, d.cosine, d.largest))
    return Table("tensors", "Tensor distance", columns, tuple(rows), frozenset(erroneous))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """A task as its messages call it, and the limits that it knows, those of raw outputs last."""

    title: str
    limits: tuple[str, ...]


def judge(
    key: str, comparison: AnyComparison, task: TaskLimits, own: Callable[[str], Estimate]
) -> Estimate:
    """Compute what a limit judges: the distance of raw outputs, or by ``own`` the task's quantity.

    Raises
    ------
    MeasurementError
        Where the limit is not one of this task's, and what the computation raises.
    """
    if key in LIMITS:
        return judge_quantity(key, comparison)
    if key not in task.limits:
        raise MeasurementError(
            f"limits.{key} is not defined for {task.title}; expected one of {', '.join(task.limits)}"
        )
    return own(key)
